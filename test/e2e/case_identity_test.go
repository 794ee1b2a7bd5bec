package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/finsam/finsam/pkg/persontest"
	"github.com/finsam/finsam/test/suite"
)

var afSystem = suite.Caller{Role: "integration", Authority: "af"}

// twoSources are an invented person and who they are by another authority.
type twoSources struct {
	number              string
	first, second       persontest.Person
	referral, other, at string
}

// refer sends the person with the number as an authority says who it is.
func (w walk) refer(c suite.Caller, number string, who persontest.Person) suite.Answer {
	w.t.Helper()
	body := referral(number, who.GivenName, who.FamilyName)
	person := body["person"].(map[string]any)
	person["email"], person["phone"], person["gender"] = who.Email, who.Phone, "female"
	body["unit"] = c.Authority + "-molndal"
	body["consent"].(map[string]any)["authorities"] = []string{c.Authority, "molndal"}
	return w.Must(w.t, 201, suite.Request{Method: "POST", Path: "/referrals", Token: w.Token(w.t, c), Body: body})
}

func (w walk) twoSources() twoSources {
	w.t.Helper()
	r := rand.New(rand.NewPCG(2, 3))
	p := twoSources{first: persontest.New(r, day(0)), second: persontest.New(r, day(0)), number: adult}
	p.first.FamilyName, p.second.FamilyName = "Ekolinasson", "Annanlund"
	p.first.GivenName, p.second.GivenName = "Ekolina", "Bojan"
	made, again := w.refer(fkSystem, p.number, p.first), w.refer(afSystem, p.number, p.second)
	if made.Text("participant") != again.Text("participant") {
		w.t.Fatal("one number is two participants")
	}
	p.referral, p.other, p.at = made.Text("id"), again.Text("id"), "/participants/"+made.Text("participant")
	return p
}

// reads is all that a caller's system can read of the person.
func (w walk) reads(c suite.Caller, p twoSources) string {
	w.t.Helper()
	var all strings.Builder
	for _, path := range []string{"/referrals/" + p.referral, "/referrals/" + p.other, "/referrals?page=1", p.at, "/events", "/tasks", "/referral-exports?identities=true"} {
		a, err := w.Do(suite.Request{Method: "GET", Path: path, Token: w.Token(w.t, c)})
		if err != nil {
			w.t.Fatal(err)
		}
		fmt.Fprintln(&all, path, a.Status, a.Header, string(a.Raw))
	}
	named, err := w.Do(suite.Request{
		Method: "POST", Path: "/participants/identities", Token: w.Token(w.t, c), Body: map[string]any{"participants": []string{strings.TrimPrefix(p.at, "/participants/")}},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	fmt.Fprintln(&all, "identities", named.Status, string(named.Raw))
	return all.String()
}

// TestCase_A2_OverFourProcesses is: what one authority said of a person is in no answer,
// list or event of the other.
func TestCase_A2_OverFourProcesses(t *testing.T) {
	t.Parallel()
	w := walk{suite.FourProcesses(t, unlimited...), t}
	p := w.twoSources()
	check := func(when string) {
		t.Helper()
		for _, c := range []struct {
			who         suite.Caller
			own, others persontest.Person
		}{{fkSystem, p.first, p.second}, {afSystem, p.second, p.first}} {
			text := w.reads(c.who, p)
			for _, word := range []string{c.others.GivenName, c.others.FamilyName, c.others.Email, c.others.Phone, "Rättsson", "rectified", "identityDifferences"} {
				if strings.Contains(text, word) {
					t.Errorf("%s, %s reads %q in %s", when, c.who.Authority, word, text)
				}
			}
			if a := w.get(c.who, p.at); a.Text("familyName") != c.own.FamilyName || a.Text("phone") != c.own.Phone {
				t.Errorf("%s, %s does not read what it sent: %s", when, c.who.Authority, a.Raw)
			}
		}
	}
	check("after two referrals")
	w.change(intake, p.at, "rectifications", map[string]any{"familyName": "Rättsson", "reason": "Påhittat skäl."})
	check("after a rectification")
	w.Must(t, 200, suite.Request{
		Method: "POST", Path: "/referrals/" + p.other + "/error-marking", Token: w.Token(t, afSystem), Body: map[string]any{"text": "Påhittat: fel person."},
		Header: map[string]string{"If-Match": w.get(afSystem, "/referrals/"+p.other).Header.Get("ETag")},
	})
	eventually(t, "the sender has no more to do with the person", func() bool {
		a, err := w.Do(suite.Request{Method: "GET", Path: p.at, Token: w.Token(t, afSystem)})
		return err == nil && a.Status == 404
	})
	if text := w.reads(afSystem, p); strings.Contains(text, p.first.FamilyName) || strings.Contains(text, p.first.Phone) {
		t.Errorf("after the error marking: %s", text)
	}
}

// TestCase_A3_OverFourProcesses is: the receiver sees that the names differ, who says what,
// and settles it; no log and no feed has a word of it.
func TestCase_A3_OverFourProcesses(t *testing.T) {
	t.Parallel()
	w := walk{suite.FourProcesses(t, unlimited...), t}
	p := w.twoSources()
	a := w.get(intake, p.at)
	if a.Text("familyName") != p.first.FamilyName || a.Text("phone") != p.first.Phone {
		t.Errorf("what was first said is replaced: %s", a.Raw)
	}
	var seen struct {
		IdentityDifferences []struct{ Field, Source, Value string }
	}
	if err := json.Unmarshal(a.Raw, &seen); err != nil || len(seen.IdentityDifferences) != 4 {
		t.Fatalf("the differences: %s", a.Raw)
	}
	for _, d := range seen.IdentityDifferences {
		if d.Source != "af" || d.Value == "" {
			t.Errorf("got %+v", d)
		}
	}
	settled := w.change(coach, p.at, "rectifications", map[string]any{
		"givenName": p.first.GivenName, "familyName": "Rättsson", "email": p.first.Email, "phone": p.second.Phone, "reason": "Påhittat kanarieskäl.",
	})
	if settled.At("identityDifferences") != nil || settled.Text("familyName") != "Rättsson" || settled.Text("phone") != p.second.Phone {
		t.Errorf("settled: %s", settled.Raw)
	}
	if !bytes.Contains(settled.Raw, []byte(`"old":"`+p.first.FamilyName+`"`)) || !bytes.Contains(settled.Raw, []byte("kanarieskäl")) {
		t.Errorf("the timeline: %s", settled.Raw)
	}
	c := &canary{}
	for what, word := range map[string]string{"the first name": p.first.FamilyName, "the second": p.second.FamilyName, "what is settled": "Rättsson", "the reason": "kanarieskäl", "a number": p.second.Phone} {
		c.Text(what, word)
	}
	if found, files, _, err := c.InFolder(w.Data); err != nil || files < 8 || len(found) > 0 {
		t.Errorf("in %d files: %v, %v", files, found, err)
	}
}
