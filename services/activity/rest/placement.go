package rest

import (
	"context"
	"slices"

	api "github.com/finsam/finsam/pkg/api/activity"
	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/rest"
	"github.com/finsam/finsam/services/activity/placement"
)

func (h handlers) CreatePlacement(ctx context.Context, r api.CreatePlacementRequestObject) (api.CreatePlacementResponseObject, error) {
	b := r.Body
	request := placement.Request{
		Enrolment: b.Enrolment, Site: b.Site, Area: b.Area, From: civil.Date(b.From), Until: civil.Date(b.Until), AnswerBy: civil.Date(b.AnswerBy),
		Extent: b.Extent, Tasks: rest.Value(b.Tasks),
		Days: rest.Map(b.Days, func(d api.PlacementDay) association.OpeningHours {
			return association.OpeningHours{Day: string(d.Day), From: string(rest.Value(d.From)), To: string(rest.Value(d.To))}
		}),
		FollowUps: rest.Map(rest.Value(b.FollowUps), func(d string) civil.Date { return civil.Date(d) }),
	}
	v, err := h.service.Placements.Offer(ctx, request, rest.Value(r.Params.IdempotencyKey))
	if err != nil {
		return nil, err
	}
	body, tag := h.placement(v), rest.ETag(v.Version())
	location := body.UnderscoreLinks.Href("self")
	return api.CreatePlacement201JSONResponse{Body: body, Headers: api.CreatePlacement201ResponseHeaders{ETag: &tag, Location: &location}}, nil
}

func (h handlers) ListPlacements(ctx context.Context, r api.ListPlacementsRequestObject) (api.ListPlacementsResponseObject, error) {
	w := rest.NewWindow(r.Params.Limit, r.Params.Page, r.Params.Cursor)
	f := placement.Filter{
		Participant: rest.Value(r.Params.Participant), Enrolment: rest.Value(r.Params.Enrolment), Site: rest.Value(r.Params.Site),
		State: placement.State(rest.Value(r.Params.State)), Due: rest.Value(r.Params.Due), Conflict: rest.Value(r.Params.Conflict),
	}
	l, err := h.service.Placements.Placements(ctx, f, w)
	if err != nil {
		return nil, err
	}
	q := rest.Query("participant", f.Participant, "enrolment", f.Enrolment, "site", f.Site, "state", string(f.State))
	for name, asked := range map[string]bool{"due": f.Due, "conflict": f.Conflict} {
		if asked {
			q.Set(name, "true")
		}
	}
	return api.ListPlacements200JSONResponse{
		Items: rest.Map(l.Items, h.placement), UnderscoreMeta: rest.NewMeta(w, len(l.Items), l.Next, l.Total),
		UnderscoreLinks: rest.ListLinks(h.paths.Link("", "listPlacements"), q, w, l.Next),
	}, nil
}

func (h handlers) GetPlacement(ctx context.Context, r api.GetPlacementRequestObject) (api.GetPlacementResponseObject, error) {
	v, err := h.service.Placements.Placement(ctx, r.Id)
	if err != nil {
		return nil, err
	}
	tag := rest.ETag(v.Version())
	return api.GetPlacement200JSONResponse{Body: h.placement(v), Headers: api.GetPlacement200ResponseHeaders{ETag: &tag}}, nil
}

func (h handlers) AgreePlacement(ctx context.Context, r api.AgreePlacementRequestObject) (api.AgreePlacementResponseObject, error) {
	c, err := rest.Changed(r.Params.IfMatch, func(version int64) (*placement.View, error) {
		return h.service.Placements.Agree(ctx, r.Id, version)
	}, h.placementChanged)
	return api.AgreePlacement200JSONResponse{PlacementChangedJSONResponse: c}, err
}

func (h handlers) DeclinePlacement(ctx context.Context, r api.DeclinePlacementRequestObject) (api.DeclinePlacementResponseObject, error) {
	c, err := rest.Changed(r.Params.IfMatch, func(version int64) (*placement.View, error) {
		return h.service.Placements.Decline(ctx, r.Id, version, string(r.Body.Reason), rest.Value(r.Body.Text))
	}, h.placementChanged)
	return api.DeclinePlacement200JSONResponse{PlacementChangedJSONResponse: c}, err
}

func (h handlers) EndPlacement(ctx context.Context, r api.EndPlacementRequestObject) (api.EndPlacementResponseObject, error) {
	c, err := rest.Changed(r.Params.IfMatch, func(version int64) (*placement.View, error) {
		return h.service.Placements.End(ctx, r.Id, version, civil.Date(r.Body.From), string(r.Body.Reason), rest.Value(r.Body.Text))
	}, h.placementChanged)
	return api.EndPlacement200JSONResponse{PlacementChangedJSONResponse: c}, err
}

func (h handlers) NotePlacementAttendance(ctx context.Context, r api.NotePlacementAttendanceRequestObject) (api.NotePlacementAttendanceResponseObject, error) {
	c, err := rest.Changed(r.Params.IfMatch, func(version int64) (*placement.View, error) {
		return h.service.Placements.NoteAttendance(ctx, r.Id, version, placement.Note{
			Date: civil.Date(r.Body.Date), Attendance: placement.Attendance(r.Body.Attendance), Minutes: rest.Value(r.Body.Minutes), Reason: string(rest.Value(r.Body.Reason)),
		})
	}, h.placementChanged)
	return api.NotePlacementAttendance200JSONResponse{PlacementChangedJSONResponse: c}, err
}

func (h handlers) RecordFollowUp(ctx context.Context, r api.RecordFollowUpRequestObject) (api.RecordFollowUpResponseObject, error) {
	c, err := rest.Changed(r.Params.IfMatch, func(version int64) (*placement.View, error) {
		return h.service.Placements.FollowUp(ctx, r.Id, version, civil.Date(r.Body.Planned), rest.Value(r.Body.Text))
	}, h.placementChanged)
	return api.RecordFollowUp200JSONResponse{PlacementChangedJSONResponse: c}, err
}

func (h handlers) placementChanged(v *placement.View) api.PlacementChangedJSONResponse {
	tag := rest.ETag(v.Version())
	return api.PlacementChangedJSONResponse{Body: h.placement(v), Headers: api.PlacementChangedResponseHeaders{ETag: &tag}}
}

func (h handlers) GetSitePlaces(ctx context.Context, r api.GetSitePlacesRequestObject) (api.GetSitePlacesResponseObject, error) {
	from, until := civil.Date(rest.Value(r.Params.From)), civil.Date(rest.Value(r.Params.Until))
	site, days, err := h.service.Placements.Places(ctx, r.Site, from, until)
	if err != nil {
		return nil, err
	}
	return api.GetSitePlaces200JSONResponse{
		Site: r.Site, Name: site.Name,
		Days: rest.Map(days, func(f placement.Free) api.SitePlacesOnDay {
			return api.SitePlacesOnDay{Area: f.Area, Date: string(f.Date), Places: f.Places, Taken: f.Taken}
		}),
		UnderscoreLinks: api.Links{h.paths.Link("self", "getSitePlaces", r.Site).With(rest.Query("from", string(from), "until", string(until)))},
	}, nil
}

func (h handlers) GetSiteDay(ctx context.Context, r api.GetSiteDayRequestObject) (api.GetSiteDayResponseObject, error) {
	d, err := h.service.Placements.Day(ctx, r.Site, civil.Date(r.Date))
	if err != nil {
		return nil, err
	}
	identity, err := identities(ctx, r.Params.Include, rest.Map(d.Items, func(i placement.DayItem) string { return i.Participant }), h.listedOn(civil.Date(r.Date)))
	if err != nil {
		return nil, err
	}
	return api.GetSiteDay200JSONResponse{
		Site: r.Site, Name: d.Site.Name, Date: r.Date, Closed: d.Closed,
		Items: rest.Map(d.Items, func(i placement.DayItem) api.SiteDayItem {
			item := api.SiteDayItem{
				Placement: i.ID, Participant: i.Participant, Version: i.Version(), Area: i.Area, From: api.LocalTime(i.Hours.From), To: api.LocalTime(i.Hours.To),
				Attendance: rest.Optional(api.PlacementAttendance(i.Mark.Attendance)), Minutes: rest.Optional(i.Mark.Minutes), Reason: rest.Optional(api.AbsenceReason(i.Mark.Reason)),
				Identity: identity(i.Participant), UnderscoreLinks: api.Links{h.paths.Link("placement", "getPlacement", i.ID)},
			}
			if slices.Contains(i.Operations, "notePlacementAttendance") {
				item.UnderscoreLinks = append(item.UnderscoreLinks, h.paths.Link("attendances", "notePlacementAttendance", i.ID))
			}
			return item
		}),
		UnderscoreLinks: api.Links{h.paths.Link("self", "getSiteDay", r.Site, r.Date)},
	}, nil
}

func (h handlers) placement(v *placement.View) api.Placement {
	version := v.Version()
	b := api.Placement{
		Id: v.ID, Version: &version, Enrolment: v.Enrolment, Participant: v.Participant, Municipality: v.Municipality, Site: v.Site, SiteName: rest.Optional(v.SiteName),
		Area: v.Area, From: string(v.From), Until: string(min(v.Until, max(v.From, v.Status.LastDay))), Extent: v.Extent, AnswerBy: string(v.AnswerBy),
		Tasks: rest.Optional(v.ShownTasks), State: api.PlacementState(v.Status.State), ConflictOn: rest.Optional(string(v.ConflictOn)), ChangedAt: v.ChangedAt(),
		Days: rest.Map(v.Days, func(d association.OpeningHours) api.SiteHours {
			return api.SiteHours{Day: api.Weekday(d.Day), From: api.LocalTime(d.From), To: api.LocalTime(d.To)}
		}),
		FollowUps: rest.Map(v.FollowUps, func(d civil.Date) api.PlacementFollowUp {
			return api.PlacementFollowUp{Planned: string(d), Held: v.Status.IsHeld(d)}
		}),
		Attendances: rest.Map(v.Status.Attendances(), func(n placement.Note) api.PlacementNote {
			return api.PlacementNote{
				Date: string(n.Date), Attendance: api.PlacementAttendance(n.Attendance), Minutes: rest.Optional(n.Minutes),
				Reason: rest.Optional(api.AbsenceReason(n.Reason)), NotedAt: n.At,
			}
		}),
		Timeline: rest.Map(v.Steps, func(s placement.Step) api.PlacementStep {
			return api.PlacementStep{
				Number: int(s.N), At: s.At, Kind: api.PlacementStepKind(s.Kind), By: rest.Optional(s.By), Authority: rest.Optional(s.Authority),
				Date: rest.Optional(string(s.Date)), Attendance: rest.Optional(api.PlacementAttendance(s.Attendance)), Minutes: rest.Optional(s.Minutes),
				Reason: rest.Optional(s.Reason), Text: rest.Optional(v.Texts[s.N]),
			}
		}),
		UnderscoreLinks: api.Links{h.paths.Link("self", "getPlacement", v.ID), h.paths.Link("participantWeek", "getParticipantWeek", v.Participant)},
	}
	b.UnderscoreLinks = h.paths.AppendActions(b.UnderscoreLinks, v.Operations, v.ID)
	return b
}
