package service

import (
	"context"

	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/guard"
)

// Reference returns the caller's association, for an operation that answers what a form
// needs of it. No person is in it, so only a refusal is entered in the access log.
func (s *Service) Reference(ctx context.Context, operation string) (*association.Association, error) {
	a, err := guard.Caller(ctx, s.AccessLog, operation, "reference")
	if err != nil {
		return nil, err
	}
	return s.Associations.Get(a.Association)
}
