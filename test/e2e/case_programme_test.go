package e2e

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	programme "github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/persontest"
	"github.com/finsam/finsam/test/suite"
)

// offices is a suite that serves both shipped associations.
type offices struct {
	*suite.Suite
	*issuer
	t     *testing.T
	files map[string]*programme.Association
}

func openOffices(t *testing.T) *offices {
	o := &offices{Suite: suite.OneProcess(t, unlimited...), t: t, files: map[string]*programme.Association{}}
	p := o.Processes["finsam"]
	p.Stop()
	for _, name := range []string{"insjoriket-whole", "kalmar"} {
		path := filepath.Join("..", "..", "services", "standalone", "example", name+".yaml")
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		a, err := programme.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		o.Finsam(t, "load", "--data", o.Data, path)
		o.files[a.ID] = a
	}
	o.issuer = newIssuer(t, filepath.Join(o.Data, "demo"), "insjoriket", "kalmar")
	p.Start(t)
	p.WaitReady(t)
	return o
}

func (o *offices) ask(status int, c suite.Caller, method, path string, body any, header ...string) suite.Answer {
	o.t.Helper()
	r := suite.Request{Method: method, Path: path, Token: o.issuer.Token(o.t, c), Body: body, Header: map[string]string{}}
	for n := 0; n+1 < len(header); n += 2 {
		r.Header[header[n]] = header[n+1]
	}
	return o.Must(o.t, status, r)
}

// step takes a step at the present version of a thing.
func (o *offices) step(status int, c suite.Caller, thing, action string, body map[string]any) suite.Answer {
	o.t.Helper()
	return o.MustChange(o.t, status, thing, suite.Request{Method: "POST", Path: thing + "/" + action, Token: o.issuer.Token(o.t, c), Body: body})
}

// team is those of one municipality and the system that refers to it.
type team struct{ association, authority, municipality, wish string }

func (m team) caller(role string) suite.Caller {
	return suite.Caller{Association: m.association, Role: role, Authority: m.authority, Municipality: m.municipality, Subject: role + "-" + m.authority}
}

func (m team) sender() suite.Caller {
	return suite.Caller{Association: m.association, Role: "integration", Authority: "fk", Subject: "fk-system"}
}

// open returns the latest day, at least n days ago, on which a team's municipality is open.
func (o *offices) open(m team, n int) string {
	d := civil.DateOf(time.Now()).AddDays(-n)
	for o.files[m.association].CalendarIn(m.municipality).IsClosed(d) {
		d = d.AddDays(-1)
	}
	return string(d)
}

// refer sends the referral of an invented young person to a team, and returns its path.
func (o *offices) refer(m team, seed uint64) string {
	o.t.Helper()
	chance, number := rand.New(rand.NewPCG(13, seed)), ""
	for number == "" { // somebody within the ages of all initiatives
		n := persontest.New(chance, "2026-01-01").Number
		born := civil.Date(n[:4] + "-" + n[4:6] + "-" + n[6:8])
		if age := born.AgeOn(civil.DateOf(time.Now())); born.Valid() && age > 18 && age < 29 {
			number = n
		}
	}
	body := referral(number, "Tolvan", "Påhittad")
	body["consent"].(map[string]any)["authorities"] = []string{"fk", m.authority}
	body["wishedMunicipality"] = m.municipality
	if m.wish != "" {
		body["wishedInitiative"] = m.wish
	}
	body["targetGroup"] = map[string]any{"reasons": []string{"young_adult"}, "authoritiesConcerned": []string{"social_insurance", "region"}}
	a := o.ask(201, m.sender(), "POST", "/referrals", body, "Idempotency-Key", fmt.Sprintf("%s-%s-%d", m.association, m.municipality, seed))
	return "/referrals/" + a.Text("id")
}

// enrol accepts a referral from so many days ago on and returns the path of the enrolment that
// follows.
func (o *offices) enrol(m team, thing, initiative string, ago int) string {
	o.t.Helper()
	intake := m.caller("intake")
	o.step(200, intake, thing, "acceptance", map[string]any{"initiative": initiative, "startDate": o.open(m, ago), "coach": "coach-" + m.authority})
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if id := o.ask(200, intake, "GET", thing, nil).Text("progress.enrolment"); id != "" {
			return "/enrolments/" + id
		}
	}
	o.t.Fatalf("%s leads to no enrolment", thing)
	return ""
}

// activity returns the id of an activity of a team's municipality.
func (o *offices) activity(m team, name string) string {
	o.t.Helper()
	items, _ := o.ask(200, m.caller("coach"), "GET", "/activities?limit=100&municipality="+m.municipality, nil).At("items").([]any)
	for _, x := range items {
		if x := x.(map[string]any); x["name"] == name {
			return x["id"].(string)
		}
	}
	o.t.Fatalf("%s has no %s", m.municipality, name)
	return ""
}

// book books an enrolment into an activity from a day on, and returns the path of the booking;
// empty: the group is full. The activity service learns of the enrolment by the feed.
func (o *offices) book(m team, enrolment, activity, from string) string {
	o.t.Helper()
	r := suite.Request{
		Method: "POST", Path: "/bookings", Token: o.issuer.Token(o.t, m.caller("coach")), Header: map[string]string{"Idempotency-Key": enrolment[len("/enrolments/"):] + activity[:4]},
		Body: map[string]any{"enrolment": strings.TrimPrefix(enrolment, "/enrolments/"), "activity": activity, "from": from},
	}
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		switch a, err := o.Do(r); {
		case err == nil && a.Status == 201:
			return "/bookings/" + a.Text("id")
		case err == nil && a.Text("code") == "group-full":
			return ""
		case time.Now().After(end):
			o.t.Fatalf("%s: nobody could be booked into %s: %d %s %v", m.association, activity, a.Status, a.Raw, err)
		}
	}
}

// TestCase_13_TwoAssociationsFollowTheirOwnProgrammes goes from a referral of the same person
// to a booking in both shipped associations at once. Each follows its own plan, and nobody of
// one finds anything of the other.
func TestCase_13_TwoAssociationsFollowTheirOwnProgrammes(t *testing.T) {
	t.Parallel()
	o := openOffices(t)
	teams := []struct {
		team
		initiative, activity string
		blocks               int
	}{
		{team{"insjoriket", "molndal", "1481", ""}, "activera", "Träningspass", 4},
		{team{"kalmar", "kalmar", "0880", ""}, "pahittade-vagen", "Påhittad gympa", 2},
	}
	things := map[string][]string{}
	for _, m := range teams {
		coach := m.caller("coach")
		thing := o.refer(m.team, 1) // of the same person
		enrolment := o.enrol(m.team, thing, m.initiative, 20)
		e := o.ask(200, coach, "GET", enrolment, nil)
		if blocks, _ := e.At("blocks").([]any); len(blocks) != m.blocks {
			t.Errorf("%s: %d blocks, want %d", m.association, len(blocks), m.blocks)
		}
		o.step(200, coach, enrolment, "start", map[string]any{"startedOn": o.open(m.team, 20)})
		booking := o.book(m.team, enrolment, o.activity(m.team, m.activity), string(civil.DateOf(time.Now())))
		things[m.association] = []string{thing, enrolment, "/participants/" + e.Text("participant"), booking}
	}
	for n, m := range teams {
		other := teams[1-n]
		for _, thing := range things[other.association] {
			for _, role := range []string{"coach", "intake"} {
				if a, err := o.Do(suite.Request{Method: "GET", Path: thing, Token: o.issuer.Token(t, m.caller(role))}); err != nil || a.Status != 404 && a.Status != 403 {
					t.Errorf("the %s of %s reads %s of %s: %d %v", role, m.association, thing, other.association, a.Status, err)
				}
			}
		}
		for path, count := range map[string]int{"/referrals": 1, "/municipalities": len(o.files[m.association].Municipalities), "/initiatives": len(o.files[m.association].Initiatives)} {
			a := o.ask(200, m.caller("intake"), "GET", path, nil)
			if items, _ := a.At("items").([]any); len(items) != count || slices.ContainsFunc(other.things(things), func(id string) bool { return strings.Contains(string(a.Raw), id) }) {
				t.Errorf("%s of %s: %d, want %d", path, m.association, len(items), count)
			}
		}
	}
}

// things returns the ids of what a team has.
func (m team) things(all map[string][]string) (ids []string) {
	for _, path := range all[m.association] {
		ids = append(ids, path[strings.LastIndex(path, "/")+1:])
	}
	return ids
}

// TestCase_13_EachInitiativeAndMunicipalityHasItsPlan enrols in both initiatives of one
// municipality, and in none that it does not perform.
func TestCase_13_EachInitiativeAndMunicipalityHasItsPlan(t *testing.T) {
	t.Parallel()
	o := openOffices(t)
	lerum, molndal := team{"insjoriket", "lerum", "1441", ""}, team{"insjoriket", "molndal", "1481", ""}
	for n, c := range []struct {
		initiative string
		blocks     int
		last       int // weeks
	}{{"activera", 4, 24}, {"pahittade-steget", 2, 12}} {
		e := o.ask(200, lerum.caller("coach"), "GET", o.enrol(lerum, o.refer(lerum, 30+uint64(n)), c.initiative, 20), nil)
		blocks, _ := e.At("blocks").([]any)
		last := civil.Date(o.open(lerum, 20)).AddDays(7*c.last - 1)
		if len(blocks) != c.blocks || e.Text(fmt.Sprintf("blocks.%d.plannedLastDay", c.blocks-1)) != string(last) {
			t.Errorf("%s: want %d blocks until %s\n%s", c.initiative, c.blocks, last, e.Raw)
		}
	}
	thing := o.refer(molndal, 40)
	refused := o.step(422, molndal.caller("intake"), thing, "acceptance", map[string]any{"initiative": "pahittade-steget", "startDate": o.open(molndal, 20), "coach": "coach-molndal"})
	if !strings.HasSuffix(refused.Text("type"), "not-performed-here") {
		t.Errorf("%s", refused.Raw)
	}
}
