package draft

import (
	"testing"
	"time"

	"github.com/finsam/finsam/pkg/access"
	"github.com/finsam/finsam/pkg/actor"
)

func TestADraftBelongsToAUnitOrAMunicipality(t *testing.T) {
	unit := Draft{Association: "insjoriket", Authority: "fk", Unit: "fk-molndal"}
	town := Draft{Association: "insjoriket", Municipality: "1481"}
	who := func(role actor.Role, authority, unit, municipality string) actor.Actor {
		return actor.Actor{Subject: "s", Association: "insjoriket", Roles: []actor.Role{role}, Authority: authority, Unit: unit, Municipality: municipality}
	}
	for _, c := range []struct {
		sentence   string
		actor      actor.Actor
		unit, town bool
	}{
		{"a referrer of the unit", who(actor.Referrer, "fk", "fk-molndal", ""), true, false},
		{"of another unit", who(actor.Referrer, "fk", "fk-lerum", ""), false, false},
		{"of the unit's name at another authority", who(actor.Referrer, "af", "fk-molndal", ""), false, false},
		{"of no unit", who(actor.Referrer, "fk", "", ""), false, false},
		{"of nothing", who(actor.Referrer, "", "", ""), false, false},
		{"a receiver of the municipality", who(actor.Intake, "molndal", "", "1481"), false, true},
		{"of another municipality", who(actor.Intake, "partille", "", "1402"), false, false},
		{"of no municipality", who(actor.Intake, "molndal", "", ""), false, false},
		{"a coach", who(actor.Coach, "molndal", "", "1481"), false, false},
		{"an authority's system", who(actor.Integration, "fk", "fk-molndal", ""), false, false},
	} {
		for _, operation := range []string{"getDraft", "replaceDraft", "deleteDraft", "sendDraft"} {
			if got := access.Allows(operation, c.actor, unit.Resource()); got != c.unit {
				t.Errorf("%s: %s of a unit's: %v", c.sentence, operation, got)
			}
			if got := access.Allows(operation, c.actor, town.Resource()); got != c.town {
				t.Errorf("%s: %s of a municipality's: %v", c.sentence, operation, got)
			}
		}
		if d, ok := newFor(c.actor); ok != (c.unit || c.town || c.sentence == "of another unit" || c.sentence == "of another municipality" || c.actor.Authority == "af") {
			t.Errorf("%s begins %+v, %v", c.sentence, d, ok)
		}
	}
}

func TestADraftEndsNinetyDaysAfterItWasBegunHoweverOftenItIsChanged(t *testing.T) {
	noon := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	d := Draft{}
	d.Write("one", noon, []byte("a"))
	d.Write("two", noon.AddDate(0, 0, 30), []byte("b"))
	if d.CreatedBy != "one" || d.ChangedBy != "two" || d.Changes != 2 || !d.CreatedAt.Equal(noon) || string(d.Content) != "b" {
		t.Errorf("got %+v", d)
	}
	end := noon.AddDate(0, 0, 90)
	if !d.ExpiresAt().Equal(end) || d.isExpired(end.Add(-time.Millisecond)) || !d.isExpired(end) {
		t.Errorf("ends %s", d.ExpiresAt())
	}
}

func TestEachDraftHasOneReferralIdOfItsOwn(t *testing.T) {
	if a, b := ReferralID("one"), ReferralID("two"); a == b || a != ReferralID("one") || a == "one" {
		t.Errorf("got %s and %s", a, b)
	}
}
