package referral

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/finsam/finsam/pkg/access"
	"github.com/finsam/finsam/pkg/accesslog"
	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/store"
)

// The bounds of an export.
const (
	maxExported = 50_000 // rows
	maxNamed    = 10_000 // rows with identities: the vault opens some 2,500 a second, and the gateway waits 15 seconds
	exportPage  = 200    // rows read at once, and persons asked of the vault at once

	turnToExport = 5 * time.Second // how long one waits while another's file is made
)

// What an export can answer instead.
var (
	ErrExportTooLarge = fault.New(fault.Unprocessable, "export-too-large",
		"Urvalet är för stort för en fil. Begränsa perioden med receivedFrom och receivedTo, och hämta flera filer.",
		"The selection is too large for one file. Narrow the period by receivedFrom and receivedTo, and fetch several files.")
	ErrExporting = fault.New(fault.TooMany, "export-under-way",
		"En annan fil görs just nu. Försök igen om en stund.",
		"Another file is being made just now. Try again shortly.").After(5 * time.Second)
)

// Identity is who a participant is, as far as the vault shows it to the caller.
type Identity struct {
	Name   string // or the alias of a protected person
	Number string // as the vault masks it; empty for a protected person
}

// Today is the date in Sweden, for the name of a file.
func (s *Service) Today() string { return string(civil.DateOf(s.Now())) }

// Table takes an export, row by row. What it refuses ends the export.
type Table interface{ Write(cells []string) error }

// Export writes what List would show as rows of text below a row of headings, with
// who the persons are where that is asked for. Only roles that may read both name
// and number may ask. One export is made at a time in a process: ErrExporting.
// Every person is noted in the access log; the caller of Export lets nothing of
// the table go before that is durable.
func (s *Service) Export(ctx context.Context, f Filter, identities bool, t Table) error {
	const operation = "exportReferrals"
	a := actor.From(ctx)
	if !access.MayCall(operation, a) ||
		identities && !(access.MayCall("readIdentities#name", a) && access.MayCall("readIdentities#number", a)) {
		return fault.ErrForbidden
	}
	wait := time.NewTimer(turnToExport)
	defer wait.Stop()
	select {
	case s.exporting <- struct{}{}:
		defer func() { <-s.exporting }()
	case <-wait.C:
		return ErrExporting
	case <-ctx.Done():
		return ctx.Err()
	}
	f.Sort = f.order("")
	where, found, err := conditions(operation, a, f, s.Now())
	if err != nil {
		return err
	}
	x, err := s.export(ctx, identities, t)
	if err != nil {
		return err
	}
	if !found {
		return x.page(ctx, nil)
	}
	if identities {
		x.most = min(x.most, s.mostNamed)
	}
	n, err := s.referrals.CountUpTo(ctx, a.Association, where, x.most+1)
	if err != nil {
		return err
	}
	if n > int64(x.most) {
		return ErrExportTooLarge
	}
	sort, _, err := f.Sort.behind("")
	if err != nil {
		return err
	}
	return x.all(ctx, store.Query{Association: a.Association, Where: where, Sort: sort.orders(where), Limit: exportPage})
}

// export is one that is under way.
type export struct {
	service     *Service
	association *association.Association
	units       *Register
	identities  bool
	table       Table
	rows, most  int
}

// export begins an export by its headings.
func (s *Service) export(ctx context.Context, identities bool, t Table) (*export, error) {
	a := actor.From(ctx)
	in, err := s.Associations.Get(a.Association)
	if errors.Is(err, fault.ErrNotFound) {
		in = &association.Association{} // one that is not served here has no referrals, and so no names either
	} else if err != nil {
		return nil, err
	}
	units, err := s.register(ctx, a.Association)
	if err != nil {
		return nil, err
	}
	headings := slices.Clone(exportHeadings)
	if identities {
		headings = append(headings, identityHeadings...)
	}
	return &export{service: s, association: in, units: units.Value, identities: identities, table: t, most: s.mostExported}, t.Write(headings)
}

// all writes every page. What came in since the count is counted as well.
func (x *export) all(ctx context.Context, q store.Query) error {
	for {
		page, err := x.service.referrals.Find(ctx, q)
		if err != nil {
			return err
		}
		if x.rows += len(page.Items); x.rows > x.most {
			return ErrExportTooLarge
		}
		if err := x.page(ctx, page.Items); err != nil || page.Next.ID == "" {
			return err
		}
		q.After = page.Next
	}
}

// page notes whose referrals are shown, and writes them.
func (x *export) page(ctx context.Context, items []store.Versioned[Referral]) error {
	people := make([]string, 0, len(items))
	for _, item := range items {
		people = append(people, item.Value.Participant)
	}
	slices.Sort(people)
	people = slices.Compact(people)
	entry := accesslog.Entry{Operation: "exportReferrals", Thing: "referrals", Participants: people}
	if x.identities {
		entry.Why = "with-identities"
	}
	if err := x.service.AccessLog.Record(ctx, entry); err != nil {
		return err
	}
	var named map[string]Identity
	if x.identities && len(people) > 0 {
		var err error
		if named, err = x.service.People.Identities(ctx, people); err != nil {
			return err
		}
	}
	a, now := actor.From(ctx), x.service.Now()
	for _, item := range items {
		cells := x.cells(outline(item.Value, a, now))
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
