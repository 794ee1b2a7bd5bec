package service_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/finsam/finsam/pkg/accesslog"
	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/history"
	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/services/referral"
	"github.com/finsam/finsam/services/referral/referraltest"
	"github.com/finsam/finsam/services/referral/service"
)

// entries returns the whole access log, in order.
func entries(t *testing.T, w *referraltest.World) []accesslog.Entry {
	t.Helper()
	found, err := w.Engine.Find(t.Context(), "access_log", store.Query{
		Association: "-", Sort: []store.Order{{Key: "chain"}, {Key: "n"}}, Limit: 1000,
	})
	if err != nil {
		t.Fatal(err)
	}
	var all []accesslog.Entry
	for _, f := range found {
		var b accesslog.Block
		if err := f.Decode(&b); err != nil {
			t.Fatal(err)
		}
		all = append(all, b.Entries...)
	}
	return all
}

func TestEveryReadWriteAndRefusedTryIsLoggedWithWhoAndWhose(t *testing.T) {
	w := referraltest.New(t)
	one, two := created(t, w), created(t, w)
	intake := referraltest.As(referraltest.Intake)
	if _, err := w.Service.Reject(intake, one.ID, 1, "no_capacity", "Fullt."); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Service.Get(referraltest.As(referraltest.AF), two.ID); !errors.Is(err, fault.ErrNotFound) {
		t.Fatal(err)
	}
	if _, err := w.Service.Get(referraltest.As(referraltest.AF), "00000000-0000-0000-0000-000000000000"); !errors.Is(err, fault.ErrNotFound) {
		t.Fatal(err)
	}
	if _, err := w.Service.List(intake, service.Filter{}, store.Window{Limit: 20, Page: 1}); err != nil {
		t.Fatal(err)
	}
	want := []struct {
		subject, operation, thing string
		outcome                   accesslog.Outcome
		participants              int
	}{
		{"fk-system", "createReferral", "referral/" + one.ID, accesslog.Done, 1},
		{"fk-system", "createReferral", "referral/" + two.ID, accesslog.Done, 1},
		{"mottagare-1", "rejectReferral", "referral/" + one.ID, accesslog.Done, 1},
		{"af-1", "getReferral", "referral/" + two.ID, accesslog.Refused, 1},
		{"af-1", "getReferral", "referral/00000000-0000-0000-0000-000000000000", accesslog.Refused, 0},
		{"mottagare-1", "listReferrals", "referrals", accesslog.Done, 2},
	}
	got := entries(t, w)
	if len(got) != len(want) {
		t.Fatalf("want %d entries, got %d", len(want), len(got))
	}
	for i, e := range got {
		x := want[i]
		if e.Subject != x.subject || e.Operation != x.operation || e.Thing != x.thing || e.Outcome != x.outcome || len(e.Participants) != x.participants {
			t.Errorf("entry %d: want %+v, got %+v", i+1, x, e)
		}
	}
}

func TestAForeignReferralAndAMissingOneAnswerAlike(t *testing.T) {
	w := referraltest.New(t)
	r := created(t, w)
	_, foreign := w.Service.Get(referraltest.As(referraltest.AF), r.ID)
	_, missing := w.Service.Get(referraltest.As(referraltest.AF), "00000000-0000-0000-0000-000000000000")
	if foreign != missing {
		t.Errorf("got %v and %v", foreign, missing)
	}
}

func TestThePersonAndTheTextsAreNowhereInClear(t *testing.T) {
	w := referraltest.New(t)
	w.Run(t)
	r := created(t, w)
	intake, fk := referraltest.As(referraltest.Intake), referraltest.As(referraltest.FK)
	if _, err := w.Service.RequestSupplement(intake, r.ID, 1, "Varför kanarieorsak, Tolvan?"); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Service.SendSupplement(fk, r.ID, 2, "Kanariefågelsson har kanarieorsak."); err != nil {
		t.Fatal(err)
	}
	asked := referral.Contact{Name: "Kanariefågelsson på kontoret", Email: "kanarieorsak@fk.example.se", Phone: "0709990000"}
	v, err := w.Service.Amend(fk, r.ID, 3, referral.Changes{Contact: &asked}, "kanarieorsak")
	if err != nil || v.Contact == nil || *v.Contact != asked || v.Texts.Contacts[4].New == nil {
		t.Fatalf("the contact is there to read: %v, %v", v, err)
	}
	v, err = w.Service.Withdraw(fk, r.ID, 4, "person", "kanarieorsak")
	if err != nil || v.Texts.Steps[5] != "kanarieorsak" || v.Texts.Steps[3] == "" || v.Texts.Steps[2] == "" {
		t.Fatalf("the texts are there to read: %v, %v", v.Texts, err)
	}
	log(t, w, 5)
	files, err := filepath.Glob(filepath.Join(w.Dir, "*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no files: %v", err)
	}
	seen := false
	for _, file := range files {
		if filepath.Ext(file) == "" {
			continue // the folder of attachments; see attach_test.go
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		seen = seen || bytes.Contains(text, []byte(r.ID))
		for _, word := range append(slices.Clone(referraltest.Canary), "Kanariefågel") {
			if bytes.Contains(text, []byte(word)) {
				t.Errorf("%s holds %q in clear", filepath.Base(file), word)
			}
		}
	}
	if !seen {
		t.Error("the files do not hold the referral at all")
	}
}

func TestASealedTextDoesNotOpenInAnotherReferral(t *testing.T) {
	w := referraltest.New(t)
	one, two := created(t, w), created(t, w)
	// Copied behind the service's back, from one person's document to another's.
	stored, err := store.Open(t.Context(), w.Engine, store.Schema[referral.Referral]{
		Name: "referrals", Version: (*referral.Referral).Version,
		ID: func(r *referral.Referral) (string, string) { return r.Association, r.ID },
	})
	if err != nil {
		t.Fatal(err)
	}
	v, err := stored.Get(t.Context(), "insjoriket", two.ID)
	if err != nil {
		t.Fatal(err)
	}
	v.Value.Reason = one.Reason
	v.Value.Steps = append(v.Value.Steps, referral.Step{Entry: history.Entry{N: 2, At: w.Clock.Now()}, Kind: referral.Waitlisted, Code: "low"})
	if _, err := stored.Replace(t.Context(), v); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Service.Get(referraltest.As(referraltest.FK), two.ID); fault.Of(err).Status != fault.Internal {
		t.Errorf("got %v", err)
	}
}
