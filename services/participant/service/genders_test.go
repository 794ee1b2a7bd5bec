package service_test

import (
	"errors"
	"reflect"
	"testing"

	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/servicetest"
	"github.com/finsam/finsam/services/participant"
	. "github.com/finsam/finsam/services/participant/participanttest"
)

// TestGendersAreForWhoReadsFiguresOfActivities asks for the gender of four: as given, not
// given, protected, and nobody.
func TestGendersAreForWhoReadsFiguresOfActivities(t *testing.T) {
	s := StartQuiet(t)
	var ids []string
	for n, gender := range []string{"female", "", "male"} {
		in := Person(uint64(90 + n))
		in.Gender = gender
		ids = append(ids, s.Store(in))
	}
	v, err := s.Person(servicetest.As(Coach), ids[2])
	servicetest.Must(t, err)
	_, err = s.Protect(servicetest.As(Coach), ids[2], v.Version, participant.ConfidentialityMarking, nil)
	servicetest.Must(t, err)
	asked := append(ids, "99999999-9999-4999-8999-999999999999", ids[0])
	want := map[string]string{ids[0]: "female", ids[1]: "unknown", ids[2]: "male"}
	for _, who := range []actor.Actor{Coach, Intake, Elsewhere} {
		if got, err := s.Genders(servicetest.As(who), asked); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %v, %v", who.Subject, got, err)
		}
	}
	for _, who := range []actor.Actor{FK, FKUnit, Board, Leader, Manager, Reviewer, Participant(ids[0])} {
		if got, err := s.Genders(servicetest.As(who), asked); !errors.Is(err, fault.ErrForbidden) || got != nil {
			t.Errorf("%s: %v, %v", who.Subject, got, err)
		}
	}
}
