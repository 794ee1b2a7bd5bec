package participant

import (
	"errors"
	"testing"

	"github.com/finsam/finsam/pkg/access"
	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/consent"
	"github.com/finsam/finsam/pkg/history"
)

// A maximum of 24 weeks, blocks of six: what was used before leaves room for fewer.
func TestWeeksThatWereUsedBeforeCountAgainstTheMaximum(t *testing.T) {
	asked := &Exception{Reason: []byte("sealed")}
	begin := func(before, block int, ignored bool, x *Exception, approver history.Author) error {
		e := planned("2026-04-20")
		if block > 1 {
			e = through(t, block-1)
			must(t, e.Answer(block-1, "ready", "", nil, sender, noon),
				e.Decide(block-1, CheckInDecision{Decision: Continue, On: civil.Date("2026-04-20").AddWeeks(6 * (block - 1))}, coach, noon))
		}
		e.WeeksBefore, e.Plan.IgnoresWeeksBefore = before, ignored
		start := func() error {
			if block == 1 {
				return e.Start("2026-04-20", x, coach, noon)
			}
			return e.StartBlock(block, civil.Date("2026-04-20").AddWeeks(6*(block-1)), x, coach, noon)
		}
		if err := start(); err != nil || x == nil {
			return err
		}
		if p := e.Progress(); p.Block == block {
			t.Error("it begins before it is approved")
		}
		must(t, e.Approve(false, nil, chef, noon), start())
		err := e.Approve(true, nil, approver, noon)
		if p := e.Progress(); err == nil && p.Block != block {
			t.Errorf("block %d runs", p.Block)
		}
		return err
	}
	for _, c := range []struct {
		sentence string
		before   int
		block    int
		ignored  bool
		x        *Exception
		approver history.Author
		want     error
	}{
		{"nobody who comes first", 0, 1, false, nil, chef, nil},
		{"18 and 6 are 24", 18, 1, false, nil, chef, nil},
		{"19 and 6 are more", 19, 1, false, nil, chef, ErrTooManyWeeks},
		{"19 and 6, with an exception", 19, 1, false, asked, chef, nil},
		{"12 leave room for two blocks", 12, 2, false, nil, chef, nil},
		{"and not for the third", 12, 3, false, nil, chef, ErrTooManyWeeks},
		{"which an exception lets begin", 12, 3, false, asked, chef, nil},
		{"the programme does not count them", 24, 3, true, nil, chef, nil},
		{"an exception without need", 6, 1, false, asked, chef, ErrNoNeed},
		{"an exception of one's own", 24, 1, false, asked, coach, ErrOwnApproval},
	} {
		if err := begin(c.before, c.block, c.ignored, c.x, c.approver); !errors.Is(err, c.want) {
			t.Errorf("%s: want %v, got %v", c.sentence, c.want, err)
		}
	}
}

func TestAnExceptionFromTheWeeksBeforeHoldsForTheBlocksThatFollow(t *testing.T) {
	e := planned("2026-04-20")
	e.WeeksBefore = 24
	must(t, e.Start("2026-04-20", &Exception{}, coach, noon), e.Approve(true, nil, chef, noon))
	e.MarkOverdue(noon)
	must(t, e.Answer(1, "ready", "", nil, sender, noon), e.Decide(1, CheckInDecision{Decision: Continue, On: "2026-06-01"}, coach, noon),
		e.StartBlock(2, "2026-06-01", nil, coach, noon))
	if p := e.Progress(); p.ActiveWeeks() != 12 {
		t.Errorf("%d active weeks", p.ActiveWeeks())
	}
}

func TestWeeksUsedAreThoseThatTheBlocksTook(t *testing.T) {
	end := func(on civil.Date, why EndReason) *Enrolment {
		e := planned("2026-04-20")
		must(t, e.Start("2026-04-20", nil, coach, noon), e.Close(Documentation{On: on, EndReason: why}, coach, noon))
		return e
	}
	never := planned("2026-04-20")
	must(t, never.Cancel(nil, "", coach, noon))
	for _, c := range []struct {
		sentence string
		e        *Enrolment
		want     int
	}{
		{"left on the first day", end("2026-04-20", "moved"), 1},
		{"left after a week", end("2026-04-26", "moved"), 1},
		{"left in the second week", end("2026-04-27", "moved"), 2},
		{"left long after the block", end("2026-08-01", "moved"), 6},
		{"registered by mistake", end("2026-05-20", MisRegistered), 0},
		{"never begun", never, 0},
		{"two blocks", through(t, 2), 12},
	} {
		if got := c.e.WeeksUsed(); got != c.want {
			t.Errorf("%s: %d, want %d", c.sentence, got, c.want)
		}
	}
}

// Who joined sees the enrolment by its own consent, answers if asked, and nothing that the
// other one said; and the other way round.
func TestEachSenderFollowsByItsOwnConsentAndReadsItsOwnAnswers(t *testing.T) {
	person := func(unshared []string, asked bool) *Person {
		p := NewPerson("insjoriket", "p1", "x", nil, nil, "r1", sender, noon)
		p.GiveConsent(Consent{Referral: "r1", Authority: "fk", Unit: "fk-molndal", Municipality: "1481"}, sender, noon)
		p.GiveConsent(Consent{Referral: "r2", Authority: "af", Unit: "af-molndal", Municipality: "1481"}, sender, noon)
		e := planned("2026-04-20")
		p.Enrol(e, "r1/2", system, noon)
		if !p.Join(e, "r2", unshared, asked, "r2/2", system, noon) || p.Join(e, "r2", unshared, asked, "r2/2", system, noon) {
			t.Error("it joins once")
		}
		return p
	}
	officer := func(authority string) actor.Actor {
		return actor.Actor{Association: "insjoriket", Authority: authority, Unit: authority + "-molndal", Roles: []actor.Role{actor.Referrer}}
	}
	fk, af := officer("fk"), officer("af")
	staff := actor.Actor{Association: "insjoriket", Authority: "molndal", Municipality: "1481", Roles: []actor.Role{actor.Coach}}
	e := through(t, 1)
	must(t, e.Answer(1, "ready", "", []byte("sealed"), sender, noon))
	p := person(nil, false)
	for _, c := range []struct {
		who       actor.Actor
		referral  string
		readiness string
	}{{fk, "r1", "ready"}, {af, "r2", ""}, {staff, "r1", "ready"}} {
		seen, progress := e.Redact(p.Status(), c.who)
		if got := progress.CheckIns[0].Answer; seen.Referral != c.referral || got == nil || got.Readiness != c.readiness || (got.Text == nil) != (c.readiness == "") {
			t.Errorf("%s reads %s, %+v", c.who.Authority, seen.Referral, got)
		}
	}
	_, err := e.Correct(sender, noon, false, Correction{Step: numberOf(e, Answered), Reason: []byte("why"), Instead: &Replacement{Text: []byte("sealed again")}})
	must(t, err)
	for who, want := range map[*actor.Actor]string{&fk: "ready", &af: "", &staff: "ready"} {
		seen, progress := e.Redact(p.Status(), *who)
		corrected := seen.Steps[len(seen.Steps)-1]
		if got := progress.CheckIns[0].Answer; got.Readiness != want || corrected.Correction.With.Readiness != want ||
			(got.Text == nil) != (want == "") || (corrected.Text == nil) != (want == "") || (corrected.By == "") != (want == "") {
			t.Errorf("%s reads of the corrected answer %+v, %+v", who.Authority, got, corrected)
		}
	}
	may := func(p *Person, operation string, who actor.Actor) bool {
		return access.Allows(operation, who, e.Resource(p.Status(), who, operation))
	}
	for _, c := range []struct {
		sentence  string
		p         *Person
		operation string
		want      bool
	}{
		{"it follows", p, "getEnrolment", true},
		{"nobody asked it", p, "answerCheckIn", false},
		{"it is asked", person(nil, true), "answerCheckIn", true},
		{"its consent leaves the progress out", person([]string{consent.Progress}, true), "getEnrolment", false},
		{"its consent leaves the outcome out", person([]string{consent.Outcome}, true), "getEnrolment#outcome", false},
	} {
		if got := may(c.p, c.operation, af); got != c.want {
			t.Errorf("%s: %v", c.sentence, got)
		}
		if !may(c.p, c.operation, fk) {
			t.Errorf("%s: the other sender has lost what it had", c.sentence)
		}
	}
	withdrawn := person(nil, true)
	must(t, withdrawn.WithdrawConsent("r2", nil, sender, noon))
	released := person(nil, true)
	released.Release("r2", false, false, "r2/3", system, noon)
	for sentence, p := range map[string]*Person{"the consent is withdrawn": withdrawn, "the referral is withdrawn": released} {
		if may(p, "getEnrolment", af) || !may(p, "getEnrolment", fk) {
			t.Errorf("%s: that ends its own following only", sentence)
		}
	}
	if got := released.Status().Joined(e); len(got) > 0 {
		t.Errorf("still joined: %v", got)
	}
}
