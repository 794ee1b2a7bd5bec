package rest

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strings"

	api "github.com/finsam/finsam/pkg/api/activity"
	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/codelist"
	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/programme"
	"github.com/finsam/finsam/pkg/rest"
	"github.com/finsam/finsam/pkg/store"
	owner "github.com/finsam/finsam/services/activity/programme"
)

func (h handlers) ListProgrammeObjects(ctx context.Context, r api.ListProgrammeObjectsRequestObject) (api.ListProgrammeObjectsResponseObject, error) {
	w := rest.NewPage(r.Params.Limit, r.Params.Page)
	kind, municipality, on := string(rest.Value(r.Params.Kind)), rest.Value(r.Params.Municipality), rest.Value(r.Params.On)
	found, err := h.service.Programme.Objects(ctx, owner.Filter{Kind: programme.Kind(kind), Municipality: municipality, On: civil.Date(on)})
	if err != nil {
		return nil, err
	}
	first := min((w.Page-1)*w.Limit, len(found))
	part := found[first:min(first+w.Limit, len(found))]
	b := api.ListProgrammeObjects200JSONResponse{
		Items: make([]api.ProgrammeObject, len(part)), UnderscoreMeta: rest.NewMeta(w, len(part), "", &store.Total{Records: int64(len(found))}),
		UnderscoreLinks: rest.ListLinks(h.paths.Link("", "listProgrammeObjects"), rest.Query("kind", kind, "municipality", municipality, "on", on), w, ""),
	}
	for n, v := range part {
		if b.Items[n], err = h.object(v, cmp.Or(civil.Date(on), civil.DateOf(h.service.Now()))); err != nil {
			return nil, err
		}
	}
	return b, nil
}

func (h handlers) CreateProgrammeObject(ctx context.Context, r api.CreateProgrammeObjectRequestObject) (api.CreateProgrammeObjectResponseObject, error) {
	c, err := contentOf(programme.Kind(r.Body.Kind), r.Body)
	if err != nil {
		return nil, err
	}
	v, err := h.service.Programme.Create(ctx, owner.Creation{
		ID: rest.Value(r.Body.Id), Kind: programme.Kind(r.Body.Kind), Municipality: rest.Value(r.Body.Municipality), Draft: programme.Version{
			Content: c, From: civil.Date(r.Body.ValidFrom), Until: civil.Date(rest.Value(r.Body.ValidTo)), Decision: rest.Value(r.Body.Decision),
		},
	}, rest.Value(r.Params.IdempotencyKey))
	if err != nil {
		return nil, err
	}
	b, err := h.object(v, "")
	location, tag := b.UnderscoreLinks.Href("self"), rest.ETag(v.Writes)
	return api.CreateProgrammeObject201JSONResponse{Body: b, Headers: api.CreateProgrammeObject201ResponseHeaders{ETag: &tag, Location: &location}}, err
}

func (h handlers) GetProgrammeObject(ctx context.Context, r api.GetProgrammeObjectRequestObject) (api.GetProgrammeObjectResponseObject, error) {
	v, err := h.service.Programme.Object(ctx, r.Id)
	if err != nil {
		return nil, err
	}
	tag := rest.ETag(v.Writes)
	b, err := h.object(v, "")
	return api.GetProgrammeObject200JSONResponse{Body: b, Headers: api.GetProgrammeObject200ResponseHeaders{ETag: &tag}}, err
}

func (h handlers) ReplaceProgrammeDraft(ctx context.Context, r api.ReplaceProgrammeDraftRequestObject) (api.ReplaceProgrammeDraftResponseObject, error) {
	kind, _, _ := strings.Cut(r.Id, ".")
	b, tag, err := h.replan(r.Params.IfMatch, func(version int64) (*owner.View, error) {
		c, err := contentOf(programme.Kind(kind), r.Body)
		if err != nil {
			return nil, err
		}
		return h.service.Programme.Draw(ctx, r.Id, version, programme.Version{
			Content: c, From: civil.Date(r.Body.ValidFrom), Until: civil.Date(rest.Value(r.Body.ValidTo)), Decision: rest.Value(r.Body.Decision),
		})
	})
	return api.ReplaceProgrammeDraft200JSONResponse{Body: b, Headers: api.ReplaceProgrammeDraft200ResponseHeaders{ETag: &tag}}, err
}

func (h handlers) DiscardProgrammeDraft(ctx context.Context, r api.DiscardProgrammeDraftRequestObject) (api.DiscardProgrammeDraftResponseObject, error) {
	_, err := rest.AtVersion(r.Params.IfMatch, func(version int64) (*owner.View, error) {
		return h.service.Programme.Discard(ctx, r.Id, version)
	})
	return api.DiscardProgrammeDraft204Response{}, err
}

func (h handlers) ActivateProgrammeDraft(ctx context.Context, r api.ActivateProgrammeDraftRequestObject) (api.ActivateProgrammeDraftResponseObject, error) {
	b, tag, err := h.replan(r.Params.IfMatch, func(version int64) (*owner.View, error) {
		return h.service.Programme.Activate(ctx, r.Id, version)
	})
	return api.ActivateProgrammeDraft200JSONResponse{Body: b, Headers: api.ActivateProgrammeDraft200ResponseHeaders{ETag: &tag}}, err
}

func (h handlers) EndProgrammeObject(ctx context.Context, r api.EndProgrammeObjectRequestObject) (api.EndProgrammeObjectResponseObject, error) {
	b, tag, err := h.replan(r.Params.IfMatch, func(version int64) (*owner.View, error) {
		return h.service.Programme.ProposeEnd(ctx, r.Id, version, civil.Date(r.Body.From), rest.Value(r.Body.Decision))
	})
	return api.EndProgrammeObject200JSONResponse{Body: b, Headers: api.EndProgrammeObject200ResponseHeaders{ETag: &tag}}, err
}

// replan makes a change of an object at the version of If-Match, and returns the object
// and its entity tag.
func (h handlers) replan(ifMatch *string, change func(version int64) (*owner.View, error)) (b api.ProgrammeObject, tag string, err error) {
	v, err := rest.AtVersion(ifMatch, change)
	if err != nil {
		return b, "", err
	}
	b, err = h.object(v, "")
	return b, rest.ETag(v.Writes), err
}

func (h handlers) CheckProgrammeDraft(ctx context.Context, r api.CheckProgrammeDraftRequestObject) (api.CheckProgrammeDraftResponseObject, error) {
	report, err := h.service.Programme.Check(ctx, r.Id)
	if err != nil {
		return nil, err
	}
	b := api.CheckProgrammeDraft200JSONResponse{
		Object: r.Id, Problems: []api.ProgrammeFinding{}, Remarks: []api.ProgrammeFinding{},
		Impact: api.ProgrammeImpact{
			Enrolments: report.Impact.Enrolments, Bookings: report.Impact.Bookings, Placements: report.Impact.Placements, Calendars: report.Impact.Calendars,
			Cancellations: report.Impact.Cancellations, Conflicts: report.Impact.Conflicts, Conflicting: rest.OptionalList(report.Impact.Conflicting),
		},
		UnderscoreLinks: api.Links{h.paths.Link("object", "getProgrammeObject", r.Id)},
	}
	for _, p := range report.Problems {
		b.Problems = append(b.Problems, api.ProgrammeFinding{
			Object: cmp.Or(p.Object, r.Id), Field: rest.Optional(p.Field), Text: api.Sentence{Sv: p.Text().SV, En: p.Text().EN},
		})
	}
	for _, f := range report.Findings {
		finding := api.ProgrammeFinding{Object: f.Object, Text: api.Sentence{Sv: f.Text.SV, En: f.Text.EN}}
		if f.Prevents {
			b.Problems = append(b.Problems, finding)
		} else {
			b.Remarks = append(b.Remarks, finding)
		}
	}
	return b, nil
}

// contentOf returns the content of a body, which has the fields of the content's JSON: the
// one of the kind is wanted and no other.
func contentOf(kind programme.Kind, body any) (c programme.Content, err error) {
	if kind == programme.Association {
		return c, owner.ErrFileOnly
	}
	text, err := json.Marshal(body)
	if err != nil {
		return c, err
	}
	given := map[string]json.RawMessage{}
	if err = json.Unmarshal(text, &given); err == nil {
		err = json.Unmarshal(text, &c)
	}
	if err != nil {
		return c, err
	}
	var wrong []fault.Field
	for _, k := range programme.Kinds {
		words := strings.Split(string(k), "_")
		for n, word := range words[1:] {
			words[n+1] = strings.ToUpper(word[:1]) + word[1:]
		}
		field := strings.Join(words, "")
		switch _, is := given[field]; {
		case is && k != kind:
			wrong = append(wrong, fault.Field{Pointer: "/" + field, Code: owner.ErrContent.Code, Text: fault.Text{SV: "Hör till en annan typ av objekt. Ta bort det.", EN: "Belongs to another kind of object. Leave it out."}})
		case !is && k == kind:
			wrong = append(wrong, fault.Field{Pointer: "/" + field, Code: owner.ErrContent.Code, Text: fault.Text{SV: "Innehållet saknas. Skriv det här.", EN: "The content is missing. Write it here."}})
		}
	}
	if wrong != nil {
		return c, owner.ErrContent.At(wrong...)
	}
	return c, nil
}

// object returns the body of an object: with all its versions, or with the one that holds
// on a day.
func (h handlers) object(v *owner.View, on civil.Date) (b api.ProgrammeObject, err error) {
	shown := v.Versions
	holds, held := v.On(cmp.Or(on, civil.DateOf(h.service.Now())))
	if held {
		b.Current = &holds.N
	}
	if on != "" {
		shown = slices.DeleteFunc(slices.Clone(shown), func(x programme.Version) bool { return !held || x.N != holds.N })
	}
	b.Versions = &[]api.ProgrammeVersion{}
	for _, version := range shown {
		x, err := versionBody(version, v.Steps != nil)
		if err != nil {
			return b, err
		}
		*b.Versions = append(*b.Versions, x)
	}
	named := holds
	if v.Draft != nil {
		x, err := versionBody(*v.Draft, true)
		if err != nil {
			return b, err
		}
		b.Draft = &x
		if !held {
			named = v.Draft
		}
	} else if !held && len(v.Versions) > 0 {
		named = &v.Versions[len(v.Versions)-1]
	}
	b.Id, b.Version, b.Kind, b.Label = v.ID, rest.Optional(v.Writes), api.ProgrammeKind(v.Kind), objectLabel(v.Kind, named)
	b.Municipality, b.Origin, b.File = rest.Optional(v.Municipality), api.ProgrammeOrigin(v.Origin), rest.Optional(v.File)
	b.Periods = rest.Map(v.Periods, func(p programme.Period) api.ProgrammePeriod {
		return api.ProgrammePeriod{From: string(p.From), Until: rest.Optional(string(p.Until)), Version: p.Version}
	})
	b.UnderscoreLinks = h.paths.AppendActions(api.Links{h.paths.Link("self", "getProgrammeObject", v.ID)}, slices.DeleteFunc(slices.Clone(v.Operations), func(operation string) bool {
		return operation == "discardProgrammeDraft" // it has the address of the draft
	}), v.ID)
	return b, nil
}

// versionBody returns the body of a version. Its content has the same JSON in both.
func versionBody(v programme.Version, authors bool) (b api.ProgrammeVersion, err error) {
	text, err := json.Marshal(v.Content)
	if err == nil {
		err = json.Unmarshal(text, &b)
	}
	b.Number, b.ValidFrom, b.ValidTo, b.Ends, b.Decision = v.N, string(v.From), rest.Optional(string(v.Until)), rest.Optional(v.Ends), rest.Optional(v.Decision)
	if authors {
		b.AuthoredBy, b.AuthoredAt = rest.Optional(v.By.Subject), rest.Optional(v.At)
		if v.ActivatedBy != nil {
			b.ActivatedBy, b.ActivatedAt = &v.ActivatedBy.Subject, &v.ActivatedAt
		}
	}
	return b, err
}

// objectLabel returns what an object is called: by its content, or by its kind.
func objectLabel(kind programme.Kind, v *programme.Version) api.Label {
	c := programme.Content{}
	if v != nil {
		c = v.Content
	}
	switch {
	case c.Association != nil:
		return name(c.Association.Name)
	case c.Initiative != nil:
		return name(c.Initiative.Name)
	case c.ConsentText != nil:
		return name(c.ConsentText.Title)
	case c.Site != nil:
		return name(c.Site.Name)
	case c.Series != nil:
		return name(c.Series.Name)
	}
	return label(codelist.Labels[programme.Kind]("ProgrammeKind")[kind])
}
