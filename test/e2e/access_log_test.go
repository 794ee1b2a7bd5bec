package e2e

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/finsam/finsam/pkg/accesslog"
	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/pkg/store/sqlite"
	"github.com/finsam/finsam/test/suite"
)

// expectation is what the access log must say of one call, found by its trace.
type expectation struct {
	trace, operation, participant string
	outcome                       accesslog.Outcome
	why                           []string // any of these
}

// trace has a call answered with a trace of its own, by which the access log names it.
func (s *sheet) trace(r *suite.Request) {
	r.Header = maps.Clone(r.Header)
	if r.Header == nil {
		r.Header = map[string]string{}
	}
	header := newTrace()
	r.Header["traceparent"] = header[:len(header)-2] + "00" // not sampled
}

// expect notes what the access log must say of a call that showed personal data, or
// would have, and of every call that was refused: also the relation by which the
// table's rules, read by the oracle, let the caller through. It notes as well what a
// hidden thing was answered with.
func (s *sheet) expect(p probe, row []cell, c suite.Caller, want verdict, th thing, a suite.Answer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a.Status == 404 {
		s.unseen[fmt.Sprint(a.Text("type"), a.Text("title"), a.Text("detail"), a.At("errors"), len(a.JSON))]++
	}
	e := expectation{trace: traceOf(a), operation: p.op.ID, participant: th.participant, outcome: accesslog.Done}
	for _, x := range row {
		if has(c, x) && related(x.relation, c, th) {
			e.why = append(e.why, x.relation)
		}
	}
	if a.Status >= 400 {
		e.outcome = accesslog.Failed
	}
	switch {
	case want == forbidden:
		e.outcome, e.participant, e.why = accesslog.Refused, "", []string{"role"}
	case !p.op.Personal || slices.Contains(anybodys, p.op.ID):
		return // shows nobody's data, or ended before it was about anybody
	case p.op.ID == "listWaiting":
		e.participant, e.why = "", nil // it shows somebody else
	case p.op.Tag == "drafts" && (want == allowed || p.sees != nil):
		e.participant, e.why = "", nil // of a draft it is not known yet whom it is about
	case p.op.ID == "listGroups" && c.Role != "participant":
		return // nobody is in it
	case (p.op.ID == "getGroup" || p.op.ID == "getSiteDay") && want == allowed && !strings.Contains(string(a.Raw), th.participant):
		e.participant = "" // it does not show the person
	case want == hidden && p.sees != nil && p.op.ID != "readIdentities":
		e.participant, e.outcome, e.why = "", accesslog.Done, nil // a list without the person: logged, with whom it did show
	case want == hidden:
		e.outcome, e.participant, e.why = accesslog.Refused, "", []string{"not-related"}
	}
	s.expected = append(s.expected, e)
}

// holdAgainst wants an entry for every call that was let through to a person's
// data, and for every one that was refused.
func (s *sheet) holdAgainst(log map[string][]accesslog.Entry) {
	missing, byOperation := 0, map[string]int{}
	for _, want := range s.expected {
		if !slices.ContainsFunc(log[want.trace], func(e accesslog.Entry) bool {
			return e.Operation == want.operation && e.Outcome == want.outcome && (e.Subject != "" || e.Operation == "readCalendar") &&
				(want.why == nil || slices.Contains(want.why, e.Why)) &&
				(want.participant == "" || slices.Contains(e.Participants, want.participant))
		}) {
			missing++
			if byOperation[want.operation]++; byOperation[want.operation] <= 3 {
				s.t.Errorf("no entry in the access log: %+v, but %+v", want, log[want.trace])
			}
		}
	}
	s.t.Logf("%d of %d calls that bore personal data, or would have, are in the access log", len(s.expected)-missing, len(s.expected))
	if len(s.expected) < 3000 {
		s.t.Errorf("only %d calls were looked for in the access log", len(s.expected))
	}
}

// readAccessLog reads the access logs of all services from the database of one
// process, by trace, and checks their chains.
func readAccessLog(t *testing.T, data string) map[string][]accesslog.Entry {
	t.Helper()
	db, err := sqlite.Open(t.Context(), filepath.Join(data, "finsam.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	all := map[string][]accesslog.Entry{}
	for service := range telling {
		e := db.Engine(service)
		verify(t, e, service)
		for _, entry := range entriesOf(t, e) {
			all[entry.TraceID] = append(all[entry.TraceID], entry)
		}
	}
	return all
}

// entriesOf reads the access log of one service.
func entriesOf(t *testing.T, e store.Engine) (all []accesslog.Entry) {
	t.Helper()
	for skip := 0; ; skip += 500 {
		found, err := e.Find(t.Context(), "access_log", store.Query{Association: "-", Skip: skip, Limit: 500})
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range found {
			var b accesslog.Block
			if err := f.Decode(&b); err != nil {
				t.Fatal(err)
			}
			all = append(all, b.Entries...)
		}
		if len(found) < 500 {
			return all
		}
	}
}

func verify(t *testing.T, e store.Engine, service string) {
	t.Helper()
	log, err := accesslog.Open(t.Context(), e, service, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	report, err := log.Verify(t.Context())
	if err != nil || len(report.Flaws) > 0 || report.Entries == 0 {
		t.Errorf("the access log of %s: %d entries, %v, %v", service, report.Entries, report.Flaws, err)
	}
}
