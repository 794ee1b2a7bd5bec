package main

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/launch"
	"github.com/finsam/finsam/test/bench/load"
	"github.com/finsam/finsam/test/suite"
)

// environment is that of every process measured: nobody is held up by the limit
// of an authority, and an end is not waited for.
var environment = []string{"FINSAM_RATE_PER_SECOND=0", "FINSAM_LINGER=0s"}

// oneProcess measures the whole suite in one process.
func (b *bench) oneProcess(t *stage) {
	s := suite.OneProcess(t, environment...)
	w := throughGateway(t, s, "one process")
	b.sow(t, w)
	b.ask(t, w)
	b.start(t, s, "finsam")
}

// services measures the four processes: first each service addressed directly,
// then the whole way through the gateway, on the same stored referrals.
func (b *bench) services(t *stage) {
	s := suite.FourProcesses(t, environment...)
	through := throughGateway(t, s, "four processes")
	b.sow(t, through)
	direct := directly(t, s)
	direct.ids = through.ids
	b.ask(t, direct)
	b.ask(t, through)
	b.start(t, s, suite.Services...)
}

func processes(s *suite.Suite) (all []*suite.Process) {
	for _, p := range s.Processes {
		all = append(all, p)
	}
	return all
}

// host gives the host:port of the suite's front door.
func host(s *suite.Suite) string {
	address, _, _ := strings.Cut(strings.TrimPrefix(s.Base, "http://"), "/")
	return address
}

// throughGateway is the way of everybody outside: with an access token.
func throughGateway(t *stage, s *suite.Suite, name string) *way {
	return &way{
		subject:   subject{way: name, processes: processes(s)},
		referrals: host(s), activities: host(s),
		token: func(c suite.Caller) string { return s.Token(t, c) },
	}
}

// directly is the way past the gateway: the internal token that it would make.
func directly(t *stage, s *suite.Suite) *way {
	signer, err := launch.ReadKeys(s.Data+"/keys").Signer("gateway", time.Now)
	t.must(err)
	return &way{
		subject:   subject{way: "service alone", processes: processes(s)},
		referrals: s.Addrs["referral"], activities: s.Addrs["activity"],
		token: func(c suite.Caller) string {
			token, err := signer.Token(actor.Actor{
				Subject: c.Subject, Association: "insjoriket", Authority: c.Authority, AuthorityKind: kindOf[c.Authority],
				Unit: c.Unit, Municipality: c.Municipality, Roles: []actor.Role{actor.Role(c.Role)},
			})
			t.must(err)
			return token
		},
	}
}

var kindOf = map[string]actor.AuthorityKind{"fk": actor.SocialInsurance, "molndal": actor.Municipality}

// canned is an answer of about the length that a referral has.
var canned = load.JSON(`{"id":"00000000-0000-4000-8000-000000000000","reason":"` + strings.Repeat("x", 1400) + `"}`)

// nothingNew is what a feed without events answers, after a while as it would.
var nothingNew = load.JSON(`{"events":[]}`)

// generator measures this program against a server that does nothing: its own
// share of the machine, and the most that any figure here could be.
func (b *bench) generator(t *stage) {
	c, err := load.Serve(func([]byte) []byte { return canned })
	t.must(err)
	t.Cleanup(c.Close)
	w := &way{ids: []string{"1"}, token: func(suite.Caller) string { return strings.Repeat("t", 700) }}
	s := subject{way: "generator alone"}
	b.measure(t, getReferral, s, b.connect(c.Addr(), w.reading, nil))
	b.measure(t, postReferral, s, b.connect(c.Addr(), w.posting, nil))
}

// gatewayAlone measures the gateway in front of a server that does nothing.
func (b *bench) gatewayAlone(t *stage) {
	c, err := load.Serve(func(head []byte) []byte {
		if bytes.Contains(head, []byte(" /internal/feed")) {
			time.Sleep(5 * time.Second)
			return nothingNew
		}
		return canned
	})
	t.must(err)
	t.Cleanup(c.Close)
	s := suite.GatewayAlone(t, c.Addr(), environment...)
	w := throughGateway(t, s, "gateway alone")
	w.ids = []string{fmt.Sprintf("%08d-0000-4000-8000-000000000000", 1)}
	b.measure(t, getReferral, w.subject, b.connect(w.referrals, w.reading, nil))
}
