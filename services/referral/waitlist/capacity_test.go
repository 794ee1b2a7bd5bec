package waitlist

import (
	"errors"
	"testing"
	"time"

	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/history"
	"github.com/finsam/finsam/services/referral"
)

// bounded returns places of which there are n.
func bounded(n int, taken ...Taken) *Capacity {
	p := &Capacity{Queue: Queue{"insjoriket", "1481", "activera"}, Taken: taken}
	if err := p.Set(history.Author{Subject: "a"}, noon, p.Sets, n, nil); err != nil {
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
	must(t, p.Set(history.Author{}, noon, p.Sets, 1, nil))
	if free, ok := p.Free(); !ok || free != 0 || len(p.Taken) != 2 {
		t.Errorf("fewer places than there were: %d free, %d taken", free, len(p.Taken))
	}
	unbounded := &Capacity{}
	must(t, unbounded.Take(Taken{}))
	if _, ok := unbounded.Free(); ok {
		t.Error("without a number there is no telling what is free")
	}
}

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// after returns a referral to Mölndal that has taken these steps.
func after(kinds ...referral.StepKind) *referral.Referral {
	r := &referral.Referral{Association: "insjoriket", ID: "r1", Authority: "fk", WishedMunicipality: "1481"}
	for i, k := range kinds {
		r.Steps = append(r.Steps, referral.Step{
			Entry: history.Entry{N: int64(i) + 1, At: noon, Authority: "fk"}, Kind: k,
			Acceptance: &referral.Acceptance{Municipality: "1481"}, Progress: &referral.ProgressStep{Enrolment: "e"},
		})
	}
	return r
}

// accepted returns a referral that was accepted as step 2, into ACTivera in Mölndal.
func accepted(more ...referral.StepKind) *referral.Referral {
	r := after(append([]referral.StepKind{referral.Submitted, referral.Accepted}, more...)...)
	r.Steps[1].Acceptance = &referral.Acceptance{Initiative: "activera", Municipality: "1481", StartDate: "2026-03-16"}
	return r
}

// moved returns a referral that waits and is moved up as step 3.
func moved(more ...referral.StepKind) *referral.Referral {
	r := after(append([]referral.StepKind{referral.Submitted, referral.Waitlisted, referral.MovedUp}, more...)...)
	for i := range r.Steps {
		r.Steps[i].Initiative = "activera"
		if r.Steps[i].Kind == referral.Accepted {
			r.Steps[i].Acceptance = &referral.Acceptance{Initiative: "activera", Municipality: "1481", StartDate: "2026-03-16"}
		}
	}
	return r
}

func TestPlacesAreReconciledWithWhatTheReferralsSay(t *testing.T) {
	old, young := noon.Add(-time.Hour), noon.Add(-time.Minute)
	for sentence, c := range map[string]struct {
		taken []Taken
		r     *referral.Referral
		want  int // places taken afterwards
	}{
		"an acceptance that was saved keeps its place":           {[]Taken{{Referral: "r1", Version: 1, Mark: "a", At: old}}, accepted(), 1},
		"also when it came long after the referral was enrolled": {[]Taken{{Referral: "r1", Version: 1, Mark: "a", At: old}}, accepted(referral.Enrolled), 1},
		"one from before anybody counted gets one":               {nil, accepted(), 1},
		"one that may be on its way is left":                     {[]Taken{{Referral: "r1", Version: 1, Mark: "a", At: young}}, after(referral.Submitted), 1},
		"one that died on its way is given back":                 {[]Taken{{Referral: "r1", Version: 1, Mark: "a", At: old}}, after(referral.Submitted), 0},
		"one that another step has passed is given back at once": {[]Taken{{Referral: "r1", Version: 1, Mark: "a", At: young}}, after(referral.Submitted, referral.Waitlisted), 0},
		"of two at once the loser's is left to itself":           {[]Taken{{Referral: "r1", Version: 1, Mark: "a", At: young}, {Referral: "r1", Version: 1, Mark: "b", At: young}}, accepted(), 2},
		"but not for ever":                                           {[]Taken{{Referral: "r1", Version: 1, Mark: "a", At: old}, {Referral: "r1", Version: 1, Mark: "b", At: old}}, accepted(), 1},
		"a closed referral has none":                                 {[]Taken{{Referral: "r1", Version: 1, Mark: "a", At: young}}, accepted(referral.Enrolled, referral.Closed), 0},
		"nor a withdrawn one":                                        {[]Taken{{Referral: "r1", Version: 1, Mark: "a", At: young}}, accepted(referral.Withdrawn), 0},
		"one that is moved up has one":                               {[]Taken{{Referral: "r1", Version: 2, Mark: "a", At: old, Kept: true}}, moved(), 1},
		"and keeps it when it is accepted":                           {[]Taken{{Referral: "r1", Version: 2, Mark: "a", At: old, Kept: true}}, moved(referral.Accepted), 1},
		"one that is put back has none":                              {[]Taken{{Referral: "r1", Version: 2, Mark: "a", At: young, Kept: true}}, moved(referral.Waitlisted), 0},
		"one whose referral is with another municipality by now":     {[]Taken{{Referral: "r1", Version: 2, Mark: "a", At: young, Kept: true}}, moved(referral.TransferRequested, referral.TransferAccepted), 0},
		"a place taken for a referral that does not exist is no use": {[]Taken{{Referral: "nobody", Version: 1, Mark: "a", At: young}}, after(referral.Submitted), 0},
	} {
		p := bounded(5, c.taken...)
		byID := map[string]*referral.Referral{"r1": c.r}
		p.Reconcile(noon, byID, 24)
		if len(p.Taken) != c.want {
			t.Errorf("%s: %d taken: %+v", sentence, len(p.Taken), p.Taken)
		}
		for _, x := range p.Taken {
			if want := c.r.Status().State == referral.StateWaitlisted; x.Kept != want && x.Mark != "b" && c.r.Status().State != referral.StateSubmitted {
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
	if got := r.Status().PlaceUntil(24); got != "2026-08-30" {
		t.Errorf("planned from the start date: %s", got)
	}
	r = accepted(referral.Enrolled, referral.ProgressReported)
	r.Steps[2].Progress = &referral.ProgressStep{LastDay: "2026-09-06"}
	r.Steps[3].Progress = &referral.ProgressStep{LastDay: "2026-04-26"}
	if got := r.Status().PlaceUntil(24); got != "2026-09-06" {
		t.Errorf("planned by the enrolment: %s", got)
	}
	r.Steps[3].Progress.LastDay = "2026-09-20" // the last block was prolonged
	if got := r.Status().PlaceUntil(24); got != "2026-09-20" {
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
		if got := c.places.availability("2026-03-02", c.waiting, 24); *got != c.want {
			t.Errorf("%s: want %+v, got %+v", sentence, c.want, *got)
		}
	}
}

func TestTheTimeOnTheListIsKept(t *testing.T) {
	r := after(referral.Submitted)
	at := func(hours int) time.Time { return noon.Add(time.Duration(hours) * time.Hour) }
	must(t, r.Waitlist(history.Author{}, at(1), "low", "activera"))
	must(t, r.Waitlist(history.Author{}, at(2), "high", "activera"))
	if r.Status().WaitingSince != at(1) || rank(r.Status().Priority) != 0 || !r.Status().IsWaiting() {
		t.Errorf("another priority: since %s, rank %d", r.Status().WaitingSince, rank(r.Status().Priority))
	}
	must(t, r.OfferPlace(at(3), "activera"))
	if r.Status().IsWaiting() || !r.Status().IsPlaceOffered() || r.Status().State != referral.StateWaitlisted {
		t.Error("one who is moved up is not in the queue")
	}
	if err := r.OfferPlace(at(3), "activera"); !errors.Is(err, referral.ErrWrongState) {
		t.Errorf("moved up twice: %v", err)
	}
	must(t, r.Waitlist(history.Author{}, at(4), "high", "activera"))
	if r.Status().WaitingSince != at(1) || !r.Status().IsWaiting() || r.Status().PutBackAt != at(4) {
		t.Errorf("put back: since %s, waits %t", r.Status().WaitingSince, r.Status().IsWaiting())
	}
}
