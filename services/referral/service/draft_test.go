package service_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/finsam/finsam/pkg/accesslog"
	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/services/referral"
	"github.com/finsam/finsam/services/referral/draft"
	"github.com/finsam/finsam/services/referral/referraltest"
	"github.com/finsam/finsam/services/referral/service"
)

// written is the content of a draft, and reads returns it as the front does.
func written(t *testing.T) []byte {
	t.Helper()
	text, err := json.Marshal(referraltest.Submission())
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func reads(content []byte) (sub referral.Submission, err error) {
	return sub, json.Unmarshal(content, &sub)
}

func drafted(t *testing.T, s *service.Service) *draft.View {
	t.Helper()
	d, err := s.Drafts.Create(referraltest.As(referraltest.Officer), "", written(t))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// stored returns the documents of drafts as the store has them.
func stored(t *testing.T, w *referraltest.World) []draft.Draft {
	t.Helper()
	found, err := w.Engine.Find(t.Context(), "drafts", store.Query{Association: "insjoriket", Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	all := make([]draft.Draft, len(found))
	for i, f := range found {
		if err := f.Decode(&all[i]); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

func TestADraftIsNowhereInClearAndHasNoEvents(t *testing.T) {
	w := referraltest.New(t)
	d := drafted(t, w.Service)
	officer := referraltest.As(referraltest.Officer)
	if _, err := w.Service.Drafts.Replace(officer, d.ID, 1, written(t)); err != nil {
		t.Fatal(err)
	}
	v, err := w.Service.Drafts.Get(officer, d.ID)
	if err != nil || !bytes.Contains(v.Plain, []byte("Kanariefågelsson")) {
		t.Fatalf("it is there to read: %v, %v", v, err)
	}
	files, err := filepath.Glob(filepath.Join(w.Dir, "*.*")) // not the folder of attachments
	if err != nil || len(files) == 0 {
		t.Fatalf("no files: %v", err)
	}
	seen := false
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		seen = seen || bytes.Contains(text, []byte(d.ID))
		for _, word := range append([]string{"Kanariefågel", "wished", "long_absence"}, referraltest.Canary...) {
			if bytes.Contains(text, []byte(word)) {
				t.Errorf("%s holds %q in clear", filepath.Base(file), word)
			}
		}
	}
	if !seen {
		t.Error("the files do not hold the draft at all")
	}
	if w.People.Puts != 0 {
		t.Errorf("the vault was called about somebody %d times", w.People.Puts)
	}
	w.Run(t)
	if _, err := w.Service.SendDraft(officer, d.ID, 2, reads); err != nil {
		t.Fatal(err)
	}
	for _, e := range log(t, w, 1) {
		if !strings.HasPrefix(e.Type, "se.finsam.referral.") || strings.Contains(fmt.Sprint(e), d.ID) {
			t.Errorf("an event names the draft: %+v", e)
		}
	}
}

func TestADraftsContentDoesNotOpenInAnother(t *testing.T) {
	w := referraltest.New(t)
	one, two := drafted(t, w.Service), drafted(t, w.Service)
	c, err := store.Open(t.Context(), w.Engine, store.Schema[draft.Draft]{
		Name: "drafts", Version: func(d *draft.Draft) int64 { return d.Changes },
		ID: func(d *draft.Draft) (string, string) { return d.Association, d.ID },
	})
	if err != nil {
		t.Fatal(err)
	}
	v, err := c.Get(t.Context(), "insjoriket", two.ID)
	if err != nil {
		t.Fatal(err)
	}
	v.Value.Content = one.Content
	v.Value.Changes++
	if _, err := c.Replace(t.Context(), v); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Service.Drafts.Get(referraltest.As(referraltest.Officer), two.ID); fault.Of(err).Status != fault.Internal {
		t.Errorf("got %v", err)
	}
}

func TestEveryReadAndWriteOfADraftIsLogged(t *testing.T) {
	w := referraltest.New(t)
	officer, other := referraltest.As(referraltest.Officer), referraltest.As(referraltest.OtherUnit)
	d, gone := drafted(t, w.Service), drafted(t, w.Service)
	_, err1 := w.Service.Drafts.Get(officer, d.ID)
	_, err2 := w.Service.Drafts.Get(other, d.ID)
	_, err3 := w.Service.Drafts.List(officer, store.Window{Limit: 20, Page: 1})
	_, err4 := w.Service.Drafts.Replace(officer, d.ID, 1, written(t))
	err5 := w.Service.Drafts.Delete(officer, gone.ID, 1)
	sent, err6 := w.Service.SendDraft(officer, d.ID, 2, reads)
	if err := errors.Join(err1, err3, err4, err5, err6); err != nil || !errors.Is(err2, fault.ErrNotFound) {
		t.Fatal(err, err2)
	}
	want := []string{
		"fk-1 createDraft draft/" + d.ID + " done 0", "fk-1 createDraft draft/" + gone.ID + " done 0",
		"fk-1 getDraft draft/" + d.ID + " done 0", "fk-2 getDraft draft/" + d.ID + " refused 0",
		"fk-1 listDrafts drafts done 0", "fk-1 replaceDraft draft/" + d.ID + " done 0", "fk-1 deleteDraft draft/" + gone.ID + " done 0",
		"fk-1 sendDraft draft/" + d.ID + " done 0", "fk-1 sendDraft referral/" + sent.Referral.ID + " done 1",
	}
	var got []string
	for _, e := range entries(t, w) {
		got = append(got, fmt.Sprint(e.Subject, " ", e.Operation, " ", e.Thing, " ", e.Outcome, " ", len(e.Participants)))
		if e.Outcome == accesslog.Refused && e.Why == "" {
			t.Errorf("refused without a reason: %+v", e)
		}
	}
	if a, b := strings.Join(got, "\n"), strings.Join(want, "\n"); a != b {
		t.Errorf("got\n%s\nwant\n%s", a, b)
	}
}

// dying is an engine that removes nothing, as a process that dies before it does.
type dying struct {
	store.Engine
	dead bool
}

func (d *dying) Delete(ctx context.Context, collection, association, id string, version int64) error {
	if d.dead {
		return errCut
	}
	return d.Engine.Delete(ctx, collection, association, id, version)
}

func TestADeathBetweenReferralAndDraftLeavesOneReferral(t *testing.T) {
	w := referraltest.New(t)
	engine := &dying{Engine: w.Engine, dead: true}
	s := another(t, w, engine)
	officer := referraltest.As(referraltest.Officer)
	d := drafted(t, s)
	if _, err := s.SendDraft(officer, d.ID, 1, reads); !errors.Is(err, errCut) {
		t.Fatalf("got %v", err)
	}
	if left := stored(t, w); len(left) != 1 {
		t.Fatalf("%d drafts are left", len(left))
	}
	if _, err := s.Drafts.Replace(officer, d.ID, 1, written(t)); !errors.Is(err, draft.ErrSent) {
		t.Errorf("changed after it was sent: %v", err)
	}
	engine.dead = false
	w.Clock.Advance(48 * time.Hour) // longer than keys are kept
	again, err := s.SendDraft(officer, d.ID, 1, reads)
	if err != nil {
		t.Fatal(err)
	}
	all, err := w.All(t.Context(), "insjoriket")
	if err != nil || len(all) != 1 || all[0].ID != again.Referral.ID {
		t.Errorf("%d referrals, %v", len(all), err)
	}
	if left := stored(t, w); len(left) != 0 {
		t.Errorf("%d drafts are left", len(left))
	}
}

// meddling is an engine under which somebody saves the draft just before the
// referral is inserted that it becomes.
type meddling struct {
	store.Engine
	save func()
}

func (m *meddling) Insert(ctx context.Context, collection string, r store.Record) error {
	if collection == "referrals" && m.save != nil {
		m.save()
		m.save = nil
	}
	return m.Engine.Insert(ctx, collection, r)
}

func TestWhatSomebodySavesAsTheDraftIsSentIsNotLost(t *testing.T) {
	w := referraltest.New(t)
	engine := &meddling{Engine: w.Engine}
	s := another(t, w, engine)
	officer, later := referraltest.As(referraltest.Officer), []byte(`{"Reason":"Påhittat senare."}`)
	d := drafted(t, s)
	engine.save = func() {
		if _, err := w.Service.Drafts.Replace(officer, d.ID, 1, later); err != nil {
			t.Error(err)
		}
	}
	if v, err := s.SendDraft(officer, d.ID, 1, reads); err != nil || v.Texts.Reason != referraltest.Submission().Reason {
		t.Fatalf("got %+v, %v", v, err)
	}
	if _, err := s.Drafts.Replace(officer, d.ID, 2, later); !errors.Is(err, draft.ErrSent) {
		t.Errorf("changed after it was sent: %v", err)
	}
	if _, err := s.SendDraft(officer, d.ID, 2, reads); !errors.Is(err, draft.ErrSent) {
		t.Errorf("sent again with other words: %v", err)
	}
	if v, err := s.Drafts.Get(officer, d.ID); err != nil || !bytes.Equal(v.Plain, later) {
		t.Errorf("what was saved is lost: %v, %v", v, err)
	}
	if err := s.Drafts.Delete(officer, d.ID, 2); err != nil {
		t.Error(err)
	}
	if all, err := w.All(t.Context(), "insjoriket"); err != nil || len(all) != 1 {
		t.Errorf("%d referrals, %v", len(all), err)
	}
}

func TestARepeatedSendingShowsNoTextOfSomebodyProtectedMeanwhile(t *testing.T) {
	w := referraltest.New(t)
	w.Run(t)
	officer := referraltest.As(referraltest.Officer)
	d := drafted(t, w.Service)
	v, err := w.Service.SendDraft(officer, d.ID, 1, reads)
	if err != nil || v.Texts == nil {
		t.Fatalf("got %+v, %v", v, err)
	}
	w.Peer.Add(ofPerson(v.Referral, "p/3", "protected", map[string]string{"level": "confidentiality_marking", "authority": "molndal", "handlers": "mottagare-1"}))
	until(t, w, referraltest.Officer, v.Referral.ID, func(v *referral.View) bool { return v.Texts == nil })
	again, err := w.Service.SendDraft(officer, d.ID, 1, reads)
	if err != nil || again.Referral.ID != v.Referral.ID || again.Texts != nil {
		t.Errorf("got %+v, %v", again, err)
	}
}

func TestADraftThatManySendAtOnceIsOneReferral(t *testing.T) {
	w := referraltest.New(t)
	d := drafted(t, w.Service)
	var wg sync.WaitGroup
	ids := make([]string, 16)
	for i := range ids {
		wg.Go(func() {
			v, err := w.Service.SendDraft(referraltest.As(referraltest.Officer), d.ID, 1, reads)
			if err != nil {
				t.Error(err)
				return
			}
			ids[i] = v.Referral.ID
		})
	}
	wg.Wait()
	for _, id := range ids {
		if id == "" || id != ids[0] {
			t.Errorf("two referrals: %q and %q", id, ids[0])
		}
	}
	if all, err := w.All(t.Context(), "insjoriket"); err != nil || len(all) != 1 {
		t.Errorf("%d referrals, %v", len(all), err)
	}
	if left := stored(t, w); len(left) != 0 {
		t.Errorf("%d drafts are left", len(left))
	}
}

func TestAKeyWhoseDraftWasSentMakesNoOther(t *testing.T) {
	w := referraltest.New(t)
	officer := referraltest.As(referraltest.Officer)
	d, err := w.Service.Drafts.Create(officer, "key", written(t))
	if err != nil {
		t.Fatal(err)
	}
	other, err := w.Service.Drafts.Create(referraltest.As(referraltest.OtherUnit), "key", written(t))
	if err != nil || other.ID == d.ID {
		t.Errorf("another unit's key is the same: %v", err)
	}
	if _, err := w.Service.SendDraft(officer, d.ID, 1, reads); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Service.Drafts.Create(officer, "key", written(t)); !errors.Is(err, draft.ErrSent) {
		t.Errorf("got %v", err)
	}
}

func TestDraftsAreDestroyedWhenTheirTimeIsOverHoweverManySweep(t *testing.T) {
	w := referraltest.New(t)
	officer := referraltest.As(referraltest.Officer)
	const old = 230 // more than two batches
	var first *draft.View
	for range old {
		first = drafted(t, w.Service)
	}
	w.Clock.Advance(24 * time.Hour)
	young := drafted(t, w.Service)
	w.Clock.Advance(88 * 24 * time.Hour)
	if _, err := w.Service.Drafts.Replace(officer, first.ID, 1, written(t)); err != nil {
		t.Error(err)
	}
	w.Clock.Advance(24 * time.Hour)
	l, err := w.Service.Drafts.List(officer, store.Window{Limit: 20, Page: 1})
	if err != nil || len(l.Items) != 1 || l.Items[0].ID != young.ID || l.Total.Records != 1 {
		t.Errorf("what is over is still shown: %+v, %v", l, err)
	}
	var wg sync.WaitGroup
	for _, s := range []*service.Service{w.Service, another(t, w, w.Engine)} {
		wg.Go(func() {
			if err := s.Drafts.Job.Do(context.Background()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if left := stored(t, w); len(left) != 1 || left[0].ID != young.ID {
		t.Errorf("%d left", len(left))
	}
	w.Clock.Advance(24 * time.Hour)
	if _, err := w.Service.Drafts.Get(officer, young.ID); !errors.Is(err, fault.ErrNotFound) {
		t.Errorf("its time is over: %v", err)
	}
}

func TestAUnitHasSoManyDraftsAndNoMore(t *testing.T) {
	w := referraltest.New(t)
	for range 1000 {
		drafted(t, w.Service)
	}
	if _, err := w.Service.Drafts.Create(referraltest.As(referraltest.Officer), "", written(t)); !errors.Is(err, draft.ErrTooMany) {
		t.Errorf("got %v", err)
	}
	if _, err := w.Service.Drafts.Create(referraltest.As(referraltest.OtherUnit), "", written(t)); err != nil {
		t.Errorf("another unit is in its way: %v", err)
	}
}
