package referral

import (
	"strings"
	"time"

	"github.com/finsam/finsam/pkg/access"
	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/store"
)

// Filter narrows a list, within what the caller's relation opens.
type Filter struct {
	States            []State // empty: any
	Municipality      string  // empty: any
	Asked             string  // municipality that is asked to take over now; empty: any
	Unit              string  // empty: any
	Source            Source  // empty: any
	From, To          string  // dates between which it was received, both included; empty: open
	Responsible       string  // subject; only for the municipality's own
	Initiative        string  // into which it was accepted; only for the municipality's own
	Overdue           *bool   // whether the turn's time has passed; nil: any, also nobody's turn
	ExternalReference string
	RegistryNumber    string
	Sort              Sort
}

// What a list can be sorted by.
const (
	SortReceived = "receivedAt"
	SortDue      = "dueAt"    // leaves out what waits for nobody
	SortPriority = "priority" // the waiting list: the most urgent first, then who came first
)

// Sort is the order of a list. The zero Sort is the latest first or, of what is
// overdue, what was due first.
type Sort struct {
	Key  string
	Desc bool
}

// order returns the order that is asked for; of a list of what is overdue that begins
// anew, what was due first.
func (f Filter) order(cursor string) Sort {
	if f.Sort.Key == "" && f.Overdue != nil && *f.Overdue && cursor == "" {
		f.Sort.Key = SortDue
	}
	return f.Sort
}

// letters name the sorts in cursors.
var letters = map[string]string{"r": SortReceived, "d": SortDue, "p": SortPriority}

// cursor returns a place in the order as text for a client to hand back; it bears
// the order, so that a list goes on as it began.
func (o Sort) cursor(c store.Cursor) string {
	if c.ID == "" {
		return ""
	}
	direction := "a"
	if o.Desc {
		direction = "d"
	}
	for letter, key := range letters {
		if key == o.Key {
			return letter + direction + "-" + c.String()
		}
	}
	return ""
}

// behind reads a cursor and gives the order that it bears. A cursor of another
// order than the one that is asked for is refused. One without an order is of the
// time when there was but one.
func (o Sort) behind(cursor string) (Sort, store.Cursor, error) {
	if cursor == "" {
		if o.Key == "" {
			o = Sort{Key: SortReceived, Desc: true}
		}
		return o, store.Cursor{}, nil
	}
	bears := Sort{Key: SortReceived, Desc: true}
	if order, rest, ok := strings.Cut(cursor, "-"); ok && len(order) == 2 {
		key, known := letters[order[:1]]
		if !known || rest == "" || order[1] != 'a' && order[1] != 'd' {
			return o, store.Cursor{}, store.ErrCursor
		}
		bears, cursor = Sort{Key: key, Desc: order[1] == 'd'}, rest
	}
	if o.Key != "" && o != bears {
		return o, store.Cursor{}, store.ErrCursor
	}
	c, err := store.ParseCursor(cursor, len(bears.orders(nil)))
	return bears, c, err
}

// orders returns the order in keys. A sender's turns are sorted by what the sender
// may know of them.
func (o Sort) orders(where []store.Cond) []store.Order {
	switch o.Key {
	case SortDue:
		key := keyDue
		for _, c := range where {
			if c.Key == keySenderDue {
				key = keySenderDue
			}
		}
		return []store.Order{{Key: key, Desc: o.Desc}}
	case SortPriority:
		return []store.Order{{Key: keyRank}, {Key: keySince}}
	}
	return []store.Order{{Key: keyReceived, Desc: o.Desc}}
}

// conditions returns what a list is read by: the caller's relation from the access
// table, and the filter. ok is false when nothing can match; a filter by what the
// caller may not know is refused.
func conditions(operation string, a actor.Actor, f Filter, now time.Time) (where []store.Cond, ok bool, err error) {
	is := func(key string, op store.Op, value any) {
		if value != "" {
			where = append(where, store.Cond{Key: key, Op: op, Value: value})
		}
	}
	relation, _ := access.Scope(operation, a)
	due, state := keySenderDue, keySenderState
	switch {
	case relation == access.OwnMunicipality && a.Municipality != "":
		due, state = keyDue, keyState
		if f.Asked != a.Municipality { // shown to the one that is asked until it has answered
			if f.Municipality != "" && f.Municipality != a.Municipality {
				return nil, false, nil
			}
			f.Municipality = a.Municipality
		}
	case relation == access.OwnAuthority && a.Authority != "":
		is(keyAuthority, store.Eq, a.Authority)
	case relation == access.OwnUnit && a.Authority != "" && a.Unit != "":
		if f.Unit != "" && f.Unit != a.Unit {
			return nil, false, nil
		}
		is(keyAuthority, store.Eq, a.Authority)
		f.Unit = a.Unit
	case relation == access.OwnParticipant && a.Participant != "":
		due, state = keyDue, keyState
		is(keyParticipant, store.Eq, a.Participant)
	default:
		return nil, false, nil // a token that names no place of its own has no list
	}
	if relation != access.OwnMunicipality && f.Responsible != "" {
		return nil, false, ErrOwnFilter.AtField("responsible")
	}
	if relation != access.OwnMunicipality && f.Initiative != "" {
		return nil, false, ErrOwnFilter.AtField("initiative")
	}
	is(keyMunicipality, store.Eq, f.Municipality)
	is(keyUnit, store.Eq, f.Unit)
	if f.Asked != "" {
		is(keyStands, store.Eq, askedAt(f.Asked))
	}
	is(keySource, store.Eq, string(f.Source))
	is(keyNumber, store.Eq, f.RegistryNumber)
	is(keyResponsible, store.Eq, f.Responsible)
	is(keyInitiative, store.Eq, f.Initiative)
	is(keyExternal, store.Eq, f.ExternalReference)
	if f.Sort.Key == SortPriority {
		if len(f.States) > 0 && (len(f.States) > 1 || f.States[0] != StateWaitlisted) {
			return nil, false, ErrSortOfQueue.AtField("sort")
		}
		f.States = []State{StateWaitlisted}
	}
	switch len(f.States) {
	case 0:
	case 1:
		is(state, store.Eq, string(f.States[0]))
	default:
		var all []any
		for _, s := range f.States {
			all = append(all, string(s))
		}
		is(state, store.In, all)
	}
	switch {
	case f.Overdue != nil && *f.Overdue:
		is(due, store.Lt, now.UnixMilli())
	case f.Overdue != nil:
		is(due, store.Gte, now.UnixMilli())
	case f.Sort.Key == SortDue:
		is(due, store.Gt, int64(0)) // what waits for nobody has no place in this order
	}
	err = f.period(is)
	return where, true, err
}

// period adds the days between which a referral came in, in Sweden.
func (f Filter) period(is func(string, store.Op, any)) error {
	for _, end := range []struct {
		date, field string
		days        int
		op          store.Op
	}{{f.From, "receivedFrom", 0, store.Gte}, {f.To, "receivedTo", 1, store.Lt}} {
		if end.date == "" {
			continue
		}
		day, err := civil.Parse(end.date)
		if err != nil {
			return ErrDate.AtField(end.field)
		}
		is(keyReceived, end.op, day.AddDays(end.days).Start().UnixMilli())
	}
	return nil
}

// waiting returns the conditions of what waits for the caller.
func waiting(operation string, a actor.Actor) (where []store.Cond, ok bool) {
	relation, _ := access.Scope(operation, a)
	switch {
	case relation == access.OwnMunicipality && a.Municipality != "":
		var whose []any
		if a.Has(actor.Intake) {
			whose = append(whose, string(PartyReceiver)+"/"+a.Municipality)
		}
		if a.Has(actor.Coach) {
			whose = append(whose, string(PartyCoach)+"/"+a.Municipality)
		}
		if len(whose) == 1 {
			return []store.Cond{{Key: keyTurn, Op: store.Eq, Value: whose[0]}}, true
		}
		return []store.Cond{{Key: keyTurn, Op: store.In, Value: whose}}, true
	case relation == access.OwnAuthority && a.Authority != "":
		return []store.Cond{{Key: keyTurn, Op: store.Eq, Value: string(PartySender) + "/" + a.Authority}}, true
	case relation == access.OwnUnit && a.Authority != "" && a.Unit != "":
		return []store.Cond{
			{Key: keyTurn, Op: store.Eq, Value: string(PartySender) + "/" + a.Authority},
			{Key: keyUnit, Op: store.Eq, Value: a.Unit},
		}, true
	case relation == access.OwnParticipant && a.Participant != "": // of what the person applied with; see applied
		return []store.Cond{
			{Key: keyParticipant, Op: store.Eq, Value: a.Participant},
			{Key: keySource, Op: store.In, Value: []any{string(SelfReferral), string(actor.Self)}},
			{Key: keyState, Op: store.Eq, Value: string(StateSupplement)},
		}, true
	}
	return nil, false
}
