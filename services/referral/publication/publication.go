package publication

import (
	"time"

	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/history"
	"github.com/finsam/finsam/pkg/idempotency"
)

// Publication is the tables of a period, as they were computed once. They never change.
type Publication struct {
	Association  string              `json:"association"`
	ID           string              `json:"id"`
	Number       int64               `json:"number"` // among the association's, in the order in which they were made
	Period       Period              `json:"period"`
	Plan         int                 `json:"plan"`
	Tables       []Result            `json:"tables"`
	Contributors []byte              `json:"contributors"` // encrypted
	MadeBy       string              `json:"madeBy"`
	MadeAt       time.Time           `json:"madeAt"`
	ReleasedBy   string              `json:"releasedBy,omitempty"`
	ReleasedAt   *time.Time          `json:"releasedAt,omitempty"` // nil: not released
	Changes      int64               `json:"changes"`
	Receipt      idempotency.Receipt `json:"receipt"`
}

// The refusals of publications.
var (
	ErrPlan = fault.New(fault.Unprocessable, "no-such-plan",
		"Planen finns inte. Utelämna den, så gäller den senaste.", "There is no such plan. Leave it out, and the latest is used.")
	ErrNotOver = fault.New(fault.Unprocessable, "period-not-over",
		"Perioden är inte slut än. Gör publikationen när den är det.", "The period is not over yet. Make the publication when it is.")
	ErrMade = fault.New(fault.Conflict, "publication-made",
		"Det finns redan en publikation av perioden efter den planen, och dess siffror ändras aldrig. Läs den som finns.",
		"There is a publication of the period by that plan already, and its figures never change. Read the one that there is.")
	ErrReleased = fault.New(fault.Conflict, "publication-released",
		"Publikationen är redan släppt.", "The publication has been released already.")
	ErrOwn = fault.New(fault.Forbidden, "own-publication",
		"Den som gjorde publikationen får inte släppa den. Be en kollega granska och släppa den.",
		"The person who made the publication may not release it. Ask a colleague to review and release it.")
	// ErrInstead answers who sees aggregates only and asks for a range of months.
	ErrInstead = fault.New(fault.Forbidden, "figures-are-published",
		"Förbundets siffror läses i publikationer, som görs när ett tertial eller år är slut. Öppna publikationerna i stället.",
		"The association's figures are read in publications, which are made when a tertial or a year is over. Open the publications instead.")
)

// Check returns ErrNotOver while the period lasts, on a day in Sweden.
func (p Period) Check(today civil.Date) error {
	if _, until, ok := p.Span(); !ok || today < until {
		return ErrNotOver.AtField("/period")
	}
	return nil
}

// IsReleased reports whether the board may read it.
func (p *Publication) IsReleased() bool { return p.ReleasedAt != nil }

// Release lets the board read the publication, by another person than who made it.
func (p *Publication) Release(by string, now time.Time) error {
	switch {
	case p.IsReleased():
		return ErrReleased
	case by == p.MadeBy:
		return ErrOwn
	}
	at := history.Stamp(now)
	p.ReleasedBy, p.ReleasedAt = by, &at
	p.Changes++
	return nil
}
