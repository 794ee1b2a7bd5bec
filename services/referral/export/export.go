// Package export writes lists of referrals as tables for people.
package export

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/finsam/finsam/pkg/access"
	"github.com/finsam/finsam/pkg/accesslog"
	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/codelist"
	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/guard"
	"github.com/finsam/finsam/pkg/parts"
	"github.com/finsam/finsam/pkg/share"
	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/services/referral"
)

const (
	maxRows  = 50_000
	maxNamed = 10_000 // rows with identities: the vault decrypts some 2,500 a second, and the gateway waits 15 seconds
	pageRows = 200    // rows read at once, and persons that the vault is asked for at once
	// maxFiles are made or sent at once, each up to 15 MiB: one for an authority. Others
	// of it wait for theirs.
	maxFiles    = 4
	maxWaiting  = 64
	turnTimeout = 5 * time.Second
)

// The refusals of this package.
var (
	ErrTooLarge = fault.New(fault.Unprocessable, "export-too-large",
		"Urvalet är för stort för en fil. Begränsa perioden med receivedFrom och receivedTo, och hämta flera filer.", "The selection is too large for one file. Narrow the period by receivedFrom and receivedTo, and fetch several files.")
	ErrBusy = fault.New(fault.TooMany, "export-under-way",
		"En annan fil görs just nu. Försök igen om en stund.", "Another file is being made just now. Try again shortly.").After(5 * time.Second)
)

// Table takes an export, row by row. An error ends the export.
type Table interface{ Write(cells []string) error }

// Config is what exports need.
type Config struct {
	parts.Parts
	Referrals  *store.Collection[referral.Referral]
	Register   func(ctx context.Context, association string) (*referral.Register, error)
	Identities func(ctx context.Context, participants []string) (map[string]referral.Identity, error)
	MaxRows    int // 0: 50,000
	MaxNamed   int // rows with identities; 0: 10,000
}

// Service writes exports.
type Service struct {
	Config
	files *share.Places[string] // by authority
}

// New returns a service for exports.
func New(c Config) *Service {
	c.MaxRows, c.MaxNamed = cmp.Or(c.MaxRows, maxRows), cmp.Or(c.MaxNamed, maxNamed)
	return &Service{Config: c, files: share.NewPlaces[string](share.PlacesConfig{Most: maxFiles, Alone: .25, Queue: maxWaiting, Wait: turnTimeout})}
}

// export is one under way.
type export struct {
	*Service
	actor       actor.Actor
	association *association.Association
	units       *referral.Register
	identities  bool
	table       Table
}

// Write writes what a query finds as rows of text below a row of headings, with who the
// persons are when identities is set; a nil query finds nothing. Every person is entered
// in the access log; the caller sends nothing of the table before that is durable. The
// place is free again when the context ends, which is the request's: until then the table
// is in memory, however slowly it is read.
//
// Errors: ErrBusy, ErrTooLarge, those of the table.
func (s *Service) Write(ctx context.Context, a actor.Actor, q *store.Query, identities bool, t Table) error {
	switch _, err := s.files.Enter(ctx, a.Owner()); {
	case errors.Is(err, share.ErrFull), errors.Is(err, share.ErrShare):
		return ErrBusy
	case err != nil:
		return err
	}
	context.AfterFunc(ctx, func() { s.files.Leave(a.Owner(), 0) })
	in, err := s.Associations.Get(a.Association)
	if errors.Is(err, fault.ErrNotFound) {
		in = &association.Association{} // an unknown association has nothing to export
	} else if err != nil {
		return err
	}
	units, err := s.Register(ctx, a.Association)
	if err != nil {
		return err
	}
	x := &export{s, a, in, units, identities, t}
	names, limit := slices.Clone(headings), s.MaxRows
	if identities {
		names, limit = append(names, identityHeadings...), min(limit, s.MaxNamed)
	}
	if err := t.Write(names); err != nil {
		return err
	}
	if q == nil {
		return x.page(ctx, nil)
	}
	n, err := s.Referrals.CountUpTo(ctx, a.Association, q.Where, limit+1)
	if err != nil {
		return err
	}
	if n > int64(limit) {
		return ErrTooLarge
	}
	for rows := 0; ; {
		q.Limit = pageRows
		page, err := s.Referrals.Find(ctx, *q)
		if err != nil {
			return err
		}
		if rows += len(page.Items); rows > limit { // received since the count
			return ErrTooLarge
		}
		if err := x.page(ctx, page.Items); err != nil || page.Next.ID == "" {
			return err
		}
		q.After = page.Next
	}
}

// page enters whose referrals are shown, and writes them.
func (x *export) page(ctx context.Context, items []store.Versioned[referral.Referral]) error {
	people := make([]string, 0, len(items))
	for _, item := range items {
		people = append(people, item.Value.Participant)
	}
	slices.Sort(people)
	people = slices.Compact(people)
	entry := accesslog.Entry{Operation: "exportReferrals", Thing: "referrals", Participants: people, Why: string(access.Scope("exportReferrals", x.actor))}
	if x.identities {
		entry.Identity = accesslog.Shown
	}
	if err := guard.Enter(ctx, x.AccessLog, entry, nil); err != nil {
		return err
	}
	var named map[string]referral.Identity
	if x.identities && len(people) > 0 {
		var err error
		if named, err = x.Identities(ctx, people); err != nil {
			return err
		}
	}
	for _, item := range items {
		cells := x.cells(item.Value.Status().Outline(x.actor, x.Now()))
		if x.identities {
			who := named[item.Value.Participant]
			cells = append(cells, who.Name, who.Number)
		}
		if err := x.table.Write(cells); err != nil {
			return err
		}
	}
	return nil
}

// The headings, in the order of a row's cells.
var (
	headings = []string{
		"Diarienummer", "Läge", "Inkommen", "Källa", "Myndighet", "Enhet", "Kommun", "Insats", "Prioritet",
		"Ansvarig mottagare", "Väntar på", "Klar senast", "Försenad", "Beslutad", "Utfall",
	}
	identityHeadings = []string{"Namn", "Personnummer"}
)

// cells returns a referral as text, for people in Sweden: what the caller may not see
// and what does not exist are both empty.
func (x *export) cells(v *referral.View) []string {
	r, s := v.Referral, v.Status
	unit, municipality, initiative := r.Unit, s.Municipality, ""
	if u, _, ok := x.units.Find(unit); ok {
		unit = u.Name
	}
	if m, ok := x.association.Municipality(municipality); ok {
		municipality = m.Name
	}
	if s.Accepted != nil && v.Visibility.Progress {
		initiative = s.Accepted.Acceptance.Initiative
		if i, ok := x.association.Initiative(initiative); ok {
			initiative = i.Name
		}
	}
	var party, due, late, decided string
	if v.Turn != nil {
		party, due, late = cmp.Or(partyNames[string(v.Turn.Party)].SV, string(v.Turn.Party)), string(civil.DateOf(v.Turn.Due)), "Nej"
	}
	if v.Overdue {
		late = "Ja"
	}
	if !s.DecidedAt.IsZero() {
		decided = s.DecidedAt.In(civil.Zone).Format(minuteForm)
	}
	return []string{
		r.RegistryNumber, referral.StateTexts[v.State].SV, r.ReceivedAt().In(civil.Zone).Format(minuteForm), cmp.Or(sourceNames[string(r.Source)].SV, string(r.Source)),
		r.Authority, unit, municipality, initiative, cmp.Or(priorityNames[s.Priority].SV, s.Priority),
		v.Responsible, party, due, late, decided, cmp.Or(outcomeNames[v.Outcome].SV, v.Outcome),
	}
}

// minuteForm is how an instant is written, by the clock in Sweden.
const minuteForm = "2006-01-02 15:04"

// The names of the codes; a code without one is written as it is.
var (
	sourceNames   = codelist.Labels[string]("ReferralSource")
	priorityNames = codelist.Labels[string]("ReferralPriority")
	partyNames    = codelist.Labels[string]("ReferralParty")
	outcomeNames  = codelist.Labels[string]("ReferralOutcome")
)
