package programme

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/finsam/finsam/pkg/access"
	"github.com/finsam/finsam/pkg/accesslog"
	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/guard"
	"github.com/finsam/finsam/pkg/history"
	"github.com/finsam/finsam/pkg/idempotency"
	"github.com/finsam/finsam/pkg/programme"
	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/services/activity"
)

// View is an object as one caller sees it: without its draft for those who do not plan it.
type View struct {
	*Document
	Operations []string // that the caller may call on it now
}

// The operations on an object.
const (
	listOperation     = "listProgrammeObjects"
	getOperation      = "getProgrammeObject"
	draftPart         = getOperation + "#draft"
	createOperation   = "createProgrammeObject"
	drawOperation     = "replaceProgrammeDraft"
	discardOperation  = "discardProgrammeDraft"
	checkOperation    = "checkProgrammeDraft"
	activateOperation = "activateProgrammeDraft"
	endOperation      = "endProgrammeObject"
)

// view returns the object as the caller sees it; ok is false for one that has been a draft
// only, of others.
func (s *Service) view(a actor.Actor, d *Document) (v *View, ok bool) {
	if !access.Allows(draftPart, a, d.Resource()) {
		shown := *d
		shown.Draft, shown.Steps = nil, nil
		return &View{Document: &shown}, len(d.Versions) > 0
	}
	today := civil.DateOf(s.Now())
	var operations []string
	if d.checkPlanned(today) == nil {
		operations = append(operations, drawOperation)
		if d.Draft != nil {
			operations = append(operations, discardOperation, checkOperation)
			if d.Draft.By.Subject != a.Subject || d.Draft.By.Authority != a.Authority {
				operations = append(operations, activateOperation)
			}
		}
		if d.HoldsFrom(today) {
			operations = append(operations, endOperation)
		}
	}
	return &View{Document: d, Operations: access.Permitted(operations, a, d.Resource())}, true
}

// Filter says which objects are wanted; what is empty does not matter.
type Filter struct {
	Kind         programme.Kind
	Municipality string
	On           civil.Date // only those of which a version holds on the day
}

// Objects returns the objects of the caller's association, in the order of their ids. No
// person is in them, so only a refusal is entered in the access log.
func (s *Service) Objects(ctx context.Context, f Filter) ([]*View, error) {
	a, err := guard.Caller(ctx, s.AccessLog, listOperation, "programme")
	if err != nil {
		return nil, err
	}
	if _, err := s.Associations.Get(a.Association); err != nil {
		return nil, err
	}
	var where []store.Cond
	if f.Kind != "" {
		where = append(where, store.Equals(kindKey, string(f.Kind)))
	}
	if f.Municipality != "" {
		where = append(where, store.Equals(municipalityKey, f.Municipality))
	}
	found, err := s.read(ctx, a.Association, where...)
	if err != nil {
		return nil, err
	}
	views := []*View{}
	for _, d := range found {
		if f.On != "" {
			if _, holds := d.Value.On(f.On); !holds {
				continue
			}
		}
		if v, ok := s.view(a, d.Value); ok {
			views = append(views, v)
		}
	}
	return views, nil
}

// Object returns an object. No person is in it, so only a refusal is entered in the access
// log.
func (s *Service) Object(ctx context.Context, id string) (*View, error) {
	var d *Document
	a, entry, err := guard.Ask(ctx, getOperation, thing(id), func(a actor.Actor) (access.Resource, error) {
		found, err := s.objects.Get(ctx, a.Association, storedID(a.Association, id))
		if err != nil {
			return access.Resource{}, err
		}
		d = found.Value
		return d.Resource(), nil
	})
	if err != nil {
		return nil, guard.Enter(ctx, s.AccessLog, entry, err)
	}
	v, ok := s.view(a, d)
	if !ok {
		return nil, guard.Enter(ctx, s.AccessLog, entry, fault.ErrNotFound)
	}
	return v, nil
}

// thing is an object's name in the access log.
func thing(id string) string { return "programme/" + id }

// Creation is an object to be created, with its first draft. A series without an id gets one.
type Creation struct {
	ID           string
	Kind         programme.Kind
	Municipality string
	Draft        programme.Version
}

// Create creates an object with a draft, which holds once it is activated. A repeat with
// the same key returns the object as it is now.
func (s *Service) Create(ctx context.Context, n Creation, key string) (*View, error) {
	now := s.Now()
	var d *Document
	var r access.Resource // it does not depend on the id, which is checked below
	a, entry, err := guard.Ask(ctx, createOperation, thing(string(n.Kind)), func(a actor.Actor) (access.Resource, error) {
		in, err := s.Associations.Get(a.Association)
		if err == nil {
			r = (&Document{Object: programme.Object{Association: in.ID, Kind: n.Kind, Municipality: n.Municipality}}).Resource()
		}
		return r, err
	})
	if err != nil {
		isElsewhere := errors.Is(err, fault.ErrNotFound) && r.Association != ""
		switch err = guard.Enter(ctx, s.AccessLog, entry, err); {
		case !isElsewhere || errors.Is(err, accesslog.ErrNotLogged):
			return nil, err
		case r.Relationships == nil:
			return nil, ErrNotYours.AtField("/kind")
		}
		return nil, ErrNotYours.AtField("/municipality") // as the caller's token says, whatever there is
	}
	receipt := idempotency.Receipt{At: history.Stamp(now)}
	if key != "" {
		input, err := json.Marshal(n)
		if err != nil {
			return nil, err
		}
		receipt.Fingerprint = s.Cipher.Fingerprint(append([]byte(key+" "), input...))
	}
	request := idempotency.Request{Actor: a, Operation: createOperation, Key: key, Fingerprint: receipt.Fingerprint, Now: now, NewID: s.NewID}
	creation, old, err := s.created(ctx, request)
	if old != nil {
		entry.Thing = thing(old.ID)
	}
	if err != nil || old != nil {
		if err = guard.Enter(ctx, s.AccessLog, entry, err); err != nil {
			return nil, err
		}
		v, _ := s.view(a, old)
		return v, nil
	}
	if n.ID == "" && n.Kind == programme.Series {
		n.ID = seriesID(creation)
	}
	entry.Thing = thing(n.ID)
	d, err = newDocument(a.Association, n.ID, n.Kind, n.Municipality, programme.FromAPI)
	if u, noUUID := uuid.Parse(strings.TrimPrefix(n.ID, seriesID(""))); err == nil && n.Kind == programme.Series && (noUUID != nil || seriesID(u.String()) != n.ID) {
		err = ErrObjectID.WithText("En series id är series. och ett UUID. Utelämna det, så får den ett.", "The id of a series is series. and a UUID. Leave it out, and it gets one.").AtField("/id")
	}
	if err == nil {
		d.Receipt = receipt
		if key != "" {
			d.Creation = creation
		}
		err = d.Draw(n.Draft, guard.Author(ctx), now)
	}
	if err = guard.Enter(ctx, s.AccessLog, entry, err); err != nil {
		return nil, err
	}
	if _, err = s.objects.Insert(ctx, d); errors.Is(err, store.ErrExists) || errors.Is(err, store.ErrTaken) {
		if _, old, again := s.created(ctx, request); again != nil {
			err = again
		} else if old != nil { // the same request was faster
			d, err = old, nil
		}
	}
	if err != nil {
		return nil, guard.Enter(ctx, s.AccessLog, entry, err)
	}
	s.Changed()
	v, _ := s.view(a, d)
	return v, nil
}

// created returns the object that a creation with the same key has made, and idempotency.
// ErrKeyReused beside it when that was another one; without one, what an object that is created
// now keeps of the key.
func (s *Service) created(ctx context.Context, r idempotency.Request) (creation string, old *Document, err error) {
	var lookup error
	creation, found, err := r.Find(func(id string) (was idempotency.Receipt, ok bool) {
		if r.Key == "" {
			return was, false
		}
		found, err := s.objects.Find(ctx, store.Query{Association: r.Actor.Association, Where: []store.Cond{store.Equals(creationKey, id)}, Limit: 1})
		if lookup = err; err != nil || len(found.Items) == 0 {
			return was, false
		}
		old = found.Items[0].Value
		return old.Receipt, true
	})
	if err = errors.Join(lookup, err); err != nil || !found {
		return creation, nil, err
	}
	return creation, old, r.Same(old.Receipt)
}

// seriesID returns the object id of the series that an activity is.
func seriesID(activity string) string { return string(programme.Series) + "." + activity }

// Draw writes the draft of an object at ifVersion, in place of one that is there.
func (s *Service) Draw(ctx context.Context, id string, ifVersion int64, v programme.Version) (*View, error) {
	return s.change(ctx, drawOperation, id, ifVersion, func(d *Document) error { return d.Draw(v, guard.Author(ctx), s.Now()) })
}

// Discard drops the draft of an object at ifVersion.
func (s *Service) Discard(ctx context.Context, id string, ifVersion int64) (*View, error) {
	return s.change(ctx, discardOperation, id, ifVersion, func(d *Document) error { return d.Discard(guard.Author(ctx), s.Now()) })
}

// ProposeEnd writes the draft of an end: from a day on no version of an object at ifVersion
// holds, once it is activated. It takes the place of a draft that is there.
func (s *Service) ProposeEnd(ctx context.Context, id string, ifVersion int64, on civil.Date, decision string) (*View, error) {
	return s.change(ctx, endOperation, id, ifVersion, func(d *Document) error {
		return d.Draw(programme.Version{From: on, Ends: true, Decision: decision}, guard.Author(ctx), s.Now())
	})
}

// Activate lets the draft of an object at ifVersion hold, or the end that it is. What the
// check finds prevents it, as what something else in the programme needs.
func (s *Service) Activate(ctx context.Context, id string, ifVersion int64) (*View, error) {
	ctx, cancel := context.WithTimeout(ctx, turnTimeout)
	defer cancel()
	giveBack := func() {}
	defer func() { giveBack() }() // once it is written
	return s.change(ctx, activateOperation, id, ifVersion, func(d *Document) (err error) {
		draft := d.Draft
		if err := d.Activate(guard.Author(ctx), s.Now()); err != nil {
			return err
		}
		if giveBack, err = s.takeTurn(ctx, d.Association); err != nil {
			return err
		}
		c, err := s.compare(ctx, d.Association, draft.From, d)
		if err != nil {
			return err
		}
		return c.prevention(s.Now())
	})
}

func (s *Service) change(ctx context.Context, operation, id string, ifVersion int64, change func(*Document) error) (*View, error) {
	a := actor.From(ctx)
	c := guard.Call{Operation: operation, ID: storedID(a.Association, id), Thing: thing(id), IfVersion: ifVersion}
	saved, err := s.documents.Change(ctx, a, c, func(v store.Versioned[Document]) error { return change(v.Value) })
	if err != nil {
		return nil, err
	}
	if operation == activateOperation { // before its event says it
		if err := s.serve(ctx, a.Association); err != nil { // the service's own feed brings it otherwise
			s.Log.WarnContext(ctx, "a changed programme is served later", "error", err)
		}
	}
	s.Changed()
	v, _ := s.view(a, saved.Value)
	return v, nil
}

// Report is what a check answers.
type Report struct {
	Problems association.Problems // what is wrong in itself
	Findings []Finding            // what two years with it would meet
	Impact   Impact
}

// Check returns what would prevent the activation of an object's draft, and whom it would
// change something for.
func (s *Service) Check(ctx context.Context, id string) (*Report, error) {
	a := actor.From(ctx)
	v, err := s.documents.Load(ctx, a, guard.Call{Operation: checkOperation, ID: storedID(a.Association, id), Thing: thing(id)})
	if err != nil {
		return nil, err
	}
	draft := v.Value.Draft
	if draft == nil {
		return nil, ErrNoDraft
	}
	from := max(draft.From, civil.DateOf(s.Now()))
	v.Value.Object.Activate(guard.Author(ctx), s.Now()) // of this copy only
	c, err := s.compare(ctx, a.Association, from, v.Value)
	if err != nil {
		return nil, err
	}
	r, err := s.report(ctx, c)
	if err == nil && draft.From < from {
		r.Findings = append(r.Findings, Finding{Object: id, Prevents: true, Text: ErrFrom.Text})
	}
	return r, err
}

// comparison is an association without and with changed objects, as it is on a day.
type comparison struct {
	association   string
	on            civil.Date
	before, after *association.Association // before is nil for one that is new
	changed       []*Document
	problems      association.Problems // of after and not of before
}

// compare reads the objects of an association and puts changed ones in their place.
func (s *Service) compare(ctx context.Context, id string, on civil.Date, changed ...*Document) (*comparison, error) {
	all, err := s.read(ctx, id)
	if err != nil {
		return nil, err
	}
	return compare(id, on, objectsOf(all), changed), nil
}

// compare also looks at each later day of the two years on which anything changes.
func compare(id string, on civil.Date, was []*programme.Object, changed []*Document) *comparison {
	c := &comparison{association: id, on: on, changed: changed}
	byID, days := map[string]*programme.Object{}, []civil.Date{on}
	for _, o := range was {
		byID[o.ID] = o
	}
	for _, d := range changed {
		byID[d.ID] = &d.Object
	}
	is := slices.SortedFunc(maps.Values(byID), func(a, b *programme.Object) int { return cmp.Compare(a.ID, b.ID) })
	for _, o := range slices.Concat(was, is) {
		for _, p := range o.Periods {
			for _, day := range []civil.Date{p.From, after(p.Until)} {
				if !hasForms(o) && day > on && day <= on.AddYears(years) {
					days = append(days, day)
				}
			}
		}
	}
	slices.Sort(days)
	// Written last: without it a first load has not written all yet, or ended halfway.
	isServed := slices.ContainsFunc(was, func(o *programme.Object) bool { return o.Kind == programme.Association })
	reported := map[association.Problem]bool{}
	for n, day := range slices.Compact(days) {
		if n == 1 {
			was, is = slices.DeleteFunc(slices.Clone(was), hasForms), slices.DeleteFunc(is, hasForms)
		}
		known, next := map[association.Problem]bool{}, programme.Assemble(is, day)
		if isServed {
			former := programme.Assemble(was, day)
			for _, p := range former.Check() {
				known[about(p)] = true
			}
			if n == 0 {
				c.before = former.Build()
			}
		}
		for _, p := range next.Check() {
			if x := about(p); !known[x] && !reported[x] {
				reported[x] = true
				c.problems = append(c.problems, p)
			}
		}
		if n == 0 {
			c.after = next.Build()
		}
	}
	return c
}

// hasForms reports whether an assembled association has an object in all the forms that it
// will have, so that what is wrong with one of them is found on any day.
func hasForms(o *programme.Object) bool {
	return o.Kind == programme.Series || o.Kind == programme.ClosedDays || o.Kind == programme.Site
}

// about returns a problem without its place in the file, which changes with other objects.
func about(p association.Problem) association.Problem {
	if p.Object != "" {
		p.Place = ""
	}
	return p
}

// report simulates the change, and counts whom it is for.
func (s *Service) report(ctx context.Context, c *comparison) (*Report, error) {
	r := &Report{Problems: c.problems}
	if len(r.Problems) == 0 {
		var ids []string
		for _, d := range c.changed {
			ids = append(ids, d.ID)
		}
		r.Findings = Simulate(c.before, c.after, c.on, ids...)
	}
	if c.changesBegun(s.Now()) {
		r.Findings = append(r.Findings, Finding{Object: c.changed[0].ID, Prevents: true, Text: begunToday.Text})
	}
	if c.before == nil {
		return r, nil // nobody is there yet
	}
	var err error
	r.Impact, err = s.Impact(ctx, c.before, c.after, c.on)
	return r, err
}

// changesBegun reports whether an occurrence of today that has begun would be elsewhere, on a
// closed day, or none: attendance is noted of it.
func (c *comparison) changesBegun(now time.Time) bool {
	today := civil.DateOf(now)
	if c.before == nil || c.on > today {
		return false
	}
	for _, w := range c.before.Weeks {
		for _, x := range w.Activities {
			was, occurs := activity.OccurrenceOn(x, today, nil)
			if !occurs || was.Starts.IsZero() || now.Before(was.Starts) {
				continue
			}
			y, _ := c.after.Activity(x.ID)
			if is, occurs := activity.OccurrenceOn(y, today, nil); !occurs || is.Closed != was.Closed || is.Activity.Place != was.Activity.Place {
				return true
			}
		}
	}
	return false
}

// wrong returns the problems as the fields of a refusal; nil for none.
func (c *comparison) wrong() (fields []fault.Field) {
	for _, p := range c.problems {
		fields = append(fields, fault.Field{Pointer: cmp.Or(p.Object, p.Place) + strings.TrimSuffix("#"+p.Field, "#"), Code: ErrFindings.Code, Text: p.Text()})
	}
	return fields
}

// prevention returns ErrFindings with what prevents an activation; nil for nothing.
func (c *comparison) prevention(now time.Time) error {
	wrong := c.wrong()
	if c.changesBegun(now) {
		wrong = append(wrong, fault.Field{Pointer: "/validFrom", Code: ErrFrom.Code, Text: begunToday.Text})
	}
	if wrong == nil {
		for _, f := range Simulate(c.before, c.after, c.on) {
			if f.Prevents {
				wrong = append(wrong, fault.Field{Pointer: f.Object, Code: ErrFindings.Code, Text: f.Text})
			}
		}
	}
	if wrong == nil {
		return nil
	}
	return ErrFindings.At(wrong...)
}

// Fetch returns the objects of an association, or of these ids, without drafts: for the
// other services, which keep their own copies.
func (s *Service) Fetch(ctx context.Context, association string, ids []string) ([]*programme.Object, error) {
	if !actor.From(ctx).Has(actor.System) {
		return nil, fault.ErrForbidden
	}
	var where []store.Cond
	if len(ids) > 0 {
		stored := make([]string, len(ids))
		for i, id := range ids {
			stored[i] = storedID(association, id)
		}
		where = append(where, store.IsAmong(store.ID, stored))
	}
	found, err := s.read(ctx, association, where...)
	if err != nil {
		return nil, err
	}
	objects := objectsOf(found)
	for _, o := range objects {
		o.Draft = nil
	}
	return objects, nil
}
