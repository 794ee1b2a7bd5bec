// Package outbound tells the authorities what has happened to their referrals:
// by a feed of their own that they ask for (GET /events), and by webhooks that
// they are called with.
//
// A follower reads the service's own feed and keeps, per recipient, what that
// one may be told: notices. Both ways out read the notices and nothing else, so
// the rule of who is told what stands in one place, notice.go. What leaves bears
// ids and codes, never a name, a number or a text.
package outbound
