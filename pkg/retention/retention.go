// Package retention says how long what the services store is kept. What is older is
// destroyed, or no longer valid; each time names who uses it. What has no time here is
// kept as long as the installation, except what ends by what somebody does: a draft that
// is sent, an attachment that is removed, the contact details of a person whose identity
// becomes protected.
package retention

import "time"

const day = 24 * time.Hour

const (
	// Draft is counted from the creation, however often the draft is changed
	// (services/referral/draft). Personal data that nobody has asked for must have an end.
	Draft = 90 * day
	// Notice is how long a notice (an event for an authority) and its deliveries are
	// stored (services/referral/outbound).
	Notice = 90 * day
	// IdempotencyKey is how long a key belongs to what it created; then it is free again
	// (pkg/idempotency).
	IdempotencyKey = day
	// ReplacedSecret is how long a webhook's old secret signs beside the new one
	// (services/referral/outbound).
	ReplacedSecret = day
	// CancelledOccurrence is how long what was called off stays in calendars, so that
	// every program has had the time to see it (services/activity).
	CancelledOccurrence = 30 * day
	// StaffNameMonths is how long a name of staff is kept after its last token
	// (services/participant).
	StaffNameMonths = 24
)
