package storemongo

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/feed"
	"github.com/finsam/finsam/pkg/history"
	"github.com/finsam/finsam/pkg/inprocess"
	"github.com/finsam/finsam/pkg/persontest"
	"github.com/finsam/finsam/pkg/programme"
	copies "github.com/finsam/finsam/pkg/programme/replica"
	"github.com/finsam/finsam/pkg/servicetest"
	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/pkg/web/client"
	"github.com/finsam/finsam/pkg/web/webtest"
	participants "github.com/finsam/finsam/services/participant/participanttest"
	participant "github.com/finsam/finsam/services/participant/service"
	"github.com/finsam/finsam/services/referral"
	referrals "github.com/finsam/finsam/services/referral/referraltest"
	referralservice "github.com/finsam/finsam/services/referral/service"
	"github.com/finsam/finsam/test/mongowire"
)

// planner owns the example's programme, as the activity service does, and may be away.
type planner struct {
	servicetest.Peer
	away atomic.Bool

	mu      sync.Mutex
	objects map[string]*programme.Object
}

// After implements feed.Reader.
func (p *planner) After(ctx context.Context, seq int64, limit int, wait time.Duration) ([]feed.Event, error) {
	if p.away.Load() {
		return nil, fault.ErrUnavailable
	}
	return p.Peer.After(ctx, seq, limit, min(wait, 50*time.Millisecond))
}

// ServeHTTP serves the programme to the other services.
func (p *planner) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if p.away.Load() {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	served, err := association.NewRegistry(&association.Association{ID: "insjoriket"})
	if err != nil {
		panic(err)
	}
	copies.Handler(served, func(context.Context) {}, func(_ context.Context, _ string, ids []string) (all []*programme.Object, err error) {
		p.mu.Lock()
		defer p.mu.Unlock()
		for id, o := range p.objects {
			if ids == nil || strings.Contains(","+strings.Join(ids, ",")+",", ","+id+",") {
				all = append(all, o)
			}
		}
		return all, nil
	}).ServeHTTP(w, r)
}

// plan lets a content hold from a day on.
func (p *planner) plan(id string, kind programme.Kind, from civil.Date, c programme.Content) {
	p.mu.Lock()
	now := programme.Object{Association: "insjoriket", ID: id, Kind: kind, Origin: programme.FromFile}
	if was := p.objects[id]; was != nil {
		now = *was
	}
	now.Draw(programme.Version{Content: c, From: from}, history.System("activity"), time.Now())
	now.Activate(history.System("activity"), time.Now())
	p.objects[id] = &now
	p.mu.Unlock()
	p.Add(feed.Event{ID: fmt.Sprintf("insjoriket.%s/%d", id, now.Writes), Type: copies.Activated, Association: "insjoriket", Data: map[string]string{"object": id}})
}

// change makes the initiative and its plan another from a day on.
func (p *planner) change(from civil.Date, name string, weeks int) {
	p.mu.Lock()
	i, plan := *p.objects["initiative.activera"].Versions[0].Content.Initiative, *p.objects["plan.activera"].Versions[0].Content.Plan
	p.mu.Unlock()
	i.Name, plan.MaxWeeks = name, weeks
	p.plan("initiative.activera", programme.Initiative, from, programme.Content{Initiative: &i})
	p.plan("plan.activera", programme.Plan, from, programme.Content{Plan: &plan})
}

// copyOf opens a service's copy of the programme and follows until it is killed.
func (p *planner) copyOf(t *testing.T, service string, e store.Engine, now func() time.Time) (r *copies.Replica, kill func()) {
	t.Helper()
	calls := client.New("http://activity", inprocess.Transport{Handler: p}, webtest.NewTrust(t, nil).Signers["referral"])
	r, err := copies.Open(t.Context(), copies.Config{Service: service, Engine: e, Feed: p, Owner: &copies.Client{Calls: calls}, Log: slog.New(slog.DiscardHandler)})
	servicetest.Must(t, err)
	r.Associations.Now = now
	return r, runs(t, r.Run)
}

// runs runs until it is stopped, at the end of the test at the latest.
func runs(t *testing.T, run func(context.Context) error) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		servicetest.Must(t, <-done)
	})
	t.Cleanup(stop)
	return stop
}

// TestFollowersThatAreBehindByADayDecideByWhatTheyHave kills the referral and the participant
// service while the owner of the programme is away, and moves their clocks over midnights: each
// decides by the version that holds on the day of those that it has, and says so.
func TestFollowersThatAreBehindByADayDecideByWhatTheyHave(t *testing.T) {
	uri := mongowire.Start(t).URI
	for name, engines := range map[string]func() (store.Engine, store.Engine){
		"SQLite": func() (store.Engine, store.Engine) { return nil, nil },
		"MongoDB's wire": func() (store.Engine, store.Engine) {
			db := connect(t, uri)
			return newEngine(t, db, uri), newEngine(t, db, uri)
		},
	} {
		t.Run(name, func(t *testing.T) {
			first, second := engines()
			followersDecide(t, referrals.On(t, first), participants.On(t, second))
		})
	}
}

func followersDecide(t *testing.T, rs *referrals.World, ps *participants.Suite) {
	owner := &planner{objects: map[string]*programme.Object{}}
	file, err := association.ParseFile(servicetest.Example(t))
	servicetest.Must(t, err)
	for _, w := range programme.Split(file) {
		owner.plan(w.ID, w.Kind, w.Forms[0].From, w.Forms[0].Content)
		owner.objects[w.ID].Municipality = w.Municipality
	}
	var kills []func()
	start := func() {
		t.Helper()
		for _, kill := range kills {
			kill()
		}
		r, killReferral := owner.copyOf(t, "referral", rs.Engine, rs.Clock.Now)
		rs.Config.Associations = r.Associations
		p, killParticipant := owner.copyOf(t, "participant", ps.Engine, ps.Clock.Now)
		ps.Associations = p.Associations
		rs.Service, err = referralservice.New(t.Context(), rs.Config)
		servicetest.Must(t, err)
		ps.Service, err = participant.New(t.Context(), participant.Config{Parts: ps.Parts})
		servicetest.Must(t, err)
		kills = []func(){killReferral, killParticipant, runs(t, ps.Service.Run)}
	}
	at := func(day civil.Date) {
		rs.Clock.Set(day.Start().Add(12 * time.Hour))
		ps.Clock.Set(day.Start().Add(12 * time.Hour))
	}
	n := uint64(0)
	decided := func() string { // the versions that the two name in the steps that they take now
		t.Helper()
		n++
		sub := referrals.Submission()
		sub.Person.PersonalIdentityNumber = persontest.NumberAged(rand.New(rand.NewPCG(13, n)), "2026-11-22", 40, false)
		made, err := rs.Service.Create(referrals.As(referrals.FK), "", sub)
		servicetest.Must(t, err)
		v, err := rs.Service.Accept(referrals.As(referrals.Intake), made.Referral.ID, made.Version, referral.Acceptance{Initiative: "activera", StartDate: "2026-12-07", Coach: "coach-1"})
		servicetest.Must(t, err)
		_, _, enrolment := ps.Enrolled(n, "2026-12-07")
		e, err := ps.Service.Enrolment(servicetest.As(participants.Coach), enrolment)
		servicetest.Must(t, err)
		return fmt.Sprintf("initiative %d, plan %s of %d weeks", v.Status.Accepted.Acceptance.InitiativeVersion, e.Plan.Version, e.Plan.MaxWeeks)
	}
	says := func(when, want string) {
		t.Helper()
		if got := decided(); got != want {
			t.Errorf("%s: %s, want %s", when, got, want)
		}
	}

	at("2026-11-22")
	start()
	servicetest.Eventually(t, "both have received the programme", func() bool {
		_, err := rs.Config.Associations.Get("insjoriket")
		_, other := ps.Associations.Get("insjoriket")
		return err == nil && other == nil
	})
	says("on the first day", "initiative 1, plan 1 of 24 weeks")

	owner.change("2026-11-23", "ACTivera två", 26)
	knows := func(on civil.Date, version int) func() bool {
		return func() bool {
			for _, in := range []*association.Registry{rs.Config.Associations, ps.Associations} {
				a, err := in.On("insjoriket", on)
				if err != nil {
					return false
				}
				if i, _ := a.Initiative("activera"); i.Version != version || i.Plan.Version != version {
					return false
				}
			}
			return true
		}
	}
	servicetest.Eventually(t, "both know what holds tomorrow", knows("2026-11-23", 2))
	says("on the day before", "initiative 1, plan 1 of 24 weeks")

	owner.away.Store(true)
	start() // killed and begun again, by what is stored
	says("killed and without the owner", "initiative 1, plan 1 of 24 weeks")
	at("2026-11-23")
	says("on the next day", "initiative 2, plan 2 of 26 weeks")

	owner.change("2026-11-23", "ACTivera tre", 28)
	start()
	says("behind, and killed again", "initiative 2, plan 2 of 26 weeks")
	at("2026-11-24")
	says("behind by a day", "initiative 2, plan 2 of 26 weeks")
	owner.away.Store(false)
	servicetest.Eventually(t, "both have followed", knows("2026-11-24", 3))
	says("no longer behind", "initiative 3, plan 3 of 28 weeks")
}
