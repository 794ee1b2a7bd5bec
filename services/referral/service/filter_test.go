package service

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/pkg/store/sqlite"
	"github.com/finsam/finsam/services/referral"
)

// callers are one of each relation in which lists are read.
var callers = map[string]actor.Actor{
	"municipality": {Association: "insjoriket", Authority: "molndal", Municipality: "1481", Roles: []actor.Role{actor.Intake}},
	"authority":    {Association: "insjoriket", Authority: "fk", Roles: []actor.Role{actor.Integration}},
	"unit":         {Association: "insjoriket", Authority: "fk", Unit: "fk-molndal", Roles: []actor.Role{actor.Referrer}},
	"person":       {Association: "insjoriket", Authority: "self", Participant: "p", Roles: []actor.Role{actor.Participant}},
}

func TestEveryListIsOneRangeOfAnIndex(t *testing.T) {
	db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "plan.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	e := db.Engine("referral")
	if _, err := store.Open(t.Context(), e, Collection); err != nil {
		t.Fatal(err)
	}
	explain := e.(interface {
		Explain(ctx context.Context, collection string, q store.Query) ([]string, error)
	}).Explain
	yes := true
	filters := map[string]Filter{
		"nothing":            {},
		"one state":          {States: []referral.State{referral.StateSubmitted}},
		"several states":     {States: []referral.State{referral.StateSubmitted, referral.StateWaitlisted}},
		"period":             {From: "2026-01-01", To: "2026-03-31"},
		"state and period":   {States: []referral.State{referral.StateClosed}, From: "2026-01-01", To: "2026-03-31"},
		"unit":               {Unit: "fk-molndal"},
		"overdue":            {Overdue: &yes, Sort: Sort{Key: SortDue}},
		"by due":             {Sort: Sort{Key: SortDue}},
		"by due, downwards":  {Sort: Sort{Key: SortDue, Desc: true}},
		"oldest first":       {Sort: Sort{Key: SortReceived}},
		"external reference": {ExternalReference: "FK-1"},
		"registry number":    {RegistryNumber: "2026-000001"},
		"source":             {Source: referral.SelfReferral},
		"the waiting list":   {Sort: Sort{Key: SortPriority}},
		"responsible":        {Responsible: "mottagare-1"},
		"coach":              {Coach: "coach-1"},
		"participant":        {Participant: "p"},
		"changes":            {ChangedSince: time.UnixMilli(5), Sort: Sort{Key: sortChanged}},
		"a unit's changes":   {ChangedSince: time.UnixMilli(5), Unit: "fk-molndal", Sort: Sort{Key: sortChanged}},
		"initiative":         {Initiative: "activera"},
		"another's answer":   {TransferTo: "1481"},
	}
	try := func(name string, where []store.Cond, sort Sort, sorted bool) {
		t.Helper()
		for _, after := range []store.Cursor{{}, {Values: make([]any, len(sort.orders(where))), ID: "x"}} {
			for i := range after.Values {
				after.Values[i] = int64(5)
			}
			plan, err := explain(t.Context(), "referrals", store.Query{Association: "insjoriket", Where: where, Sort: sort.orders(where), After: after, Limit: 20})
			text := strings.Join(plan, "; ")
			if err != nil || !strings.Contains(text, "SEARCH") || strings.Contains(text, "SCAN") || strings.Contains(text, "(association=?)") {
				t.Errorf("%s: %v: %s", name, err, text)
			}
			if strings.Contains(text, "TEMP B-TREE") && !sorted {
				t.Errorf("%s is sorted after it is found: %s", name, text)
			}
		}
	}
	for who, a := range callers {
		for name, f := range filters {
			if f.Sort == (Sort{}) {
				f.Sort = Sort{Key: SortReceived, Desc: true}
			}
			where, ok, err := conditions("listReferrals", a, f, time.Now())
			if !ok || err != nil {
				continue // not this caller's
			}
			// A queue, the few that await an answer and what is about one person are sorted in memory; one reference needs no order.
			few := who == "person" && (f.Sort.Key == SortDue || f.Sort.Key == sortChanged)
			try(who+" by "+name, where, f.Sort, few || name == "the waiting list" || f.TransferTo != "" || f.ExternalReference+f.RegistryNumber != "")
		}
		where, ok := taskConditions("listTasks", a)
		if !ok {
			t.Fatalf("%s has no tasks", who)
		}
		try(who+"'s tasks", where, Sort{Key: SortDue}, who == "person") // a person has few
	}
	try("the protected of a person", []store.Cond{store.Equals(keyParticipant, "p"), store.Equals(keyProtected, true)}, Sort{SortReceived, true}, false)
	try("the sweeper", []store.Cond{{Key: keyAlarm, Op: store.Lt, Value: int64(5)}}, Sort{Key: "none"}, true)
}

func TestACursorKeepsTheOrderOfItsList(t *testing.T) {
	place := store.Cursor{Values: []any{int64(7)}, ID: "x"}
	for _, order := range []Sort{{SortReceived, true}, {SortReceived, false}, {SortDue, true}, {SortDue, false}} {
		place := place
		if order.Key == SortDue {
			place.Values = []any{int64(7), int64(8)}
		}
		text := order.prefix() + place.String()
		for _, asked := range []Sort{{}, order} {
			got, at, err := asked.resume(text)
			if err != nil || got != order || at != place.String() {
				t.Errorf("%+v by %s: %+v, %+v, %v", asked, text, got, at, err)
			}
		}
		if _, _, err := (Sort{SortPriority, false}).resume(text); err == nil {
			t.Errorf("%s went on in another order", text)
		}
	}
	for _, bad := range []string{"rd-", "zz-" + place.String(), "rx-" + place.String(), "-", "rd-" + place.String()[1:], place.String()} {
		if _, _, err := (Sort{}).resume(bad); err == nil {
			t.Errorf("%q was accepted", bad)
		}
	}
}

// FuzzListCursor reads cursors: one that is accepted is written as it was read, and the
// rest is the caller's own fault.
func FuzzListCursor(f *testing.F) {
	place := store.Cursor{Values: []any{int64(7)}, ID: "x"}
	for _, order := range []Sort{{SortReceived, true}, {SortReceived, false}} {
		f.Add(order.prefix()+place.String(), "")
	}
	f.Add(place.String(), SortReceived)
	f.Add("da-"+store.Cursor{Values: []any{int64(1), int64(2)}, ID: "x"}.String(), "")
	f.Add("pa-"+store.Cursor{Values: []any{int64(1), int64(2)}, ID: "x"}.String(), SortPriority)
	f.Add("rd-", "")
	f.Fuzz(func(t *testing.T, text, asked string) {
		order, at, err := Sort{Key: asked}.resume(text)
		if err != nil {
			if !errors.Is(err, store.ErrCursor) {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		if at == "" {
			return
		}
		again, there, err := order.resume(order.prefix() + at)
		if err != nil || again != order || there != at {
			t.Fatalf("%q is %+v behind %+v, and then %+v behind %+v: %v", text, order, at, again, there, err)
		}
	})
}
