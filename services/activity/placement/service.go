package placement

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/finsam/finsam/pkg/access"
	"github.com/finsam/finsam/pkg/accesslog"
	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/guard"
	"github.com/finsam/finsam/pkg/history"
	"github.com/finsam/finsam/pkg/idempotency"
	"github.com/finsam/finsam/pkg/jobs"
	"github.com/finsam/finsam/pkg/parts"
	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/services/activity"
)

// Config is what the room is made of, and what it asks the rest of the service.
type Config struct {
	parts.Parts
	Wake func() // the publisher, once something has happened

	// Enrolment returns what is known of an enrolment, or store.ErrNotFound.
	Enrolment func(ctx context.Context, association, id string) (*activity.Enrolment, error)

	// Diary returns the diary of a participant, which says whether the identity is protected.
	Diary func(ctx context.Context, association, participant string) (*activity.Diary, error)

	// Absences returns what participants have reported for a day or later.
	Absences func(ctx context.Context, association string, participants []string, from civil.Date) (map[string][]*activity.Absence, error)

	// TakeTime claims the placement's time in the participant's week, or returns the fault of
	// what has it already.
	TakeTime func(ctx context.Context, p *Placement) error

	// ShortenTime ends that claim with a day.
	ShortenTime func(ctx context.Context, p *Placement, lastDay civil.Date) error
}

// Service holds the verbs. Each takes the caller from the context and decides by the access
// table; its errors are faults. All may be called at once.
type Service struct {
	Config
	placements guard.Documents[Placement]
	registers  *store.Collection[Register]
	job        *jobs.Job
}

const (
	jobInterval = time.Minute
	jobTimeout  = 30 * time.Second
	pageSize    = 500
	maxTries    = 8 // how often a place is asked for that claims without a placement are in the way of
)

// New opens the room's collections.
func New(ctx context.Context, c Config) (*Service, error) {
	s := &Service{Config: c}
	s.placements = guard.Documents[Placement]{
		Log: s.AccessLog, Kind: "placement",
		Resource: func(ctx context.Context, a actor.Actor, operation string, p *Placement) (access.Resource, error) {
			return p.Resource(s.site(p.Association, p.Site)), nil
		},
		Participants: func(p *Placement) []string { return []string{p.Participant} },
	}
	var placements, registers error
	s.placements.Store, placements = store.Open(ctx, s.Engine, Collection)
	s.registers, registers = store.Open(ctx, s.Engine, Registers)
	s.job = jobs.Every(jobInterval, jobs.Config{
		Service: "activity", Name: "advance-placements", Do: jobs.ForEach(s.Associations, s.advance), AtStart: true, Timeout: jobTimeout, Log: s.Log,
	})
	return s, errors.Join(placements, registers)
}

// Run takes the steps that time brings until the context ends.
func (s *Service) Run(ctx context.Context) error { return s.job.Run(ctx) }

// Advance takes the steps that time has brought by now, once each, whatever other processes
// do: offers lapse, placements start and end, follow-ups become due.
func (s *Service) Advance(ctx context.Context) error { return s.job.Do(ctx) }

// site returns a site as it is now; one that is there no more takes nobody.
func (s *Service) site(associationID, id string) association.Site {
	in, err := s.Associations.Get(associationID)
	if err != nil {
		return association.Site{}
	}
	site, _ := in.Site(id)
	return site.At(civil.DateOf(s.Now()))
}

// View is a placement as one caller sees it.
type View struct {
	*Placement
	Status     Status
	SiteName   string           // empty when the site is there no more
	ShownTasks string           // empty in lists, and where they are not for the caller
	Texts      map[int64]string // by step, as ShownTasks
	Operations []string         // that the caller may call on it now
	ConflictOn civil.Date       // the first day on which the site does not take it any more; empty: none, or not asked
}

func (s *Service) view(a actor.Actor, p *Placement) *View {
	site := s.site(p.Association, p.Site)
	return &View{Placement: p, Status: p.Status(), SiteName: site.Name, Operations: access.Permitted(p.Operations(), a, p.Resource(site))}
}

// whole returns a placement with its texts, as far as they are for the caller, and with what
// its site has become.
func (s *Service) whole(ctx context.Context, a actor.Actor, p *Placement) (*View, error) {
	v, site := s.view(a, p), s.site(p.Association, p.Site)
	r, err := s.registers.Get(ctx, p.Association, registerID(p.Site, p.Area))
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return nil, err
	}
	if err == nil {
		today := civil.DateOf(s.Now())
		in, err := s.Associations.Get(p.Association)
		if err != nil {
			return nil, err
		}
		through, _ := in.Site(p.Site)
		for _, c := range r.Value.Conflicts(through, today, today) {
			if c.Placement == p.ID {
				v.ConflictOn = c.On
			}
		}
	}
	d, err := s.Diary(ctx, p.Association, p.Participant)
	if err != nil {
		return nil, err
	}
	resource := p.Resource(site)
	resource.Protected, resource.Handlers = d.Protected, d.Handlers[a.Authority]
	if !access.Allows("getPlacement#text", a, resource) {
		return v, nil
	}
	if v.ShownTasks, err = s.Cipher.DecryptText(p.Tasks, textContext(p.ID)); err != nil {
		return nil, err
	}
	v.Texts = map[int64]string{}
	for _, step := range p.Steps {
		if v.Texts[step.N], err = s.Cipher.DecryptText(step.Text, textContext(p.ID)); err != nil {
			return nil, err
		}
	}
	return v, nil
}

// textContext ties the encrypted texts of a placement to it.
func textContext(id string) string { return "placement/" + id + "/text" }

// Offer offers an enrolled participant a place. The participant's time and the place are
// claimed before the placement is stored: of those who ask for the last place at once, one
// gets it. A repeat with the same key returns the placement as it was offered.
func (s *Service) Offer(ctx context.Context, r Request, key string) (*View, error) {
	var e *activity.Enrolment
	a, entry, err := guard.Ask(ctx, "createPlacement", "enrolment/"+r.Enrolment, func(a actor.Actor) (access.Resource, error) {
		var err error
		if e, err = s.Enrolment(ctx, a.Association, r.Enrolment); err != nil {
			return access.Resource{}, err
		}
		return e.Resource(), nil
	})
	if err != nil {
		return nil, guard.Enter(ctx, s.AccessLog, entry, err)
	}
	in, err := s.Associations.Get(a.Association)
	if err != nil {
		return nil, err
	}
	asked, err := json.Marshal(r)
	if err != nil {
		return nil, err
	}
	now := s.Now()
	receipt := idempotency.Receipt{At: history.Stamp(now), Fingerprint: s.Cipher.Fingerprint(asked)}
	v, replayed, err := idempotency.Create(ctx, s.placements.Store, idempotency.Request{
		Actor: a, Operation: entry.Operation, Key: key, Fingerprint: receipt.Fingerprint, Now: now, NewID: s.NewID,
	}, func(p *Placement) idempotency.Receipt { return p.Receipt }, func(id string) (*Placement, error) {
		site, known := in.Site(r.Site)
		days, err := r.Check(site, known, e.Municipality, now)
		if err != nil {
			return nil, err
		}
		i, _ := in.Initiative(e.Initiative)
		if err = CanPlace(e, i.PlanIn(e.Municipality), r.From, r.Until); err != nil {
			return nil, err
		}
		tasks, err := s.Cipher.EncryptText(r.Tasks, textContext(id))
		if err != nil {
			return nil, err
		}
		p := Offer(id, e, r, days, tasks, receipt, guard.Author(ctx), now)
		if err = s.take(ctx, p, site); err == nil {
			err = guard.Enter(ctx, s.AccessLog, entry, nil)
		}
		if err != nil { // nothing of it is stored
			return nil, errors.Join(err, s.release(ctx, p, p.From.AddDays(-1)))
		}
		return p, nil
	})
	if err != nil || replayed {
		err = guard.Enter(ctx, s.AccessLog, entry, err)
	}
	if err != nil {
		return nil, err
	}
	s.Wake()
	p := v.Value
	if replayed {
		p.Steps = p.Steps[:1]
		return s.whole(ctx, a, p)
	}
	// What closed the enrolment meanwhile may have looked for placements before this one
	// was there.
	is, err := s.Enrolment(ctx, p.Association, p.Enrolment)
	if err != nil || !is.Closed {
		view, viewErr := s.whole(ctx, a, p)
		return view, errors.Join(err, viewErr)
	}
	if err := s.EndOf(ctx, is, "", guard.Author(ctx)); err != nil {
		return nil, err
	}
	return nil, activity.ErrEnrolmentClosed.AtField("/enrolment")
}

// take claims the time and the place of a placement. Claims in the way are compared with
// their placements first: those that are for none any more are released.
func (s *Service) take(ctx context.Context, p *Placement, site association.Site) error {
	if err := s.TakeTime(ctx, p); err != nil {
		return err
	}
	for range maxTries {
		var full civil.Date
		var blocking []Claim
		err := s.updateRegister(ctx, p, func(r *Register) bool {
			full, blocking = r.Take(p.Claim(), site, civil.DateOf(s.Now()))
			return full == ""
		})
		switch {
		case err != nil || full == "":
			return err
		case len(blocking) == 0:
			return ErrNoPlaces.AtField("/days")
		}
		released := false
		for _, c := range blocking {
			was, err := s.placements.Store.Get(ctx, p.Association, c.Placement)
			if err != nil && !errors.Is(err, store.ErrNotFound) {
				return err
			}
			last := c.From.AddDays(-1)
			if was.Value != nil {
				last = was.Value.Status().LastDay
			} else if s.Now().Sub(c.At) < activity.ClaimGrace {
				continue
			}
			err = s.updateRegister(ctx, p, func(r *Register) bool {
				shortened := r.Shorten(c.Placement, last)
				released = released || shortened
				return shortened
			})
			if err != nil {
				return err
			}
		}
		if !released {
			return ErrFull.AtField("/days")
		}
	}
	return fault.ErrUnavailable.Because(errors.New("site: too many void claims"))
}

// release ends the claims of a placement with a day.
func (s *Service) release(ctx context.Context, p *Placement, lastDay civil.Date) error {
	return errors.Join(
		s.updateRegister(ctx, p, func(r *Register) bool { return r.Shorten(p.ID, lastDay) }),
		s.ShortenTime(ctx, p, lastDay))
}

// updateRegister changes the register of a placement's area. change reports whether there is
// something to write.
func (s *Service) updateRegister(ctx context.Context, p *Placement, change func(*Register) bool) error {
	return s.registers.Upsert(ctx, p.Association, registerID(p.Site, p.Area), func() *Register {
		return &Register{Association: p.Association, Site: p.Site, Area: p.Area}
	}, func(r *Register) error { return store.WriteIf(change(r)) })
}

// Placement returns a placement.
func (s *Service) Placement(ctx context.Context, id string) (*View, error) {
	a := actor.From(ctx)
	v, err := s.placements.Load(ctx, a, guard.Call{Operation: "getPlacement", ID: id})
	if err != nil {
		return nil, err
	}
	return s.whole(ctx, a, v.Value)
}

// change lets a placement take a step, and then ends its claims if the step ended it.
func (s *Service) change(ctx context.Context, operation, id string, ifVersion int64, change func(*Placement) error) (*View, error) {
	a := actor.From(ctx)
	v, err := s.placements.Change(ctx, a, guard.Call{Operation: operation, ID: id, IfVersion: ifVersion}, func(v store.Versioned[Placement]) error {
		return change(v.Value)
	})
	if err != nil {
		return nil, err
	}
	s.Wake()
	if last := v.Value.Status().LastDay; last < v.Value.Until {
		if err := s.release(ctx, v.Value, last); err != nil {
			return nil, err
		}
	}
	return s.whole(ctx, a, v.Value)
}

// Agree lets an offered placement be. The claim is confirmed first: it is refused once the
// offer has lapsed, also when somebody else has the place by then.
func (s *Service) Agree(ctx context.Context, id string, ifVersion int64) (*View, error) {
	return s.change(ctx, "agreePlacement", id, ifVersion, func(p *Placement) error {
		if err := p.Agree(guard.Author(ctx), s.Now()); err != nil {
			return err
		}
		confirmed := false
		err := s.updateRegister(ctx, p, func(r *Register) bool {
			confirmed = r.Confirm(p.ID, civil.DateOf(s.Now()))
			return confirmed
		})
		if err == nil && !confirmed {
			return ErrLapsed
		}
		return err
	})
}

// Decline lets nothing come of a placement; text is in clear.
func (s *Service) Decline(ctx context.Context, id string, ifVersion int64, reason, text string) (*View, error) {
	return s.change(ctx, "declinePlacement", id, ifVersion, func(p *Placement) error {
		encrypted, err := s.Cipher.EncryptText(text, textContext(id))
		if err != nil {
			return err
		}
		return p.Decline(reason, encrypted, guard.Author(ctx), s.Now())
	})
}

// End ends a running placement from a day on; text is in clear.
func (s *Service) End(ctx context.Context, id string, ifVersion int64, from civil.Date, reason, text string) (*View, error) {
	return s.change(ctx, "endPlacement", id, ifVersion, func(p *Placement) error {
		encrypted, err := s.Cipher.EncryptText(text, textContext(id))
		if err != nil {
			return err
		}
		return p.End(from, reason, encrypted, guard.Author(ctx), s.Now())
	})
}

// NoteAttendance notes whether the participant came on a day, on which the enrolment must run.
func (s *Service) NoteAttendance(ctx context.Context, id string, ifVersion int64, n Note) (*View, error) {
	return s.change(ctx, "notePlacementAttendance", id, ifVersion, func(p *Placement) error {
		in, err := s.Associations.Get(p.Association)
		if err != nil {
			return err
		}
		changed, err := p.NoteAttendance(n, in.CalendarIn(p.Municipality).IsClosed(n.Date), guard.Author(ctx), s.Now())
		if err != nil {
			return err
		}
		e, err := s.Enrolment(ctx, p.Association, p.Enrolment)
		if err == nil {
			err = e.CanAttend(association.Activity{Category: Category}, n.Date)
		}
		return cmp.Or(err, store.WriteIf(changed))
	})
}

// FollowUp notes that a planned follow-up has been held; text is in clear.
func (s *Service) FollowUp(ctx context.Context, id string, ifVersion int64, planned civil.Date, text string) (*View, error) {
	return s.change(ctx, "recordFollowUp", id, ifVersion, func(p *Placement) error {
		encrypted, err := s.Cipher.EncryptText(text, textContext(id))
		if err != nil {
			return err
		}
		return p.FollowUp(planned, encrypted, guard.Author(ctx), s.Now())
	})
}

// Filter narrows a list of placements; empty fields mean any.
type Filter struct {
	Participant, Enrolment, Site string
	State                        State
	Due                          bool // only what waits for the coach
	Conflict                     bool // only those that their site does not take any more
}

// Placements returns the placements that the caller may see, the latest first. One entry of
// the access log names all persons shown.
func (s *Service) Placements(ctx context.Context, f Filter, w store.Window) (*store.List[*View], error) {
	entry := accesslog.Entry{Operation: "listPlacements", Thing: "placements"}
	a, err := guard.Caller(ctx, s.AccessLog, entry.Operation, entry.Thing)
	if err != nil {
		return nil, err
	}
	relation := access.Scope(entry.Operation, a)
	var where []store.Cond
	switch {
	case relation == access.OwnMunicipality && a.Municipality != "":
		where = append(where, store.Equals(municipalityKey, a.Municipality))
	case relation == access.OwnParticipant && a.Participant != "" && (f.Participant == "" || f.Participant == a.Participant):
		where, f.Participant = append(where, store.Equals(participantKey, a.Participant)), ""
	}
	conflicts := map[string]civil.Date{}
	if f.Conflict && where != nil {
		registers := []store.Cond{store.Equals(municipalityKey, a.Municipality)}
		if conflicts, err = s.conflicts(ctx, a.Association, registers, civil.DateOf(s.Now()), nil); err != nil {
			return nil, err
		}
		if where = append(where, store.IsAmong(store.ID, slices.Sorted(maps.Keys(conflicts)))); len(conflicts) == 0 {
			where = nil
		}
	}
	list := &store.List[*View]{}
	latestFirst := []store.Order{{Key: offeredKey, Desc: true}}
	var found store.Page[Placement]
	if where != nil { // else nothing can match
		for _, c := range []store.Cond{
			store.Equals(participantKey, f.Participant), store.Equals(enrolmentKey, f.Enrolment), store.Equals(siteKey, f.Site), store.Equals(stateKey, string(f.State)),
		} {
			if c.Value != "" {
				where = append(where, c)
			}
		}
		if f.Due {
			where = append(where, store.AtMost(taskKey, string(civil.DateOf(s.Now()))))
		}
		found, list.Total, err = s.placements.Store.List(ctx, store.Query{Association: a.Association, Where: where, Sort: latestFirst}, w)
	} else {
		_, err = store.ParseCursor(w.Cursor, len(latestFirst))
	}
	if err != nil {
		return nil, err
	}
	list.Next = found.Next.String()
	for _, v := range found.Items {
		view := s.view(a, v.Value)
		view.ConflictOn = conflicts[view.ID]
		list.Items, entry.Participants = append(list.Items, view), append(entry.Participants, view.Participant)
	}
	entry.Why = string(relation)
	return list, guard.Enter(ctx, s.AccessLog, entry, nil)
}

// conflicts returns the placements that the sites of some registers do not take from a day on,
// and the first such day, but for those that they do not take as they are in without.
func (s *Service) conflicts(ctx context.Context, associationID string, registers []store.Cond, first civil.Date, siteOf func(id string) association.Site) (map[string]civil.Date, error) {
	if siteOf == nil {
		siteOf = func(id string) association.Site {
			in, err := s.Associations.Get(associationID)
			if err != nil {
				return association.Site{}
			}
			site, _ := in.Site(id)
			return site
		}
	}
	found := map[string]civil.Date{}
	err := s.registers.Each(ctx, store.Query{Association: associationID, Where: registers, Limit: pageSize}, func(v store.Versioned[Register]) error {
		for _, c := range v.Value.Conflicts(siteOf(v.Value.Site), first, civil.DateOf(s.Now())) {
			found[c.Placement] = c.On
		}
		return nil
	})
	return found, err
}

// Impact returns how many placements their sites would not take any more from a day on if an
// association were after instead of before. It reads no document of a person.
func (s *Service) Impact(ctx context.Context, before, after *association.Association, first civil.Date) (int, error) {
	n := 0
	for _, w := range before.Weeks {
		for _, was := range w.Sites {
			is, _ := after.Site(was.ObjectID())
			registers := []store.Cond{store.Equals(siteKey, was.ObjectID())}
			lost, err := s.conflicts(ctx, after.ID, registers, first, func(string) association.Site { return is })
			if err != nil || len(lost) == 0 {
				if err != nil {
					return 0, err
				}
				continue
			}
			already, err := s.conflicts(ctx, after.ID, registers, first, func(string) association.Site { return was })
			if err != nil {
				return 0, err
			}
			for id := range lost {
				if _, known := already[id]; !known {
					n++
				}
			}
		}
	}
	return n, nil
}

// DayItem is somebody who is at a site on a day.
type DayItem struct {
	*View
	Hours association.OpeningHours
	Mark  activity.Mark
}

// Day is who is at a site on a day.
type Day struct {
	Site   association.Site
	Date   civil.Date
	Closed bool // nobody comes
	Items  []DayItem
}

// Day returns the site's list of the day: those whose placement runs and whose enrolment does
// on the day. One entry of the access log names them all.
func (s *Service) Day(ctx context.Context, siteID string, d civil.Date) (*Day, error) {
	var site association.Site
	var in *association.Association
	a, entry, err := guard.Ask(ctx, "getSiteDay", "site/"+siteID, func(a actor.Actor) (access.Resource, error) {
		var err error
		if in, err = s.Associations.Get(a.Association); err != nil {
			return access.Resource{}, err
		}
		known := false
		if site, known = in.Site(siteID); !known || !site.At(d).WorkTraining {
			return access.Resource{}, fault.ErrNotFound
		}
		return access.Resource{Association: in.ID, Relationships: []access.Relationship{{Municipality: site.Municipality, Supervisors: site.At(civil.DateOf(s.Now())).Supervisors}}}, nil
	})
	if err != nil {
		return nil, guard.Enter(ctx, s.AccessLog, entry, err)
	}
	if !activity.IsDate(d) {
		return nil, activity.ErrDate.AtField("date")
	}
	day := &Day{Site: site.At(d), Date: d, Closed: in.CalendarIn(site.Municipality).IsClosed(d)}
	q := store.Query{Association: in.ID, Where: []store.Cond{store.Equals(siteKey, siteID), store.AtLeast(lastDayKey, string(d))}, Limit: pageSize}
	err = s.placements.Store.Each(ctx, q, func(v store.Versioned[Placement]) error {
		view := s.view(a, v.Value)
		hours, there := view.HoursOn(d)
		if !there || view.Status.State == Offered {
			return nil
		}
		e, err := s.Enrolment(ctx, in.ID, view.Enrolment)
		if err != nil {
			return err
		}
		if e.CanAttend(association.Activity{Category: Category}, d) == nil {
			day.Items = append(day.Items, DayItem{View: view, Hours: hours})
			entry.Participants = append(entry.Participants, view.Participant)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	absences, err := s.Absences(ctx, in.ID, slices.Clone(entry.Participants), d)
	if err != nil {
		return nil, err
	}
	for i := range day.Items {
		x := &day.Items[i]
		if o, there := s.OccurrenceOn(x.Placement, d); there {
			x.Mark = x.Status.On(o, absences[x.Participant])
		}
	}
	slices.SortFunc(day.Items, func(x, y DayItem) int {
		return cmp.Or(cmp.Compare(x.Area, y.Area), cmp.Compare(x.Hours.From, y.Hours.From), cmp.Compare(x.ID, y.ID))
	})
	return day, guard.Enter(ctx, s.AccessLog, entry, nil)
}

// maxSpan is how many days behind the first one are asked about places.
const maxSpan = 92

// Places returns the places of a site's areas day by day, of four weeks without days. No
// person is in them, so only a refusal is entered in the access log.
func (s *Service) Places(ctx context.Context, siteID string, first, last civil.Date) (site association.Site, days []Free, err error) {
	a, err := guard.Caller(ctx, s.AccessLog, "getSitePlaces", "site/"+siteID)
	if err != nil {
		return site, nil, err
	}
	in, err := s.Associations.Get(a.Association)
	if err != nil {
		return site, nil, err
	}
	site, known := in.Site(siteID)
	today := civil.DateOf(s.Now())
	first = cmp.Or(first, today)
	last = cmp.Or(last, first.AddDays(27))
	switch {
	case !known || !site.At(first).WorkTraining:
		return site, nil, fault.ErrNotFound
	case !activity.IsDate(first):
		return site, nil, activity.ErrDate.AtField("from")
	case !activity.IsDate(last):
		return site, nil, activity.ErrDate.AtField("until")
	case last < first || last > first.AddDays(maxSpan):
		return site, nil, ErrSpan.AtField("until")
	}
	for _, area := range site.At(first).Areas {
		r := &Register{Association: in.ID, Site: siteID, Area: area}
		v, err := s.registers.Get(ctx, in.ID, registerID(siteID, area))
		switch {
		case err == nil:
			r = v.Value
		case !errors.Is(err, store.ErrNotFound):
			return site, nil, err
		}
		days = append(days, r.FreeIn(site, first, last, today)...)
	}
	return site, days, nil
}

// EndOf ends the placements of an enrolment that was closed; cause is the id of the event
// that said so.
func (s *Service) EndOf(ctx context.Context, e *activity.Enrolment, cause string, by history.Author) error {
	q := store.Query{Association: e.Association, Where: []store.Cond{store.Equals(enrolmentKey, e.ID)}, Limit: pageSize}
	return s.placements.Store.Each(ctx, q, func(v store.Versioned[Placement]) error {
		return s.advanceOne(ctx, v.Value, func(p *Placement) bool { return p.EndWith(e.LastDay, cause, by, s.Now()) })
	})
}

// advance takes the steps of an association that time has brought, the longest due first.
func (s *Service) advance(ctx context.Context, in *association.Association) error {
	q := store.Query{
		Association: in.ID, Where: []store.Cond{store.AtMost(dueKey, string(civil.DateOf(s.Now())))}, Sort: []store.Order{{Key: dueKey}}, Limit: pageSize,
	}
	return s.placements.Store.Each(ctx, q, func(v store.Versioned[Placement]) error {
		e, err := s.Enrolment(ctx, in.ID, v.Value.Enrolment)
		if err != nil {
			return err
		}
		today := civil.DateOf(s.Now())
		canStart := !e.Closed && e.CanAttend(association.Activity{Category: Category}, max(v.Value.From, today)) == nil
		return s.advanceOne(ctx, v.Value, func(p *Placement) bool { return p.Advance(canStart, history.System("activity"), s.Now()) })
	})
}

// advanceOne takes the steps of a placement that nobody asked for, and ends its claims with
// it. A faster writer has made them superfluous, or the next round takes them.
func (s *Service) advanceOne(ctx context.Context, p *Placement, change func(*Placement) bool) error {
	v, err := s.placements.Store.Update(ctx, p.Association, p.ID, 0, func(p *Placement) error { return store.WriteIf(change(p)) })
	if err != nil {
		return err
	}
	s.Wake()
	if last := v.Value.Status().LastDay; last < v.Value.Until {
		return s.release(ctx, v.Value, last)
	}
	return nil
}

// Within returns the placements of participants that are agreed and have days within a span.
func (s *Service) Within(ctx context.Context, associationID string, participants []string, first, last civil.Date) (found []*Placement, err error) {
	q := store.Query{Association: associationID, Where: []store.Cond{store.IsAmong(participantKey, participants), store.AtLeast(lastDayKey, string(first))}, Limit: pageSize}
	err = s.placements.Store.Each(ctx, q, func(v store.Versioned[Placement]) error {
		if v.Value.From <= last && v.Value.Status().State != Offered {
			found = append(found, v.Value)
		}
		return nil
	})
	return found, err
}

// DaysIn returns what a placement is in a week, with what is known of the participant.
func (s *Service) DaysIn(p *Placement, w activity.Week, absences []*activity.Absence) (days []activity.BookedOccurrence) {
	for d := w.Monday(); d <= w.Sunday(); d = d.AddDays(1) {
		if o, there := s.OccurrenceOn(p, d); there {
			days = append(days, activity.BookedOccurrence{Occurrence: o, Placement: p.ID, Mark: p.Status().On(o, absences)})
		}
	}
	return days
}

// OccurrenceOn returns what the placement is on a date as an occurrence of the participant's
// week; ok is false when it is nothing.
func (s *Service) OccurrenceOn(p *Placement, d civil.Date) (o activity.Occurrence, ok bool) {
	hours, there := p.HoursOn(d)
	in, err := s.Associations.Get(p.Association)
	if !there || err != nil {
		return o, false
	}
	site, _ := in.Site(p.Site)
	o, ok = activity.OccurrenceOn(association.Activity{
		ID: p.ID, Municipality: p.Municipality, Calendar: in.CalendarIn(p.Municipality), Name: cmp.Or(site.At(d).Name, p.Site), Category: Category,
		Day: hours.Day, From: hours.From, To: hours.To, Place: cmp.Or(site.At(d).Place(), p.Site),
	}, d, nil)
	return o, ok
}

// LastDay returns the last day of a placement, and whether there is one of that id.
func (s *Service) LastDay(ctx context.Context, associationID, id string) (last civil.Date, stored bool, err error) {
	v, err := s.placements.Store.Get(ctx, associationID, id)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return "", false, nil
	case err != nil:
		return "", false, err
	}
	return v.Value.Status().LastDay, true, nil
}
