package standalone_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/services/gateway/contract"
	"github.com/finsam/finsam/services/standalone/demo"
)

// send sends a request with header lines as they are given, two for each, and returns
// the answer.
func (o *office) send(who demo.Claims, method, path, body string, header ...string) *httptest.ResponseRecorder {
	o.t.Helper()
	r := httptest.NewRequestWithContext(o.t.Context(), method, "/finsam/v1"+path, strings.NewReader(body))
	token, err := o.issuer.Token(who)
	if err != nil {
		o.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i+1 < len(header); i += 2 {
		if header[i] == "Content-Type" {
			r.Header.Del(header[i])
		}
		r.Header.Add(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	o.door.ServeHTTP(w, r)
	return w
}

// post posts a referral and returns the answer with its status.
func (o *office) post(body string, header ...string) (status int, answer map[string]any) {
	o.t.Helper()
	w := o.send(sender, http.MethodPost, "/referrals", body, header...)
	if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
		o.t.Fatal(err, w.Body)
	}
	return w.Code, answer
}

// fault returns the first field that a problem names, and the problem's code.
func fault(t *testing.T, answer map[string]any) (pointer, code string) {
	t.Helper()
	list, _ := answer["errors"].([]any)
	if len(list) == 0 {
		t.Fatalf("no field is named: %v", answer)
	}
	field := list[0].(map[string]any)
	return field["pointer"].(string), field["code"].(string)
}

// TestCase_C5_HeadIsAnsweredAsGet asks every operation that has GET with HEAD as well.
func TestCase_C5_HeadIsAnsweredAsGet(t *testing.T) {
	o := open(t, newData(t))
	_, all, err := contract.Read()
	if err != nil {
		t.Fatal(err)
	}
	parameter := regexp.MustCompile(`\{[a-z]+\}`)
	asked := 0
	for _, op := range all {
		if op.Method != http.MethodGet {
			continue
		}
		asked++
		path := parameter.ReplaceAllString(op.Path, "7d444840-9dc0-41d1-b245-5ffdce74fad2")
		get, head := o.send(receiver, http.MethodGet, path, ""), o.send(receiver, http.MethodHead, path, "")
		if head.Code != get.Code || head.Body.Len() > 0 || head.Header().Get("Content-Type") != get.Header().Get("Content-Type") || head.Header().Get("ETag") != get.Header().Get("ETag") {
			t.Errorf("%s: HEAD is answered %d with %d bytes, GET %d", op.ID, head.Code, head.Body.Len(), get.Code)
		}
	}
	if asked < 20 {
		t.Errorf("%d operations were asked", asked)
	}
}

func TestCase_C6_IdsInUpperCaseAreTheSameIds(t *testing.T) {
	o := open(t, newData(t))
	_, created := o.post(aReferral, "Idempotency-Key", "c6")
	id := created["id"].(string)
	if got := o.do(receiver, 200, http.MethodGet, "/referrals/"+strings.ToUpper(id), nil, nil); got["id"] != id {
		t.Errorf("in a path: %v", got["id"])
	}
	participant := created["participant"].(string)
	body := map[string]any{"participants": []string{strings.ToUpper(participant)}}
	got := o.do(receiver, 200, http.MethodPost, "/participants/identities", nil, body)
	if items, _ := got["items"].([]any); len(items) != 1 || items[0].(map[string]any)["participant"] != participant {
		t.Errorf("in a body: %v", got)
	}
	if found := o.list(receiver, "/referrals?participant="+strings.ToUpper(participant)); len(found) != 1 {
		t.Errorf("in a query: %v", found)
	}
}

func TestCase_C7_IfMatchIsReadAsItsStandardSays(t *testing.T) {
	for name, c := range map[string]struct {
		lines  []string
		status int
	}{
		"a list":             {[]string{`"99", "1"`}, 200},
		"two lines":          {[]string{`"99"`, `"1"`}, 200},
		"any":                {[]string{`*`}, 200},
		"made weak":          {[]string{`W/"1"`}, 200},
		"without quotes":     {[]string{`1`}, 400},
		"a word":             {[]string{`x`}, 400},
		"another version":    {[]string{`"99"`}, 412},
		"of another program": {[]string{`"abc"`}, 412},
	} {
		t.Run(name, func(t *testing.T) {
			o := open(t, newData(t))
			_, created := o.post(aReferral, "Idempotency-Key", "c7")
			var header []string
			for _, line := range c.lines {
				header = append(header, "If-Match", line)
			}
			w := o.send(receiver, http.MethodPost, "/referrals/"+created["id"].(string)+"/supplement-requests", `{"text":"Vad saknas? Påhittat."}`, header...)
			if w.Code != c.status {
				t.Fatalf("%d, want %d: %s", w.Code, c.status, w.Body)
			}
			if c.status == 400 && !strings.Contains(w.Body.String(), `"pointer":"If-Match"`) {
				t.Errorf("the header is not named: %s", w.Body)
			}
		})
	}
}

func TestCase_C8_MediaTypesHaveNoCase(t *testing.T) {
	o := open(t, newData(t))
	for _, media := range []string{"Application/json", "APPLICATION/JSON; Charset=UTF-8"} {
		if status, answer := o.post(aReferral, "Idempotency-Key", "c8", "Content-Type", media); status != 201 {
			t.Errorf("%s: %d %v", media, status, answer)
		}
	}
}

func TestCase_C9_AListInAQueryHasTwoForms(t *testing.T) {
	o := open(t, newData(t))
	o.post(aReferral, "Idempotency-Key", "c9")
	for _, query := range []string{"state=submitted,accepted", "state=submitted&state=accepted", "state=accepted&state=rejected,submitted"} {
		if items := o.list(receiver, "/referrals?"+query); len(items) != 1 {
			t.Errorf("%s: %d items", query, len(items))
		}
	}
}

// TestCase_C10_NullIsAbsentWhereAFieldIsOptional sends every optional field of a referral
// and its person as null, one at a time.
func TestCase_C10_NullIsAbsentWhereAFieldIsOptional(t *testing.T) {
	o := open(t, newData(t))
	for n, field := range []string{"externalReference", "source", "rightTime", "contact", "person/gender", "person/phone", "person/email", "person/protection"} {
		var body map[string]any
		if err := json.Unmarshal([]byte(aReferral), &body); err != nil {
			t.Fatal(err)
		}
		if name, inPerson := strings.CutPrefix(field, "person/"); inPerson {
			body["person"].(map[string]any)[name] = nil
		} else {
			body[field] = nil
		}
		text, _ := json.Marshal(body)
		if status, answer := o.post(string(text), "Idempotency-Key", fmt.Sprint("c10-", n)); status != 201 {
			t.Errorf("%s: %d %v", field, status, answer)
		}
	}
	status, answer := o.post(strings.Replace(aReferral, `"1481"`, `null`, 1), "Idempotency-Key", "c10")
	if pointer, code := fault(t, answer); status != 400 || pointer != "/wishedMunicipality" || code != "not-null" {
		t.Errorf("a required field: %d %s %s", status, pointer, code)
	}
}

func TestCase_C11_AKeyInQuotesIsTheSameKey(t *testing.T) {
	o := open(t, newData(t))
	first, a := o.post(aReferral, "Idempotency-Key", "8e03978e")
	again, b := o.post(aReferral, "Idempotency-Key", `"8e03978e"`)
	if first != 201 || again != 201 || a["id"] != b["id"] {
		t.Errorf("%d %v, then %d %v", first, a["id"], again, b["id"])
	}
}

func TestCase_C12_ATextSaysSomething(t *testing.T) {
	o := open(t, newData(t))
	o.post(aReferral, "Idempotency-Key", "c12-first")
	reason := regexp.MustCompile(`"reason":"[^"]*"`)
	for _, text := range []string{"   ", `\u200b`, `\n\t`, "…"} {
		status, answer := o.post(reason.ReplaceAllLiteralString(aReferral, `"reason":"`+text+`"`), "Idempotency-Key", "c12")
		if pointer, code := fault(t, answer); status != 422 || pointer != "/reason" || code != "says-nothing" {
			t.Errorf("%q: %d %s %s", text, status, pointer, code)
		}
	}
	for name, want := range map[string]string{"  ": "says-nothing", `Tolvan\u202e`: "format", `Tol\nvan`: "format", `Tol\u2060van`: "format"} {
		status, answer := o.post(strings.Replace(aReferral, `"Tolvan"`, `"`+name+`"`, 1), "Idempotency-Key", "c12-name")
		if pointer, code := fault(t, answer); status < 400 || pointer != "/person/givenName" || code != want {
			t.Errorf("%q: %d %s %s", name, status, pointer, code)
		}
	}
	referral := "/referrals/" + o.do(receiver, 200, http.MethodGet, "/referrals", nil, nil)["items"].([]any)[0].(map[string]any)["id"].(string)
	for step, body := range map[string]string{"rejection": `{"code":"other","text":"   "}`, "supplement-requests": `{"text":"\u200b"}`} {
		var answer map[string]any
		w := o.send(receiver, http.MethodPost, referral+"/"+step, body, "If-Match", "*")
		_ = json.Unmarshal(w.Body.Bytes(), &answer)
		if pointer, code := fault(t, answer); w.Code != 422 || pointer != "/text" || code != "says-nothing" {
			t.Errorf("%s: %d %s %s", step, w.Code, pointer, code)
		}
	}
	_, created := o.post(strings.Replace(aReferral, `"Påhittad"`, `"Pa\u030ahittad"`, 1), "Idempotency-Key", "c12-nfc")
	if got := o.do(receiver, 200, http.MethodGet, "/participants/"+created["participant"].(string), nil, nil); got["familyName"] != "Påhittad" {
		t.Errorf("the name is %+q", got["familyName"])
	}
}

func TestCase_C13_WhatIsNoCharacterIsRefusedByName(t *testing.T) {
	o := open(t, newData(t))
	reason := regexp.MustCompile(`"reason":"[^"]*"`)
	for _, text := range []string{`a\ud800`, `\udc00b`, `a\u0000b`} {
		status, answer := o.post(reason.ReplaceAllLiteralString(aReferral, `"reason":"`+text+`"`), "Idempotency-Key", "c13")
		if pointer, code := fault(t, answer); status != 422 || pointer != "/reason" || code != "not-a-character" {
			t.Errorf("%s: %d %s %s", text, status, pointer, code)
		}
	}
}

// TestCase_D1_EachCallerReadsWhoTheyAre is: a front end learns from one answer whom its token
// speaks for: all that the token says of that, and nothing else.
func TestCase_D1_EachCallerReadsWhoTheyAre(t *testing.T) {
	o := open(t, newData(t))
	_, participant := o.refer(1, nil)
	both := coach1
	both.Roles = []actor.Role{actor.Coach, actor.Manager}
	for _, c := range []struct {
		who  demo.Claims
		want map[string]any
	}{
		{receiver, map[string]any{"subject": "intake-1", "authority": "molndal", "authorityKind": "municipality", "municipality": "1481", "unit": "molndal-1", "roles": []any{"intake"}}},
		{officer, map[string]any{"subject": "fk-9", "authority": "fk", "authorityKind": "social_insurance", "unit": "fk-molndal", "roles": []any{"referrer"}}},
		{both, map[string]any{"subject": "coach-1", "authority": "molndal", "authorityKind": "municipality", "municipality": "1481", "unit": "molndal-1", "roles": []any{"coach", "manager"}}},
		{demo.Claims{Roles: []actor.Role{actor.Participant}, Authority: "self", Participant: participant, Subject: "person-1", Lifetime: time.Hour},
			map[string]any{"subject": "person-1", "authority": "self", "authorityKind": "self", "participant": participant, "roles": []any{"participant"}}},
	} {
		got := o.do(c.who, 200, http.MethodGet, "/me", nil, nil)
		if names := links(got); !slices.Equal(names, []string{"self"}) {
			t.Errorf("%s has the links %v", c.who.Subject, names)
		}
		delete(got, "_links")
		if c.want["association"] = "insjoriket"; !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s reads %v, not %v", c.who.Subject, got, c.want)
		}
	}
	o.want(401, demo.Claims{}, http.MethodGet, "/me", "", nil)
}
