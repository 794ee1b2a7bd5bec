package participant

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/finsam/finsam/pkg/access"
	"github.com/finsam/finsam/pkg/actor"
)

// saying is a statement of a source in a step: "given family gender phone", "-" for what it
// does not say.
func saying(n int64, source, words string) Statement {
	w := strings.Fields(strings.ReplaceAll(words, "-", ""))
	if len(w) != 4 {
		w = strings.Split(strings.ReplaceAll(words, "-", ""), " ")
	}
	return Statement{N: n, Source: source, Details: Details{Identity: Identity{GivenName: w[0], FamilyName: w[1], Gender: w[2]}, Contact: Contact{Phone: w[3]}}}
}

func settling(n int64, words string) Rectification {
	return Rectification{N: n, Change: Change[Details]{New: saying(n, "", words).Details}}
}

func TestWhatIsSettledAndWhoDiffersFromIt(t *testing.T) {
	for _, c := range []struct {
		sentence  string
		said      []Statement
		rectified []Rectification
		want      string // as in saying
		differ    string // field:source:value
	}{
		{"what one source says is settled", []Statement{saying(1, "fk", "Eko Lind female 1")}, nil, "Eko Lind female 1", ""},
		{"another who says the same differs in nothing",
			[]Statement{saying(1, "fk", "Eko Lind female 1"), saying(2, "af", "Eko Lind female 1")}, nil, "Eko Lind female 1", ""},
		{"capitals and the form of a phone number are no difference",
			[]Statement{saying(1, "fk", "Eko Lind female 0701"), saying(2, "af", "EKO lind female (07)01")}, nil, "Eko Lind female 0701", ""},
		{"another name does not replace the first",
			[]Statement{saying(1, "fk", "Eko Lind female 1"), saying(2, "af", "Bo Ek male 2")}, nil, "Eko Lind female 1",
			"givenName:af:Bo familyName:af:Ek gender:af:male phone:af:2"},
		{"who says nothing of a field does not differ in it",
			[]Statement{saying(1, "fk", "Eko Lind female 1"), saying(2, "af", "Eko Lind - -")}, nil, "Eko Lind female 1", ""},
		{"what nobody said before is settled by who says it first",
			[]Statement{saying(1, "fk", "Eko Lind - -"), saying(2, "af", "Eko Lind female 2")}, nil, "Eko Lind female 2", ""},
		{"a source's new surname is a difference", []Statement{saying(1, "fk", "Eko Lind female 1"), saying(2, "fk", "Eko Ny female 1")}, nil,
			"Eko Lind female 1", "familyName:fk:Ny"},
		{"a source differs by the last that it said",
			[]Statement{saying(1, "fk", "Eko Lind female -"), saying(2, "af", "Bo Lind female -"), saying(3, "af", "Eko Lind female -")}, nil, "Eko Lind female ", ""},
		{"a source's new phone number replaces its own", []Statement{saying(1, "fk", "Eko Lind female 1"), saying(2, "fk", "Eko Lind female 2")}, nil, "Eko Lind female 2", ""},
		{"and not another's", []Statement{saying(1, "fk", "Eko Lind female 1"), saying(2, "af", "Eko Lind female 2"), saying(3, "af", "Eko Lind female 3")}, nil,
			"Eko Lind female 1", "phone:af:3"},
		{"a rectification settles and ends the difference",
			[]Statement{saying(1, "fk", "Eko Lind female 1"), saying(2, "af", "Eko Ny female 1")}, []Rectification{settling(3, "- Ny - -")}, "Eko Ny female 1", ""},
		{"also for what was there before", []Statement{saying(1, "fk", "Eko Lind female 1"), saying(2, "af", "Eko Ny female 1")},
			[]Rectification{settling(3, "- Lind - -")}, "Eko Lind female 1", ""},
		{"of its fields only", []Statement{saying(1, "fk", "Eko Lind female 1"), saying(2, "af", "Bo Ny female 1")}, []Rectification{settling(3, "- Ny - -")},
			"Eko Ny female 1", "givenName:af:Bo"},
		{"what is said after it is a difference again",
			[]Statement{saying(1, "fk", "Eko Lind female 1"), saying(3, "af", "Eko Sen female 1")}, []Rectification{settling(2, "- Ny - -")}, "Eko Ny female 1", "familyName:af:Sen"},
		{"the last rectification counts", []Statement{saying(1, "fk", "Eko Lind female 1")}, []Rectification{settling(2, "- Ny - -"), settling(3, "- Ek - 9")}, "Eko Ek female 9", ""},
		{"nothing is settled of nobody", nil, nil, "   ", ""},
	} {
		t.Run(c.sentence, func(t *testing.T) {
			d, all := Settle(c.said, c.rectified)
			if got := d.GivenName + " " + d.FamilyName + " " + d.Gender + " " + d.Phone; got != c.want {
				t.Errorf("settled %q, want %q", got, c.want)
			}
			var differ []string
			for _, x := range all {
				differ = append(differ, fmt.Sprintf("%s:%s:%s", x.Field, x.Source, x.Value))
			}
			if got := strings.Join(differ, " "); got != c.differ {
				t.Errorf("different %q, want %q", got, c.differ)
			}
		})
	}
}

// said lists the statements of a person: referral, source and what is in them.
func said(p *Person) (all []string) {
	for _, s := range p.Status().Statements() {
		all = append(all, strings.TrimSpace(fmt.Sprintf("%s %s %s %s", s.Referral, s.Source, s.Identity, s.Contact)))
	}
	return all
}

func TestWhoseStatementIsWhose(t *testing.T) {
	second := Said{Referral: "r2", Identity: []byte("name2"), Contact: []byte("contact2")}
	for _, c := range []struct {
		sentence string
		change   func(*Person)
		want     []string
	}{
		{"stored before statements were kept: the first referral's", func(*Person) {}, []string{"r1 fk sealed sealed too"}},
		{"with a contact that a later referral had replaced", func(p *Person) {
			p.Steps = append(p.Steps, PersonStep{Kind: ContactChanged, Referral: "r2"})
			p.Steps[4].N = 5
		}, []string{"r1 fk sealed", "r2 af  sealed too"}},
		{"a later referral's beside it", func(p *Person) { p.State(second) }, []string{"r1 fk sealed sealed too", "r2 af name2 contact2"}},
		{"not what was entered in error", func(p *Person) { p.State(second); p.Release("r2", true, false, "c", system, noon) }, []string{"r1 fk sealed sealed too"}},
		{"nor when it was the first", func(p *Person) { p.State(second); p.Release("r1", true, false, "c", system, noon) }, []string{"r2 af name2 contact2"}},
		{"unless nobody else's is known", func(p *Person) { p.Release("r1", true, false, "c", system, noon) }, []string{"r1 fk sealed sealed too"}},
		{"no contact of a protected person", func(p *Person) { p.State(second); must(t, p.Protect(AssumedIdentity, nil, false, coach, noon)) }, []string{"r1 fk sealed", "r2 af name2"}},
	} {
		t.Run(c.sentence, func(t *testing.T) {
			p := known()
			c.change(p)
			if got := said(p); !slices.Equal(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestWhoReadsWhatAReferralSaid(t *testing.T) {
	at := func(authority, unit, municipality string, role actor.Role) actor.Actor {
		return actor.Actor{Association: "insjoriket", Authority: authority, Unit: unit, Municipality: municipality, Roles: []actor.Role{role}, Subject: "x"}
	}
	me := at("self", "", "", actor.Participant)
	me.Participant = "p1"
	p := known() // consent to fk's r1 is withdrawn; r1 is Mölndal's and r2, af's, is Partille's
	p.GiveConsent(Consent{Referral: "r3", Authority: "self", Unit: "self", Municipality: "1481", GivenOn: "2026-05-01"}, sender, noon)
	for _, c := range []struct {
		sentence string
		who      actor.Actor
		want     string
	}{
		{"its sender, while consent holds", at("af", "", "", actor.Integration), "r2"},
		{"the sender's unit", at("af", "af-1", "", actor.Referrer), "r2"},
		{"not another unit", at("af", "af-2", "", actor.Referrer), ""},
		{"not who has no consent any more", at("fk", "", "", actor.Integration), ""},
		{"the receiver", at("molndal", "", "1481", actor.Intake), "r1 r3"},
		{"the receiver of another", at("partille", "", "1402", actor.Coach), "r2"},
		{"the person, of the own applications", me, "r3"},
		{"nobody else", at("lerum", "", "1441", actor.Coach), ""},
	} {
		var got []string
		for _, r := range []string{"r1", "r2", "r3"} {
			if p.Status().ReadsOf("getParticipant", c.who, r) {
				got = append(got, r)
			}
		}
		if s := strings.Join(got, " "); s != c.want {
			t.Errorf("%s: got %q, want %q", c.sentence, s, c.want)
		}
	}
	for r, want := range map[access.Relation]bool{access.OwnMunicipality: true, access.OwnParticipant: true, access.OwnUnit: false, access.OwnAuthority: false, access.OwnDecision: false} {
		if ReadsSettled(r) != want || OnlySent(r) != (r == access.OwnUnit || r == access.OwnAuthority) {
			t.Errorf("%s reads what is settled: %t", r, !want)
		}
	}
}

func TestASendersTimelineSaysNothingOfOthers(t *testing.T) {
	af := actor.Actor{Association: "insjoriket", Authority: "af", Subject: "af-system", Roles: []actor.Role{actor.Integration}}
	timeline := func(p *Person) (steps []string) {
		for _, s := range p.Status().Steps(af) {
			steps = append(steps, fmt.Sprint(s.N, " ", s.Kind))
		}
		return steps
	}
	alone := NewPerson("insjoriket", "p1", "lookup", nil, nil, "r2", sender, noon)
	alone.GiveConsent(Consent{Referral: "r2", Authority: "af", Unit: "af-1", Municipality: "1402"}, sender, noon)
	shared := known()
	must(t, shared.Rectify(Details{Contact: Contact{Phone: "1"}}, nil, []byte("sealed"), nil, coach, noon))
	must(t, shared.Protect(AssumedIdentity, nil, false, coach, noon))
	if a, b := timeline(alone), timeline(shared); !slices.Equal(a, b) || len(a) != 1 {
		t.Errorf("of a new person %q, of one who was known %q", a, b)
	}
}

func TestARectificationNeedsAField(t *testing.T) {
	p := known()
	if err := p.Rectify(Details{}, nil, nil, nil, coach, noon); !errors.Is(err, ErrNothingRectified) {
		t.Errorf("got %v", err)
	}
	must(t, p.Rectify(Details{Contact: Contact{Phone: "1"}}, nil, []byte("sealed"), nil, coach, noon))
	must(t, p.Protect(AssumedIdentity, nil, false, coach, noon))
	if i := len(p.Steps) - 2; p.Steps[i].Contact != nil || p.Steps[i].Kind != Rectified {
		t.Errorf("the protection left the contact in %+v", p.Steps[i])
	}
	if err := p.Rectify(Details{Contact: Contact{Email: "a@finsam.example"}}, nil, []byte("sealed"), nil, coach, noon); !errors.Is(err, ErrContactProtected) {
		t.Errorf("got %v", err)
	}
}
