package participant_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/finsam/finsam/pkg/api/participant"
	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/web"
	"github.com/finsam/finsam/pkg/web/client"
	"github.com/finsam/finsam/pkg/web/problem"
)

// vault answers one path of the contract with a status and a body.
func vault(t *testing.T, method, path string, status int, answer any) *participant.Client {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != method || r.URL.RequestURI() != web.BasePath+path || r.Header.Get("Authorization") != "Bearer the-askers-token" {
			t.Errorf("asked %s %s with %q", r.Method, r.URL.RequestURI(), r.Header.Get("Authorization"))
		}
		w.WriteHeader(status)
		if err := json.NewEncoder(w).Encode(answer); err != nil {
			t.Error(err)
		}
	}))
	t.Cleanup(s.Close)
	return &participant.Client{Calls: client.New(s.URL, nil, nil)}
}

var asked = web.With(context.Background(), web.Request{Token: "the-askers-token"})

func TestPutReturnsTheParticipant(t *testing.T) {
	c := vault(t, http.MethodPost, "/internal/persons", 200, participant.PersonRef{Participant: "p1"})
	if ref, err := c.Put(asked, participant.PersonInput{}); err != nil || ref.Participant != "p1" || ref.Age != nil {
		t.Errorf("got %+v, %v", ref, err)
	}
}

func TestAgeOnAsksForTheDay(t *testing.T) {
	c := vault(t, http.MethodGet, "/internal/persons/p1/age?on=2026-12-07", 200, participant.Age{Years: new(34)})
	if years, err := c.AgeOn(asked, "p1", "2026-12-07"); err != nil || years == nil || *years != 34 {
		t.Errorf("got %v, %v", years, err)
	}
}

func TestTheVaultsFaultIsTheCallers(t *testing.T) {
	refusal := problem.Problem{Code: "bad-personal-identity-number", Detail: "Personnumret är inte giltigt.",
		Errors: []problem.Field{{Pointer: "/person/personalIdentityNumber", Code: "bad-personal-identity-number"}}}
	_, err := vault(t, http.MethodPost, "/internal/persons", 422, refusal).Put(asked, participant.PersonInput{})
	f := fault.Of(err)
	if f.Status != fault.Unprocessable || f.Code != refusal.Code || len(f.Fields) != 1 || f.Fields[0].Pointer != "/person/personalIdentityNumber" {
		t.Errorf("got %+v", f)
	}
	_, err = vault(t, http.MethodGet, "/internal/persons/p1/age?on=2026-12-07", 404, problem.Problem{Code: "not-found"}).AgeOn(asked, "p1", "2026-12-07")
	if !errors.Is(err, fault.ErrNotFound) {
		t.Errorf("got %v", err)
	}
}
