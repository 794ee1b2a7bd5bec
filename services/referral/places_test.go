package referral

import (
	"errors"
	"testing"
	"time"

	"github.com/finsam/finsam/pkg/civil"
)

// bounded returns places of which there are n.
func bounded(n int, taken ...Taken) *Capacity {
	p := &Capacity{Association: "insjoriket", Initiative: "activera", Municipality: "1481", Taken: taken}
	if err := p.Set(Hand{Subject: "a"}, noon, p.Sets, n, nil); err != nil {
		panic(err) // they were never set
	}
	return p
}

func TestNoMorePlacesAreTakenThanThereAre(t *testing.T) {
	p := bounded(2)
	must(t, p.Take(Taken{Referral: "a", Mark: "1"}))
	must(t, p.Take(Taken{Referral: "b", Mark: "2"}))
	if err := p.Take(Taken{Referral: "c", Mark: "3"}); !errors.Is(err, ErrNoPlace) || len(p.Taken) != 2 {
		t.Fatalf("got %v with %d taken", err, len(p.Taken))
	}
	if p.GiveBack("3") || !p.GiveBack("1") || p.GiveBack("1") {
		t.Error("a place is given back once, by the one who took it")
	}
	must(t, p.Take(Taken{Referral: "c", Mark: "3"}))
	must(t, p.Set(Hand{}, noon, p.Sets, 1, nil))
	if free, ok := p.Free(); !ok || free != 0 || len(p.Taken) != 2 {
		t.Errorf("fewer places than there were: %d free, %d taken", free, len(p.Taken))
	}
	unbounded := &Capacity{}
	must(t, unbounded.Take(Taken{}))
	if _, ok := unbounded.Free(); ok {
		t.Error("without a number there is no telling what is free")
	}
}

// accepted returns a referral that was accepted as step 2, into ACTivera in Mölndal.
func accepted(more ...StepKind) *Referral {
	r := after(append([]StepKind{Submitted, Accepted}, more...)...)
	r.Steps[1].Acceptance = &Acceptance{Initiative: "activera", Municipality: "1481", StartDate: "2026-03-16"}
	return r
}

// moved returns a referral that waits and is moved up as step 3.
func moved(more ...StepKind) *Referral {
	r := after(append([]StepKind{Submitted, Waitlisted, MovedUp}, more...)...)
	for i := range r.Steps {
		r.Steps[i].Initiative = "activera"
		if r.Steps[i].Kind == Accepted {
			r.Steps[i].Acceptance = &Acceptance{Initiative: "activera", Municipality: "1481", StartDate: "2026-03-16"}
		}
	}
	return r
}

func TestPlacesAreReconciledWithWhatTheReferralsSay(t *testing.T) {
	old, young := noon.Add(-time.Hour), noon.Add(-time.Minute)
	for sentence, c := range map[string]struct {
		taken []Taken
		r     *Referral
		want  int // places taken afterwards
	}{
		"an acceptance that was saved keeps its place":           {[]Taken{{Referral: "r1", Version: 1, Mark: "a", At: old}}, accepted(), 1},
		"also when it came long after the referral was enrolled": {[]Taken{{Referral: "r1", Version: 1, Mark: "a", At: old}}, accepted(Enrolled), 1},
		"one from before anybody counted gets one":               {nil, accepted(), 1},
		"one that may be on its way is left":                     {[]Taken{{Referral: "r1", Version: 1, Mark: "a", At: young}}, after(Submitted), 1},
		"one that died on its way is given back":                 {[]Taken{{Referral: "r1", Version: 1, Mark: "a", At: old}}, after(Submitted), 0},
		"one that another step has passed is given back at once": {[]Taken{{Referral: "r1", Version: 1, Mark: "a", At: young}}, after(Submitted, Waitlisted), 0},
		"of two at once the loser's is left to itself":           {[]Taken{{Referral: "r1", Version: 1, Mark: "a", At: young}, {Referral: "r1", Version: 1, Mark: "b", At: young}}, accepted(), 2},
		"but not for ever":                                           {[]Taken{{Referral: "r1", Version: 1, Mark: "a", At: old}, {Referral: "r1", Version: 1, Mark: "b", At: old}}, accepted(), 1},
		"a closed referral has none":                                 {[]Taken{{Referral: "r1", Version: 1, Mark: "a", At: young}}, accepted(Enrolled, Closed), 0},
		"nor a withdrawn one":                                        {[]Taken{{Referral: "r1", Version: 1, Mark: "a", At: young}}, accepted(Withdrawn), 0},
		"one that is moved up has one":                               {[]Taken{{Referral: "r1", Version: 2, Mark: "a", At: old, Kept: true}}, moved(), 1},
		"and keeps it when it is accepted":                           {[]Taken{{Referral: "r1", Version: 2, Mark: "a", At: old, Kept: true}}, moved(Accepted), 1},
		"one that is put back has none":                              {[]Taken{{Referral: "r1", Version: 2, Mark: "a", At: young, Kept: true}}, moved(Waitlisted), 0},
		"one whose referral is with another municipality by now":     {[]Taken{{Referral: "r1", Version: 2, Mark: "a", At: young, Kept: true}}, moved(TransferRequested, TransferAccepted), 0},
		"a place taken for a referral that does not exist is no use": {[]Taken{{Referral: "nobody", Version: 1, Mark: "a", At: young}}, after(Submitted), 0},
	} {
		p := bounded(5, c.taken...)
		byID := map[string]*Referral{"r1": c.r}
		p.Reconcile(noon, byID, 24)
		if len(p.Taken) != c.want {
			t.Errorf("%s: %d taken: %+v", sentence, len(p.Taken), p.Taken)
		}
		for _, x := range p.Taken {
			if want := c.r.State() == StateWaitlisted; x.Kept != want && x.Mark != "b" && c.r.State() != StateSubmitted {
				t.Errorf("%s: kept: %t", sentence, x.Kept)
			}
		}
		if p.Reconcile(noon, byID, 24) {
			t.Errorf("%s: a second look changes something", sentence)
		}
	}
}

func TestAPlaceIsHeldUntilThePlannedLastDay(t *testing.T) {
	r := accepted()
	if got := r.until(24); got != "2026-08-30" {
		t.Errorf("planned from the start date: %s", got)
	}
	r = accepted(Enrolled, ProgressReported)
	r.Steps[2].Progress = &ProgressStep{LastDay: "2026-09-06"}
	r.Steps[3].Progress = &ProgressStep{LastDay: "2026-04-26"}
	if got := r.until(24); got != "2026-09-06" {
		t.Errorf("planned by the enrolment: %s", got)
	}
	r.Steps[3].Progress.LastDay = "2026-09-20" // the last block was prolonged
	if got := r.until(24); got != "2026-09-20" {
		t.Errorf("prolonged: %s", got)
	}
}

func TestTheExpectedStartFollowsFromThePlannedLastDays(t *testing.T) {
	two := []Taken{{Until: "2026-03-31"}, {Until: "2026-05-31"}}
	for sentence, c := range map[string]struct {
		number int
		taken  []Taken
		ahead  int
		want   civil.Date
	}{
		"a free place is free today":                       {3, two, 0, "2026-03-02"},
		"the first to end makes room for the first":        {2, two, 0, "2026-04-01"},
		"the second for the second":                        {2, two, 1, "2026-06-01"},
		"the third waits until the first of them has been": {2, two, 2, "2026-09-16"},
		"what should have ended already ends today":        {1, []Taken{{Until: "2026-02-01"}}, 0, "2026-03-02"},
		"where nothing is planned, the whole time":         {1, []Taken{{}}, 0, "2026-08-17"},
		"more taken than there are: the first makes none":  {1, two, 0, "2026-06-01"},
		"no places, no telling":                            {0, nil, 0, ""},
	} {
		if got := expectedStart("2026-03-02", c.number, c.taken, c.ahead, 24); got != c.want {
			t.Errorf("%s: want %s, got %s", sentence, c.want, got)
		}
	}
}

func TestCapacityIsAnsweredFromPlacesAndQueue(t *testing.T) {
	one := 1
	limited := bounded(1, Taken{Until: "2026-03-31"})
	limited.Settings[0].MaxWaiting = &one
	for sentence, c := range map[string]struct {
		places  *Capacity
		waiting int64
		want    Availability
	}{
		"nobody has set a number":          {nil, 2, Availability{"", "assessment_needed", 0, 2, ""}},
		"or only taken places":             {&Capacity{Taken: []Taken{{}}}, 0, Availability{"", "assessment_needed", 0, 0, ""}},
		"there is room":                    {bounded(3, Taken{}), 0, Availability{"", "capacity", 2, 0, "2026-03-02"}},
		"those who wait come first":        {bounded(3, Taken{}), 1, Availability{"", "capacity", 1, 1, "2026-03-02"}},
		"and may need it all":              {bounded(2, Taken{Until: "2026-03-31"}), 1, Availability{"", "waitlist", 0, 1, "2026-04-01"}},
		"all places are taken":             {bounded(1, Taken{Until: "2026-03-31"}), 0, Availability{"", "waitlist", 0, 0, "2026-04-01"}},
		"there is room on the list":        {limited, 0, Availability{"", "waitlist", 0, 0, "2026-04-01"}},
		"until it is full":                 {limited, 1, Availability{"", "no_capacity", 0, 1, ""}},
		"no places and as many as come":    {bounded(0), 0, Availability{"", "waitlist", 0, 0, ""}},
		"the list is long, and goes round": {bounded(1, Taken{Until: "2026-03-31"}), 1, Availability{"", "waitlist", 0, 1, "2026-09-16"}},
	} {
		if got := c.places.capacity("2026-03-02", c.waiting, 24); *got != c.want {
			t.Errorf("%s: want %+v, got %+v", sentence, c.want, *got)
		}
	}
}

func TestTheTimeOnTheListIsKept(t *testing.T) {
	r := after(Submitted)
	at := func(hours int) time.Time { return noon.Add(time.Duration(hours) * time.Hour) }
	must(t, r.Waitlist(Hand{}, at(1), "low", "activera"))
	must(t, r.Waitlist(Hand{}, at(2), "high", "activera"))
	if r.waitingSince() != at(1) || r.rank() != 0 || !r.waiting() {
		t.Errorf("another priority: since %s, rank %d", r.waitingSince(), r.rank())
	}
	must(t, r.OfferPlace(Hand{}, at(3), "activera"))
	if r.waiting() || !r.PlaceReady() || r.State() != StateWaitlisted {
		t.Error("one who is moved up is not in the queue")
	}
	if err := r.OfferPlace(Hand{}, at(3), "activera"); !errors.Is(err, ErrWrongState) {
		t.Errorf("moved up twice: %v", err)
	}
	must(t, r.Waitlist(Hand{}, at(4), "high", "activera"))
	if r.waitingSince() != at(1) || !r.waiting() || r.rested(at(27)) || !r.rested(at(28)) {
		t.Errorf("put back: since %s, waits %t", r.waitingSince(), r.waiting())
	}
}
