package standalone_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
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
