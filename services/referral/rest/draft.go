package rest

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"

	api "github.com/finsam/finsam/pkg/api/referral"
	"github.com/finsam/finsam/pkg/rest"
	"github.com/finsam/finsam/services/referral"
	"github.com/finsam/finsam/services/referral/draft"
)

func (h handlers) ListDrafts(ctx context.Context, r api.ListDraftsRequestObject) (api.ListDraftsResponseObject, error) {
	w := rest.NewWindow(r.Params.Limit, r.Params.Page, r.Params.Cursor)
	l, err := h.service.Drafts.List(ctx, w)
	if err != nil {
		return nil, err
	}
	return api.ListDrafts200JSONResponse{
		Items: rest.Map(l.Items, func(d *draft.View) api.DraftSummary {
			return api.DraftSummary{
				Id: d.ID, Version: &d.Changes, CreatedAt: d.CreatedAt, CreatedBy: d.CreatedBy, ChangedAt: d.ChangedAt, ChangedBy: d.ChangedBy,
				ExpiresAt:       d.ExpiresAt(),
				UnderscoreLinks: api.Links{h.paths.Link("self", "getDraft", d.ID), h.paths.Link("sending", "sendDraft", d.ID)},
			}
		}),
		UnderscoreMeta:  rest.NewMeta(w, len(l.Items), l.Next, l.Total),
		UnderscoreLinks: rest.ListLinks(h.paths.Link("", "listDrafts"), url.Values{}, w, l.Next),
	}, nil
}

func (h handlers) CreateDraft(ctx context.Context, r api.CreateDraftRequestObject) (api.CreateDraftResponseObject, error) {
	content, err := json.Marshal(r.Body)
	if err != nil {
		return nil, fmt.Errorf("write a draft: %w", err)
	}
	d, err := h.service.Drafts.Create(ctx, rest.Value(r.Params.IdempotencyKey), content)
	if err != nil {
		return nil, err
	}
	b, tag, err := h.draftBody(d)
	at := b.UnderscoreLinks.Href("self")
	return api.CreateDraft201JSONResponse{Body: b, Headers: api.CreateDraft201ResponseHeaders{ETag: &tag, Location: &at}}, err
}

func (h handlers) GetDraft(ctx context.Context, r api.GetDraftRequestObject) (api.GetDraftResponseObject, error) {
	d, err := h.service.Drafts.Get(ctx, r.Id)
	if err != nil {
		return nil, err
	}
	b, tag, err := h.draftBody(d)
	return api.GetDraft200JSONResponse{Body: b, Headers: api.GetDraft200ResponseHeaders{ETag: &tag}}, err
}

func (h handlers) ReplaceDraft(ctx context.Context, r api.ReplaceDraftRequestObject) (api.ReplaceDraftResponseObject, error) {
	content, err := json.Marshal(r.Body)
	if err != nil {
		return nil, fmt.Errorf("write a draft: %w", err)
	}
	d, err := rest.AtVersion(r.Params.IfMatch, func(version int64) (*draft.View, error) {
		return h.service.Drafts.Replace(ctx, r.Id, version, content)
	})
	if err != nil {
		return nil, err
	}
	b, tag, err := h.draftBody(d)
	return api.ReplaceDraft200JSONResponse{Body: b, Headers: api.ReplaceDraft200ResponseHeaders{ETag: &tag}}, err
}

func (h handlers) DeleteDraft(ctx context.Context, r api.DeleteDraftRequestObject) (api.DeleteDraftResponseObject, error) {
	_, err := rest.AtVersion(r.Params.IfMatch, func(version int64) (any, error) {
		return nil, h.service.Drafts.Delete(ctx, r.Id, version)
	})
	return api.DeleteDraft204Response{}, err
}

// SendDraft answers POST /drafts/{id}/sending. What is written is held against the
// shape of POST /referrals, so that faults name the same fields.
func (h handlers) SendDraft(ctx context.Context, r api.SendDraftRequestObject) (api.SendDraftResponseObject, error) {
	read := func(content []byte) (sub referral.Submission, err error) {
		if err := h.newReferral.Check(content); err != nil {
			return sub, err
		}
		var b api.NewReferral
		if json.Unmarshal(content, &b) != nil { // whose error may quote a value
			return sub, fmt.Errorf("a draft that keeps to the contract has another form than %T", b)
		}
		return submission(&b), nil
	}
	v, err := rest.AtVersion(r.Params.IfMatch, func(version int64) (*referral.View, error) {
		return h.service.SendDraft(ctx, r.Id, version, read)
	})
	if err != nil {
		return nil, err
	}
	b, tag := h.body(v), rest.ETag(v.Version)
	at := b.UnderscoreLinks.Href("self")
	return api.SendDraft201JSONResponse{Body: b, Headers: api.SendDraft201ResponseHeaders{ETag: &tag, Location: &at}}, nil
}

func (h handlers) draftBody(d *draft.View) (b api.Draft, tag string, err error) {
	b = api.Draft{
		Id: d.ID, Version: &d.Changes, CreatedAt: d.CreatedAt, CreatedBy: d.CreatedBy, ChangedAt: d.ChangedAt, ChangedBy: d.ChangedBy,
		ExpiresAt:       d.ExpiresAt(),
		UnderscoreLinks: api.Links{h.paths.Link("self", "getDraft", d.ID), h.paths.Link("sending", "sendDraft", d.ID)},
	}
	if json.Unmarshal(d.Plain, &b.Content) != nil { // whose error may quote a value
		return b, "", fmt.Errorf("draft %s has another form than %T", d.ID, b.Content)
	}
	return b, rest.ETag(d.Changes), nil
}
