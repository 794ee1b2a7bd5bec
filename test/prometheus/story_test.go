package prometheus

import (
	"testing"
	"time"

	"github.com/finsam/finsam/test/suite"
)

// The people of the story. All of them, and all numbers, are invented, and none
// of it may stand in a metric.
const (
	number = "198001012387"
	given  = "Tolvina"
	family = "Mätvärdesdotter"
	phone  = "+46 31 765 43 21"
	reason = "Påhittat skäl som ingen mätare får se"
	clerk  = "clerk-4711"
)

var (
	system = suite.Caller{Role: "integration", Authority: "fk", Subject: clerk}
	intake = suite.Caller{Role: "intake", Authority: "molndal", Municipality: "1481", Subject: clerk}
	coach  = suite.Caller{Role: "coach", Authority: "molndal", Municipality: "1481", Subject: clerk}
	other  = suite.Caller{Role: "coach", Authority: "lerum", Municipality: "1441", Subject: clerk}
)

// story is a suite that somebody uses.
type story struct {
	*suite.Suite
	t      *testing.T
	secret []string // what no metric may hold
}

func day(n int) string { return time.Now().UTC().AddDate(0, 0, n).Format(time.DateOnly) }

func (s *story) do(c suite.Caller, method, path string, body any, header map[string]string) suite.Answer {
	s.t.Helper()
	a, err := s.Do(suite.Request{Method: method, Path: path, Token: s.Token(s.t, c), Body: body, Header: header})
	if err != nil {
		s.t.Fatal(err)
	}
	return a
}

func (s *story) wants(status int, a suite.Answer) suite.Answer {
	s.t.Helper()
	if a.Status != status {
		s.t.Fatalf("%d, want %d: %s", a.Status, status, a.Raw)
	}
	return a
}

// until reads until the value at the path of the answer is not empty.
func (s *story) until(c suite.Caller, path, value string) string {
	s.t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if text := s.do(c, "GET", path, nil, nil).Text(value); text != "" {
			return text
		}
	}
	s.t.Fatalf("%s has no %s", path, value)
	return ""
}

// file is a form with a PDF in it.
const file = "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"intyg.pdf\"\r\nContent-Type: application/pdf\r\n\r\n%PDF-1.7\n% " + reason + "\n%%EOF\n\r\n--b--\r\n"

// referred posts a referral with a file, whose event goes to a webhook that nobody
// answers, and accepts it; its enrolment follows from the event.
func (s *story) referred() (enrolment, participant string) {
	s.t.Helper()
	s.wants(201, s.do(system, "POST", "/webhooks", map[string]any{"url": "https://mottagare.finsam.example/krok"}, nil))
	created := s.wants(201, s.do(system, "POST", "/referrals", map[string]any{
		"person": map[string]any{"personalIdentityNumber": number, "givenName": given, "familyName": family, "gender": "female", "phone": phone},
		"unit":   "fk-molndal",
		"targetGroup": map[string]any{
			"reasons": []string{"long_absence"}, "authoritiesConcerned": []string{"social_insurance", "region"}},
		"consent":            map[string]any{"given": true, "givenOn": day(-20), "textVersion": "2026-1", "authorities": []string{"fk", "molndal"}},
		"wishedMunicipality": "1481", "reason": reason,
	}, map[string]string{"Idempotency-Key": "measured-1"}))
	id := created.Text("id")
	thing := "/referrals/" + id
	s.wants(201, s.do(system, "POST", thing+"/attachments", []byte(file), map[string]string{"Content-Type": "multipart/form-data; boundary=b"}))
	s.wants(200, s.do(intake, "POST", thing+"/acceptance", map[string]any{"initiative": "activera", "startDate": day(-10), "coach": clerk},
		map[string]string{"If-Match": s.wants(200, s.do(intake, "GET", thing, nil, nil)).Header.Get("ETag")}))
	enrolment = s.until(intake, thing, "progress.enrolment")
	participant = s.until(coach, "/enrolments/"+enrolment, "participant")
	s.secret = append(s.secret, number, number[2:], given, family, phone, reason, clerk, id, enrolment, participant)
	s.wants(404, s.do(other, "GET", thing, nil, nil))
	return enrolment, participant
}

// used does a few requests of each kind, good and bad.
func (s *story) used() (participant string) {
	s.t.Helper()
	enrolment, participant := s.referred()
	e := s.wants(200, s.do(coach, "GET", "/enrolments/"+enrolment, nil, nil))
	s.wants(200, s.do(coach, "POST", "/enrolments/"+enrolment+"/start", map[string]any{"startedOn": day(-10)}, map[string]string{"If-Match": e.Header.Get("ETag")}))
	s.wants(200, s.do(coach, "POST", "/participants/identities", map[string]any{"participants": []string{participant}}, nil))
	for range 3 {
		s.wants(200, s.do(coach, "GET", "/municipalities/1481/week", nil, nil))
		s.wants(200, s.do(coach, "GET", "/participants/"+participant+"/week", nil, nil))
	}
	s.wants(200, s.do(coach, "GET", "/activities?municipality=1481", nil, nil))
	s.wants(404, s.do(other, "GET", "/enrolments/"+enrolment, nil, nil))
	s.wants(404, s.do(other, "GET", "/participants/"+participant+"/week", nil, nil))
	s.wants(400, s.do(coach, "GET", "/enrolments?limit=many", nil, nil))
	s.wants(404, s.do(coach, "GET", "/people/"+given+"/"+number, nil, nil))
	for _, token := range []string{"", "a.b.c"} {
		a, err := s.Do(suite.Request{Method: "GET", Path: "/referrals", Token: token})
		if err != nil {
			s.t.Fatal(err)
		}
		s.wants(401, a)
	}
	return participant
}
