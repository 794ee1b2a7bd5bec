package standalone_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/persontest"
	"github.com/finsam/finsam/services/gateway"
	"github.com/finsam/finsam/services/standalone/demo"
)

// entry finds an item of a list by its id.
func entry(t *testing.T, items any, id string) map[string]any {
	t.Helper()
	for _, i := range items.([]any) {
		if x := i.(map[string]any); x["id"] == id {
			return x
		}
	}
	t.Fatalf("%s is not in %v", id, items)
	return nil
}

// TestCase_D1_AFormIsBuiltOfThreeAnswersAlone reads the checklist, the codes and who one is,
// and sends the referral that they make: each field by its kind, as a form would show it.
// What a person writes is all that is added.
func TestCase_D1_AFormIsBuiltOfThreeAnswersAlone(t *testing.T) {
	o := open(t, newData(t))
	checklist := entry(t, o.do(sender, 200, http.MethodGet, "/checklists", nil, nil)["items"], "activera")
	codes := o.do(sender, 200, http.MethodGet, "/code-lists", nil, nil)["items"]
	me := o.do(sender, 200, http.MethodGet, "/me", nil, nil)

	targetGroup, rightTime := map[string]any{}, []any{}
	for _, q := range checklist["questions"].([]any) {
		question := q.(map[string]any)
		var chosen []any
		for _, a := range question["answers"].([]any)[:int(question["atLeast"].(float64))] {
			chosen = append(chosen, a.(map[string]any)["id"])
		}
		if question["kind"] == "target_group" {
			targetGroup[question["id"].(string)] = chosen
			continue
		}
		rightTime = append(rightTime, map[string]any{"item": question["id"], "answer": chosen[0]})
	}
	if len(rightTime) != 3 {
		t.Errorf("%d questions on the right time", len(rightTime))
	}
	municipality := checklist["municipalities"].([]any)[0].(map[string]any)
	person := persontest.New(rand.New(rand.NewPCG(13, 1)), "2026-01-01")
	body := map[string]any{"targetGroup": targetGroup, "rightTime": rightTime}
	for _, f := range checklist["fields"].([]any) {
		field := f.(map[string]any)
		label, _ := field["label"].(map[string]any)
		if label["sv"] == "" || label["en"] == "" {
			t.Errorf("no label: %v", field)
		}
		if field["required"] == false && field["kind"] != "unit" && field["kind"] != "initiative" && field["kind"] != "code" && field["kind"] != "codes" {
			continue
		}
		var value any
		switch kind := field["kind"]; kind {
		case "personal_identity_number":
			value = person.Number
		case "text", "long_text":
			value = "Påhittad"
		case "date":
			value = day(0)
		case "confirmation":
			value = true
		case "unit":
			value = me["unit"]
		case "municipality":
			value = municipality["id"]
		case "initiative":
			value = checklist["initiative"]
		case "authorities":
			value = []any{me["authority"], municipality["authority"]}
		case "consent_text":
			value = "2026-1" // where the association has entered no text
			if texts := checklist["consentTexts"].([]any); len(texts) > 0 {
				value = texts[0].(map[string]any)["textVersion"]
			}
		case "code", "codes":
			if field["codeList"] == "ReferredProtection" || field["codeList"] == "OnBehalf" {
				continue // of nobody here
			}
			value = entry(t, codes, field["codeList"].(string))["codes"].([]any)[0].(map[string]any)["id"]
			if kind == "codes" {
				value = []any{value}
			}
		default:
			t.Errorf("%v: a form does not know the kind", field)
		}
		path, at := strings.Split(strings.TrimPrefix(field["pointer"].(string), "/"), "/"), body
		for _, name := range path[:len(path)-1] {
			if at[name] == nil {
				at[name] = map[string]any{}
			}
			at = at[name].(map[string]any)
		}
		at[path[len(path)-1]] = value
	}
	answer := o.do(sender, 201, http.MethodPost, "/referrals", nil, body)
	state := entry(t, entry(t, codes, "ReferralState")["codes"], answer["state"].(string))
	if l := state["label"].(map[string]any); l["sv"] != "Inkommen och väntar på beslut" || l["en"] != "Received and waiting for a decision" {
		t.Errorf("the state is called %v", l)
	}
	read := o.do(receiver, 200, http.MethodGet, "/referrals/"+answer["id"].(string), nil, nil)
	if at := read["_links"].(map[string]any)["capacity"]; read["wishedInitiative"] != "activera" || at == nil {
		t.Errorf("the wish is %v, and whether there is room at %v", read["wishedInitiative"], at)
	} else if room := o.do(receiver, 200, http.MethodGet, strings.TrimPrefix(at.(map[string]any)["href"].(string), gateway.BasePath), nil, nil); room["initiative"] != "activera" || room["municipality"] != municipality["id"] {
		t.Errorf("the room is that of %v", room)
	}
	test, right := read["targetGroupTest"].(map[string]any), read["rightTime"].(map[string]any)
	if test["met"] != "met" || right["met"] != "met" {
		t.Errorf("the answers to the questions make %v and %v", test, right)
	}
}

// TestCase_D1_ReferenceDataHaveOneShapeAndAreKept reads each list twice: each item has an
// id, a label in both languages and a version, and the list an entity tag.
func TestCase_D1_ReferenceDataHaveOneShapeAndAreKept(t *testing.T) {
	o := open(t, newData(t))
	for path, some := range map[string]string{
		"/initiatives": "activera", "/plans": "plan.activera", "/checklists": "activera", "/municipalities": "1481", "/authorities": "fk", "/code-lists": "Role",
	} {
		first := o.call(sender, http.MethodGet, path, nil, nil)
		tag := first.Header().Get("ETag")
		if again := o.call(sender, http.MethodGet, path, map[string]string{"If-None-Match": tag}, nil); tag == "" || again.Code != 304 {
			t.Errorf("%s: the second time answers %d, for the tag %s", path, again.Code, tag)
		}
		items := o.do(sender, 200, http.MethodGet, path, nil, nil)["items"].([]any)
		entry(t, items, some)
		for _, i := range items {
			item := i.(map[string]any)
			label, _ := item["label"].(map[string]any)
			if item["id"] == "" || item["version"] == nil || label["sv"] == nil || label["en"] == nil {
				t.Errorf("%s: %v", path, item)
			}
		}
	}
}

// TestCase_D1_AnInitiativeSaysHowEachMunicipalityRunsIt holds the answer against the
// association's file.
func TestCase_D1_AnInitiativeSaysHowEachMunicipalityRunsIt(t *testing.T) {
	o := open(t, newData(t))
	i := entry(t, o.do(receiver, 200, http.MethodGet, "/initiatives", nil, nil)["items"], "activera")
	var plans []string
	for _, p := range i["plans"].([]any) {
		plan := p.(map[string]any)
		plans = append(plans, plan["municipality"].(string))
		if blocks := plan["blocks"].([]any); plan["maxWeeks"] != 24.0 || plan["checkInDays"] != 14.0 || plan["weeksUsedBefore"] != "count" || len(blocks) != 4 ||
			blocks[0].(map[string]any)["checkIn"] != true || blocks[3].(map[string]any)["closing"] != true {
			t.Errorf("got %v", plan)
		}
	}
	if !slices.Equal(plans, []string{"1481", "1402", "1401", "1441", "1489"}) {
		t.Errorf("the municipalities are %v", plans)
	}
	if got := fmt.Sprint(i["ages"], i["targetGroup"].(map[string]any)["authoritiesConcerned"], i["terms"].(map[string]any)["decision"]); got != "map[highest:64 lowest:16] 2 14" {
		t.Errorf("got %s", got)
	}
	fk := entry(t, o.do(receiver, 200, http.MethodGet, "/authorities", nil, nil)["items"], "fk")
	if fk["kind"] != "social_insurance" || fk["label"].(map[string]any)["sv"] != "Försäkringskassan" {
		t.Errorf("got %v", fk)
	}
}

// TestAReferralNamesATextThatThePersonCouldSign sends, drafts and amends by texts that the
// association does not have on the day of the consent, and by those that it has.
func TestAReferralNamesATextThatThePersonCouldSign(t *testing.T) {
	whole, err := os.ReadFile(filepath.Join("example", "insjoriket-whole.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	o := open(t, newDataOf(t, whole))
	body := func(version string, n int) map[string]any {
		var b map[string]any
		number := persontest.New(rand.New(rand.NewPCG(78, uint64(n))), "2026-01-01").Number
		if err := json.Unmarshal([]byte(strings.Replace(aReferral, "198001012387", number, 1)), &b); err != nil {
			t.Fatal(err)
		}
		b["consent"].(map[string]any)["textVersion"] = version
		return b
	}
	refused := func(w *httptest.ResponseRecorder, pointer string) {
		t.Helper()
		for _, said := range []string{`"no-such-consent-text"`, `"` + pointer + `"`, "textVersion", "2026-01-01", ": 2026-1."} {
			if !strings.Contains(w.Body.String(), said) {
				t.Errorf("%d, without %s: %s", w.Code, said, w.Body)
			}
		}
	}
	refused(o.call(sender, http.MethodPost, "/referrals", nil, body("2026-2", 1)), "/consent/textVersion")
	made := o.do(sender, 201, http.MethodPost, "/referrals", nil, body("2026-1", 2))

	officer := demo.Claims{Roles: []actor.Role{actor.Referrer}, Authority: "fk", Unit: "fk-molndal", Subject: "officer-1", Lifetime: time.Hour}
	draft := o.do(officer, 201, http.MethodPost, "/drafts", nil, body("2026-2", 3))
	refused(o.call(officer, http.MethodPost, "/drafts/"+draft["id"].(string)+"/sending", map[string]string{"If-Match": fmt.Sprintf(`"%v"`, draft["version"])}, nil), "/consent/textVersion")

	at := "/referrals/" + made["id"].(string)
	amendment := func(version string) map[string]any {
		return map[string]any{"reason": "Påhittat exempel.", "changes": map[string]any{"consent": map[string]any{"givenOn": "2026-01-01", "textVersion": version, "authorities": []string{"fk", "molndal", "lerum"}}}}
	}
	refused(o.call(sender, http.MethodPost, at+"/amendments", map[string]string{"If-Match": `"1"`}, amendment("2025-4")), "/changes/consent/textVersion")
	o.do(sender, 200, http.MethodPost, at+"/amendments", map[string]string{"If-Match": `"1"`}, amendment("2026-1"))
}
