package storemongo

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	api "github.com/finsam/finsam/pkg/api/activity"
	"github.com/finsam/finsam/pkg/civil"
	common "github.com/finsam/finsam/pkg/rest"
	"github.com/finsam/finsam/pkg/servicetest"
	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/services/activity/activitytest"
	"github.com/finsam/finsam/services/activity/group"
)

// TestWhateverManyDoAtOnceAGroupHolds lets people join a closed group, wait for one, answer
// offers, leave and have it started, many at once, in four processes. FINSAM_PROOF_SEED repeats
// a run.
func TestWhateverManyDoAtOnceAGroupHolds(t *testing.T) {
	seed, _ := strconv.ParseUint(os.Getenv("FINSAM_PROOF_SEED"), 10, 64)
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("FINSAM_PROOF_SEED=%d", seed)
	const people, atOnce, least, most = 24, 10, 2, 4
	onBothEngines(t, 1000, map[bool]int{false: people, true: people}, replicas, func(o *office) {
		r := rand.New(rand.NewPCG(seed, 15))
		in, err := o.Associations.Get(activitytest.Tenant)
		servicetest.Must(t, err)
		course := in.Week(activitytest.Molndal).Activities[2].ID // on Tuesdays
		first := civil.Date("2026-12-08")
		var g api.Group
		o.do(0, "POST", "/activities/"+course+"/groups", map[string]any{"from": first, "least": least, "most": most}, "").Into(o.t, 201, &g)
		at := "/groups/" + g.Id
		read := func() {
			g = api.Group{}
			o.do(r.IntN(replicas), "GET", at, nil, "").Into(o.t, 200, &g)
		}
		o.do(0, "POST", at+"/opening", nil, `"1"`).Into(o.t, 200, nil)
		rounds, started := 8, false
		if o.isWire {
			rounds = 2
		}
		for round := range rounds {
			read()
			version := `"` + strconv.FormatInt(*g.Version, 10) + `"`
			var waits api.GroupWaitList
			o.do(round, "GET", "/group-waits?limit=200", nil, "").Into(o.t, 200, &waits)
			var doing sync.WaitGroup
			for n := range atOnce {
				who, kind, chosen := r.IntN(people), r.IntN(10), r.IntN(max(1, len(waits.Items)))
				doing.Go(func() {
					switch {
					case kind < 4:
						o.do(n, "POST", "/bookings", map[string]any{"enrolment": o.id("3", who), "activity": course, "from": first}, "")
					case kind < 6:
						o.do(n, "POST", "/group-waits", map[string]any{"enrolment": o.id("3", who), "category": "act", "priority": []string{"high", "normal", "low"}[n%3]}, "")
					case kind == 6 && len(waits.Items) > 0:
						w := waits.Items[chosen]
						o.do(n, "POST", "/group-waits/"+w.Id+[]string{"/refusal", "/ending"}[n%2], nil, `"`+strconv.FormatInt(*w.Version, 10)+`"`)
					case kind == 7 && g.Members != nil && len(*g.Members) > 0:
						if m := (*g.Members)[n%len(*g.Members)]; m.Booking != nil {
							var b api.Booking
							o.do(n, "GET", "/bookings/"+*m.Booking, nil, "").Into(o.t, 200, &b)
							o.do(n, "POST", "/bookings/"+b.Id+"/cancellation", map[string]any{"from": first}, `"`+strconv.FormatInt(*b.Version, 10)+`"`)
						}
					case kind == 8:
						o.do(n, "POST", at+"/start", nil, version)
					}
				})
			}
			doing.Wait()
			servicetest.Eventually(o.t, fmt.Sprintf("bookings and waits follow the group, in round %d", round), func() bool {
				read()
				return o.holds(&g, course, most)
			})
			started = started || g.State == "running"
			if round == rounds/2 { // the first day: it is started, and nobody joins it from then on
				o.Clock.Set(first.At(8 * time.Hour))
			}
		}
		if !started {
			read()
			o.do(0, "POST", at+"/start", nil, `"`+strconv.FormatInt(*g.Version, 10)+`"`)
			read()
			started = g.State == "running"
		}
		groups, err := store.Open(o.t.Context(), o.Engine, group.Groups)
		servicetest.Must(o.t, err)
		stored, err := groups.Get(o.t.Context(), activitytest.Tenant, g.Id)
		servicetest.Must(o.t, err)
		if on, size := stored.Value.StartedWith(); on != "" && size < least { // as it was then: somebody may have left since
			o.t.Errorf("it started with %d", size)
		}
		if !slices.ContainsFunc(common.Value(g.Timeline), func(s api.GroupStep) bool { return s.Kind == "placed" }) {
			o.t.Errorf("nobody was in the group: %+v", common.Value(g.Timeline))
		}
		taken := g.Taken
		for n := range people { // a running group is closed
			if a := o.do(n, "POST", "/bookings", map[string]any{"enrolment": o.id("3", n), "activity": course, "from": first}, ""); started && a.Status == 201 {
				o.t.Fatalf("somebody joins a running group: %s", a.Body)
			}
		}
		if read(); started && g.Taken > taken {
			o.t.Errorf("it has %d, and began with %d", g.Taken, taken)
		}
	})
}

// holds reports whether the bookings are those of the group's members. It fails the test for
// what must not be at any time: more than the places, or somebody twice.
func (o *office) holds(g *api.Group, course string, most int) bool {
	o.t.Helper()
	members, booked := map[string]string{}, map[string]string{} // enrolment to booking
	taken := 0
	for _, m := range common.Value(g.Members) {
		if m.State == "left" {
			continue
		}
		if _, twice := members[m.Enrolment]; twice {
			o.t.Fatalf("%s is in the group twice: %+v", m.Enrolment, g.Members)
		}
		members[m.Enrolment] = ""
		if taken++; m.Booking != nil {
			members[m.Enrolment] = *m.Booking
		}
	}
	if taken > most || g.Taken+g.Offered > most || g.Taken+g.Offered != taken {
		o.t.Fatalf("%d have one of %d places (%d taken, %d offered)", taken, most, g.Taken, g.Offered)
	}
	for _, b := range o.bookings() {
		if b.Activity == course && b.State == "booked" {
			booked[b.Enrolment] = b.Id
		}
	}
	for enrolment, booking := range members {
		if booking != "" && booked[enrolment] != booking {
			return false
		}
	}
	for enrolment, booking := range booked {
		if members[enrolment] != booking {
			return false
		}
	}
	return true
}
