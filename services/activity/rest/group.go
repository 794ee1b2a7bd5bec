package rest

import (
	"cmp"
	"context"
	"slices"
	"strconv"

	api "github.com/finsam/finsam/pkg/api/activity"
	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/rest"
	"github.com/finsam/finsam/services/activity/group"
)

func (h handlers) CreateGroup(ctx context.Context, r api.CreateGroupRequestObject) (api.CreateGroupResponseObject, error) {
	v, err := h.service.Groups.Create(ctx, r.Id, groupRequest(api.GroupChange{
		From: &r.Body.From, Sessions: r.Body.Sessions, Skip: r.Body.Skip, Leader: r.Body.Leader, Place: r.Body.Place, Least: r.Body.Least, Most: r.Body.Most, Contents: r.Body.Contents,
	}), rest.Value(r.Params.IdempotencyKey))
	if err != nil {
		return nil, err
	}
	body := h.group(v)
	location, tag := body.UnderscoreLinks.Href("self"), rest.ETag(v.Version())
	return api.CreateGroup201JSONResponse{Body: body, Headers: api.CreateGroup201ResponseHeaders{ETag: &tag, Location: &location}}, nil
}

func groupRequest(b api.GroupChange) group.Request {
	return group.Request{
		From: civil.Date(rest.Value(b.From)), Sessions: rest.Value(b.Sessions), Skip: rest.Convert[civil.Date](rest.Value(b.Skip)),
		Leader: rest.Value(b.Leader), Place: rest.Value(b.Place), Least: rest.Value(b.Least), Most: rest.Value(b.Most), Contents: rest.Value(b.Contents),
	}
}

func (h handlers) ListGroups(ctx context.Context, r api.ListGroupsRequestObject) (api.ListGroupsResponseObject, error) {
	w := rest.NewWindow(r.Params.Limit, r.Params.Page, r.Params.Cursor)
	f := group.Filter{Municipality: rest.Value(r.Params.Municipality), Activity: rest.Value(r.Params.Activity), State: group.State(rest.Value(r.Params.State))}
	l, err := h.service.Groups.List(ctx, f, w)
	if err != nil {
		return nil, err
	}
	q := rest.Query("municipality", f.Municipality, "activity", f.Activity, "state", string(f.State))
	return api.ListGroups200JSONResponse{
		Items:          rest.Map(l.Items, h.group),
		UnderscoreMeta: rest.NewMeta(w, len(l.Items), l.Next, l.Total), UnderscoreLinks: rest.ListLinks(h.paths.Link("", "listGroups"), q, w, l.Next),
	}, nil
}

func (h handlers) GetGroup(ctx context.Context, r api.GetGroupRequestObject) (api.GetGroupResponseObject, error) {
	v, err := h.service.Groups.Group(ctx, r.Id)
	if err != nil {
		return nil, err
	}
	tag := rest.ETag(v.Version())
	return api.GetGroup200JSONResponse{Body: h.group(v), Headers: api.GetGroup200ResponseHeaders{ETag: &tag}}, nil
}

func (h handlers) ChangeGroup(ctx context.Context, r api.ChangeGroupRequestObject) (api.ChangeGroupResponseObject, error) {
	c, err := rest.Changed(r.Params.IfMatch, func(version int64) (*group.View, error) {
		return h.service.Groups.Change(ctx, r.Id, version, groupRequest(*r.Body))
	}, h.changedGroup)
	return api.ChangeGroup200JSONResponse{GroupChangedJSONResponse: c}, err
}

func (h handlers) OpenGroup(ctx context.Context, r api.OpenGroupRequestObject) (api.OpenGroupResponseObject, error) {
	c, err := rest.Changed(r.Params.IfMatch, func(version int64) (*group.View, error) { return h.service.Groups.Open(ctx, r.Id, version) }, h.changedGroup)
	return api.OpenGroup200JSONResponse{GroupChangedJSONResponse: c}, err
}

func (h handlers) StartGroup(ctx context.Context, r api.StartGroupRequestObject) (api.StartGroupResponseObject, error) {
	c, err := rest.Changed(r.Params.IfMatch, func(version int64) (*group.View, error) { return h.service.Groups.Start(ctx, r.Id, version) }, h.changedGroup)
	return api.StartGroup200JSONResponse{GroupChangedJSONResponse: c}, err
}

func (h handlers) CancelGroup(ctx context.Context, r api.CancelGroupRequestObject) (api.CancelGroupResponseObject, error) {
	c, err := rest.Changed(r.Params.IfMatch, func(version int64) (*group.View, error) {
		return h.service.Groups.Cancel(ctx, r.Id, version, string(r.Body.Reason), rest.Value(r.Body.Text))
	}, h.changedGroup)
	return api.CancelGroup200JSONResponse{GroupChangedJSONResponse: c}, err
}

func (h handlers) changedGroup(v *group.View) api.GroupChangedJSONResponse {
	tag := rest.ETag(v.Version())
	return api.GroupChangedJSONResponse{Body: h.group(v), Headers: api.GroupChangedResponseHeaders{ETag: &tag}}
}

// group writes a group as the caller sees it. Its steps are without those in it.
func (h handlers) group(v *group.View) api.Group {
	version, plan := v.Version(), v.Status.Plan
	b := api.Group{
		Id: v.ID, Version: &version, Activity: v.Activity, Municipality: v.Municipality, Name: v.Course.Name, Category: api.ActivityCategory(v.Course.Category),
		Mode: rest.Optional(mode(v.Course.Mode)), State: api.GroupState(v.Status.State), Leader: rest.Optional(plan.Leader), Place: rest.Optional(cmp.Or(plan.Place, v.Course.Place)),
		Minutes: rest.Optional(plan.Minutes), FirstDay: string(v.Sessions[0].On), LastDay: string(v.Sessions[len(v.Sessions)-1].On),
		Least: plan.Least, Most: plan.Most, Taken: v.Status.Taken(), Offered: len(v.Status.Seats) - v.Status.Taken(), Free: v.Free(),
		Sessions: make([]api.GroupSession, 0, len(v.Sessions)), CancelledFor: rest.Optional(api.GroupCancellationReason(v.Status.Reason)), Text: rest.Optional(v.Message),
		UnderscoreLinks: api.Links{h.paths.Link("self", "getGroup", v.ID), h.paths.Link("activities", "listActivities").With(rest.Query("municipality", v.Municipality))},
	}
	for _, s := range v.Sessions {
		state := api.GroupSessionStatePlanned
		if s.IsOff {
			state = api.GroupSessionStateCancelled
		}
		one := api.GroupSession{Date: string(s.On), Content: rest.Optional(s.Content), State: state}
		if !s.Starts.IsZero() {
			one.StartsAt, one.EndsAt = &s.Starts, &s.Ends
		}
		if v.Members != nil {
			one.Present, one.Noted = &s.Present, &s.Noted
		}
		b.Sessions = append(b.Sessions, one)
	}
	if v.Members != nil {
		members := rest.Map(v.Members, h.member)
		b.Members = &members
	}
	steps := make([]api.GroupStep, len(v.Steps))
	for i, s := range v.Steps {
		steps[i] = api.GroupStep{Number: int(s.N), At: s.At, Kind: api.GroupStepKind(s.Kind), By: rest.Optional(s.By), Authority: rest.Optional(s.Authority)}
	}
	b.Timeline = &steps
	b.UnderscoreLinks = h.paths.AppendActions(b.UnderscoreLinks, v.Operations, v.ID)
	return b
}

// mode writes how one takes part in an activity.
func mode(of string) api.GroupMode { return api.GroupMode(cmp.Or(of, string(api.GroupModePlace))) }

func (h handlers) member(m group.Member) api.GroupMember {
	b := api.GroupMember{
		Enrolment: m.Enrolment, Participant: m.Participant, Booking: rest.Optional(m.Booking), Wait: rest.Optional(m.Wait), State: api.GroupMemberStatePlaced,
		Since: m.At, UnderscoreLinks: api.Links{},
	}
	switch {
	case m.Booking == "":
		b.State, b.Until = api.GroupMemberStateOffered, rest.Optional(string(m.Until))
		b.UnderscoreLinks = append(b.UnderscoreLinks, h.paths.Link("wait", "getGroupWait", m.Wait))
		return b
	case m.Left:
		b.State = api.GroupMemberStateLeft
	}
	b.Present, b.Noted = &m.Present, &m.Noted
	b.UnderscoreLinks = append(b.UnderscoreLinks, h.paths.Link("booking", "getBooking", m.Booking))
	return b
}

func (h handlers) ListGroupProposals(ctx context.Context, r api.ListGroupProposalsRequestObject) (api.ListGroupProposalsResponseObject, error) {
	weeks := 8
	if r.Params.Weeks != nil {
		weeks = *r.Params.Weeks
	}
	found, err := h.service.Groups.Proposals(ctx, string(rest.Value(r.Params.Category)), weeks)
	if err != nil {
		return nil, err
	}
	candidate := func(c group.Candidate) api.GroupCandidate {
		return api.GroupCandidate{
			Wait: c.Wait.ID, Enrolment: c.Wait.Enrolment, Participant: c.Wait.Participant, Municipality: c.Wait.Municipality, Priority: api.GroupPriority(c.Wish.Priority), Since: c.Since(),
		}
	}
	return api.ListGroupProposals200JSONResponse{
		Items: rest.Map(found, func(p group.Proposal) api.GroupProposal {
			return api.GroupProposal{
				Activity: p.Course.ID, Municipality: p.Course.Municipality, Name: p.Course.Name, Mode: rest.Optional(mode(p.Course.Mode)), Place: rest.Optional(p.Course.Place),
				FirstDay: string(p.First), From: rest.Optional(api.LocalTime(p.Course.From)), To: rest.Optional(api.LocalTime(p.Course.To)), Sessions: rest.Optional(p.Sessions),
				Least: p.Least, Most: p.Most, Enough: p.IsEnough(), Invited: rest.Map(p.Invited, candidate),
				Others: rest.Map(p.Others, func(x group.Excluded) api.GroupCandidate {
					c := candidate(x.Candidate)
					c.Excluded = rest.Optional(api.GroupExclusion(x.Why))
					return c
				}),
				Explanation: api.GroupExplanation{Sv: p.Text.SV, En: p.Text.EN},
			}
		}),
		UnderscoreLinks: api.Links{h.paths.Link("self", "listGroupProposals").With(rest.Query("category", string(rest.Value(r.Params.Category)), "weeks", strconv.Itoa(weeks)))},
	}, nil
}

func (h handlers) CreateGroupWait(ctx context.Context, r api.CreateGroupWaitRequestObject) (api.CreateGroupWaitResponseObject, error) {
	wish := group.Wish{
		Priority: string(rest.Value(r.Body.Priority)), From: civil.Date(rest.Value(r.Body.From)), Municipalities: slices.Clone(rest.Value(r.Body.Municipalities)), Mode: string(rest.Value(r.Body.Mode)),
	}
	for _, t := range rest.Value(r.Body.Times) {
		wish.Times = append(wish.Times, group.Time{Day: string(t.Day), Part: string(rest.Value(t.Part))})
	}
	v, err := h.service.Groups.Queue(ctx, r.Body.Enrolment, string(r.Body.Category), wish, rest.Value(r.Params.IdempotencyKey))
	if err != nil {
		return nil, err
	}
	body := h.wait(v)
	location, tag := body.UnderscoreLinks.Href("self"), rest.ETag(v.Version())
	return api.CreateGroupWait201JSONResponse{Body: body, Headers: api.CreateGroupWait201ResponseHeaders{ETag: &tag, Location: &location}}, nil
}

func (h handlers) ListGroupWaits(ctx context.Context, r api.ListGroupWaitsRequestObject) (api.ListGroupWaitsResponseObject, error) {
	w, category := rest.NewWindow(r.Params.Limit, r.Params.Page, r.Params.Cursor), string(rest.Value(r.Params.Category))
	l, err := h.service.Groups.Waits(ctx, category, w)
	if err != nil {
		return nil, err
	}
	return api.ListGroupWaits200JSONResponse{
		Items:          rest.Map(l.Items, h.wait),
		UnderscoreMeta: rest.NewMeta(w, len(l.Items), l.Next, l.Total), UnderscoreLinks: rest.ListLinks(h.paths.Link("", "listGroupWaits"), rest.Query("category", category), w, l.Next),
	}, nil
}

func (h handlers) GetGroupWait(ctx context.Context, r api.GetGroupWaitRequestObject) (api.GetGroupWaitResponseObject, error) {
	v, err := h.service.Groups.Wait(ctx, r.Id)
	if err != nil {
		return nil, err
	}
	tag := rest.ETag(v.Version())
	return api.GetGroupWait200JSONResponse{Body: h.wait(v), Headers: api.GetGroupWait200ResponseHeaders{ETag: &tag}}, nil
}

func (h handlers) DeclineGroupOffer(ctx context.Context, r api.DeclineGroupOfferRequestObject) (api.DeclineGroupOfferResponseObject, error) {
	c, err := rest.Changed(r.Params.IfMatch, func(version int64) (*group.WaitView, error) { return h.service.Groups.Decline(ctx, r.Id, version) }, h.changedWait)
	return api.DeclineGroupOffer200JSONResponse{GroupWaitChangedJSONResponse: c}, err
}

func (h handlers) EndGroupWait(ctx context.Context, r api.EndGroupWaitRequestObject) (api.EndGroupWaitResponseObject, error) {
	c, err := rest.Changed(r.Params.IfMatch, func(version int64) (*group.WaitView, error) { return h.service.Groups.EndWait(ctx, r.Id, version) }, h.changedWait)
	return api.EndGroupWait200JSONResponse{GroupWaitChangedJSONResponse: c}, err
}

func (h handlers) changedWait(v *group.WaitView) api.GroupWaitChangedJSONResponse {
	tag := rest.ETag(v.Version())
	return api.GroupWaitChangedJSONResponse{Body: h.wait(v), Headers: api.GroupWaitChangedResponseHeaders{ETag: &tag}}
}

func (h handlers) wait(v *group.WaitView) api.GroupWait {
	version := v.Version()
	b := api.GroupWait{
		Id: v.ID, Version: &version, Enrolment: v.Enrolment, Participant: v.Participant, Municipality: v.Municipality, Category: api.ActivityCategory(v.Category),
		Priority: api.GroupPriority(v.Wish.Priority), From: rest.Optional(string(v.Wish.From)), Municipalities: rest.OptionalList(v.Wish.Municipalities), Mode: rest.Optional(api.GroupMode(v.Wish.Mode)),
		State: api.GroupWaitState(v.State), Group: rest.Optional(v.Group), Since: v.Since(), Timeline: make([]api.GroupWaitStep, 0, len(v.Steps)),
		UnderscoreLinks: api.Links{h.paths.Link("self", "getGroupWait", v.ID)},
	}
	if v.Group != "" {
		b.UnderscoreLinks = append(b.UnderscoreLinks, h.paths.Link("group", "getGroup", v.Group))
	}
	b.Times = rest.OptionalList(rest.Map(v.Wish.Times, func(t group.Time) api.GroupTime {
		return api.GroupTime{Day: api.Weekday(t.Day), Part: rest.Optional(api.DayPart(t.Part))}
	}))
	for _, s := range v.Steps {
		b.Timeline = append(b.Timeline, api.GroupWaitStep{
			Number: int(s.N), At: s.At, Kind: api.GroupWaitStepKind(s.Kind), By: rest.Optional(s.By), Authority: rest.Optional(s.Authority),
			Group: rest.Optional(s.Group), Reason: rest.Optional(api.GroupWaitReason(s.Reason)),
		})
	}
	b.UnderscoreLinks = h.paths.AppendActions(b.UnderscoreLinks, v.Operations, v.ID)
	return b
}
