package activity

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"

	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/fault"
)

// MunicipalityWeek is what a municipality offers in one week.
type MunicipalityWeek struct {
	Municipality association.Municipality
	Week         Week
	Items        []Occurrence
	Unscheduled  []association.Activity
	Programme    string // version of the association's configuration
	Version      int64  // the same as long as the answer is
}

// thisWeek reads a week, or gives the present one for none.
func (s *Service) thisWeek(text string) (Week, error) {
	if text == "" {
		return WeekOf(civil.DateOf(s.Now())), nil
	}
	return ParseWeek(text)
}

// MunicipalityWeek returns a municipality's week; it bears no person. A
// municipality that is not a member does not exist here.
func (s *Service) MunicipalityWeek(ctx context.Context, code, week string) (*MunicipalityWeek, error) {
	a, err := may(ctx, "getMunicipalityWeek")
	if err != nil {
		return nil, err
	}
	w, err := s.thisWeek(week)
	if err != nil {
		return nil, err
	}
	in, err := s.programme(a)
	if err != nil {
		return nil, err
	}
	m, member := in.Municipality(code)
	if !member {
		return nil, fault.ErrNotFound
	}
	called, err := s.called(ctx, in.ID, is(keyMunicipality, code), w.Monday(), w.Sunday())
	if err != nil {
		return nil, err
	}
	offered := in.Week(code).Activities
	view := &MunicipalityWeek{Municipality: m, Week: w, Programme: in.Version, Items: OccurrencesIn(w, offered, called)}
	for _, x := range offered {
		if !x.Scheduled() {
			view.Unscheduled = append(view.Unscheduled, x)
		}
	}
	view.Version = view.version()
	return view, nil
}

// version is a digest of all that the answer follows from: the week has no steps
// of its own to count.
func (w *MunicipalityWeek) version() int64 {
	var all bytes.Buffer
	fmt.Fprintf(&all, "%s %s %s\n", w.Municipality.Code, w.Week, w.Programme)
	for _, o := range w.Items {
		if o.Cancelled != nil {
			fmt.Fprintf(&all, "%s %d\n", o.Cancelled.ID, o.Cancelled.Version())
		}
	}
	return Digest(all.Bytes())
}

// Digest returns a positive number that is the same for the same text and hardly
// ever for another: the version of what is derived and has no steps.
func Digest(text []byte) int64 {
	sum := sha256.Sum256(text)
	return int64(binary.BigEndian.Uint64(sum[:])>>1) | 1
}

// Activities returns the association's activities, or one municipality's, in the
// order of the configuration.
func (s *Service) Activities(ctx context.Context, municipality string) ([]association.Activity, error) {
	a, err := may(ctx, "listActivities")
	if err != nil {
		return nil, err
	}
	in, err := s.programme(a)
	if err != nil {
		return nil, err
	}
	var all []association.Activity
	for _, w := range in.Weeks {
		if municipality == "" || w.Municipality == municipality {
			all = append(all, w.Activities...)
		}
	}
	return all, nil
}
