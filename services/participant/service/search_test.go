package service_test

import (
	"testing"

	"github.com/finsam/finsam/pkg/servicetest"
	. "github.com/finsam/finsam/services/participant/participanttest"
	"github.com/finsam/finsam/services/participant/service"
)

// BenchmarkSearchByName compares the names of 2,000 persons of one municipality, of whom one
// has the name.
func BenchmarkSearchByName(b *testing.B) {
	s := StartQuiet(b)
	for n := range uint64(2000) {
		in := Person(n)
		if n == 1000 {
			in.FamilyName = "Påhittadsson"
		}
		s.Store(in)
	}
	ctx := servicetest.As(Coach)
	who := Coach
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		if n++; n%20 == 0 { // another caller, who has searches left
			who.Subject += "x"
			ctx = servicetest.As(who)
		}
		hits, err := s.Search(ctx, service.Search{Name: "påhittads", Purpose: "case_work"})
		if err != nil || len(hits.Persons) != 1 {
			b.Fatal(err, hits)
		}
	}
}
