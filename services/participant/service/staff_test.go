package service_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/internaltoken"
	"github.com/finsam/finsam/pkg/servicetest"
	"github.com/finsam/finsam/pkg/web"
	. "github.com/finsam/finsam/services/participant/participanttest"
)

// fromGateway is a call that the gateway makes for who is signed in.
func fromGateway(a actor.Actor) context.Context {
	return web.With(servicetest.As(a), web.Request{Issuer: internaltoken.Gateway})
}

// TestANameIsWrittenOnceADayAndForgottenAfter24Months shows by when a name is forgotten when
// it was written last.
func TestANameIsWrittenOnceADayAndForgottenAfter24Months(t *testing.T) {
	s := StartQuiet(t)
	start := s.Clock.Now()
	note := func(after time.Duration, name string) {
		t.Helper()
		s.Clock.Set(start.Add(after))
		servicetest.Must(t, s.NoteStaff(fromGateway(Coach), name))
	}
	known := func(after time.Duration, months int) string {
		t.Helper()
		s.Clock.Set(start.AddDate(0, months, 0).Add(after))
		servicetest.Must(t, s.ForgetStaff(context.Background()))
		names, err := s.Staff(servicetest.As(Intake), []string{Coach.Subject}, "")
		servicetest.Must(t, err)
		if len(names) == 0 {
			return ""
		}
		return names[0].Name
	}
	note(0, "Kim Påhittad")
	note(23*time.Hour, "Kim Påhittad") // not written
	if got := known(-time.Minute, 24); got != "Kim Påhittad" {
		t.Errorf("before 24 months: %q", got)
	}
	if got := known(time.Minute, 24); got != "" {
		t.Errorf("after 24 months since the write: %q", got)
	}
	note(0, "Kim Påhittad")
	note(time.Hour, "Kim Påhittad-Ek")
	if got := known(time.Minute, 24); got != "Kim Påhittad-Ek" {
		t.Errorf("a name that has changed is written at once: %q", got)
	}
	note(26*time.Hour, "Kim Påhittad-Ek")
	if got := known(25*time.Hour, 24); got != "Kim Påhittad-Ek" {
		t.Errorf("seen a day later: %q", got)
	}
	if got := known(27*time.Hour, 24); got != "" {
		t.Errorf("and not since: %q", got)
	}
}

func TestOnlyTheGatewayNotesNamesAndOnlyOfStaff(t *testing.T) {
	s := StartQuiet(t)
	both := Coach
	both.Roles = []actor.Role{actor.Coach, actor.Participant}
	for sentence, ctx := range map[string]context.Context{
		"another service": servicetest.As(Coach), "a person": fromGateway(Participant("p")), "a system": fromGateway(FK), "the board": fromGateway(Board), "a person who works there": fromGateway(both),
	} {
		if err := s.NoteStaff(ctx, "Kim Påhittad"); !errors.Is(err, fault.ErrForbidden) {
			t.Errorf("%s: %v", sentence, err)
		}
	}
	// The same id at two authorities is two people, each known to colleagues alone.
	namesake := FKUnit
	namesake.Subject = Coach.Subject
	servicetest.Must(t, s.NoteStaff(fromGateway(Coach), "Kim Påhittad"))
	servicetest.Must(t, s.NoteStaff(fromGateway(namesake), "Robin Exempel"))
	for want, a := range map[string]actor.Actor{"Kim Påhittad": Intake, "Robin Exempel": FKUnit} {
		names, err := s.Staff(servicetest.As(a), []string{Coach.Subject, "nobody"}, "")
		if err != nil || len(names) != 1 || names[0].Name != want {
			t.Errorf("%s reads %v, %v", a.Authority, names, err)
		}
	}
}
