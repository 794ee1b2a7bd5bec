package standalone_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/finsam/finsam/pkg/accesslog"
	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/services/standalone"
	"github.com/finsam/finsam/services/standalone/demo"
)

func TestATokenOfTheDemosEndpointIsAccepted(t *testing.T) {
	door := open(t, newData(t)).door
	ask := func(method, path, body, header, value string) *httptest.ResponseRecorder {
		r := httptest.NewRequestWithContext(t.Context(), method, "/finsam/v1"+path, strings.NewReader(body))
		r.Header.Set(header, value)
		w := httptest.NewRecorder()
		door.ServeHTTP(w, r)
		return w
	}
	const form = "grant_type=client_credentials&client_id=fk-integration&client_secret=demo"
	w := ask("POST", "/token", form, "Content-Type", "application/x-www-form-urlencoded")
	var got struct {
		Token string `json:"access_token"`
	}
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || w.Code != http.StatusOK {
		t.Fatal(w.Code, w.Body, err)
	}
	if w := ask("GET", "/referrals", "", "Authorization", "Bearer "+got.Token); w.Code != http.StatusOK {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if page := ask("GET", "/docs", "", "Accept", "text/html").Body.String(); !strings.Contains(page, "fk-integration") {
		t.Error("the documentation page does not name the demo's clients")
	}
}

func TestTheServiceRefusesARoleAndLogsIt(t *testing.T) {
	data := newData(t)
	o := open(t, data)
	board := demo.Claims{Authority: "forbundet", Roles: []actor.Role{actor.Board}, Subject: "board-7"}
	answer := o.do(board, http.StatusForbidden, "GET", "/referrals", nil, nil)
	if answer["code"] != "forbidden" || answer["type"] != "/finsam/v1/docs/problems/forbidden" {
		t.Errorf("%v", answer)
	}
	o.stop()
	var refused int
	err := standalone.AccessLogs(t.Context(), data, "", func(logs map[string]*accesslog.Log) error {
		return accesslog.Read(t.Context(), logs, func(service string, e accesslog.Entry) error {
			if service == "referral" && e.Operation == "listReferrals" && e.Outcome == accesslog.Refused && e.Subject == "board-7" && e.Why == "role" {
				refused++
			}
			return nil
		})
	})
	if err != nil || refused != 1 {
		t.Errorf("the refusal is entered %d times, %v", refused, err)
	}
}
