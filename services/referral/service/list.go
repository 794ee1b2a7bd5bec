package service

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/finsam/finsam/pkg/access"
	"github.com/finsam/finsam/pkg/accesslog"
	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/guard"
	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/services/referral"
	"github.com/finsam/finsam/services/referral/waitlist"
)

// The refusals of lists.
var (
	ErrOwnFilter = fault.New(fault.Unprocessable, "not-yours-to-filter-by",
		"Bara den kommun som har remisserna kan välja ut dem så. Utelämna den parametern.", "Only the municipality that has the referrals can filter by this. Leave the parameter out.")
	ErrSortOfQueue = fault.New(fault.Unprocessable, "sort-of-waiting-list",
		"Bara väntelistan sorteras efter prioritet. Välj läget waitlisted eller en annan ordning.", "Only the waiting list is sorted by priority. Choose the state waitlisted, or another order.")
	ErrSortOfChanges = fault.New(fault.Unprocessable, "sort-of-changes",
		"Med changedSince kommer det som ändrades först alltid först. Utelämna sort och order.", "With changedSince, what changed first always comes first. Leave sort and order out.")
)

// Filter narrows a list, within what the caller's relation opens.
type Filter struct {
	States            []referral.State // empty: any
	Municipality      string           // empty: any
	TransferTo        string           // municipality that is asked to take over now; empty: any
	Unit              string           // empty: any
	Source            referral.Source  // empty: any
	From, To          string           // dates between which it was received, both included; empty: open
	Participant       string           // empty: any
	Responsible       string           // subject; only for the municipality's own
	Coach             string           // subject; only for the municipality's own
	ChangedSince      time.Time        // the last change that the caller may know of came then or later; zero: any
	Initiative        string           // into which it was accepted; only for the municipality's own
	Overdue           *bool            // whether the turn's time has passed; nil: any, also nobody's turn
	ExternalReference string
	RegistryNumber    string
	Sort              Sort
}

// What a list can be sorted by.
const (
	SortReceived = "receivedAt"
	SortDue      = "dueAt"     // leaves out what waits for nobody
	SortPriority = "priority"  // the waiting list: the most urgent first, then the first to come
	sortChanged  = "changedAt" // what changed since some time
)

// Sort is the order of a list. The zero Sort is the latest first or, of what is overdue,
// the first due.
type Sort struct {
	Key  string
	Desc bool
}

// order returns the order of a list, and the cursor within it; see Sort.resume.
func (f Filter) order(cursor string) (Sort, string, error) {
	if !f.ChangedSince.IsZero() {
		if f.Sort.Key != "" {
			return f.Sort, "", ErrSortOfChanges.AtField("sort")
		}
		f.Sort.Key = sortChanged
	}
	if f.Sort.Key == "" && f.Overdue != nil && *f.Overdue && cursor == "" {
		f.Sort.Key = SortDue
	}
	return f.Sort.resume(cursor)
}

// sortLetters name the sorts in cursors.
var sortLetters = map[string]string{SortReceived: "r", SortDue: "d", SortPriority: "p", sortChanged: "c"}

// prefix begins the cursors of the order, so that a list goes on as it began.
func (o Sort) prefix() string {
	if o.Desc {
		return sortLetters[o.Key] + "d-"
	}
	return sortLetters[o.Key] + "a-"
}

// resume returns the order that a cursor begins with, and the rest of the cursor. A
// cursor of another order than the one that is asked for is refused.
func (o Sort) resume(cursor string) (Sort, string, error) {
	if cursor == "" {
		if o.Key == "" {
			o = Sort{Key: SortReceived, Desc: true}
		}
		return o, "", nil
	}
	for key := range sortLetters {
		for _, had := range []Sort{{Key: key}, {Key: key, Desc: true}} {
			if rest, ok := strings.CutPrefix(cursor, had.prefix()); ok && rest != "" && (o.Key == "" || o == had) {
				_, err := store.ParseCursor(rest, len(had.orders(nil)))
				return had, rest, err
			}
		}
	}
	return o, "", store.ErrCursor
}

// orders returns the order in keys; of what is due at once, the first received is first.
// A sender's turns are sorted by what the sender may know of them.
func (o Sort) orders(where []store.Cond) []store.Order {
	among := func(key, sender string) string {
		if slices.ContainsFunc(where, func(c store.Cond) bool { return c.Key == sender }) {
			return sender
		}
		return key
	}
	switch o.Key {
	case SortDue:
		return []store.Order{{Key: among(keyDue, keySenderDue), Desc: o.Desc}, {Key: keyReceived, Desc: o.Desc}}
	case sortChanged:
		return []store.Order{{Key: among(keyChanged, keySenderChange)}}
	case SortPriority:
		return waitlist.First
	}
	return []store.Order{{Key: keyReceived, Desc: o.Desc}}
}

// List is a part of a list of referrals, each in outline.
type List = store.List[*referral.View]

// List returns the referrals that the caller may see. One entry of the access log names
// all persons shown.
func (s *Service) List(ctx context.Context, f Filter, w store.Window) (*List, error) {
	const operation = "listReferrals"
	a, err := guard.Caller(ctx, s.AccessLog, operation, "referrals")
	if err != nil {
		return nil, err
	}
	if f.Sort, w.Cursor, err = f.order(w.Cursor); err != nil {
		return nil, err
	}
	where, found, err := conditions(operation, a, f, s.Now())
	if err != nil {
		return nil, err
	}
	return s.read(ctx, a, operation, where, found, f.Sort, w)
}

// Tasks returns the referrals that wait for the caller: for receivers and coaches of the
// municipality, for the sending unit or authority. What is due first comes first, and so
// what is overdue before all else. Of the filter only person, responsible and coach are
// read.
func (s *Service) Tasks(ctx context.Context, f Filter, w store.Window) (*List, error) {
	const operation = "listTasks"
	a, err := guard.Caller(ctx, s.AccessLog, operation, "referrals")
	if err != nil {
		return nil, err
	}
	order := Sort{Key: SortDue}
	if _, w.Cursor, err = order.resume(w.Cursor); err != nil {
		return nil, err
	}
	where, found := taskConditions(operation, a)
	if err := f.checkOwn(access.Scope(operation, a)); err != nil {
		return nil, err
	}
	for _, c := range []store.Cond{store.Equals(keyParticipant, f.Participant), store.Equals(keyResponsible, f.Responsible), store.Equals(keyCoach, f.Coach)} {
		if c.Value != "" {
			where = append(where, c)
		}
	}
	l, err := s.read(ctx, a, operation, where, found, order, w)
	if err != nil {
		return nil, err
	}
	return l, s.fillContacts(ctx, a, l.Items...)
}

// WaitingList returns the queue to an initiative of the caller's municipality, the first
// one first; an empty initiative is the association's only one.
func (s *Service) WaitingList(ctx context.Context, initiative string, w store.Window) (*List, error) {
	const operation = "listWaiting"
	a, err := guard.Caller(ctx, s.AccessLog, operation, "referrals")
	if err != nil {
		return nil, err
	}
	in, err := s.Associations.Get(a.Association)
	if err != nil {
		return nil, err
	}
	i, known := in.Choose(initiative)
	if !known {
		return nil, referral.ErrInitiative.AtField("initiative")
	}
	order := Sort{Key: SortPriority}
	if _, w.Cursor, err = order.resume(w.Cursor); err != nil {
		return nil, err
	}
	q := waitlist.Queue{Association: in.ID, Municipality: a.Municipality, Initiative: i.ID}
	found := access.Scope(operation, a) == access.OwnMunicipality && a.Municipality != ""
	return s.read(ctx, a, operation, q.Where(waitlist.Queued), found, order, w)
}

// read returns a part of what the conditions find, and enters whose referrals are shown.
// Nothing is read when found is false.
func (s *Service) read(ctx context.Context, a actor.Actor, operation string, where []store.Cond, found bool, order Sort, w store.Window) (*List, error) {
	l := &List{Items: []*referral.View{}}
	var people []string
	if found {
		page, total, err := s.referrals.List(ctx, store.Query{Association: a.Association, Where: where, Sort: order.orders(where)}, w)
		if err != nil {
			return nil, err
		}
		if l.Total = total; page.Next.ID != "" {
			l.Next = order.prefix() + page.Next.String()
		}
		l.Items, people = make([]*referral.View, 0, len(page.Items)), make([]string, 0, len(page.Items))
		for _, item := range page.Items {
			v := item.Value.Status().Outline(a, s.Now())
			s.dropUnconfigured(v)
			l.Items, people = append(l.Items, v), append(people, item.Value.Participant)
		}
	} else if w.Cursor == "" {
		l.Total = new(store.Total)
	}
	if err := s.Waitlist.DropFull(ctx, l.Items...); err != nil {
		return nil, err
	}
	if err := s.Waitlist.FillPositions(ctx, l.Items...); err != nil {
		return nil, err
	}
	if err := s.fillOthers(ctx, a, l.Items...); err != nil {
		return nil, err
	}
	entry := accesslog.Entry{Operation: operation, Thing: "referrals", Participants: people, Why: string(access.Scope(operation, a))}
	return l, guard.Enter(ctx, s.AccessLog, entry, nil)
}

// IdentitiesIn returns who the persons of a list are, as far as the vault shows them to the
// caller, by their ids: one call for all, which the vault's log has. A caller whose role may
// know nobody is fault.ErrForbidden.
func (s *Service) IdentitiesIn(ctx context.Context, l *List) (map[string]referral.Identity, error) {
	if _, err := guard.Caller(ctx, s.AccessLog, "readIdentities", "participants"); err != nil || len(l.Items) == 0 {
		return nil, err
	}
	people := make([]string, len(l.Items))
	for i, v := range l.Items {
		people[i] = v.Referral.Participant
	}
	return s.People.Identities(ctx, people)
}

// conditions returns what a list is read by: the caller's relation from the access
// table, and the filter. found is false when nothing can match. A filter by what the
// caller may not know is refused: ErrOwnFilter.
func conditions(operation string, a actor.Actor, f Filter, now time.Time) (where []store.Cond, found bool, err error) {
	is := func(key string, op store.Op, value any) {
		if value != "" {
			where = append(where, store.Cond{Key: key, Op: op, Value: value})
		}
	}
	relation := access.Scope(operation, a)
	due, state, changed := keySenderDue, keySenderState, keySenderChange
	switch {
	case relation == access.OwnMunicipality && a.Municipality != "":
		due, state, changed = keyDue, keyState, keyChanged
		if f.TransferTo != a.Municipality { // a municipality that is asked sees it until it has answered
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
		due, state, changed = keyDue, keyState, keyChanged
		if f.Participant != "" && f.Participant != a.Participant {
			return nil, false, nil
		}
		f.Participant = a.Participant
	default:
		return nil, false, nil // a token that names no unit, authority or municipality has no list
	}
	if err := f.checkOwn(relation); err != nil {
		return nil, false, err
	}
	is(keyParticipant, store.Eq, f.Participant)
	is(keyMunicipality, store.Eq, f.Municipality)
	is(keyUnit, store.Eq, f.Unit)
	if f.TransferTo != "" {
		is(waitlist.KeySet, store.Eq, askedPrefix+f.TransferTo)
	}
	is(keySource, store.Eq, string(f.Source))
	is(keyNumber, store.Eq, f.RegistryNumber)
	is(keyResponsible, store.Eq, f.Responsible)
	is(keyCoach, store.Eq, f.Coach)
	if !f.ChangedSince.IsZero() {
		is(changed, store.Gte, f.ChangedSince.UnixMilli())
	}
	is(keyInitiative, store.Eq, f.Initiative)
	if is(keyExternal, store.Eq, f.ExternalReference); f.ExternalReference != "" {
		where = append(where, store.Cond{Key: keyReference, Op: store.Gte, Value: ""}) // any: it is of the index
	}
	if f.Sort.Key == SortPriority {
		if len(f.States) > 0 && (len(f.States) > 1 || f.States[0] != referral.StateWaitlisted) {
			return nil, false, ErrSortOfQueue.AtField("sort")
		}
		f.States = []referral.State{referral.StateWaitlisted}
	}
	f.isIn(state, is)
	switch {
	case f.Overdue != nil && *f.Overdue:
		is(due, store.Lt, now.UnixMilli())
	case f.Overdue != nil:
		is(due, store.Gte, now.UnixMilli())
	case f.Sort.Key == SortDue:
		is(due, store.Gt, int64(0)) // what waits for nobody is not in this order
	}
	if err := f.period(is); err != nil {
		return nil, false, err
	}
	return where, true, nil
}

// checkOwn refuses a filter by what only the municipality's own may know, in another
// relation: ErrOwnFilter.
func (f Filter) checkOwn(relation access.Relation) error {
	for _, own := range []struct{ value, field string }{{f.Responsible, "responsible"}, {f.Initiative, "initiative"}, {f.Coach, "coach"}} {
		if own.value != "" && relation != access.OwnMunicipality {
			return ErrOwnFilter.AtField(own.field)
		}
	}
	return nil
}

// isIn adds the states, under the key in which the caller may know of them.
func (f Filter) isIn(state string, is func(string, store.Op, any)) {
	names := make([]any, 0, len(f.States))
	for _, s := range f.States {
		names = append(names, string(s))
	}
	switch len(names) {
	case 0:
	case 1:
		is(state, store.Eq, names[0])
	default:
		is(state, store.In, names)
	}
}

// period adds the days between which a referral was received, in Sweden.
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
			return referral.ErrDate.AtField(end.field)
		}
		is(keyReceived, end.op, day.AddDays(end.days).Start().UnixMilli())
	}
	return nil
}

// taskConditions returns the conditions of what waits for the caller; found is false
// when nothing can match.
func taskConditions(operation string, a actor.Actor) (where []store.Cond, found bool) {
	relation := access.Scope(operation, a)
	switch {
	case relation == access.OwnMunicipality && a.Municipality != "":
		var whose []any
		if a.Has(actor.Intake) {
			whose = append(whose, turnOf(referral.PartyReceiver, a.Municipality))
		}
		if a.Has(actor.Coach) {
			whose = append(whose, turnOf(referral.PartyCoach, a.Municipality))
		}
		if len(whose) == 1 {
			return []store.Cond{store.Equals(keyTurn, whose[0])}, true
		}
		return []store.Cond{{Key: keyTurn, Op: store.In, Value: whose}}, true
	case relation == access.OwnAuthority && a.Authority != "":
		return []store.Cond{store.Equals(keyTurn, turnOf(referral.PartySender, a.Authority))}, true
	case relation == access.OwnUnit && a.Authority != "" && a.Unit != "":
		return []store.Cond{store.Equals(keyTurn, turnOf(referral.PartySender, a.Authority)), store.Equals(keyUnit, a.Unit)}, true
	case relation == access.OwnParticipant && a.Participant != "": // of what the person applied with
		return []store.Cond{
			store.Equals(keyParticipant, a.Participant),
			{Key: keySource, Op: store.In, Value: []any{string(referral.SelfReferral), string(actor.Self)}},
			store.Equals(keyState, string(referral.StateSupplement)),
		}, true
	}
	return nil, false
}
