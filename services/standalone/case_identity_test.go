package standalone_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/persontest"
	"github.com/finsam/finsam/pkg/servicetest"
	"github.com/finsam/finsam/services/standalone/demo"
)

// afSystem is the system of the second authority that refers the person of these cases.
var afSystem = demo.Claims{Roles: []actor.Role{actor.Integration}, Authority: "af", Lifetime: time.Hour}

// Who the person is, as each authority says it.
var (
	ekolina = map[string]any{"givenName": "Ekolina", "familyName": "Påhittad", "gender": "female", "phone": "070-1740605", "email": "ekolina@finsam.example"}
	bo      = map[string]any{"givenName": "Bosse", "familyName": "Annan", "gender": "male", "phone": "070-1740633", "email": "bo@finsam.example"}
)

// says refers the person with a number as an authority says who it is, and returns the
// ids of the referral and the participant.
func (o *office) says(who demo.Claims, unit, number string, person map[string]any) (referral, participant string) {
	o.t.Helper()
	var body map[string]any
	if err := json.Unmarshal([]byte(aReferral), &body); err != nil {
		o.t.Fatal(err)
	}
	all := map[string]any{"personalIdentityNumber": number}
	for field, value := range person {
		all[field] = value
	}
	body["person"], body["unit"] = all, unit
	if unit == "" {
		delete(body, "unit")
	}
	body["consent"].(map[string]any)["authorities"] = []string{who.Authority, "molndal"}
	made := o.want(201, who, http.MethodPost, "/referrals", "", body)
	return made["id"].(string), made["participant"].(string)
}

// newNumber returns the number of an invented person who is of the target group's ages.
func newNumber(n uint64) string {
	r := rand.New(rand.NewPCG(23, n))
	for {
		if number := persontest.New(r, "2026-01-01").Number; number[:3] == "197" || number[:3] == "198" {
			return number
		}
	}
}

// leaks lists the values of what a source said that are in a text.
func leaks(text string, person map[string]any) (found []string) {
	for field, value := range person {
		if v := value.(string); field != "gender" && strings.Contains(text, v) {
			found = append(found, v)
		}
	}
	if strings.Contains(text, fmt.Sprintf(`"gender":"%s"`, person["gender"])) {
		found = append(found, "the gender")
	}
	return found
}

// everything is what a sender's system reads of a person and a referral: each answer with
// its headers.
func (o *office) everything(who demo.Claims, referral, participant string) map[string]string {
	o.t.Helper()
	all := map[string]string{}
	for _, path := range []string{
		"/referrals/" + referral, "/referrals", "/referrals?page=1", "/participants/" + participant, "/events", "/tasks",
		"/referral-exports?identities=true", "/participants/" + participant + "/protection", "/enrolments",
	} {
		w := o.ask(who, http.MethodGet, path, "", nil)
		all[path] = fmt.Sprint(w.Code, " ", w.Header(), " ", w.Body)
	}
	w := o.ask(who, http.MethodPost, "/participants/identities", "", map[string]any{"participants": []string{participant}})
	all["identities"] = fmt.Sprint(w.Code, " ", w.Header(), " ", w.Body)
	return all
}

// TestCase_A2_ASenderReadsOnlyWhatItSent is: what one authority said of a person is in no
// answer, list or event of another, before and after a rectification and an error marking.
func TestCase_A2_ASenderReadsOnlyWhatItSent(t *testing.T) {
	o := open(t, newData(t))
	number := newNumber(1)
	first, id := o.says(sender, "fk-molndal", number, ekolina)
	second, again := o.says(afSystem, "af-molndal", number, bo)
	if id != again {
		t.Fatal("one number is two participants")
	}
	at := "/participants/" + id
	clean := func(when string) {
		t.Helper()
		for _, c := range []struct {
			who      demo.Claims
			referral string
			others   map[string]any
		}{{sender, first, bo}, {afSystem, second, ekolina}} {
			for path, text := range o.everything(c.who, c.referral, id) {
				if found := append(leaks(text, c.others), leaks(text, map[string]any{"familyName": "Rättsson", "gender": "x"})...); len(found) > 0 {
					t.Errorf("%s, %s reads %s and finds %q in %s", when, c.who.Authority, path, found, text)
				}
			}
		}
	}
	clean("after two referrals")
	for _, c := range []struct {
		who  demo.Claims
		said map[string]any
	}{{sender, ekolina}, {afSystem, bo}} {
		got := o.want(200, c.who, http.MethodGet, at, "", nil)
		for field, value := range c.said {
			if got[field] != value {
				t.Errorf("%s reads %s %v, and sent %v", c.who.Authority, field, got[field], value)
			}
		}
		for _, field := range []string{"identityDifferences", "statements"} {
			if got[field] != nil {
				t.Errorf("%s sees that others said something: %v", c.who.Authority, got[field])
			}
		}
	}
	o.want(200, intake7, http.MethodPost, at+"/rectifications", o.version(intake7, at), map[string]any{"familyName": "Rättsson", "reason": "Påhittat skäl."})
	clean("after a rectification")
	o.want(403, afSystem, http.MethodPost, at+"/rectifications", o.version(afSystem, at), map[string]any{"familyName": "Rättsson", "reason": "Påhittat skäl."})

	o.want(200, afSystem, http.MethodPost, "/referrals/"+second+"/error-marking", o.version(afSystem, "/referrals/"+second), map[string]any{"text": "Påhittat: fel person."})
	o.eventually("the sender has no more to do with the person", func() bool { return o.ask(afSystem, http.MethodGet, at, "", nil).Code == 404 })
	clean("after the error marking")
	if got := o.want(200, intake7, http.MethodGet, at, "", nil); got["identityDifferences"] != nil || got["givenName"] != "Ekolina" {
		t.Errorf("what was sent in error is still a difference: %v", got)
	}
}

// ids are what two answers about two people differ in by right.
var ids = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[0-9]{8}-?[0-9*]{4}|20[0-9-]{8}T[0-9:.]+Z|W?/?"[0-9]{10,}"|FS[0-9A-Z-]+|[a-z-]*[0-9a-f]{16,}[0-9a-f-]*|Deltagare [0-9A-Z]{4}|"input":\["[0-9]{2}"\]`)

// TestCase_A2_NoAnswerShowsASenderThatANumberWasKnown compares what a sender is answered of
// a person whom another authority had referred with what it is answered of a new one.
func TestCase_A2_NoAnswerShowsASenderThatANumberWasKnown(t *testing.T) {
	o := open(t, newData(t))
	known, unknown := newNumber(2), newNumber(3)
	_, id := o.says(sender, "fk-molndal", known, ekolina)
	at := "/participants/" + id
	o.want(200, intake7, http.MethodPost, at+"/rectifications", o.version(intake7, at), map[string]any{"familyName": "Rättsson", "reason": "Påhittat skäl."})
	answers := func(number string) map[string]string {
		referral, participant := o.says(afSystem, "af-molndal", number, bo)
		all := map[string]string{}
		for _, path := range []string{"/referrals/" + referral, "/participants/" + participant} {
			w := o.ask(afSystem, http.MethodGet, path, "", nil)
			w.Header().Del("Content-Length")
			tag := w.Header().Get("ETag")
			w.Header().Set("ETag", servicetest.Version(w.Header())) // the digest follows the body, which is compared itself
			var body map[string]any
			if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil {
				t.Fatal(err)
			}
			delete(body, "registryNumber")
			delete(body, "version")
			text, _ := json.Marshal(body)
			all[ids.ReplaceAllString(path, "…")] = ids.ReplaceAllString(fmt.Sprint(w.Code, " ", w.Header(), " ", string(text)), "…")
			if again := o.ask(afSystem, http.MethodGet, path, "", nil).Header().Get("ETag"); again != tag {
				t.Errorf("the version of what is unchanged: %s, %s", tag, again)
			}
		}
		if participant[14] != '4' {
			t.Errorf("the id %s says how it was made", participant)
		}
		return all
	}
	if a, b := answers(known), answers(unknown); !reflect.DeepEqual(a, b) {
		t.Errorf("of a known person: %v\nof a new one:     %v", a, b)
	}
}

// TestCase_A3_ADifferenceIsShownAndSettled is: another name, gender and contact replace
// nothing; the receiver sees each with its source, and settles it.
func TestCase_A3_ADifferenceIsShownAndSettled(t *testing.T) {
	o := open(t, newData(t))
	number := newNumber(4)
	_, id := o.says(sender, "fk-molndal", number, ekolina)
	o.says(afSystem, "af-molndal", number, bo)
	at := "/participants/" + id
	for _, who := range []demo.Claims{intake7, coach1} {
		got := o.want(200, who, http.MethodGet, at, "", nil)
		for field, value := range ekolina {
			if got[field] != value {
				t.Errorf("%s reads %s %v: what was first said is replaced", who.Subject, field, got[field])
			}
		}
		differences, _ := got["identityDifferences"].([]any)
		if len(differences) != len(bo) {
			t.Fatalf("%s sees the differences %v", who.Subject, differences)
		}
		for _, d := range differences {
			d := d.(map[string]any)
			if d["source"] != "af" || d["at"] == nil || d["value"] != bo[d["field"].(string)] {
				t.Errorf("%s sees the difference %v", who.Subject, d)
			}
		}
		if said := got["statements"].([]any); len(said) != 2 || said[1].(map[string]any)["phone"] != bo["phone"] {
			t.Errorf("%s sees the statements %v", who.Subject, said)
		}
	}
	change := at + "/rectifications"
	version := o.version(intake7, at)
	o.want(428, intake7, http.MethodPost, change, "", map[string]any{"familyName": "Annan", "reason": "Påhittat skäl."})
	o.want(412, intake7, http.MethodPost, change, `"1"`, map[string]any{"familyName": "Annan", "reason": "Påhittat skäl."})
	if got := o.want(422, intake7, http.MethodPost, change, version, map[string]any{"reason": "Påhittat skäl."}); got["code"] != "nothing-rectified" {
		t.Errorf("no field: %v", got)
	}
	o.want(404, partille, http.MethodPost, change, version, map[string]any{"familyName": "Annan", "reason": "Påhittat skäl."})
	got := o.want(200, intake7, http.MethodPost, change, version, map[string]any{
		"givenName": "Ekolina", "familyName": "Annan", "gender": "female", "reason": "Påhittat: nytt efternamn enligt folkbokföringen.",
	})
	if got["familyName"] != "Annan" || got["givenName"] != "Ekolina" || got["phone"] != ekolina["phone"] {
		t.Errorf("settled: %v", got)
	}
	fields := map[any]bool{}
	for _, d := range got["identityDifferences"].([]any) {
		fields[d.(map[string]any)["field"]] = true
	}
	if !reflect.DeepEqual(fields, map[any]bool{"phone": true, "email": true}) {
		t.Errorf("the differences that are left: %v", fields)
	}
	timeline := got["timeline"].([]any)
	last := timeline[len(timeline)-1].(map[string]any)
	changes, _ := last["changes"].([]any)
	if last["kind"] != "rectified" || last["by"] != "intake-7" || last["reason"] != "Påhittat: nytt efternamn enligt folkbokföringen." || len(changes) != 3 ||
		!reflect.DeepEqual(changes[1], map[string]any{"field": "familyName", "old": "Påhittad", "new": "Annan"}) {
		t.Errorf("the timeline has %v", last)
	}
	for name, hits := range map[string]int{"Ekolina Annan": 1, "Ekolina Påhittad": 0} {
		found := o.want(200, intake7, http.MethodPost, "/participants/searches", "", map[string]any{"name": name, "purpose": "case_work"})
		if items := found["items"].([]any); len(items) != hits || hits > 0 && items[0].(map[string]any)["displayName"] != name {
			t.Errorf("the search for %s finds %v", name, items)
		}
	}

	// A surname that comes later is a difference again, and not the name.
	later := map[string]any{"givenName": "Ekolina", "familyName": "Senare", "gender": "female"}
	o.says(sender, "fk-molndal", number, later)
	got = o.want(200, coach1, http.MethodGet, at, "", nil)
	if d := got["identityDifferences"].([]any)[0].(map[string]any); got["familyName"] != "Annan" || d["field"] != "familyName" || d["source"] != "fk" || d["value"] != "Senare" {
		t.Errorf("after another surname: %v", got)
	}

	// Protected, it is masked: differences, statements and what was settled too, and no contact is left.
	o.protect(id, "assumed_identity")
	masked := o.ask(intake7, http.MethodGet, at, "", nil).Body.String()
	for _, person := range []map[string]any{ekolina, bo, later} {
		if found := leaks(masked, person); len(found) > 0 || strings.Contains(masked, "identityDifferences") || strings.Contains(masked, "folkbokföringen") {
			t.Errorf("masked: %q in %s", found, masked)
		}
	}
	o.want(404, intake7, http.MethodPost, change, o.version(intake7, at), map[string]any{"familyName": "Annan", "reason": "Påhittat skäl."})
	refused := o.want(422, coach1, http.MethodPost, change, o.version(coach1, at), map[string]any{"phone": "070-1740611", "reason": "Påhittat skäl."})
	if fields := refused["errors"].([]any); refused["code"] != "contact-of-protected-person" || fields[0].(map[string]any)["pointer"] != "/phone" {
		t.Errorf("a contact of a protected person: %v", refused)
	}
	if text := o.ask(coach1, http.MethodGet, at, "", nil).Body.String(); strings.Contains(text, "070-174") || strings.Contains(text, "@finsam") || !strings.Contains(text, "Annan") {
		t.Errorf("to the handler: %s", text)
	}
}

// TestCase_A2_ThePersonReadsWhatIsSettledAndTheOwnWords is about one who applies after an
// authority has referred.
func TestCase_A2_ThePersonReadsWhatIsSettledAndTheOwnWords(t *testing.T) {
	o := open(t, newData(t))
	number := newNumber(5)
	_, id := o.says(sender, "fk-molndal", number, ekolina)
	me := demo.Claims{Roles: []actor.Role{actor.Participant}, Authority: "self", Participant: id, Subject: "me", Lifetime: time.Hour}
	o.says(me, "", number, map[string]any{"givenName": "Lina", "familyName": "Påhittad", "phone": "070-1740677"})
	o.says(afSystem, "af-molndal", number, bo)
	got := o.want(200, me, http.MethodGet, "/participants/"+id, "", nil)
	if got["givenName"] != "Ekolina" || got["phone"] != ekolina["phone"] {
		t.Errorf("settled: %v", got)
	}
	text, _ := json.Marshal(got)
	if found := leaks(string(text), bo); len(found) > 0 {
		t.Errorf("the person reads another source's %q", found)
	}
	if said := got["statements"].([]any); len(said) != 1 || said[0].(map[string]any)["givenName"] != "Lina" || said[0].(map[string]any)["source"] != "self" {
		t.Errorf("the own words: %v", said)
	}
	for _, d := range got["identityDifferences"].([]any) {
		d := d.(map[string]any)
		if own := d["source"] == "self"; d["source"] == nil || own != (d["value"] != nil) {
			t.Errorf("the difference %v", d)
		}
	}
}
