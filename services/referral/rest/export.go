package rest

import (
	"cmp"
	"context"

	api "github.com/finsam/finsam/pkg/api/referral"
	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/rest"
	"github.com/finsam/finsam/pkg/sheet"
	"github.com/finsam/finsam/services/referral/export"
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
	kind, s := cmp.Or(rest.Value(p.Format), api.Csv), sheet.NewCSV(export.ErrTooLarge)
	if kind == api.Xlsx {
		var err error
		if s, err = sheet.NewXLSX("Remisser", export.ErrTooLarge); err != nil {
			return nil, err
		}
	}
	if err := h.service.Export(ctx, f, rest.Value(p.Identities), s); err != nil {
		return nil, err
	}
	body, length, err := s.File()
	if err != nil {
		return nil, err
	}
	disposition := `attachment; filename="remisser-` + string(civil.DateOf(h.service.Now())) + "." + string(kind) + `"`
	headers := api.ExportReferrals200ResponseHeaders{ContentDisposition: &disposition}
	if kind == api.Xlsx {
		return api.ExportReferrals200ApplicationvndOpenxmlformatsOfficedocumentSpreadsheetmlSheetResponse{
			Body: body, Headers: headers, ContentLength: length}, nil
	}
	return api.ExportReferrals200TextcsvResponse{Body: body, Headers: headers, ContentLength: length}, nil
}
