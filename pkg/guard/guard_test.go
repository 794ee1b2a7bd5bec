package guard_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/finsam/finsam/pkg/access"
	"github.com/finsam/finsam/pkg/accesslog"
	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/guard"
	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/pkg/store/sqlite"
)

// note is a document about one person, of a unit of Försäkringskassan to Mölndal.
type note struct {
	Association string
	ID          string
	Text        string
	Writes      int64
}

type world struct {
	*guard.Documents[note]
	log *accesslog.Log
}

func open(t *testing.T) world {
	t.Helper()
	db, err := sqlite.Open(t.Context(), t.TempDir()+"/x.db")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	e := db.Engine("x")
	notes, err := store.Open(t.Context(), e, store.Schema[note]{
		Name: "notes", ID: func(n *note) (string, string) { return n.Association, n.ID },
		Version: func(n *note) int64 { return n.Writes },
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := notes.Insert(t.Context(), &note{Association: "insjoriket", ID: "1", Text: "old", Writes: 1}); err != nil {
		t.Fatal(err)
	}
	log, err := accesslog.Open(t.Context(), e, "x", time.Now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = log.Close() })
	return world{&guard.Documents[note]{
		Log: log, Store: notes, Kind: "referral",
		Resource: func(_ context.Context, _ actor.Actor, _ string, n *note) (access.Resource, error) {
			return access.Resource{Association: n.Association, Participant: "p1", Relationships: []access.Relationship{
				{Authority: "fk", Unit: "fk-molndal", Municipality: "1481"},
			}}, nil
		},
		Parent:       func(*note) string { return "folder" },
		Participants: func(*note) []string { return []string{"p1"} },
		Identity: func(_ actor.Actor, operation string, _ *note, _ access.Resource) accesslog.Identity {
			if operation == "getReferral" {
				return accesslog.Shown
			}
			return ""
		},
	}, log}
}

func (w world) last(t *testing.T) (e accesslog.Entry, n int) {
	t.Helper()
	if err := accesslog.Read(t.Context(), map[string]*accesslog.Log{"": w.log}, func(_ string, next accesslog.Entry) error { e = next; n++; return nil }); err != nil {
		t.Fatal(err)
	}
	return e, n
}

var (
	sender    = actor.Actor{Subject: "fk-1", Association: "insjoriket", Authority: "fk", Unit: "fk-molndal", Roles: []actor.Role{actor.Referrer}}
	receiver  = actor.Actor{Subject: "mottagare-1", Association: "insjoriket", Authority: "molndal", Municipality: "1481", Roles: []actor.Role{actor.Intake}}
	stranger  = actor.Actor{Subject: "mottagare-2", Association: "insjoriket", Authority: "partille", Municipality: "1402", Roles: []actor.Role{actor.Intake}}
	board     = actor.Actor{Subject: "ordforande", Association: "insjoriket", Authority: "forbundet", Roles: []actor.Role{actor.Board}}
	elsewhere = actor.Actor{Subject: "mottagare-3", Association: "kalmar", Authority: "molndal", Municipality: "1481", Roles: []actor.Role{actor.Intake}}
)

func TestEveryAnswerIsEnteredWithTheRelationThatOpened(t *testing.T) {
	for _, c := range []struct {
		sentence string
		actor    actor.Actor
		id       string
		err      error
		want     accesslog.Entry
	}{
		{"the sender's unit reads it", sender, "1", nil, accesslog.Entry{Outcome: accesslog.Done, Why: "own-unit", Identity: accesslog.Shown}},
		{"the receiver reads it", receiver, "1", nil, accesslog.Entry{Outcome: accesslog.Done, Why: "own-municipality", Identity: accesslog.Shown}},
		{"another municipality is not related", stranger, "1", fault.ErrNotFound, accesslog.Entry{Outcome: accesslog.Refused, Why: "not-related", Code: "not-found"}},
		{"nor is anyone to what does not exist", receiver, "2", fault.ErrNotFound, accesslog.Entry{Outcome: accesslog.Refused, Why: "not-related", Code: "not-found"}},
		{"nor is another association", elsewhere, "1", fault.ErrNotFound, accesslog.Entry{Outcome: accesslog.Refused, Why: "not-related", Code: "not-found"}},
		{"a role without a row is refused", board, "1", fault.ErrForbidden, accesslog.Entry{Outcome: accesslog.Refused, Why: "role", Code: "forbidden"}},
	} {
		t.Run(c.sentence, func(t *testing.T) {
			w := open(t)
			v, err := w.Load(actor.With(t.Context(), c.actor), c.actor, guard.Call{Operation: "getReferral", ID: c.id})
			if !errors.Is(err, c.err) || (err == nil) != (v.Value != nil) {
				t.Fatalf("got %v, %v", v.Value, err)
			}
			got, n := w.last(t)
			if n != 1 || got.Outcome != c.want.Outcome || got.Why != c.want.Why || got.Code != c.want.Code || got.Identity != c.want.Identity ||
				got.Thing != "referral/"+c.id || got.Subject != c.actor.Subject || got.Operation != "getReferral" {
				t.Errorf("%d entries, the last %+v", n, got)
			}
		})
	}
}

func TestAWriteIsEnteredWithItsOutcome(t *testing.T) {
	rule := fault.New(fault.Unprocessable, "a-rule", "Regel.", "A rule.")
	call := guard.Call{Operation: "withdrawReferral", ID: "1"}
	for _, c := range []struct {
		sentence string
		actor    actor.Actor
		change   func(w world) func(store.Versioned[note]) error
		err      error
		outcomes []accesslog.Outcome
		code     string
	}{
		{"a write that succeeds is done", sender, func(world) func(store.Versioned[note]) error {
			return func(v store.Versioned[note]) error { v.Value.Text = "new"; v.Value.Writes++; return nil }
		}, nil, []accesslog.Outcome{accesslog.Done}, ""},
		{"one that a rule stops has failed", sender, func(world) func(store.Versioned[note]) error {
			return func(store.Versioned[note]) error { return rule }
		}, rule, []accesslog.Outcome{accesslog.Failed}, "a-rule"},
		{"so has one of a part that is missing, which is no refusal", sender, func(world) func(store.Versioned[note]) error {
			return func(store.Versioned[note]) error { return fault.ErrNotFound }
		}, fault.ErrNotFound, []accesslog.Outcome{accesslog.Failed}, "not-found"},
		{"one that somebody was faster than is entered twice", sender, func(w world) func(store.Versioned[note]) error {
			return func(v store.Versioned[note]) error {
				other := *v.Value
				other.Writes++
				if _, err := w.Store.Replace(t.Context(), store.Versioned[note]{Value: &other, Version: v.Version}); err != nil {
					return err
				}
				v.Value.Writes++
				return nil
			}
		}, store.ErrStale, []accesslog.Outcome{accesslog.Done, accesslog.Failed}, "stale-version"},
		{"without relation nothing is changed", stranger, func(world) func(store.Versioned[note]) error {
			return func(store.Versioned[note]) error { t.Error("a stranger changed it"); return nil }
		}, fault.ErrNotFound, []accesslog.Outcome{accesslog.Refused}, "not-found"},
	} {
		t.Run(c.sentence, func(t *testing.T) {
			w := open(t)
			_, err := w.Change(actor.With(t.Context(), c.actor), c.actor, call, c.change(w))
			if !errors.Is(err, c.err) || err != nil && c.err == nil {
				t.Fatalf("got %v, want %v", err, c.err)
			}
			var outcomes []accesslog.Outcome
			var last accesslog.Entry
			_ = accesslog.Read(t.Context(), map[string]*accesslog.Log{"": w.log}, func(_ string, e accesslog.Entry) error { outcomes, last = append(outcomes, e.Outcome), e; return nil })
			if len(outcomes) != len(c.outcomes) || last.Outcome != c.outcomes[len(c.outcomes)-1] || last.Code != c.code {
				t.Errorf("entered as %v, the last %+v", outcomes, last)
			}
		})
	}
}

func TestWithoutARoleTheRefusalIsEnteredBeforeAnythingIsRead(t *testing.T) {
	w := open(t)
	admit := guard.Admit(w.log)
	if err := admit(actor.With(t.Context(), receiver), "getReferral", "referrals/1"); err != nil {
		t.Errorf("a receiver was refused: %v", err)
	}
	if err := admit(actor.With(t.Context(), board), "getReferral", "referrals/1"); !errors.Is(err, fault.ErrForbidden) {
		t.Errorf("the board was let in: %v", err)
	}
	if e, n := w.last(t); n != 1 || e.Subject != "ordforande" || e.Why != "role" || e.Thing != "referrals/1" || e.Outcome != accesslog.Refused {
		t.Errorf("%d entries, the last %+v", n, e)
	}
}

func TestNothingIsShownThatCannotBeLogged(t *testing.T) {
	w := open(t)
	if err := w.log.Close(); err != nil {
		t.Fatal(err)
	}
	ctx := actor.With(t.Context(), receiver)
	if v, err := w.Load(ctx, receiver, guard.Call{Operation: "getReferral", ID: "1"}); !errors.Is(err, accesslog.ErrNotLogged) || v.Value != nil {
		t.Errorf("read %v, %v", v.Value, err)
	}
	if _, err := w.Change(actor.With(t.Context(), sender), sender, guard.Call{Operation: "withdrawReferral", ID: "1"}, func(v store.Versioned[note]) error {
		v.Value.Text = "new"
		return nil
	}); !errors.Is(err, accesslog.ErrNotLogged) {
		t.Errorf("written: %v", err)
	}
	if v, err := w.Store.Get(t.Context(), "insjoriket", "1"); err != nil || v.Value.Text != "old" {
		t.Errorf("stored %v, %v", v.Value, err)
	}
}

func TestADocumentOfAnotherParentIsAsOneThatDoesNotExist(t *testing.T) {
	w := open(t)
	ctx := actor.With(t.Context(), receiver)
	for parent, want := range map[string]error{"folder": nil, "": nil, "another": fault.ErrNotFound} {
		if _, err := w.Load(ctx, receiver, guard.Call{Operation: "getReferral", ID: "1", Parent: parent}); !errors.Is(err, want) {
			t.Errorf("below %q: got %v, want %v", parent, err, want)
		}
	}
}

func TestAChangeOfAnotherVersionHasFailed(t *testing.T) {
	w := open(t)
	for version, want := range map[int64]error{1: nil, 2: store.ErrStale, 0: nil} {
		_, err := w.Change(actor.With(t.Context(), sender), sender, guard.Call{Operation: "withdrawReferral", ID: "1", IfVersion: version}, func(store.Versioned[note]) error {
			return store.ErrUnchanged
		})
		if e, _ := w.last(t); !errors.Is(err, want) || (e.Outcome == accesslog.Failed) != (want != nil) {
			t.Errorf("version %d: got %v, entered as %+v", version, err, e)
		}
	}
}

func TestAChangeThatChangesNothingIsDoneAndNotWritten(t *testing.T) {
	w := open(t)
	v, err := w.Change(actor.With(t.Context(), sender), sender, guard.Call{Operation: "withdrawReferral", ID: "1"}, func(store.Versioned[note]) error {
		return store.ErrUnchanged
	})
	if err != nil || v.Version != 1 || v.Value.Text != "old" {
		t.Errorf("got %+v, %v", v, err)
	}
	if e, n := w.last(t); n != 1 || e.Outcome != accesslog.Done {
		t.Errorf("%d entries, the last %+v", n, e)
	}
}

func TestAskAnswersAndEntersNothing(t *testing.T) {
	w := open(t)
	related := func(actor.Actor) (access.Resource, error) {
		return access.Resource{Association: "insjoriket", Participant: "p1", Relationships: []access.Relationship{{Municipality: "1481"}}}, nil
	}
	missing := func(actor.Actor) (access.Resource, error) {
		return access.Resource{}, store.ErrNotFound.Because(errors.New("x"))
	}
	for _, c := range []struct {
		sentence string
		actor    actor.Actor
		find     func(actor.Actor) (access.Resource, error)
		want     error
		why      string
	}{
		{"the receiver is related", receiver, related, nil, "own-municipality"},
		{"another municipality is not", stranger, related, fault.ErrNotFound, ""},
		{"nobody is to what does not exist", receiver, missing, fault.ErrNotFound, ""},
		{"a role without a row", board, related, fault.ErrForbidden, ""},
	} {
		a, e, err := guard.Ask(actor.With(t.Context(), c.actor), "getReferral", "x", c.find)
		if !errors.Is(err, c.want) || a.Subject != c.actor.Subject || e.Why != c.why || e.Thing != "x" {
			t.Errorf("%s: got %+v, %v", c.sentence, e, err)
		}
	}
	if _, n := w.last(t); n != 0 {
		t.Errorf("%d entries", n)
	}
}

// TestOnADocumentThatIsMissingIsDecidedAsOnAHiddenOne counts what is decided on, which the
// time of an answer would show.
func TestOnADocumentThatIsMissingIsDecidedAsOnAHiddenOne(t *testing.T) {
	w := open(t)
	var decided []string
	resource := w.Resource
	w.Resource = func(ctx context.Context, a actor.Actor, operation string, n *note) (access.Resource, error) {
		decided = append(decided, n.ID+" "+n.Text)
		return resource(ctx, a, operation, n)
	}
	for range 2 {
		for _, id := range []string{"1", "missing"} {
			v, err := w.Load(actor.With(t.Context(), stranger), stranger, guard.Call{Operation: "getReferral", ID: id})
			if !errors.Is(err, fault.ErrNotFound) || v.Value != nil {
				t.Errorf("%s: %v %v", id, v.Value, err)
			}
		}
	}
	if !slices.Equal(decided, []string{"1 old", "1 old", "1 old", "1 old"}) {
		t.Errorf("decided on %q", decided)
	}
	if e, n := w.last(t); n != 4 || len(e.Participants) != 0 || e.Why != "not-related" {
		t.Errorf("%d entries, of the missing one %+v", n, e)
	}
	if _, err := w.Load(actor.With(t.Context(), elsewhere), elsewhere, guard.Call{Operation: "getReferral", ID: "missing"}); !errors.Is(err, fault.ErrNotFound) {
		t.Errorf("without any document: %v", err)
	}
}
