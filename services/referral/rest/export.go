package rest

import (
	"bytes"
	"context"

	api "github.com/finsam/finsam/pkg/api/referral"
	"github.com/finsam/finsam/services/referral/export"
	"github.com/finsam/finsam/services/referral/sheet"
)

// ExportReferrals answers GET /referral-exports. The file is whole before the
// answer begins, and the gate holds it until its access is durable.
func (h handlers) ExportReferrals(ctx context.Context, r api.ExportReferralsRequestObject) (api.ExportReferralsResponseObject, error) {
	p := r.Params
	f := filter(api.ListReferralsParams{
		State: p.State, Municipality: p.Municipality, TransferTo: p.TransferTo, Unit: p.Unit,
		ReceivedFrom: p.ReceivedFrom, ReceivedTo: p.ReceivedTo, Responsible: p.Responsible, Initiative: p.Initiative,
		Overdue: p.Overdue, Source: p.Source, RegistryNumber: p.RegistryNumber, ExternalReference: p.ExternalReference,
		Sort: p.Sort, Order: p.Order,
	})
	kind := "csv"
	if p.Format != nil {
		kind = string(*p.Format)
	}
	s, err := newSheet(kind)
	if err != nil {
		return nil, err
	}
	if err := h.service.Export(ctx, f, p.Identities != nil && *p.Identities, s); err != nil {
		return nil, err
	}
	file, err := s.File()
	if err != nil {
		return nil, err
	}
	named := `attachment; filename="remisser-` + string(h.service.Today()) + "." + kind + `"`
	headers := api.ExportReferrals200ResponseHeaders{ContentDisposition: &named}
	body, length := bytes.NewReader(file), int64(len(file))
	if kind == string(api.Xlsx) {
		return api.ExportReferrals200ApplicationvndOpenxmlformatsOfficedocumentSpreadsheetmlSheetResponse{
			Body: body, Headers: headers, ContentLength: length}, nil
	}
	return api.ExportReferrals200TextcsvResponse{Body: body, Headers: headers, ContentLength: length}, nil
}

// newSheet begins a file of the kind.
func newSheet(kind string) (sheet.Sheet, error) {
	if kind == string(api.Xlsx) {
		return sheet.NewXLSX(export.ErrTooLarge)
	}
	return sheet.NewCSV(export.ErrTooLarge), nil
}
