package rest

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"

	"github.com/finsam/finsam/pkg/actor"
	api "github.com/finsam/finsam/pkg/api/activity"
	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/codelist"
	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/rest"
	"github.com/finsam/finsam/services/activity/service"
)

// versionOf returns the version of a thing that has no steps: a digest of its body.
func versionOf(body any) *int64 {
	text, err := json.Marshal(body)
	if err != nil {
		panic(err) // a body is made of what JSON has
	}
	v := service.Digest(text)
	return &v
}

func (h handlers) ListInitiatives(ctx context.Context, r api.ListInitiativesRequestObject) (api.ListInitiativesResponseObject, error) {
	on := cmp.Or(civil.Date(rest.Value(r.Params.On)), civil.DateOf(h.service.Now()))
	in, err := h.service.Reference(ctx, "listInitiatives", on)
	if err != nil {
		return nil, err
	}
	b := api.InitiativeList{
		Items:           rest.Map(in.Initiatives, func(i association.Initiative) api.Initiative { return h.initiative(in, i, on) }),
		UnderscoreLinks: api.Links{h.paths.Link("self", "listInitiatives")},
	}
	b.Version = versionOf(b)
	tag := rest.ETag(*b.Version)
	if rest.NotModified(r.Params.IfNoneMatch, *b.Version) {
		return api.ListInitiatives304Response{Headers: api.ListInitiatives304ResponseHeaders{ETag: &tag}}, nil
	}
	return api.ListInitiatives200JSONResponse{Body: b, Headers: api.ListInitiatives200ResponseHeaders{ETag: &tag}}, nil
}

func (h handlers) initiative(in *association.Association, i association.Initiative, on civil.Date) api.Initiative {
	t := in.Terms.Whole()
	b := api.Initiative{
		Id: i.ID, Label: name(i.Name), Orientation: api.InitiativeOrientation(i.Orientation),
		Ages: api.Ages{Lowest: i.Ages.Lowest, Highest: i.Ages.Highest},
		TargetGroup: api.InitiativeTargetGroup{
			AuthoritiesConcerned: i.TargetGroup.Authorities,
			Reasons:              rest.Map(i.TargetGroup.Reasons, func(r string) api.ReferralReason { return api.ReferralReason(r) }),
		},
		Terms: api.Terms{
			Decision: t.Decision, Supplement: t.Supplement, Transfer: t.Transfer, Place: t.Place, Start: t.Start, CheckInAnswer: t.CheckInAnswer,
			CheckInDecision: t.CheckInDecision, NextBlock: t.NextBlock, Closing: t.Closing, Correction: t.Correction,
		},
		UnderscoreLinks: api.Links{h.paths.Link("checklists", "listChecklists")},
	}
	b.FollowUpMethod, b.Esf = rest.Optional(i.FollowUpMethod), rest.Optional(i.ESF)
	b.Plans = rest.Map(performers(in, i, on), func(m association.Municipality) api.Plan {
		p := planBody(in, i, m.Code)
		return api.Plan{
			Id: p.Id, Version: p.Version, Municipality: m.Code, MaxWeeks: p.MaxWeeks, CheckInDays: p.CheckInDays, WeeksUsedBefore: p.WeeksUsedBefore,
			CorrectionDays: p.CorrectionDays, Introduction: p.Introduction, Rules: p.Rules, Absence: p.Absence, Blocks: p.Blocks,
		}
	})
	if b.Version = rest.Optional(int64(i.Version)); b.Version == nil {
		b.Version = versionOf(b)
	}
	return b
}

func (h handlers) ListPlans(ctx context.Context, r api.ListPlansRequestObject) (api.ListPlansResponseObject, error) {
	on := cmp.Or(civil.Date(rest.Value(r.Params.On)), civil.DateOf(h.service.Now()))
	in, err := h.service.Reference(ctx, "listPlans", on)
	if err != nil {
		return nil, err
	}
	b := api.PlanList{Items: []api.ListedPlan{}, UnderscoreLinks: api.Links{h.paths.Link("self", "listPlans")}}
	for _, i := range in.Initiatives {
		for _, m := range performers(in, i, on) {
			p := planBody(in, i, m.Code)
			if n := slices.IndexFunc(b.Items, func(x api.ListedPlan) bool { return x.Id == p.Id }); n >= 0 {
				b.Items[n].Municipalities = append(b.Items[n].Municipalities, m.Code)
				continue
			}
			p.UnderscoreLinks = api.Links{h.paths.Link("object", "getProgrammeObject", p.Id), h.paths.Link("initiatives", "listInitiatives")}
			b.Items = append(b.Items, p)
		}
	}
	b.Version = versionOf(b)
	tag := rest.ETag(*b.Version)
	if rest.NotModified(r.Params.IfNoneMatch, *b.Version) {
		return api.ListPlans304Response{Headers: api.ListPlans304ResponseHeaders{ETag: &tag}}, nil
	}
	return api.ListPlans200JSONResponse{Body: b, Headers: api.ListPlans200ResponseHeaders{ETag: &tag}}, nil
}

// performers returns the municipalities that perform an initiative on a day.
func performers(in *association.Association, i association.Initiative, on civil.Date) []association.Municipality {
	return slices.DeleteFunc(slices.Clone(in.Municipalities), func(m association.Municipality) bool { return !i.PerformedIn(m.Code, on) })
}

// planBody returns the plan by which a municipality runs an initiative: its own, or the
// initiative's.
func planBody(in *association.Association, i association.Initiative, municipality string) api.ListedPlan {
	p, own := i.Plans[municipality]
	b := api.ListedPlan{Id: "plan." + i.ID, Label: name(i.Name), Initiative: i.ID, Municipalities: []string{municipality}}
	if own {
		b.Id += "." + municipality
	} else {
		p = i.Plan
	}
	b.MaxWeeks, b.CheckInDays, b.CorrectionDays = p.MaxWeeks, p.DaysBeforeCheckIn(), in.DaysToCorrect(i.ID, municipality)
	b.WeeksUsedBefore = api.WeeksUsedBefore(cmp.Or(p.WeeksUsedBefore, association.WeeksCount))
	b.Blocks = rest.Map(p.Blocks, func(k association.Block) api.PlanBlock {
		block := api.PlanBlock{
			Number: k.Number, Weeks: k.Weeks, CheckIn: k.CheckIn, Closing: k.Closing,
			Content: rest.Map(k.Content, func(c string) api.ActivityCategory { return api.ActivityCategory(c) }),
		}
		if k.Name != "" {
			block.Label = rest.Optional(name(k.Name))
		}
		return block
	})
	absence := p.Absence.Whole()
	b.Absence = &api.ProgrammeAbsence{InRow: &absence.InRow, Percent: &absence.Percent, Weeks: &absence.Weeks}
	category := func(c string) api.ActivityCategory { return api.ActivityCategory(c) }
	if x := p.Introduction; x != nil {
		b.Introduction = &api.ProgrammeIntroduction{Name: rest.Optional(x.Name), Weeks: rest.Optional(x.Weeks), Content: rest.OptionalList(rest.Map(x.Content, category))}
	}
	b.Rules = rest.OptionalList(rest.Map(p.Rules, func(x association.Rule) api.ProgrammeRule {
		return api.ProgrammeRule{
			Id: x.ID, Category: category(x.Category), Times: x.Times, FromWeek: rest.Optional(x.FromWeek), Blocks: rest.OptionalList(x.Blocks),
			Sv: rest.Optional(x.SV), En: rest.Optional(x.EN),
		}
	}))
	if b.Version = rest.Optional(int64(p.Version)); b.Version == nil { // of a file that is not split into objects
		b.Version = versionOf(p)
	}
	return b
}

func (h handlers) ListChecklists(ctx context.Context, r api.ListChecklistsRequestObject) (api.ListChecklistsResponseObject, error) {
	on := cmp.Or(civil.Date(rest.Value(r.Params.On)), civil.DateOf(h.service.Now()))
	in, err := h.service.Reference(ctx, "listChecklists", on)
	if err != nil {
		return nil, err
	}
	b := api.ChecklistList{
		Items:           rest.Map(in.Initiatives, func(i association.Initiative) api.Checklist { return h.checklist(in, i, on) }),
		UnderscoreLinks: api.Links{h.paths.Link("self", "listChecklists")},
	}
	b.Version = versionOf(b)
	tag := rest.ETag(*b.Version)
	if rest.NotModified(r.Params.IfNoneMatch, *b.Version) {
		return api.ListChecklists304Response{Headers: api.ListChecklists304ResponseHeaders{ETag: &tag}}, nil
	}
	return api.ListChecklists200JSONResponse{Body: b, Headers: api.ListChecklists200ResponseHeaders{ETag: &tag}}, nil
}

// checklist returns the questions of a referral to an initiative: on the target group,
// whose ids are the fields of a referral, and the association's own. Beside them are the
// other fields.
func (h handlers) checklist(in *association.Association, i association.Initiative, on civil.Date) api.Checklist {
	b := api.Checklist{
		Fields: referralFields, Municipalities: rest.Map(performers(in, i, on), h.municipality), ConsentTexts: rest.Map(in.ConsentTexts, h.consentText),
		Id: i.ID, Initiative: i.ID, Label: name(i.Name), UnderscoreLinks: api.Links{h.paths.Link("initiatives", "listInitiatives")},
		Questions: []api.Question{
			{
				Id: "reasons", Kind: api.QuestionKindTargetGroup, AtLeast: 1, Answers: choices("ReferralReason", i.TargetGroup.Reasons...),
				Label: api.Label{Sv: "Varför personen hör till målgruppen", En: "Why the person belongs to the target group"},
			}, {
				Id: "authoritiesConcerned", Kind: api.QuestionKindTargetGroup, AtLeast: i.TargetGroup.Authorities, Answers: choices("AuthorityKind"),
				Label: api.Label{Sv: "Parter som personen behöver samordnat stöd från", En: "Parties whose coordinated support the person needs"},
			},
		},
	}
	for _, q := range i.RightTime {
		b.Questions = append(b.Questions, api.Question{
			Id: q.ID, Kind: api.QuestionKindRightTime, AtLeast: 1, Answers: choices("RightTimeAnswer"), Label: api.Label{Sv: q.SV, En: q.EN},
		})
	}
	b.Version = versionOf(b)
	return b
}

func (h handlers) ListMunicipalities(ctx context.Context, r api.ListMunicipalitiesRequestObject) (api.ListMunicipalitiesResponseObject, error) {
	in, err := h.service.Reference(ctx, "listMunicipalities", civil.Date(rest.Value(r.Params.On)))
	if err != nil {
		return nil, err
	}
	b := api.MunicipalityList{
		Items:           rest.Map(in.Municipalities, h.municipality),
		UnderscoreLinks: api.Links{h.paths.Link("self", "listMunicipalities")},
	}
	b.Version = versionOf(b)
	tag := rest.ETag(*b.Version)
	if rest.NotModified(r.Params.IfNoneMatch, *b.Version) {
		return api.ListMunicipalities304Response{Headers: api.ListMunicipalities304ResponseHeaders{ETag: &tag}}, nil
	}
	return api.ListMunicipalities200JSONResponse{Body: b, Headers: api.ListMunicipalities200ResponseHeaders{ETag: &tag}}, nil
}

func (h handlers) municipality(m association.Municipality) api.Municipality {
	b := api.Municipality{
		Id: m.Code, Label: name(m.Name), Authority: rest.Optional(m.Authority),
		UnderscoreLinks: api.Links{h.paths.Link("week", "getMunicipalityWeek", m.Code)},
	}
	b.Version = versionOf(b)
	return b
}

func (h handlers) ListAuthorities(ctx context.Context, r api.ListAuthoritiesRequestObject) (api.ListAuthoritiesResponseObject, error) {
	in, err := h.service.Reference(ctx, "listAuthorities", civil.Date(rest.Value(r.Params.On)))
	if err != nil {
		return nil, err
	}
	b := api.AuthorityList{Items: []api.Authority{}, UnderscoreLinks: api.Links{h.paths.Link("self", "listAuthorities")}}
	add := func(x api.Authority) {
		x.UnderscoreLinks = api.Links{}
		x.Version = versionOf(x)
		b.Items = append(b.Items, x)
	}
	for _, x := range in.Authorities {
		add(api.Authority{Id: x.ID, Label: name(cmp.Or(x.Name, x.ID)), Kind: rest.Optional(api.AuthorityKind(x.Kind))})
	}
	for _, m := range in.Municipalities {
		if m.Authority != "" {
			add(api.Authority{Id: m.Authority, Label: name(m.Name), Kind: rest.Optional(api.AuthorityKind(actor.Municipality)), Municipality: &m.Code})
		}
	}
	b.Version = versionOf(b)
	tag := rest.ETag(*b.Version)
	if rest.NotModified(r.Params.IfNoneMatch, *b.Version) {
		return api.ListAuthorities304Response{Headers: api.ListAuthorities304ResponseHeaders{ETag: &tag}}, nil
	}
	return api.ListAuthorities200JSONResponse{Body: b, Headers: api.ListAuthorities200ResponseHeaders{ETag: &tag}}, nil
}

func (h handlers) ListCodeLists(ctx context.Context, r api.ListCodeListsRequestObject) (api.ListCodeListsResponseObject, error) {
	in, err := h.service.Reference(ctx, "listCodeLists", civil.Date(rest.Value(r.Params.On)))
	if err != nil {
		return nil, err
	}
	b := api.CodeListList{
		Items: rest.Map(codelist.Lists, func(l codelist.List) api.CodeList {
			x := api.CodeList{Id: l.ID, Label: label(l.Label), Codes: choices(l.ID), UnderscoreLinks: api.Links{}}
			for _, own := range in.CodeLists {
				for _, word := range own.Codes {
					n := slices.IndexFunc(x.Codes, func(c api.Choice) bool { return own.ID == l.ID && c.Id == word.ID })
					if n >= 0 {
						x.Codes[n].Label = api.Label{Sv: word.SV, En: word.EN}
					}
				}
			}
			x.Version = versionOf(x)
			return x
		}),
		UnderscoreLinks: api.Links{h.paths.Link("self", "listCodeLists")},
	}
	b.Version = versionOf(b)
	tag := rest.ETag(*b.Version)
	if rest.NotModified(r.Params.IfNoneMatch, *b.Version) {
		return api.ListCodeLists304Response{Headers: api.ListCodeLists304ResponseHeaders{ETag: &tag}}, nil
	}
	return api.ListCodeLists200JSONResponse{Body: b, Headers: api.ListCodeLists200ResponseHeaders{ETag: &tag}}, nil
}

func (h handlers) ListConsentTexts(ctx context.Context, r api.ListConsentTextsRequestObject) (api.ListConsentTextsResponseObject, error) {
	in, err := h.service.Reference(ctx, "listConsentTexts", civil.Date(rest.Value(r.Params.On)))
	if err != nil {
		return nil, err
	}
	b := api.ConsentTextList{
		Items: rest.Map(in.ConsentTexts, h.consentText), UnderscoreLinks: api.Links{h.paths.Link("self", "listConsentTexts")},
	}
	b.Version = versionOf(b)
	tag := rest.ETag(*b.Version)
	if rest.NotModified(r.Params.IfNoneMatch, *b.Version) {
		return api.ListConsentTexts304Response{Headers: api.ListConsentTexts304ResponseHeaders{ETag: &tag}}, nil
	}
	return api.ListConsentTexts200JSONResponse{Body: b, Headers: api.ListConsentTexts200ResponseHeaders{ETag: &tag}}, nil
}

func (h handlers) consentText(t association.ConsentText) api.ConsentText {
	id := "consent_text." + t.Version + "." + t.Language
	b := api.ConsentText{
		Id: id, Label: name(t.Title), TextVersion: t.Version, Language: t.Language, Title: t.Title, Text: t.Text,
		UnderscoreLinks: api.Links{h.paths.Link("object", "getProgrammeObject", id)},
	}
	b.Version = versionOf(b)
	return b
}

// choices returns the codes of a list, or some of them, in the list's order.
func choices(list string, ids ...string) []api.Choice {
	all := []api.Choice{}
	for _, l := range codelist.Lists {
		for _, c := range l.Codes {
			if l.ID == list && (len(ids) == 0 || slices.Contains(ids, c.ID)) {
				all = append(all, api.Choice{Id: c.ID, Label: label(c.Label)})
			}
		}
	}
	return all
}

func label(t fault.Text) api.Label { return api.Label{Sv: t.SV, En: t.EN} }

// name returns a name, which is the same in both languages.
func name(s string) api.Label { return api.Label{Sv: s, En: s} }
