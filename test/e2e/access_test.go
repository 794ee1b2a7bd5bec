package e2e

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/finsam/finsam/test/suite"
)

// theContract is the joined document, as the running suite serves it.
func theContract(t *testing.T, s *suite.Suite) *document {
	t.Helper()
	d, err := readDocument(s.Must(t, 200, suite.Request{Method: "GET", Path: "/openapi.json"}).Raw)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// guarded returns the operations that the access table is about: all but those
// that tell of the API itself.
func guarded(d *document) []operation {
	return slices.DeleteFunc(slices.Clone(d.Operations), func(op operation) bool { return op.Tag == "about" })
}

func TestTheContractAndTheAccessTableNameTheSameOperationsAndRoles(t *testing.T) {
	t.Parallel()
	d, table := theContract(t, suite.OneProcess(t)), accessTable(t)
	for _, op := range guarded(d) {
		row := table[op.ID]
		if len(row) == 0 {
			t.Errorf("%s has no row in the access table", op.ID)
		}
		var want []string
		for _, c := range row {
			if c.role != "" && !slices.Contains(want, c.role) {
				want = append(want, c.role)
			}
		}
		slices.Sort(want)
		if got := slices.Sorted(slices.Values(op.Roles)); !slices.Equal(got, want) {
			t.Errorf("%s: x-roles %v, the table says %v", op.ID, got, want)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(table)) {
		id, view, _ := strings.Cut(name, "#")
		if _, ok := d.Operation(id); !ok {
			t.Errorf("the row %s is about no operation of the contract", name)
		}
		// The cases of this test have no outcome: services/referral/rest/testdata/visibility.yaml does.
		// Names on lists are in the answers of the activity service.
		if view != "" && view != "outcome" && view != "listed" && views[id][view] == nil {
			t.Errorf("nobody looks whether %s is shown: add it to views", name)
		}
	}
}

// TestEveryCellOfTheAccessTable asks every operation as every role in every
// relation about every case, and wants what the table says.
func TestEveryCellOfTheAccessTable(t *testing.T) {
	s, tokens := twoAssociations(t)
	w := newWorld(t, s)
	d, table := theContract(t, w.Suite), accessTable(t)
	sheet := newSheet(t)
	var wg sync.WaitGroup
	queue := make(chan func())
	for range 8 {
		wg.Go(func() {
			for ask := range queue {
				ask()
			}
		})
	}
	for _, op := range guarded(d) {
		for _, role := range roles {
			for _, v := range variants {
				for _, th := range w.things {
					queue <- func() { w.ask(sheet, tokens, table, probeOf(op), role, v, th) }
				}
			}
		}
	}
	close(queue)
	wg.Wait()
	sheet.complete(table, len(guarded(d))*len(roles)*len(variants)*len(w.things))
	w.Processes["finsam"].Stop()
	sheet.holdAgainst(readAccessLog(t, w.Data))
}

// ask makes one call and notes what came of it.
func (w *world) ask(s *sheet, tokens *issuer, table map[string][]cell, p probe, role string, v variant, th thing) {
	c := callerOf(role, v, th)
	token := tokens.Token(w.t, c)
	if p.op.Public {
		token = ""
	}
	request := p.request(w, c, th, token)
	s.trace(&request)
	a, err := w.Do(request)
	// What reads the whole log has few places at the door.
	for tries := 0; err == nil && (a.Status == 429 || a.Status == 503) && strings.HasSuffix(p.op.ID, "Accesses") && tries < 500; tries++ {
		time.Sleep(10 * time.Millisecond)
		a, err = w.Do(request)
	}
	if err != nil {
		w.t.Errorf("%s as %s %s about %s: %v", p.op.ID, role, v.name, th.name, err)
		return
	}
	want, wrong := p.judge(table, c, th, a)
	views, wrongViews := p.judgeViews(table, c, th, a)
	for _, sentence := range append(wrong, wrongViews...) {
		s.wrong(fmt.Sprintf("%s as %s %s about %s: %s", p.op.ID, role, v.name, th.name, sentence))
	}
	s.note(p.op.ID, role, want, views)
	s.expect(p, table[p.op.ID], c, want, th, a)
}

// sheet counts the cells that were asked, and what they should have answered.
type sheet struct {
	t                    *testing.T
	mu                   sync.Mutex
	cells, views, faults int
	met                  map[string]int // by operation, role and verdict
	unseen               map[string]int // the bodies of 404, by what is the same in all
	expected             []expectation
}

func newSheet(t *testing.T) *sheet {
	return &sheet{t: t, met: map[string]int{}, unseen: map[string]int{}}
}

func (s *sheet) note(operation, role string, want verdict, views int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cells++
	s.views += views
	s.met[fmt.Sprint(operation, " ", role, " ", want)]++
}

// wrong notes an answer against the table; the first forty are reported.
func (s *sheet) wrong(sentence string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.faults++; s.faults <= 40 {
		s.t.Error(sentence)
	} else {
		s.t.Fail()
	}
}

// complete fails for cells that nobody asked: every cell must have let somebody
// through, and every one that has a condition must have shut somebody out.
func (s *sheet) complete(table map[string][]cell, expected int) {
	s.t.Logf("%d cells and %d views asked, %d of them wrong", s.cells, s.views, s.faults)
	if s.cells < expected {
		s.t.Errorf("%d cells asked, the table has %d", s.cells, expected)
	}
	if len(s.unseen) != 1 {
		s.t.Errorf("hidden documents can be distinguished from missing ones: %v", s.unseen)
	}
	for name, row := range table {
		if strings.Contains(name, "#") {
			continue
		}
		for _, c := range row {
			if c.role != "" && s.met[fmt.Sprint(name, " ", c.role, " ", allowed)] == 0 {
				s.t.Errorf("nobody was let through %s as %s", name, c.role)
			}
			if c.role != "" && s.met[fmt.Sprint(name, " ", c.role, " ", hidden)] == 0 && !slices.Contains(anybodys, name) && !slices.Contains(theirOwn, name+" "+c.role) {
				s.t.Errorf("nobody was shut out of %s as %s", name, c.role)
			}
		}
	}
}

// anybodys are the operations on what the caller names or has itself, such as the
// own association's register: a foreigner to one is at home in another.
var anybodys = []string{"createReferral", "createReferrals", "createDraft", "replaceUnits", "replaceUnit", "listTasks", "searchParticipants", "listAccesses", "getReferralFigures", "getActivityFigures", "listWeeklyShortfalls", "listGroupProposals", "listPublications", "makePublication", "listChecklists", "listCodeLists", "listConsentTexts", "listProgrammeObjects", "getLeaderWeek", "listStaffCalendars", "getStaffCalendar", "createStaffCalendar", "revokeStaffCalendar"}

// theirOwn are the operations with which a role makes something of its own.
var theirOwn = []string{"createWebhook integration", "createProgrammeObject association_admin"}

func TestWithoutATokenOnlyThePublicOperationsAnswer(t *testing.T) {
	t.Parallel()
	s := suite.OneProcess(t)
	d := theContract(t, s)
	w, th := &world{activity: nobodys, cancellation: nobodys, date: day(0)}, thing{
		referral: nobodys, participant: nobodys, enrolment: nobodys, booking: nobodys, placement: nobodys, webhook: nobodys, draft: nobodys, receiversDraft: nobodys, feed: nobodys, secret: strings.Repeat("0", 64),
	}
	for _, op := range d.Operations {
		for sentence, token := range map[string]string{"no token": "", "a token that nobody gave out": "eyJhbGciOiJub25lIn0.e30."} {
			a, err := s.Do(probeOf(op).request(w, suite.Caller{}, th, token))
			if err != nil {
				t.Fatal(err)
			}
			if refused := a.Status == 401; refused == op.Public && !(op.Public && token != "") {
				t.Errorf("%s with %s: %d", op.ID, sentence, a.Status)
			}
		}
	}
}

// nobodys is an id that nothing has.
const nobodys = "5b7c1c0e-52f4-4a0a-9d3e-6f0a4f6d2c11"
