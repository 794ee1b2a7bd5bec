package rest_test

import (
	"bytes"
	"cmp"
	"encoding/csv"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/finsam/finsam/pkg/actor"
	api "github.com/finsam/finsam/pkg/api/referral"
	"github.com/finsam/finsam/pkg/feed"
	"github.com/finsam/finsam/pkg/persontest"
	"github.com/finsam/finsam/pkg/servicetest"
	"github.com/finsam/finsam/pkg/web/webtest"
	"github.com/finsam/finsam/services/referral"
	"github.com/finsam/finsam/services/referral/referraltest"
)

// matrix is testdata/visibility.yaml, which explains itself.
type matrix struct {
	Points   map[string]referral.State
	Consents map[string][]string
	Never    map[string][]string
	Senders  []string
	Sets     [][]string
	Rows     []struct {
		Party, Point, Consent []string
		Sight                 sight `yaml:",inline"`
	}
}

// sight is what one party sees at one point under one consent.
type sight struct {
	Shows      string
	Hides, May []string
	Events     []string
}

type cell struct{ party, point, consent string }

// parties are all that the matrix must have rows for.
var parties = []string{
	"sender_system", "sender_unit", "receiver", "coach", "handler", "asked", "person", "applicant",
	"other_unit", "other_authority", "other_municipality", "other_person", "board", "association_admin",
}

func readMatrix(t *testing.T) (m matrix, cells map[cell]sight) {
	t.Helper()
	text, err := os.ReadFile("testdata/visibility.yaml")
	servicetest.Must(t, err)
	d := yaml.NewDecoder(bytes.NewReader(text))
	d.KnownFields(true)
	servicetest.Must(t, d.Decode(&m))
	cells = map[cell]sight{}
	for _, r := range m.Rows {
		for _, party := range r.Party {
			for _, point := range r.Point {
				for _, consent := range r.Consent {
					if _, twice := cells[cell{party, point, consent}]; twice {
						t.Errorf("two rows are about %s, %s, %s", party, point, consent)
					}
					s := r.Sight
					if s.Shows == "itself" {
						s.Shows = string(m.Points[point])
					}
					cells[cell{party, point, consent}] = s
				}
			}
		}
	}
	for _, party := range parties {
		for point := range m.Points {
			for consent := range m.Consents {
				if _, ok := cells[cell{party, point, consent}]; !ok {
					t.Errorf("no row is about %s, %s, %s", party, point, consent)
				}
			}
		}
	}
	if len(cells) != len(parties)*len(m.Points)*len(m.Consents) {
		t.Errorf("a row is about a party, a point or a consent that does not exist")
	}
	return m, cells
}

// TestTheVisibilityMatrix brings one referral to each point under each consent, for each
// kind of sender, and lets every party ask for all that a party can ask for.
func TestTheVisibilityMatrix(t *testing.T) {
	m, cells := readMatrix(t)
	for i, kind := range m.Senders {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			w := newMatrixWorld(t, kind)
			var last *matrixCase
			points := slices.Sorted(maps.Keys(m.Points))
			if i > 0 { // where the consent begins to matter, and where it has
				points = []string{"submitted", "accepted", "enrolled", "closed"}
			}
			for _, point := range points {
				for _, consent := range slices.Sorted(maps.Keys(m.Consents)) {
					if slices.Contains(m.Never[consent], point) {
						continue
					}
					if last != nil {
						readers := []actor.Actor{last.holder()}
						for _, party := range streamed {
							if who, walked := w.cast(party, last); walked {
								readers = append(readers, who)
							}
						}
						for _, who := range readers {
							_, _, w.positions[who.Owner()] = w.stream(t, who, last)
						}
					}
					c := w.bring(t, point, consent, m.Consents[consent], m.Points[point])
					last = c
					var all sync.WaitGroup
					for _, party := range parties {
						if who, walked := w.cast(party, c); walked {
							all.Go(func() { w.ask(t, cell{party, point, consent}, who, c, cells[cell{party, point, consent}]) })
						}
					}
					all.Wait()
				}
			}
		})
	}
}

// matrixWorld is a service with one sender, whose referrals come one after the other.
type matrixWorld struct {
	*front
	kind      string
	sender    actor.Actor       // by whom the referrals come in
	numbers   *rand.Rand        // of invented people
	n         int               // of referrals
	events    int               // of the participant service
	hooks     map[string]string // webhooks, by party
	positions map[string]string // in the event streams, by authority, behind the case before
	export    sync.Mutex        // there is one at a time
}

// matrixCase is a referral at a point.
type matrixCase struct {
	id, number, person, enrolment string
	kinds                         []string       // of all steps, in order
	beforeEnd                     []string       // of the steps before the consent was withdrawn; nil: it was not
	real                          referral.State // of the point
}

var otherMunicipality = actor.Actor{Subject: "mottagare-4", Association: "insjoriket", Authority: "lerum", AuthorityKind: actor.Municipality,
	Municipality: "1441", Roles: []actor.Role{actor.Intake}}

func newMatrixWorld(t *testing.T, kind string) *matrixWorld {
	w := &matrixWorld{front: newFront(t), kind: kind, numbers: rand.New(rand.NewPCG(1, 2)), hooks: map[string]string{}, positions: map[string]string{}}
	w.Run(t)
	id := map[string]string{"social_insurance": "fk", "employment_service": "af", "region": "vgr", "municipality": "molndal", "private_care": "pahittad-vard"}[kind]
	w.sender = actor.Actor{Subject: "sender-system", Association: "insjoriket", Authority: id, AuthorityKind: actor.AuthorityKind(kind), Unit: "unit-1", Roles: []actor.Role{actor.Integration}}
	if kind == "handed_in" {
		w.sender = referraltest.Intake
	}
	for party, who := range map[string]actor.Actor{"sender_system": w.sender, "receiver": referraltest.Intake, "asked": referraltest.Partille} {
		if id == "" && party == "sender_system" {
			continue
		}
		var hook api.WebhookWithSecret
		w.do(t, webtest.Request{Method: "POST", Path: "/webhooks", As: who, Body: map[string]any{"url": "https://" + strings.ReplaceAll(party, "_", "-") + ".example.se/"}}).Into(t, 201, &hook)
		w.hooks[party] = hook.Id
	}
	return w
}

// do asks without the comparison with the contract, which other tests make.
func (w *matrixWorld) do(t *testing.T, r webtest.Request) *webtest.Response {
	t.Helper()
	return w.trust.Do(t, w.handler, r)
}

// post does something to a referral at a version.
func (w *matrixWorld) post(t *testing.T, who actor.Actor, id, act, tag string, body any) *webtest.Response {
	t.Helper()
	return w.do(t, webtest.Request{Method: "POST", Path: "/referrals/" + id + "/" + act, As: who, Body: body, Header: map[string]string{"If-Match": tag}})
}

// cast returns who the party is in a case. What does not depend on the sender is walked
// with one of them.
func (w *matrixWorld) cast(party string, c *matrixCase) (who actor.Actor, walked bool) {
	official := w.sender
	official.Subject, official.Roles = "sender-official", []actor.Role{actor.Referrer}
	otherUnit := official
	otherUnit.Unit = "unit-2"
	otherAuthority := referraltest.FK
	otherAuthority.Authority, otherAuthority.AuthorityKind = "af", actor.EmploymentService
	isApplication := w.kind == "self" || w.kind == "handed_in"
	switch party {
	case "sender_system":
		return w.sender, !isApplication
	case "sender_unit":
		return official, !isApplication
	case "applicant":
		return referraltest.Person(c.person), isApplication
	}
	return map[string]actor.Actor{
		"receiver": referraltest.Intake, "handler": referraltest.Intake2, "coach": referraltest.Coach, "asked": referraltest.Partille,
		"person": referraltest.Person(c.person), "other_person": referraltest.Person((&referraltest.People{}).Of("nobody")),
		"other_unit": otherUnit, "other_authority": otherAuthority, "other_municipality": otherMunicipality,
		"board": referraltest.Board, "association_admin": referraltest.Admin,
	}[party], w.kind == "social_insurance"
}

// What is written of each category, and nowhere else in a referral.
var categoryMarks = map[string][]string{
	"progress": {"coach-77", "2026-03-17", "2026-08-30"},
	"outcome":  {"interrupted", "Avbröt"},
	"texts":    {"Påhittad kanarieorsak"},
}

// actsTo returns the way to a point: acts of people as path and body, events of the
// participant service as kind and data.
func (w *matrixWorld) actsTo(point string) (acts []matrixAct) {
	text := map[string]any{"text": "Påhittat."}
	accepted := matrixAct{who: referraltest.Intake, path: "acceptance", kind: "accepted", body: map[string]any{"initiative": "activera", "startDate": "2026-03-17", "coach": "coach-77"}}
	transfer := matrixAct{who: referraltest.Intake, path: "transfer-requests", kind: "transfer_requested", body: map[string]any{"municipality": "1402", "text": "Påhittat."}}
	planned := matrixAct{path: "planned", kind: "enrolled", data: map[string]string{"firstDay": "2026-03-17", "lastDay": "2026-08-30"}}
	started := matrixAct{path: "started", kind: "progress_reported", data: map[string]string{"on": "2026-03-17", "number": "1"}}
	due := matrixAct{path: "check_in_due", kind: "progress_reported", data: map[string]string{"number": "1"}}
	by := "referrer"
	if w.sender.Has(actor.Participant) {
		by = "person"
	}
	return map[string][]matrixAct{
		"supplement_requested": {{who: referraltest.Intake, path: "supplement-requests", kind: "supplement_requested", body: text}},
		"transfer_requested":   {transfer},
		"handed_over":          {transfer, {who: referraltest.Partille, path: "transfer-acceptance", kind: "transfer_accepted", body: map[string]any{}}},
		"waitlisted":           {{who: referraltest.Intake, path: "waitlisting", kind: "waitlisted", body: map[string]any{"priority": "high"}}},
		"rejected":             {{who: referraltest.Intake, path: "rejection", kind: "rejected", body: map[string]any{"code": "other", "text": "Påhittat."}}},
		"withdrawn":            {{who: w.sender, path: "withdrawal", kind: "withdrawn", body: map[string]any{"by": by}}},
		"entered_in_error":     {{who: w.sender, path: "error-marking", kind: "marked_in_error", body: text}},
		"accepted":             {accepted},
		"enrolled":             {accepted, planned},
		"check_in":             {accepted, planned, started, due},
		"closed":               {accepted, planned, started, {path: "closed", kind: "closed", data: map[string]string{"outcome": "interrupted", "on": "2026-03-20"}}},
	}[point]
}

type matrixAct struct {
	who        actor.Actor // zero: the participant service
	path, kind string
	body       map[string]any
	data       map[string]string
}

// bring sends a referral and brings it to the point.
func (w *matrixWorld) bring(t *testing.T, point, consent string, categories []string, real referral.State) *matrixCase {
	t.Helper()
	w.n++
	w.Clock.Advance(time.Second) // deliveries are listed by the time of their making
	number := persontest.Number(w.numbers, "2026-03-01")
	body := newReferral()
	body["person"].(map[string]any)["personalIdentityNumber"] = number
	body["unit"], body["externalReference"] = w.sender.Unit, fmt.Sprint("case-", w.n)
	given := body["consent"].(map[string]any)
	given["authorities"], given["dataCategories"] = slices.Compact([]string{w.sender.Authority, "molndal", "partille"}), categories
	switch w.kind {
	case "self":
		w.sender = referraltest.Person(w.People.Of(number))
		given["authorities"] = []string{"molndal", "partille"}
		delete(body, "unit")
		delete(body, "externalReference")
	case "handed_in":
		body["source"] = "self_referral"
		delete(body, "unit")
	}
	r := read(t, w.do(t, webtest.Request{Method: "POST", Path: "/referrals", As: w.sender, Body: body}), 201)
	c := &matrixCase{
		id: r.Id, number: *r.RegistryNumber, person: r.Participant, enrolment: fmt.Sprintf("7d1f8f0a-7a55-5d5d-8a8e-%012d", w.n),
		kinds: []string{"submitted"}, real: real,
	}
	withdrawal := matrixAct{path: "consent_withdrawn", kind: "consent_withdrawn"}
	if consent == "withdrawn_early" {
		w.settle(t, c)
		w.act(t, c, withdrawal)
	}
	for _, a := range w.actsTo(point) {
		w.act(t, c, a)
	}
	w.settle(t, c)
	switch consent {
	case "withdrawn":
		w.act(t, c, withdrawal)
	case "protected":
		w.act(t, c, matrixAct{path: "protected", kind: "protected", data: map[string]string{
			"level": "confidentiality_marking", "authority": "molndal", "handlers": "mottagare-2"}})
	}
	w.settle(t, c)
	return c
}

func (w *matrixWorld) act(t *testing.T, c *matrixCase, a matrixAct) {
	t.Helper()
	if a.kind == "consent_withdrawn" {
		c.beforeEnd = slices.Clone(c.kinds)
	}
	c.kinds = append(c.kinds, a.kind)
	if a.who.Subject != "" {
		tag := w.do(t, webtest.Request{Method: "GET", Path: "/referrals/" + c.id, As: a.who}).Header.Get("ETag")
		if got := w.post(t, a.who, c.id, a.path, tag, a.body); got.Status != 200 {
			t.Fatalf("%s: %d %s", a.path, got.Status, got.Body)
		}
		return
	}
	w.events++
	e := feed.Event{ID: fmt.Sprint("e/", w.events), Type: "se.finsam.enrolment." + a.path, Subject: c.enrolment, Association: "insjoriket", Data: map[string]string{"referral": c.id}}
	if a.path == "protected" || a.path == "consent_withdrawn" {
		e.Type, e.Subject = "se.finsam.participant."+a.path, c.person
	}
	for k, v := range a.data {
		e.Data[k] = v
	}
	w.Peer.Add(e)
	servicetest.Eventually(t, fmt.Sprint(c.kinds, " are stored"), func() bool {
		return servicetest.Version(w.do(t, webtest.Request{Method: "GET", Path: "/referrals/" + c.id, As: c.holder()}).Header) == fmt.Sprintf(`"%d"`, len(c.kinds))
	})
}

// holder is the municipality that has the referral.
func (c *matrixCase) holder() actor.Actor {
	if slices.Contains(c.kinds, "transfer_accepted") {
		return referraltest.Partille
	}
	return referraltest.Intake
}

// settle waits until all steps have gone out.
func (w *matrixWorld) settle(t *testing.T, c *matrixCase) {
	t.Helper()
	last := len(c.kinds)
	for c.kinds[last-1] == "protected" { // which is in no stream
		last--
	}
	servicetest.Eventually(t, fmt.Sprint(c.kinds, " have gone out"), func() bool {
		ids, _, _ := w.stream(t, c.holder(), c)
		return slices.Contains(ids, fmt.Sprint(c.id, "/", last)) && !slices.ContainsFunc([]string{"sender_system", "receiver", "asked"}, func(party string) bool {
			return len(w.deliveries(t, party, "?state=waiting&limit=200")) > 0
		})
	})
}

// stream returns ids and kinds of the events about the case in a party's stream, and the
// position behind them.
func (w *matrixWorld) stream(t *testing.T, who actor.Actor, c *matrixCase) (ids, kinds []string, after string) {
	t.Helper()
	query := "/events?limit=200"
	if position := w.positions[who.Owner()]; position != "" {
		query += "&after=" + position
	}
	for {
		var page api.EventList
		w.do(t, webtest.Request{Method: "GET", Path: query, As: who}).Into(t, 200, &page)
		for _, e := range page.Events {
			isInContract(t, string(e.Type), e.Data)
			if e.Subject == c.id {
				ids, kinds = append(ids, e.Id), append(kinds, strings.TrimPrefix(string(e.Type), referral.EventPrefix))
			}
		}
		if len(page.Events) == 0 {
			return ids, kinds, page.After
		}
		query = "/events?limit=200&after=" + page.After
	}
}

func (w *matrixWorld) deliveries(t *testing.T, party, query string) (ids []string) {
	t.Helper()
	hook, ok := w.hooks[party]
	if !ok {
		return nil
	}
	who := map[string]actor.Actor{"sender_system": w.sender, "receiver": referraltest.Intake, "asked": referraltest.Partille}[party]
	var page api.DeliveryList
	w.do(t, webtest.Request{Method: "GET", Path: "/webhooks/" + hook + "/deliveries" + query, As: who}).Into(t, 200, &page)
	for _, d := range page.Items {
		ids = append(ids, d.Event)
	}
	return ids
}

// ask asks for all that a party can ask for, and holds the answers against what the
// party is to see.
func (w *matrixWorld) ask(t *testing.T, at cell, who actor.Actor, c *matrixCase, want sight) {
	t.Helper()
	wrong := func(format string, args ...any) {
		t.Helper()
		t.Errorf("%s, %s, %s: "+format, append([]any{at.party, at.point, at.consent}, args...)...)
	}
	isHidden := slices.Contains([]string{"hidden", "handed-over", "forbidden"}, want.Shows)
	hides := func(category string) bool { return isHidden || slices.Contains(want.Hides, category) }
	// leaks reports what an answer shows of what is hidden.
	leaks := func(what string, body []byte) {
		t.Helper()
		for category, marks := range categoryMarks {
			for _, mark := range append(marks, map[string][]string{"progress": {c.enrolment}}[category]...) {
				if hides(category) && bytes.Contains(body, []byte(mark)) {
					wrong("%s shows of the %s: %s", what, category, mark)
				}
			}
		}
	}
	get := func(path string) *webtest.Response {
		t.Helper()
		a := w.do(t, webtest.Request{Method: "GET", Path: path, As: who})
		leaks(path, a.Body)
		return a
	}

	// The steps that are to be shown.
	var shown []string
	for _, kind := range c.kinds {
		switch {
		case isHidden,
			kind == "protected" && hides("texts"),
			(kind == "enrolled" || kind == "progress_reported") && hides("progress"),
			kind == "closed" && hides("progress") && hides("outcome"):
		default:
			shown = append(shown, kind)
		}
	}

	answer := get("/referrals/" + c.id)
	var r api.Referral
	switch {
	case isHidden:
		status, code := map[string]int{"hidden": 404, "handed-over": 404, "forbidden": 403}[want.Shows], strings.Replace(want.Shows, "hidden", "not-found", 1)
		if p := answer.Problem(t, status); p.Code != code {
			wrong("the answer is %s", answer.Body)
		}
	default:
		r = read(t, answer, 200)
		w.compare(t, c, r, answer, shown, hides, want, wrong)
	}

	// Lists find it by the state that is shown, and say no more.
	about := "&registryNumber=" + url.QueryEscape(c.number)
	if at.party == "asked" && at.point == "transfer_requested" {
		about += "&transferTo=1402"
	}
	states := slices.Compact(slices.Sorted(slices.Values([]string{"accepted", "enrolled", "closed", string(c.real)})))
	if isHidden {
		states = []string{string(c.real)}
	}
	for _, state := range states {
		list := get("/referrals?limit=200&state=" + state + about)
		if found := bytes.Contains(list.Body, []byte(c.id)); found != (state == want.Shows) {
			wrong("among those that are %s: %t", state, found)
		}
		if i := slices.IndexFunc(items(t, list), func(x api.ReferralSummary) bool { return x.Id == c.id }); i >= 0 {
			x := items(t, list)[i]
			if string(x.State) != want.Shows || !x.ChangedAt.Equal(r.ChangedAt) || (x.Turn == nil) != (r.Turn == nil) {
				wrong("the list says %s", indented(t, x))
			}
		}
	}
	tasks := get("/tasks?limit=200")
	if waits := bytes.Contains(tasks.Body, []byte(c.id)); waits && r.Turn == nil ||
		strings.HasPrefix(at.party, "sender") && waits != (r.Turn != nil && r.Turn.Party == "sender") {
		wrong("among the tasks: %t", waits)
	}
	w.export.Lock()
	export := get("/referral-exports?" + strings.TrimPrefix(about, "&"))
	w.export.Unlock()
	if export.Status == 200 {
		w.compareExport(t, c, export, r, hides, want, wrong)
	}
	w.compareStream(t, at, who, c, r, shown, want, wrong)
	w.compareRefusals(t, who, c, r, answer.Header.Get("ETag"), isHidden, want, leaks, wrong)
}

func items(t *testing.T, a *webtest.Response) []api.ReferralSummary {
	t.Helper()
	if a.Status != 200 {
		return nil
	}
	var l api.ReferralList
	a.Into(t, 200, &l)
	return l.Items
}

type complain func(format string, args ...any)

// compare holds the answer against the steps that are to be shown.
func (w *matrixWorld) compare(t *testing.T, c *matrixCase, r api.Referral, a *webtest.Response, shown []string, hides func(string) bool, want sight, wrong complain) {
	t.Helper()
	if string(r.State) != want.Shows {
		wrong("the state is %s, not %s", r.State, want.Shows)
	}
	var kinds []string
	for _, s := range r.Timeline {
		kinds = append(kinds, string(s.Kind))
	}
	if !slices.Equal(kinds, shown) {
		wrong("the steps are %v, not %v", kinds, shown)
	}
	// The version is the number of the last step among those that were ever shown; that
	// the person is protected counts for everybody, as it changes what is shown.
	version := len(shown)
	if slices.Contains(c.kinds, "protected") {
		version = len(c.kinds)
	}
	if c.beforeEnd != nil { // all was shown until then
		version = len(c.beforeEnd)
		for _, kind := range c.kinds[len(c.beforeEnd):] {
			if slices.Contains(shown, kind) {
				version++
			}
		}
	}
	if servicetest.Version(a.Header) != fmt.Sprintf(`"%d"`, version) {
		wrong("the version is %s, not %d", a.Header.Get("ETag"), version)
	}
	for category, there := range map[string]bool{
		"progress": slices.Contains(c.kinds, "accepted"), "outcome": slices.Contains(c.kinds, "closed"), "texts": true,
	} {
		if mark := categoryMarks[category][0]; there && !hides(category) && !bytes.Contains(a.Body, []byte(mark)) {
			wrong("nothing is shown of the %s: %s", category, a.Body)
		}
	}
	if hides("progress") && (r.Turn != nil || r.Acceptance != nil || r.Progress != nil) || hides("outcome") && r.Outcome != nil || hides("texts") && r.ChangeLog != nil {
		wrong("it shows %s", indented(t, r))
	}
}

// compareExport holds the cells of the export against what is to be shown.
func (w *matrixWorld) compareExport(t *testing.T, c *matrixCase, a *webtest.Response, r api.Referral, hides func(string) bool, want sight, wrong complain) {
	t.Helper()
	lines := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(a.Body, []byte("\ufeff"))))
	lines.Comma = ';'
	rows, err := lines.ReadAll()
	servicetest.Must(t, err)
	i := slices.IndexFunc(rows, func(row []string) bool { return row[0] == c.number })
	if (i > 0) != (r.Id != "") {
		wrong("in the export: %t", i > 0)
	}
	if i > 0 && (rows[i][1] != referral.StateTexts[referral.State(want.Shows)].SV || hides("progress") && rows[i][7]+rows[i][10] != "" || hides("outcome") && rows[i][14] != "") {
		wrong("the export says %q", rows[i])
	}
}

// streamed are the parties that have events.
var streamed = []string{"sender_system", "receiver", "asked", "other_authority", "other_municipality"}

// compareStream holds the party's events, its webhook's deliveries and what was sent to
// it against the steps that are to be shown.
func (w *matrixWorld) compareStream(t *testing.T, at cell, who actor.Actor, c *matrixCase, r api.Referral, shown []string, want sight, wrong complain) {
	t.Helper()
	if !slices.Contains(streamed, at.party) {
		return
	}
	expected := slices.Clone(want.Events)
	if want.Events == nil {
		expected = slices.DeleteFunc(slices.Clone(shown), func(kind string) bool { return kind == "protected" })
	}
	ids, kinds, _ := w.stream(t, who, c)
	if !slices.Equal(kinds, expected) {
		wrong("the events are %v, not %v", kinds, expected)
	}
	for i, id := range ids {
		if j := slices.IndexFunc(r.Timeline, func(s api.ReferralStep) bool { return fmt.Sprint(c.id, "/", s.N) == id }); r.Id != "" && (j < 0 || string(r.Timeline[j].Kind) != kinds[i]) {
			wrong("the event %s is not the step of that number", id)
		}
	}
	if w.hooks[at.party] == "" {
		return
	}
	var listed, sent []string
	for _, id := range w.deliveries(t, at.party, "?limit=200") {
		if strings.HasPrefix(id, c.id) {
			listed = append(listed, id)
		}
	}
	slices.Sort(listed) // of one moment in no order
	if !slices.Equal(listed, ids) {
		wrong("the deliveries are %v, the events %v", listed, ids)
	}
	for _, m := range w.Hooks.Got() {
		if strings.HasPrefix(m.ID, c.id) && strings.HasPrefix(m.URL, "https://"+strings.ReplaceAll(at.party, "_", "-")) {
			sent = append(sent, m.ID)
		}
	}
	// What was sent while the consent held cannot be taken back; nothing is sent later.
	if c.beforeEnd == nil && !slices.Equal(sent, ids) || len(sent) > len(c.beforeEnd)+len(ids) {
		wrong("sent was %v, the events are %v", sent, ids)
	}
}

// compareRefusals tries what the answer does not offer: no refusal may know more.
func (w *matrixWorld) compareRefusals(t *testing.T, who actor.Actor, c *matrixCase, r api.Referral, tag string, isHidden bool, want sight, leaks func(string, []byte), wrong complain) {
	t.Helper()
	for _, act := range []string{"withdrawal", "errorMarking"} {
		if offered := r.UnderscoreLinks.Href(act) != ""; offered != slices.Contains(want.May, act) && !who.Has(actor.Intake) {
			wrong("%s is offered: %t", act, offered)
		}
	}
	refusal := "Det går inte att göra nu: remissen är " + referral.StateTexts[referral.State(want.Shows)].SV + "."
	for i, act := range acts {
		if isHidden && i > 0 { // one word for all
			break
		}
		if offered := r.UnderscoreLinks.Href(act.link) != ""; offered {
			continue
		}
		a := w.post(t, who, c.id, act.path, cmp.Or(tag, `"1"`), act.body(0))
		leaks(act.path, a.Body)
		p := a.Problem(t, a.Status)
		switch {
		case isHidden && a.Status != 403 && a.Status != 404, a.Status != 403 && a.Status != 404 && a.Status != 409, a.Status == 409 && (p.Code != "wrong-state" || p.Detail != refusal):
			wrong("%s is answered %d %s", act.path, a.Status, a.Body)
		}
	}
}
