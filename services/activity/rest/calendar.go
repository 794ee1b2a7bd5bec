package rest

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	ics "github.com/arran4/golang-ical"

	api "github.com/finsam/finsam/pkg/api/activity"
	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/rest"
	"github.com/finsam/finsam/services/activity"
	"github.com/finsam/finsam/services/activity/service"
)

func (h handlers) CreateCalendarFeed(ctx context.Context, r api.CreateCalendarFeedRequestObject) (api.CreateCalendarFeedResponseObject, error) {
	a, secret, err := h.service.OpenAddress(ctx, r.Id, rest.Value(r.Params.IdempotencyKey))
	if err != nil {
		return nil, err
	}
	b := h.address(a)
	b.UnderscoreLinks = append(b.UnderscoreLinks, h.paths.Link("calendar", "readCalendar", secret))
	location, tag := b.UnderscoreLinks.Href("self"), rest.ETag(a.Version())
	return api.CreateCalendarFeed201JSONResponse{
		Body: api.NewCalendarFeed{
			Id: b.Id, Version: b.Version, Participant: b.Participant, State: b.State, CreatedAt: b.CreatedAt, Token: secret, UnderscoreLinks: b.UnderscoreLinks,
		},
		Headers: api.CreateCalendarFeed201ResponseHeaders{ETag: &tag, Location: &location},
	}, nil
}

func (h handlers) ListCalendarFeeds(ctx context.Context, r api.ListCalendarFeedsRequestObject) (api.ListCalendarFeedsResponseObject, error) {
	w := rest.NewPage(r.Params.Limit, r.Params.Page)
	l, err := h.service.Addresses(ctx, r.Id, w)
	if err != nil {
		return nil, err
	}
	return api.ListCalendarFeeds200JSONResponse{
		Items:           rest.Map(l.Items, h.address),
		UnderscoreMeta:  rest.NewMeta(w, len(l.Items), "", l.Total),
		UnderscoreLinks: rest.ListLinks(h.paths.Link("", "listCalendarFeeds", r.Id), url.Values{}, w, ""),
	}, nil
}

func (h handlers) GetCalendarFeed(ctx context.Context, r api.GetCalendarFeedRequestObject) (api.GetCalendarFeedResponseObject, error) {
	a, err := h.service.Address(ctx, r.Id, r.Feed)
	if err != nil {
		return nil, err
	}
	tag := rest.ETag(a.Version())
	return api.GetCalendarFeed200JSONResponse{Body: h.address(a), Headers: api.GetCalendarFeed200ResponseHeaders{ETag: &tag}}, nil
}

func (h handlers) RevokeCalendarFeed(ctx context.Context, r api.RevokeCalendarFeedRequestObject) (api.RevokeCalendarFeedResponseObject, error) {
	_, err := rest.AtVersion(r.Params.IfMatch, func(version int64) (any, error) {
		return nil, h.service.Revoke(ctx, r.Id, r.Feed, version)
	})
	return api.RevokeCalendarFeed204Response{}, err
}

func (h handlers) CreateStaffCalendar(ctx context.Context, r api.CreateStaffCalendarRequestObject) (api.CreateStaffCalendarResponseObject, error) {
	a, secret, err := h.service.OpenStaffCalendar(ctx, rest.Value(r.Body.Municipality), rest.Value(r.Params.IdempotencyKey))
	if err != nil {
		return nil, err
	}
	b := h.staffCalendar(a)
	b.Token, b.UnderscoreLinks = &secret, append(b.UnderscoreLinks, h.paths.Link("calendar", "readCalendar", secret))
	location, tag := b.UnderscoreLinks.Href("self"), rest.ETag(a.Version())
	return api.CreateStaffCalendar201JSONResponse{Body: b, Headers: api.CreateStaffCalendar201ResponseHeaders{ETag: &tag, Location: &location}}, nil
}

func (h handlers) ListStaffCalendars(ctx context.Context, r api.ListStaffCalendarsRequestObject) (api.ListStaffCalendarsResponseObject, error) {
	w := rest.NewPage(r.Params.Limit, r.Params.Page)
	l, err := h.service.StaffCalendars(ctx, w)
	if err != nil {
		return nil, err
	}
	return api.ListStaffCalendars200JSONResponse{
		Items:           rest.Map(l.Items, h.staffCalendar),
		UnderscoreMeta:  rest.NewMeta(w, len(l.Items), "", l.Total),
		UnderscoreLinks: rest.ListLinks(h.paths.Link("", "listStaffCalendars"), url.Values{}, w, ""),
	}, nil
}

func (h handlers) GetStaffCalendar(ctx context.Context, r api.GetStaffCalendarRequestObject) (api.GetStaffCalendarResponseObject, error) {
	a, err := h.service.StaffCalendar(ctx, r.Feed)
	if err != nil {
		return nil, err
	}
	tag := rest.ETag(a.Version())
	return api.GetStaffCalendar200JSONResponse{Body: h.staffCalendar(a), Headers: api.GetStaffCalendar200ResponseHeaders{ETag: &tag}}, nil
}

func (h handlers) RevokeStaffCalendar(ctx context.Context, r api.RevokeStaffCalendarRequestObject) (api.RevokeStaffCalendarResponseObject, error) {
	_, err := rest.AtVersion(r.Params.IfMatch, func(version int64) (any, error) {
		return nil, h.service.RevokeStaffCalendar(ctx, r.Feed, version)
	})
	return api.RevokeStaffCalendar204Response{}, err
}

// calendarCaching lets the asking program, and nobody between, keep a calendar for a
// quarter of an hour.
const calendarCaching = "private, max-age=900"

func (h handlers) ReadCalendar(ctx context.Context, r api.ReadCalendarRequestObject) (api.ReadCalendarResponseObject, error) {
	c, err := h.service.Calendar(ctx, strings.TrimSuffix(r.Token, ".ics")) // which some programs want
	if err != nil {
		return nil, err
	}
	text, err := calendar(c)
	if err != nil {
		return nil, err
	}
	version := service.Digest(text)
	tag, control := rest.ETag(version), calendarCaching
	if rest.NotModified(r.Params.IfNoneMatch, version) {
		return api.ReadCalendar304Response{Headers: api.ReadCalendar304ResponseHeaders{ETag: &tag}}, nil
	}
	return api.ReadCalendar200TextcalendarResponse{
		Body: bytes.NewReader(text), ContentLength: int64(len(text)),
		Headers: api.ReadCalendar200ResponseHeaders{CacheControl: &control, ETag: &tag},
	}, nil
}

func (h handlers) address(a *activity.Address) api.CalendarFeed {
	version := a.Version()
	b := api.CalendarFeed{
		Id: a.ID, Version: &version, Participant: a.Participant, CreatedAt: a.Steps[0].At, State: addressState(a), LastFetchedAt: rest.Optional(a.ReadAt),
		UnderscoreLinks: api.Links{h.paths.Link("self", "getCalendarFeed", a.Participant, a.ID)},
	}
	return b
}

func (h handlers) staffCalendar(a *activity.Address) api.StaffCalendar {
	b := api.StaffCalendar{
		Id: a.ID, Version: a.Version(), Of: api.CalendarSubjectLeader, Municipality: rest.Optional(a.Municipality), CreatedAt: a.Steps[0].At, State: addressState(a), LastFetchedAt: rest.Optional(a.ReadAt),
		UnderscoreLinks: api.Links{h.paths.Link("self", "getStaffCalendar", a.ID)},
	}
	if a.Leader == "" {
		b.Of = api.CalendarSubjectMunicipality
	}
	return b
}

func addressState(a *activity.Address) api.CalendarFeedState {
	if a.State() == activity.AddressOpened {
		return api.CalendarFeedStateOpen
	}
	return api.CalendarFeedStateRevoked
}

// What calendars say. A participant's is the same for every entry and everybody.
const (
	participantName    = "Min vecka"
	leaderName         = "Mina pass"
	municipalityPrefix = "Veckan i "
	entrySummary       = "Inbokad aktivitet"
	slotSummary        = "Bokad tid"
	calledOff          = "INSTÄLLT: " // before the summary, as many programs show no status
	refreshEvery       = "PT1H"
	localTimeForm      = "20060102T150405"
	utcTimeForm        = "20060102T150405Z"
)

// calendar writes entries as iCalendar (RFC 5545): one event per occurrence,
// with wall-clock times in Europe/Stockholm and the zone's rules beside them. The
// same entries give the same text, so that its digest can be its ETag. It is one text for all programs;
// testdata/calendar shows what each of them needs of it.
func calendar(of *service.Calendar) ([]byte, error) {
	isOwn, isLeaders := of.Owner == "", of.Leader != ""
	name, untitled := municipalityPrefix+of.Municipality, slotSummary
	switch {
	case isOwn:
		name, untitled = participantName, entrySummary
	case isLeaders:
		name = leaderName
	}
	c := ics.NewCalendarFor("finsam")
	c.SetProductId("-//finsam//calendar//SV")
	c.SetCalscale("GREGORIAN")
	c.SetMethod(ics.MethodPublish)
	c.SetName(name)
	c.SetXWRTimezone(civil.ZoneName) // which Google and Apple show
	c.SetRefreshInterval(refreshEvery)
	c.SetXPublishedTTL(refreshEvery)
	c.AddVTimezone(timezone())
	for _, e := range of.Entries {
		v := c.AddEvent(e.UID)
		changed := e.ChangedAt.UTC().Format(utcTimeForm)
		v.SetProperty(ics.ComponentPropertyDtstamp, changed)
		v.SetProperty(ics.ComponentPropertyLastModified, changed)
		v.SetProperty(ics.ComponentPropertySequence, strconv.Itoa(e.Sequence))
		summary, status := cmp.Or(e.Title, untitled), ics.ObjectStatusConfirmed
		if e.Cancelled {
			summary, status = calledOff+summary, ics.ObjectStatusCancelled
		}
		v.SetSummary(summary)
		v.SetStatus(status)
		if e.Place != "" {
			v.SetLocation(e.Place)
		}
		if isOwn { // who shares the telephone's calendar sees no more than that there is something
			v.SetClass(ics.ClassificationPrivate)
		}
		if e.Cancelled || e.Starts.IsZero() || !isOwn && !isLeaders { // some time of the day, not all of it; or not the reader's own
			v.SetTimeTransparency(ics.TransparencyTransparent)
		}
		if !e.Starts.IsZero() {
			v.SetProperty(ics.ComponentPropertyDtStart, e.Starts.In(civil.Zone).Format(localTimeForm), ics.WithTZID(civil.ZoneName))
			v.SetProperty(ics.ComponentPropertyDtEnd, e.Ends.In(civil.Zone).Format(localTimeForm), ics.WithTZID(civil.ZoneName))
			continue
		}
		v.SetProperty(ics.ComponentPropertyDtStart, strings.ReplaceAll(string(e.Date), "-", ""), ics.WithValue("DATE"))
		v.SetProperty(ics.ComponentPropertyDtEnd, strings.ReplaceAll(string(e.Date.AddDays(1)), "-", ""), ics.WithValue("DATE"))
	}
	var out bytes.Buffer
	if err := c.SerializeTo(&out, ics.WithNewLineWindows); err != nil {
		return nil, fmt.Errorf("write calendar: %w", err)
	}
	return out.Bytes(), nil
}

// timezone returns the rules of Europe/Stockholm as they are since 1996: summer
// time from the last Sunday of March to that of October, at 01:00 UTC.
func timezone() *ics.VTimezone {
	z := ics.NewTimezone(civil.ZoneName)
	winter, summer := z.AddStandard(), &ics.Daylight{}
	z.Components = append(z.Components, summer)
	for _, rule := range []struct {
		of                                 *ics.ComponentBase
		name, before, after, start, recurs string
	}{
		{&summer.ComponentBase, "CEST", "+0100", "+0200", "19960331T020000", "FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU"},
		{&winter.ComponentBase, "CET", "+0200", "+0100", "19961027T030000", "FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU"},
	} {
		rule.of.AddProperty(ics.ComponentPropertyDtStart, rule.start)
		rule.of.AddProperty(ics.ComponentProperty(ics.PropertyTzoffsetfrom), rule.before)
		rule.of.AddProperty(ics.ComponentProperty(ics.PropertyTzoffsetto), rule.after)
		rule.of.AddProperty(ics.ComponentProperty(ics.PropertyTzname), rule.name)
		rule.of.AddRrule(rule.recurs)
	}
	return z
}
