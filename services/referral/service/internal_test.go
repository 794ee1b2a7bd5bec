package service

import (
	"context"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"

	"github.com/finsam/finsam/services/referral"
	"github.com/finsam/finsam/services/referral/registrynumber"
)

// StepOf reads an event as a step.
var StepOf = stepOf

// ExportAtMost bounds an export by fewer rows, and one with identities.
func (s *Service) ExportAtMost(rows, named int) { s.exports.MaxRows, s.exports.MaxNamed = rows, named }

// Fill stores n copies of a referral as it is, each with an id and a number of its own,
// 200 persons in turn.
func (s *Service) Fill(ctx context.Context, like *referral.Referral, n int) error {
	for i := range n {
		r := *like
		r.ID, r.RegistryNumber, r.ExternalReference = s.NewID(), registrynumber.Format(2026, 100_000+i), ""
		r.Participant = uuid.NewSHA1(uuid.NameSpaceOID, []byte{byte(i % 200)}).String()
		if _, err := s.referrals.Insert(ctx, &r); err != nil {
			return err
		}
	}
	return nil
}

// Listed returns a referral as a list reads it from its JSON.
func Listed(text []byte) (*referral.Referral, error) {
	l := &listed{}
	return &l.Referral, json.Unmarshal(text, l)
}

// Keys are the keys of a referral.
var Keys = keys
