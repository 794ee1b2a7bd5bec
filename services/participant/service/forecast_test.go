package service_test

import (
	"errors"
	"testing"

	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/servicetest"
	. "github.com/finsam/finsam/services/participant/participanttest"
)

// TestAForecastCountsWhoHasAPlaceThere asks as people are enrolled and leave.
func TestAForecastCountsWhoHasAPlaceThere(t *testing.T) {
	s := Start(t)
	places := func(municipality string) int {
		t.Helper()
		f, err := s.Forecast(servicetest.As(FKUnit), "activera", municipality)
		servicetest.Must(t, err)
		if f.MaxWeeks != 24 || f.On != "2026-11-22" {
			t.Errorf("the forecast is of %s, for at most %d weeks", f.On, f.MaxWeeks)
		}
		return len(f.Places)
	}
	var last string
	for n := range uint64(3) {
		if got := places("1481"); got != 0 {
			t.Errorf("%d places are forecast of %d enrolments", got, n)
		}
		_, _, last = s.Enrolled(70+n, "2026-12-07")
	}
	if here, there := places("1481"), places("1402"); here != 1 || there != 0 {
		t.Errorf("of three enrolments %d places are forecast, and %d in another municipality", here, there)
	}
	_, err := s.Cancel(servicetest.As(Coach), last, 1, "")
	servicetest.Must(t, err)
	if got := places("1481"); got != 0 {
		t.Errorf("%d places are forecast of two enrolments and one that was cancelled", got)
	}
	for _, path := range [][2]string{{"nothing", "1481"}, {"activera", "0180"}} {
		if _, err := s.Forecast(servicetest.As(FKUnit), path[0], path[1]); !errors.Is(err, fault.ErrNotFound) {
			t.Errorf("%v: %v", path, err)
		}
	}
	if _, err := s.Forecast(servicetest.As(Board), "activera", "1481"); !errors.Is(err, fault.ErrForbidden) {
		t.Errorf("the board reads a live forecast: %v", err)
	}
}
