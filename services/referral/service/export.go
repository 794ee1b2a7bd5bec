package service

import (
	"context"

	"github.com/finsam/finsam/pkg/access"
	"github.com/finsam/finsam/pkg/accesslog"
	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/guard"
	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/services/referral/export"
)

// Export writes what List would show as a table; see package export. Only roles that may
// read both name and number may ask for identities.
func (s *Service) Export(ctx context.Context, f Filter, identities bool, t export.Table) error {
	const operation = "exportReferrals"
	entry := accesslog.Entry{Operation: operation, Thing: "referrals"}
	a, err := guard.Caller(ctx, s.AccessLog, operation, entry.Thing)
	if err != nil {
		return err
	}
	if identities && !(access.MayCall("readIdentities#name", a) && access.MayCall("readIdentities#number", a)) {
		return guard.Enter(ctx, s.AccessLog, entry, fault.ErrForbidden)
	}
	if f.Sort, _, err = f.order(""); err != nil {
		return err
	}
	where, found, err := conditions(operation, a, f, s.Now())
	if err != nil {
		return err
	}
	var q *store.Query
	if found {
		q = &store.Query{Association: a.Association, Where: where, Sort: f.Sort.orders(where)}
	}
	if err := s.exports.Write(ctx, a, q, identities, t); err != nil {
		return guard.Enter(ctx, s.AccessLog, entry, err)
	}
	return nil
}
