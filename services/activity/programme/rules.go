package programme

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/history"
	"github.com/finsam/finsam/pkg/programme"
)

// The refusals of this package.
var (
	ErrOwnedByFile = fault.New(fault.Conflict, "owned-by-file",
		"Objektet läses in från en fil och ändras där.", "The object is loaded from a file and is changed there.")
	ErrFileOnly = fault.New(fault.Unprocessable, "owned-by-file-only",
		"Förbundets namn, kommuner och myndigheter läses bara in från en fil.", "The association's name, municipalities and authorities are only loaded from a file.")
	ErrObjectID = fault.New(fault.Invalid, "bad-object-id",
		"Typ, id och kommun hör inte ihop. Skriv dem så här: plan, plan.activera.1441 och 1441.", "Kind, id and municipality do not belong together. Write them like this: plan, plan.activera.1441 and 1441.")
	ErrNotYours = fault.New(fault.Unprocessable, "not-yours-to-plan",
		"Du planerar bara aktiviteter, platser och stängda dagar i din egen kommun.", "You plan activities, sites and closed days of your own municipality only.")
	ErrContent = fault.New(fault.Invalid, "content-of-another-kind",
		"Innehållet ska vara av samma typ som objektet, och inget annat.", "The content must be of the same kind as the object, and nothing else.")
	ErrFrom = fault.New(fault.Unprocessable, "version-from-the-past",
		"Första dagen ska vara i dag eller senare: det som har varit ändras inte.", "The first day must be today or later: what has been does not change.")
	ErrPeriod = fault.New(fault.Invalid, "bad-version-period",
		"Sista dagen ska vara första dagen eller senare.", "The last day must be the first day or later.")
	ErrNoDraft = fault.New(fault.Conflict, "no-draft",
		"Det finns inget utkast. Skriv ett först.", "There is no draft. Write one first.")
	ErrOwnDraft = fault.New(fault.Conflict, "draft-by-oneself",
		"Ett utkast aktiveras av någon annan än den som skrev det. Be en kollega om det.", "A draft is activated by somebody else than who wrote it. Ask a colleague to do it.")
	ErrImmutable = fault.New(fault.Unprocessable, "fixed-after-creation",
		"Inriktning, uppföljningsmetod och ESF-finansiering bestäms när insatsen skapas och ändras inte sedan. Skapa en ny insats.",
		"Orientation, follow-up method and ESF financing are set when the initiative is created and do not change later. Create another initiative.")
	ErrNotHeld = fault.New(fault.Conflict, "nothing-to-end",
		"Ingen version gäller den dagen eller senare.", "No version holds on that day or later.")
	ErrFindings = fault.New(fault.Unprocessable, "programme-problems",
		"Utkastet kan inte aktiveras. Läs vad kontrollen hittar och rätta det.", "The draft cannot be activated. Read what the check finds and correct it.")
	ErrTooLarge = fault.New(fault.Unprocessable, "version-too-large",
		"Innehållet får vara högst 256 KiB. Korta texterna, eller dela upp det.", "The content may have at most 256 KiB. Shorten the texts, or divide it.")
	ErrTooMany = fault.New(fault.Conflict, "object-full",
		"Objektets versioner och historik är tillsammans större än 7 MiB, så utkastet ryms inte. Korta det, eller skapa ett objekt med ett annat id.",
		"The versions and the history of the object have more than 7 MiB together, so there is no room for the draft. Shorten it, or create an object with another id.")
	ErrBusy = fault.New(fault.Unavailable, "programme-busy",
		"Någon annan ändrar programmet just nu. Försök igen om en stund.", "Somebody else is changing the programme now. Try again in a moment.")
	ErrSuperseded = fault.New(fault.Conflict, "file-superseded",
		"Filen har lästs in förut och ersatts sedan dess. Godkänn den uttryckligen om den ska gälla igen.", "The file was loaded before and has been replaced since. Accept it expressly if it is to hold again.")
	ErrOrphans = fault.New(fault.Unprocessable, "orphans",
		"Bokningar skulle bli utan sin aktivitet. Godkänn det uttryckligen, eller behåll aktiviteten.", "Bookings would be without their activity. Accept it expressly, or keep the activity.")
	ErrOwnedByAPI = fault.New(fault.Conflict, "owned-by-api",
		"Objektet planeras i API:et och har ett annat innehåll där.", "The object is planned in the API and has another content there.")
)

// partForm is a part of an object's id.
var partForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$`)

const (
	maxVersion = 256 << 10 // bytes of a content
	// maxObject is how many bytes an object has with a draft: what becomes of it adds less than
	// the rest of 8 MiB, half of what MongoDB stores.
	maxObject = 7 << 20
)

// checkSize returns ErrTooLarge or ErrTooMany unless the object can be stored with one more
// content. Where there is no other room, versions that hold on no day are forgotten, but for the
// first and the last: their steps stay.
func (d *Document) checkSize(c programme.Content) error {
	text, err := json.Marshal(c)
	if err == nil && len(text) > maxVersion {
		field := fields[d.Kind]
		return ErrTooLarge.AtField("/" + strings.ToLower(field[:1]) + field[1:])
	}
	room := func() bool {
		all, failed := json.Marshal(d)
		err = errors.Join(err, failed)
		return len(all)+len(text) <= maxObject
	}
	if !room() {
		d.Versions = slices.DeleteFunc(slices.Clone(d.Versions), func(v programme.Version) bool {
			first, last := d.Versions[0], d.Versions[len(d.Versions)-1]
			holds := slices.ContainsFunc(d.Periods, func(p programme.Period) bool { return p.Version == v.N })
			return !holds && !v.ActivatedAt.Equal(first.ActivatedAt) && v.N != last.N
		})
		if !room() {
			return ErrTooMany
		}
	}
	return err
}

// newDocument returns an object without a version, of an id such as "plan.activera.1441".
// Which municipality it is of follows from the id, but for a series.
func newDocument(association, id string, kind programme.Kind, municipality string, origin programme.Origin) (*Document, error) {
	parts := strings.Split(id, ".")
	for _, p := range parts {
		if !partForm.MatchString(p) {
			return nil, ErrObjectID.AtField("/id")
		}
	}
	n, of := len(parts), ""
	switch kind {
	case programme.Association, programme.Terms:
		n--
	case programme.Initiative, programme.CodeList:
		n -= 2
	case programme.ConsentText:
		n -= 3
	case programme.Series:
		n, of = n-2, municipality
	case programme.Site:
		if n -= 3; n == 0 {
			of = parts[1]
		}
	case programme.Plan:
		if n -= 2; n == 1 {
			n, of = 0, parts[2]
		}
	case programme.ClosedDays:
		if n--; n == 1 {
			n, of = 0, parts[1]
		}
	default:
		return nil, ErrObjectID.AtField("/id")
	}
	if n != 0 || parts[0] != string(kind) {
		return nil, ErrObjectID.AtField("/id")
	}
	if of != municipality || kind == programme.Series && of == "" {
		return nil, ErrObjectID.AtField("/municipality")
	}
	return &Document{Object: programme.Object{Association: association, ID: id, Kind: kind, Municipality: municipality, Origin: origin}}, nil
}

// fields are the names of the fields of a content, by kind.
var fields = map[programme.Kind]string{
	programme.Association: "Association", programme.Initiative: "Initiative", programme.Plan: "Plan", programme.Terms: "Terms", programme.ClosedDays: "ClosedDays",
	programme.ConsentText: "ConsentText", programme.CodeList: "CodeList", programme.Site: "Site", programme.Series: "Series",
}

// isOf reports whether a content is of a kind: the field of the kind is set, and no other.
func isOf(c programme.Content, kind programme.Kind) bool {
	v := reflect.ValueOf(c)
	for i := range v.NumField() {
		if set, wanted := !v.Field(i).IsNil(), v.Type().Field(i).Name == fields[kind]; set != wanted {
			return false
		}
	}
	return true
}

// byFile reports whether a file owns the object: not any more once it has ended, as the
// file does not name it.
func (d *Document) byFile(today civil.Date) bool {
	if d.Origin != programme.FromFile {
		return false
	}
	last := len(d.Periods) - 1
	return last >= 0 && (d.Periods[last].Until == "" || d.Periods[last].Until > today)
}

// checkPlanned returns why the API may not plan the object.
func (d *Document) checkPlanned(today civil.Date) error {
	switch {
	case d.Kind == programme.Association:
		return ErrFileOnly
	case d.byFile(today):
		return ErrOwnedByFile.WithText(
			fmt.Sprintf("Objektet läses in från filen %s och ändras där.", d.File), fmt.Sprintf("The object is loaded from the file %s and is changed there.", d.File))
	}
	return nil
}

// Draw writes a draft, of a version or of an end, in place of one that is there.
func (d *Document) Draw(v programme.Version, by history.Author, now time.Time) error {
	today := civil.DateOf(now)
	if err := d.checkPlanned(today); err != nil {
		return err
	}
	first := "/validFrom"
	if v.Ends {
		first = "/from"
	}
	switch {
	case !v.Ends && !isOf(v.Content, d.Kind):
		return ErrContent.AtField("/content")
	case !v.From.Valid() || v.From < today:
		return ErrFrom.AtField(first)
	case v.Ends && !d.HoldsFrom(v.From):
		return ErrNotHeld
	case v.Until != "" && (!v.Until.Valid() || v.Until < v.From):
		return ErrPeriod.AtField("/validTo")
	}
	if err := d.checkFixed(v.Content); err != nil {
		return err
	}
	if err := d.checkToday(v.From, v.Content.Series, now); err != nil {
		return err.AtField(first)
	}
	if err := d.checkSize(v.Content); err != nil {
		return err
	}
	d.Object.Draw(v, by, now)
	d.take(Step{Kind: Drafted, Version: d.Draft.N, From: v.From, Decision: v.Decision}, by, now)
	return nil
}

// fixed returns what an initiative was created as: who financed it is as open as the method of
// its follow-up, as long as none was given. nil: it is not created yet.
func (d *Document) fixed() (was *association.Initiative) {
	for _, v := range d.Versions {
		if is := v.Content.Initiative; is != nil && (was == nil || was.FollowUpMethod == "") {
			was = is
		}
	}
	return was
}

// checkFixed holds that what is fixed when an initiative is created stays.
func (d *Document) checkFixed(c programme.Content) error {
	was, is := d.fixed(), c.Initiative
	switch {
	case was == nil || is == nil:
		return nil
	case is.Orientation != was.Orientation:
		return ErrImmutable.AtField("/initiative/orientation")
	case is.FollowUpMethod != was.FollowUpMethod && was.FollowUpMethod != "":
		return ErrImmutable.AtField("/initiative/followUpMethod")
	case is.ESF != was.ESF && was.FollowUpMethod != "":
		return ErrImmutable.AtField("/initiative/esf")
	}
	return nil
}

// Discard drops the draft.
func (d *Document) Discard(by history.Author, now time.Time) error {
	n := 0
	if d.Draft != nil {
		n = d.Draft.N
	}
	if !d.Object.Discard() {
		return ErrNoDraft
	}
	d.take(Step{Kind: Discarded, Version: n}, by, now)
	return nil
}

// Activate lets the draft hold, or the end that it is, by somebody else than who wrote it.
func (d *Document) Activate(by history.Author, now time.Time) error {
	today := civil.DateOf(now)
	if err := d.checkPlanned(today); err != nil {
		return err
	}
	draft := d.Draft
	switch {
	case draft == nil:
		return ErrNoDraft
	case draft.By.Subject == by.Subject && draft.By.Authority == by.Authority:
		return ErrOwnDraft
	case draft.From < today:
		return ErrFrom.AtField("/validFrom")
	case draft.Ends && !d.HoldsFrom(draft.From):
		return ErrNotHeld
	}
	if err := d.checkFixed(draft.Content); err != nil {
		return err
	}
	if err := d.checkToday(draft.From, draft.Content.Series, now); err != nil {
		return err.AtField("/validFrom")
	}
	v, kind := d.Object.Activate(by, now), Ended
	if !v.Ends {
		kind, d.Origin, d.File = Activated, programme.FromAPI, ""
	}
	d.take(Step{Kind: kind, Version: v.N, From: v.From, Decision: v.Decision}, by, now)
	return nil
}

// hasBegun reports whether it is a series that takes place today and has begun.
func (d *Document) hasBegun(now time.Time) bool {
	today := civil.DateOf(now)
	v, holds := d.On(today)
	if !holds || v.Content.Series == nil {
		return false
	}
	from, timed := association.Clock(v.Content.Series.From)
	return timed && len(v.Content.Series.Days(today, today)) > 0 && !now.Before(today.At(from))
}

// checkToday returns ErrFrom when a series that is another from a day on, or none, would not
// have today's occurrence any more, which has begun: attendance is noted of it.
func (d *Document) checkToday(from civil.Date, is *association.Activity, now time.Time) *fault.Error {
	today := civil.DateOf(now)
	if from > today || !d.hasBegun(now) {
		return nil
	}
	v, _ := d.On(today)
	if was := v.Content.Series; is != nil && len(is.Days(today, today)) > 0 && is.From == was.From && is.To == was.To {
		return nil
	}
	return begunToday
}

// begunToday says why a change from today on is refused.
var begunToday = ErrFrom.WithText("Ett av dagens tillfällen har börjat och ändras inte. Ange i morgon eller en senare dag.",
	"An occurrence of today has begun and does not change. Give tomorrow or a later day.")

func (d *Document) end(on civil.Date, decision string, by history.Author, now time.Time) error {
	if !d.Object.End(on) {
		return ErrNotHeld
	}
	d.take(Step{Kind: Ended, From: on, Decision: decision}, by, now)
	return nil
}

// put lets a form of a file hold, without a draft: who wrote the file has decided.
func (d *Document) put(v programme.Version, by history.Author, now time.Time) {
	d.Object.Draw(v, by, now)
	v = d.Object.Activate(by, now)
	d.take(Step{Kind: Activated, Version: v.N, From: v.From, Decision: v.Decision}, by, now)
}
