package e2e

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/finsam/finsam/pkg/persontest"
	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/pkg/store/sqlite"
	"github.com/finsam/finsam/test/suite"
)

// bird is an invented person with words that nobody else says.
type bird struct {
	persontest.Person
	text string // part of every free text
	*canary
}

func newBird(seed uint64) bird {
	b := bird{Person: persontest.New(rand.New(rand.NewPCG(seed, 7)), day(0)), text: "kanariesång-Ödmjukast", canary: &canary{}}
	b.GivenName, b.FamilyName, b.Email = "Örnulfina", "Kanariefågelsson", "kanariefagel@invented.example"
	b.canary.Number("the number", b.Person.Number)
	b.Text("the given name", b.GivenName)
	b.Text("the family name", b.FamilyName)
	b.Text("the e-mail address", b.Email)
	b.Text("the phone number", b.Phone)
	b.Text("the free text", b.text)
	return b
}

// control is what may stand in clear: it shows that the search looks where the
// services really write.
const control = "KONTROLL-4711-fyndplats"

func TestWhoAPersonIsAppearsNowhereInClear(t *testing.T) {
	b, c := newBird(3), startCollector(t)
	redis := startRedis(t)
	s := suite.FourProcesses(t, slices.Concat(unlimited, c.Env(), redis.env(), []string{"FINSAM_LOG_LEVEL=debug"})...)
	w := walk{s, t}
	b.livesThroughTheStory(w)
	found := b.isPutInWrongPlaces(w)
	time.Sleep(time.Second) // spans, events and metrics are on their way
	for _, look := range b.places(t, s, c, redis) {
		found = append(found, look()...)
	}
	for _, p := range s.Processes {
		p.Stop()
	}
	found = append(found, b.files(t, s.Data)...) // what they wrote at the end
	for service, events := range openBooks(t, s.Data, "").feed {
		if len(events) == 0 {
			t.Errorf("the feed of %s is empty: nothing is proven of it", service)
		}
		text, err := json.Marshal(events)
		if err != nil {
			t.Errorf("the feed of %s cannot be written: %v", service, err)
		}
		found = append(found, b.In("the feed of "+service, text)...)
		found = append(found, b.documents(t, s.Data, service)...)
	}
	for _, f := range found {
		t.Error(f)
	}
	b.wouldHaveBeenFound(t, s, c, redis)
}

// livesThroughTheStory leads the person through everything that takes personal
// data, up to the closing documentation and the protection of the identity.
func (b bird) livesThroughTheStory(w walk) {
	w.t.Helper()
	body := referral(b.Person.Number, b.GivenName, b.FamilyName)
	person := body["person"].(map[string]any)
	person["email"], person["phone"] = b.Email, b.Phone
	body["reason"], body["externalReference"] = b.text+" i remissen", control
	body["contact"] = map[string]any{"name": b.text + " på kontoret", "email": b.Email, "phone": b.Phone}
	b.isDrafted(w, body)
	made := w.Must(w.t, 201, suite.Request{
		Method: "POST", Path: "/referrals", Token: w.Token(w.t, fkSystem), Body: body, Header: map[string]string{"Idempotency-Key": "canary-1"},
	})
	thing := "/referrals/" + made.Text("id")
	w.change(intake, thing, "supplement-requests", map[string]any{"text": b.text + " i frågan"})
	w.change(fkSystem, thing, "supplements", map[string]any{"text": b.text + " i svaret"})
	b.sendsFiles(w, thing)
	w.change(intake, thing, "acceptance", map[string]any{"initiative": "activera", "startDate": day(-210), "coach": "coach-1"})
	enrolment := w.enrolled(thing)
	participant := w.get(coach, enrolment).Text("participant")
	w.change(coach, enrolment, "start", map[string]any{"startedOn": day(-210)})
	w.fillsTheWeek(enrolment, participant)
	w.state(coach, enrolment, "check_in_due")
	w.change(fkOfficer, enrolment, "check-ins/1/answer", map[string]any{"readiness": "ready", "text": b.text + " i avstämningen"})
	w.change(coach, enrolment, "check-ins/1/decision", map[string]any{
		"decision": "end", "decidedOn": day(-168), "reason": b.text + " i beslutet",
	})
	w.state(coach, enrolment, "closing")
	w.change(coach, enrolment, "closing-conversation", map[string]any{"heldOn": day(-40), "text": b.text + " i samtalet"})
	w.change(coach, enrolment, "closing-documentation", map[string]any{
		"closedOn": day(-40), "endReason": "own_choice", "occupationAfter": map[string]any{"kind": "none"},
		"livelihoodAfter": []string{"income_support"}, "summary": b.text + " i dokumentationen",
	})
	w.state(intake, thing, "closed")
	b.isRead(w, participant, thing, enrolment)
}

// sendsFiles attaches a file with the person in its content, its title and its
// name, and reads it; and sends some that are refused.
func (b bird) sendsFiles(w walk, thing string) {
	w.t.Helper()
	content := pdf + "% " + b.Person.Number + " " + b.GivenName + " " + b.FamilyName + " " + b.text + "\n"
	a := w.attach(fkSystem, thing, form(b.text+" i titeln "+b.Person.Number, "", content))
	named := bytes.ReplaceAll(form("", "", content), []byte("intyg.pdf"), []byte(b.FamilyName+" "+b.Person.Number+".pdf"))
	w.attach(fkSystem, thing, named)
	if got := w.get(intake, thing+"/attachments/"+a.Text("id")); string(got.Raw) != content {
		w.t.Errorf("the file came back otherwise: %q", got.Raw)
	}
	for _, body := range [][]byte{
		form(b.FamilyName+"\n"+b.Person.Number, "", content), form("", b.Person.Number+"/"+b.FamilyName, content), form("", "", "<html>"+b.text),
		bytes.ReplaceAll(named, []byte(`name="file"`), []byte(`name="`+b.Person.Number+`"`)),
	} {
		a, err := w.Do(suite.Request{Method: "POST", Path: thing + "/attachments", Token: w.Token(w.t, fkSystem), Body: body, Header: map[string]string{"Content-Type": formType}})
		if err != nil || a.Status < 400 || len(b.In("the refusal of a file", a.Raw)) > 0 {
			w.t.Errorf("%v %d %s", err, a.Status, a.Raw)
		}
	}
}

// isDrafted writes the person into two drafts: one stays, and one is refused when
// it is sent.
func (b bird) isDrafted(w walk, body map[string]any) {
	w.t.Helper()
	token := w.Token(w.t, fkOfficer)
	w.Must(w.t, 201, suite.Request{Method: "POST", Path: "/drafts", Token: token, Body: body})
	wrong := maps.Clone(body)
	wrong["externalReference"], wrong["wishedMunicipality"] = b.Person.Number, "9999"
	made := w.Must(w.t, 201, suite.Request{Method: "POST", Path: "/drafts", Token: token, Body: wrong})
	if len(b.In("the draft", made.Raw)) == 0 {
		w.t.Errorf("the draft does not say who it is about: %s", made.Raw)
	}
	w.Must(w.t, 422, suite.Request{
		Method: "POST", Path: "/drafts/" + made.Text("id") + "/sending", Token: token, Header: map[string]string{"If-Match": `"1"`},
	})
}

// isRead reads the person in clear where that is right, which also shows that
// the search would know the words; and then has the identity protected.
func (b bird) isRead(w walk, participant, thing, enrolment string) {
	w.t.Helper()
	at := "/participants/" + participant
	if a := w.get(coach, at); len(b.In("the vault's answer", a.Raw)) == 0 {
		w.t.Errorf("the coach does not see who it is: %s", a.Raw)
	}
	w.Must(w.t, 200, suite.Request{
		Method: "POST", Path: "/participants/identities", Token: w.Token(w.t, coach), Body: map[string]any{"participants": []string{participant}},
	})
	for _, path := range []string{thing, enrolment} {
		if a := w.get(coach, path); len(b.In("an answer", a.Raw)) == 0 {
			w.t.Errorf("the coach does not see the texts of %s", path)
		}
	}
	w.change(coach, at, "consent-withdrawals", map[string]any{"referral": strings.TrimPrefix(thing, "/referrals/"), "text": b.text + " i återkallelsen"})
	w.change(coach, at, "protection", map[string]any{"level": "confidentiality_marking", "handlers": []string{"somebody-else"}})
}

// isPutInWrongPlaces sends the person's data where they do not belong. No answer
// may repeat them.
func (b bird) isPutInWrongPlaces(w walk) (found []finding) {
	w.t.Helper()
	number, name := b.Person.Number, url.PathEscape(b.FamilyName)
	token := w.Token(w.t, fkSystem)
	for _, path := range []string{
		"/referrals/" + number, "/referrals?state=" + number, "/referrals?" + number + "=1", "/participants/" + number[2:8] + "-" + number[8:],
		"/referrals?personalIdentityNumber=" + number, "/persons/" + number, "/" + name, "/referrals/" + name + "/acceptance",
		"/calendars/" + number, "/municipalities/" + number + "/week", "/municipalities/1481/week?week=" + number, "/docs/problems/" + number,
		"/referrals?cursor=" + number, "/enrolments?participant=" + number, "/../" + number, "/%zz" + number,
	} {
		for _, method := range []string{"GET", "POST", "DELETE", number} {
			found = append(found, b.sent(w, method, path, nil, `{"a":1}`, token)...)
		}
	}
	for _, header := range []string{
		"Idempotency-Key", "X-Request-Id", "traceparent", "tracestate", "baggage", "User-Agent", "Referer", "If-Match", "If-None-Match",
		"Accept-Language", "Content-Type", "X-Forwarded-For", "X-Forwarded-Host", "Origin", "Cookie", "Authorization", "X-" + number, "Accept", "Range",
	} {
		for _, value := range []string{number, b.FamilyName, `"` + number + `"`, "Bearer " + number, "a=" + number, "r." + number} {
			found = append(found, b.sent(w, "GET", "/referrals", map[string]string{header: value}, "", token)...)
			found = append(found, b.sent(w, "POST", "/referrals", map[string]string{header: value}, `{"reason":"x"}`, token)...)
		}
	}
	for _, body := range []string{
		number, `"` + number + `"`, `{"` + number + `":1}`, `{"person":"` + number + `"}`, `{"person":{"personalIdentityNumber":"` + number,
		`{"person":{"personalIdentityNumber":"` + number + `x"}}`, `{"unit":"` + number + `","externalReference":"` + number + `"}`,
		`{"targetGroup":{"reasons":["` + number + `","` + b.FamilyName + `"]}}`, `{"wishedMunicipality":"` + number + `"}`,
		`[["` + b.FamilyName + `"]]`, `{"a":` + strings.Repeat("[", 200) + `"` + number + `"`, "\xff" + number, b.text + strings.Repeat(" ", 2<<20),
	} {
		found = append(found, b.sent(w, "POST", "/referrals", nil, body, token)...)
	}
	return append(found, b.isReferredWrongly(w, token)...)
}

// isReferredWrongly sends whole referrals that a rule refuses.
func (b bird) isReferredWrongly(w walk, token string) (found []finding) {
	for _, spoil := range []func(body map[string]any){
		func(body map[string]any) { body["externalReference"] = b.Person.Number },
		func(body map[string]any) {
			body["externalReference"] = "PNR:" + b.Person.Number[2:8] + "-" + b.Person.Number[8:]
		},
		func(body map[string]any) { body["wishedMunicipality"] = "9999" },
		func(body map[string]any) { body["unit"] = b.Person.Number },
		func(body map[string]any) { body["unit"] = "enhet " + b.Person.Number[2:] },
		func(body map[string]any) { body["consent"].(map[string]any)["given"] = false },
		func(body map[string]any) { body["consent"].(map[string]any)["textVersion"] = b.Person.Number },
		func(body map[string]any) {
			body["consent"].(map[string]any)["authorities"] = []string{"kanariefagelsson"}
		},
		func(body map[string]any) {
			body["person"].(map[string]any)["personalIdentityNumber"] = b.Person.Number[:11] + string('0'+(b.Person.Number[11]-'0'+1)%10)
		},
	} {
		body := referral(b.Person.Number, b.GivenName, b.FamilyName)
		body["reason"] = b.text
		spoil(body)
		a, err := w.Do(suite.Request{
			Method: "POST", Path: "/referrals", Token: token, Body: body,
			Header: map[string]string{"Idempotency-Key": b.Person.Number, "tracestate": "a=" + b.Person.Number, "baggage": "b=" + b.Person.Number},
		})
		if err == nil && a.Status < 300 {
			continue // taken; then it is stored, and looked for there
		}
		found = append(found, b.In("the refusal of a referral", a.Raw)...)
	}
	return found
}

// sent creates a call by hand and looks into its answer, headers and all. What a
// client library or a proxy refuses by itself says nothing about the product.
func (b bird) sent(w walk, method, path string, header map[string]string, body, token string) []finding {
	req, err := http.NewRequest(method, w.Base+path, strings.NewReader(body))
	if err != nil {
		return nil
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/json")
	for k, v := range header {
		req.Header.Set(k, v)
	}
	resp, err := plain.Do(req)
	if err != nil {
		return nil
	}
	defer resp.Body.Close()
	answer, _ := io.ReadAll(resp.Body)
	where := "the answer to a " + method[:min(len(method), 6)] + " with it in the wrong place"
	if header["X-Request-Id"] == "" { // a caller's own id is given back as the API promises
		for k, all := range resp.Header {
			answer = append(answer, k+": "+strings.Join(all, ",")+"\n"...)
		}
	}
	return b.In(where, answer)
}

var plain = &http.Client{Timeout: 10 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}

// places are those where personal data could come to light, each as a look.
func (b bird) places(t *testing.T, s *suite.Suite, c *collector, r *redisServer) []func() []finding {
	all := []func() []finding{
		func() []finding { return b.files(t, s.Data) },
		func() []finding { return b.In("the exported telemetry", c.Raw()) },
		func() []finding { return b.In("Redis", r.dump(t)) },
	}
	for _, p := range s.Processes {
		for _, page := range []string{"/metrics", "/readyz", "/livez"} {
			all = append(all, func() []finding { return b.In(page+" of "+p.Name, fetch(t, p.Admin+page)) })
		}
	}
	return all
}

func (b bird) files(t *testing.T, folder string) []finding {
	t.Helper()
	found, files, size, err := b.InFolder(folder)
	if err != nil || files < 8 || size < 100_000 {
		t.Errorf("%d files with %d bytes were searched: too few; %v", files, size, err)
	}
	return found
}

// documents searches the documents of which some are so long that they are compressed in the
// files.
func (b bird) documents(t *testing.T, data, service string) (found []finding) {
	t.Helper()
	db, err := sqlite.Open(t.Context(), filepath.Join(data, service+".db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	e := db.Engine(service)
	n := 0
	for _, collection := range slices.Concat(telling[service], []string{"access_log", "notices", "deliveries"}) {
		if err := e.Prepare(t.Context(), store.Spec{Name: collection}); err != nil {
			t.Fatal(err)
		}
		for at := (store.Position{}); ; {
			docs, err := e.Walk(t.Context(), collection, at, 100)
			if err != nil {
				t.Fatal(err)
			}
			if len(docs) == 0 {
				break
			}
			n += len(docs)
			for _, d := range docs {
				var body any
				err := d.Decode(&body)
				text, writeErr := json.Marshal(body)
				if err := errors.Join(err, writeErr); err != nil {
					t.Fatal(err)
				}
				found = append(found, b.In(collection+" of "+service, text)...)
				at = store.Position{Association: d.Association, ID: d.ID}
			}
		}
	}
	if n < 10 {
		t.Errorf("%d documents of %s were searched: too few", n, service)
	}
	return found
}

func fetch(t *testing.T, address string) []byte {
	t.Helper()
	resp, err := plain.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// wouldHaveBeenFound shows that the test can fail: what may stand in clear is
// found in the databases, and what may not is found once it is planted.
func (b bird) wouldHaveBeenFound(t *testing.T, s *suite.Suite, c *collector, r *redisServer) {
	t.Helper()
	known := &canary{}
	known.Text("the control", control)
	if found, _, _, _ := known.InFolder(s.Data); len(found) == 0 {
		t.Error("the referral's reference, which is stored in clear, was not found: the search does not see what the services write")
	}
	if !strings.Contains(string(c.Raw()), "finsam-participant") {
		t.Error("no telemetry of the participant service was searched")
	}
	logged := map[string]bool{}
	for _, l := range c.Lines() {
		logged[l.Service] = true
	}
	for _, service := range suite.Services {
		if !logged["finsam-"+service] {
			t.Errorf("no line of %s was among the exported logs that were searched", service)
		}
	}
	for file, text := range map[string]string{
		"participant.db": "\x00\x05" + b.FamilyName, "gateway.log": "GET /referrals/" + b.Person.Number + "\n", "activity.db-wal": b.text,
	} {
		plant(t, filepath.Join(s.Data, file), text)
		found, _, _, err := b.InFolder(s.Data)
		if err != nil || !slices.ContainsFunc(found, func(f finding) bool { return strings.Contains(f.where, file) }) {
			t.Errorf("what was planted in %s was not found: %v %v", file, found, err)
		}
	}
	resp, err := plain.Post(c.URL+"/v1/logs", "application/x-protobuf", strings.NewReader("\x0a"+b.Email))
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if len(b.In("telemetry", c.Raw())) == 0 {
		t.Error("what was planted in the telemetry was not found")
	}
	r.plant("finsam:planted", b.Person.Number)
	if r.server != nil && len(b.In("Redis", r.dump(t))) == 0 {
		t.Error("what was planted in Redis was not found")
	}
}

func plant(t *testing.T, path, text string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString(text); err != nil {
		t.Fatal(err)
	}
}
