package standalone_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/services/standalone/demo"
)

// referralOf returns a referral of the person with a number; replacements are old, new, old, new.
func referralOf(number string, replacements ...string) json.RawMessage {
	return json.RawMessage(strings.NewReplacer(append(replacements, "198001012387", number)...).Replace(aReferral))
}

// create sends a referral under its own key.
func (o *office) create(want int, key string, referral json.RawMessage) map[string]any {
	o.t.Helper()
	return o.do(sender, want, http.MethodPost, "/referrals", map[string]string{"Idempotency-Key": key}, referral)
}

// publishedCoordinationNumbers are test numbers of the Swedish Tax Agency.
func publishedCoordinationNumbers(t *testing.T) []string {
	t.Helper()
	for _, path := range []string{"../../../shared/data/coordination-numbers.txt", "../../pkg/personnummer/testdata/coordination-numbers.txt"} {
		if text, err := os.ReadFile(path); err == nil {
			return strings.Fields(string(text))
		}
	}
	t.Fatal("there are no numbers")
	return nil
}

func TestCase_C1_CoordinationNumbersWithoutADateAreTaken(t *testing.T) {
	o := open(t, newData(t))
	var items []map[string]any
	for _, number := range publishedCoordinationNumbers(t) {
		if _, err := civil.Parse(number[:4] + "-" + number[4:6] + "-" + fmt.Sprintf("%02d", int(number[6]-'6')*10+int(number[7]-'0'))); err != nil && len(items) < 50 {
			items = append(items, map[string]any{"referral": referralOf(number)})
		}
	}
	for _, number := range []string{"189002089804", "191500882392", "191500722390"} {
		items = append(items, map[string]any{"referral": referralOf(number)})
	}
	answer := o.do(sender, http.StatusOK, http.MethodPost, "/referrals/batch", map[string]string{"Idempotency-Key": "batch"}, map[string]any{"items": items})
	results, _ := answer["items"].([]any)
	if len(results) != len(items) {
		t.Fatalf("%d results for %d referrals: %v", len(results), len(items), answer)
	}
	for i, r := range results {
		if status := fmt.Sprint(r.(map[string]any)["status"]); status != "201" {
			t.Errorf("%s: %v", items[i]["referral"], r)
		}
	}

	got := o.do(receiver, http.StatusOK, http.MethodGet, "/referrals/"+fmt.Sprint(results[len(results)-1].(map[string]any)["id"]), nil, nil)
	test, _ := got["targetGroupTest"].(map[string]any)
	if text := fmt.Sprint(test["rules"]); test["met"] != "unknown" || !strings.Contains(text, "id:age input:[] met:unknown") {
		t.Errorf("the target-group test is %v", test)
	}
	o.do(receiver, http.StatusOK, http.MethodPost, "/referrals/"+fmt.Sprint(got["id"])+"/acceptance", map[string]string{"If-Match": `"1"`},
		map[string]any{"initiative": "activera", "startDate": civil.DateOf(time.Now()), "coach": "coach-1"})
}

func TestCase_C2_TheFirstApplicationIsOnesOwn(t *testing.T) {
	o := open(t, newData(t))
	const number = "198001012387"
	person := demo.Claims{Authority: "self", Roles: []actor.Role{actor.Participant}, Subject: "person-1", PersonalNumber: number, Lifetime: time.Hour}
	application := func(number string) json.RawMessage {
		return referralOf(number, `"unit":"fk-molndal",`, "", `["fk","molndal"]`, `["self","molndal"]`)
	}
	other := o.do(person, 422, http.MethodPost, "/referrals", map[string]string{"Idempotency-Key": "other"}, application("191500882392"))
	if other["code"] != "number-not-yours" {
		t.Errorf("the number of another person: %v", other)
	}
	made := o.do(person, http.StatusCreated, http.MethodPost, "/referrals", map[string]string{"Idempotency-Key": "own"}, application(number))
	path := "/referrals/" + fmt.Sprint(made["id"])
	o.do(person, http.StatusOK, http.MethodGet, path, nil, nil)
	person.Subject = "person-1-again" // another token of the same person
	o.do(person, http.StatusOK, http.MethodGet, path, nil, nil)
	person.PersonalNumber = "191500882392"
	o.do(person, http.StatusNotFound, http.MethodGet, path, nil, nil)

	stored := o.do(sender, http.StatusCreated, http.MethodPost, "/referrals", map[string]string{"Idempotency-Key": "of-fk"}, referralOf("191500722390"))
	person.PersonalNumber = "19150072-2390"
	own := o.do(person, http.StatusCreated, http.MethodPost, "/referrals", map[string]string{"Idempotency-Key": "of-a-known-person"}, application("191500722390"))
	if own["participant"] != stored["participant"] {
		t.Errorf("a person has two ids: %v and %v", own["participant"], stored["participant"])
	}
}

func TestCase_A8_NoNumberIsKeptInClear(t *testing.T) {
	o := open(t, newData(t))
	referral := o.create(http.StatusCreated, "first", referralOf("198001012387"))
	path := "/referrals/" + fmt.Sprint(referral["id"])
	version := map[string]string{"If-Match": `"1"`}
	rectified := "/participants/" + fmt.Sprint(referral["participant"])
	if pointer, code := fault(t, o.change(422, intake7, rectified, "rectifications", map[string]any{"reason": "Påhittat.", "givenName": "19800101-2387"})); pointer != "/givenName" || code != "personal-identity-number-here" {
		t.Errorf("a number as a name: %s at %s", code, pointer)
	}
	for i, number := range []string{
		"191500882392", "FK-191500882392", "150088-2392", "SE198001012387", "19800101 2387", "１９８００１０１２３８７", "19800101–2387", "19800101-T238",
	} {
		reference := 422
		if strings.ContainsAny(number, " １–") {
			reference = 400 // by the pattern of references
		}
		id := 422
		if strings.Contains(number, " ") {
			id = 400
		}
		answer := o.create(reference, fmt.Sprint("reference-", i), referralOf("191500722390", `"reason"`, `"externalReference":"`+number+`","reason"`))
		for field, answer := range map[string]map[string]any{
			"/externalReference": answer,
			"/person/familyName": o.create(422, fmt.Sprint("name-", i), referralOf("191500722390", `"Påhittad"`, `"`+number+`"`)),
			"/responsible":       o.do(receiver, id, http.MethodPost, path+"/assignment", version, map[string]any{"responsible": number}),
			"/coach": o.do(receiver, id, http.MethodPost, path+"/acceptance", version,
				map[string]any{"initiative": "activera", "startDate": civil.DateOf(time.Now()), "coach": number}),
		} {
			errors, _ := answer["errors"].([]any)
			if !slices.ContainsFunc(errors, func(e any) bool { return e.(map[string]any)["pointer"] == field }) || strings.Contains(fmt.Sprint(answer), number) {
				t.Errorf("%s as %s: %v", number, field, answer)
			}
		}
	}
}

func TestANumberInAnAddressIsRefusedByTheParametersName(t *testing.T) {
	o := open(t, newData(t))
	for parameter, path := range map[string]string{
		"ids": "/staff?ids=intake-1,", "coach": "/referrals?coach=", "responsible": "/tasks?responsible=", "unit": "/referral-exports?unit=",
		"externalReference": "/referrals?externalReference=",
	} {
		for _, number := range []string{"198001012387", "SE19800101-2387", "191500882392"} {
			for language, sentence := range map[string]string{
				"sv": "Värdet ser ut som ett personnummer, och ett sådant får inte stå i en adress. Ange ett id som inte pekar ut någon person.",
				"en": "The value looks like a personal identity number, which is not allowed in an address. Use an identifier that does not identify a person.",
			} {
				answer := o.do(receiver, http.StatusBadRequest, http.MethodGet, path+number, map[string]string{"Accept-Language": language}, nil)
				want := []any{map[string]any{"pointer": parameter, "code": "personal-identity-number-here", "detail": sentence}}
				if !reflect.DeepEqual(answer["errors"], want) || strings.Contains(fmt.Sprint(answer), number) {
					t.Errorf("%s%s: %v", path, number, answer)
				}
			}
		}
	}
	o.do(receiver, http.StatusOK, http.MethodGet, "/referrals?coach=coach-1&externalReference=FK-2026-000123", nil, nil)
}

func TestAWrongValueOfAListIsNamedByItsParameter(t *testing.T) {
	o := open(t, newData(t))
	for query, detail := range map[string]string{
		"include=all":             "Värdet ska vara ett av: identity.",
		"state=submitted,unheard": "Värdet ska vara ett av: submitted, supplement_requested, transfer_requested, waitlisted, accepted, rejected, enrolled, closed, withdrawn, entered_in_error.",
	} {
		answer := o.do(receiver, http.StatusBadRequest, http.MethodGet, "/referrals?"+query, nil, nil)
		name, _, _ := strings.Cut(query, "=")
		if want := []any{map[string]any{"pointer": name, "code": "enum", "detail": detail}}; !reflect.DeepEqual(answer["errors"], want) {
			t.Errorf("%s: %v", query, answer)
		}
	}
}
