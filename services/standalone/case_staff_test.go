package standalone_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/finsam/finsam/pkg/accesslog"
	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/services/standalone"
	"github.com/finsam/finsam/services/standalone/demo"
)

// TestCase_Staff_ATimelineCanSayWho is: the names that tokens carry are read by colleagues,
// and by the other side of a referral that both read; by nobody else.
func TestCase_Staff_ATimelineCanSayWho(t *testing.T) {
	data := newData(t)
	o := open(t, data)
	named := func(c demo.Claims, name string) demo.Claims {
		c.Name = name
		return c
	}
	signIn := func(c demo.Claims) { o.want(200, c, http.MethodGet, "/me", "", nil) }
	_, participant := o.refer(90, nil)
	fkOfficer := demo.Claims{Roles: []actor.Role{actor.Referrer}, Authority: "fk", Unit: "fk-molndal", Subject: "fk-7", Lifetime: time.Hour}
	otherUnit, afOfficer := fkOfficer, fkOfficer
	otherUnit.Unit, otherUnit.Subject = "fk-lerum", "fk-8"
	afOfficer.Authority, afOfficer.Unit, afOfficer.Subject = "af", "af-molndal", "af-7"
	person := demo.Claims{Roles: []actor.Role{actor.Participant}, Authority: "self", Participant: participant, Subject: "person-1", Lifetime: time.Hour}
	signIn(named(coach1, "Kim Påhittad"))
	signIn(named(intake7, "Robin Påhittad"))
	signIn(named(fkOfficer, "Alex Påhittad"))
	signIn(named(person, "Vera Påhittad"))

	names := func(c demo.Claims, query string) string {
		t.Helper()
		var all []string
		for _, item := range o.list(c, "/staff?"+query) {
			all = append(all, fmt.Sprintf("%s of %s: %s", item["id"], item["authority"], item["name"]))
		}
		return strings.Join(all, ", ")
	}
	const kim, robin, alex = "coach-1 of molndal: Kim Påhittad", "intake-7 of molndal: Robin Påhittad", "fk-7 of fk: Alex Påhittad"
	about := "&participant=" + participant
	for _, c := range []struct {
		sentence string
		who      demo.Claims
		query    string
		want     string
	}{
		{"colleagues of a municipality", chef, "ids=coach-1,intake-7,nobody,person-1", kim + ", " + robin},
		{"in the other form of a list", chef, "ids=coach-1&ids=intake-7", kim + ", " + robin},
		{"not the other side by itself", coach1, "ids=fk-7,coach-1", kim},
		{"who referred a person whom one reads", coach1, "ids=fk-7,coach-1" + about, kim + ", " + alex},
		{"who receives a person whom one referred", fkOfficer, "ids=coach-1,intake-7" + about, kim + ", " + robin},
		{"a colleague at another unit", otherUnit, "ids=fk-7,coach-1", alex},
		{"nobody of another authority", afOfficer, "ids=fk-7,coach-1", ""},
		{"nor of another municipality", partille, "ids=fk-7,coach-1", ""},
	} {
		if got := names(c.who, c.query); got != c.want {
			t.Errorf("%s: %q, want %q", c.sentence, got, c.want)
		}
	}
	for _, c := range []demo.Claims{otherUnit, afOfficer, partille} {
		o.want(404, c, http.MethodGet, "/staff?ids=coach-1"+about, "", nil)
	}
	for _, c := range []demo.Claims{person, sender, reviewer} {
		o.want(403, c, http.MethodGet, "/staff?ids=coach-1", "", nil)
	}
	if got := names(coach1, "participant="+participant); got != kim {
		t.Errorf("without ids: %q", got)
	}
	o.want(400, coach1, http.MethodGet, "/staff?ids=a"+strings.Repeat(",a", 50), "", nil)
	if w := o.call(coach1, http.MethodGet, "/staff?ids=coach-1", nil, nil); w.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("the answer may be kept: %v", w.Header())
	}

	signIn(named(coach1, "Kim 198001012387")) // no name: the last one holds
	signIn(coach1)
	if got := names(chef, "ids=coach-1"); got != kim {
		t.Errorf("after a token without a name: %q", got)
	}
	signIn(named(coach1, "Kim Påhittad-Ek"))
	if got := names(chef, "ids=coach-1"); got != kim+"-Ek" {
		t.Errorf("after a token with another name: %q", got)
	}
	o.stop()

	entries := map[string]int{}
	err := standalone.AccessLogs(t.Context(), data, "", func(logs map[string]*accesslog.Log) error {
		return accesslog.Read(t.Context(), logs, func(service string, e accesslog.Entry) error {
			if text, _ := json.Marshal(e); strings.Contains(string(text), "hittad") {
				t.Errorf("the log has a name: %s", text)
			}
			if strings.HasSuffix(e.Operation, "Staff") {
				entries[fmt.Sprint(service, " ", e.Operation, " ", e.Outcome, " ", e.Thing, " ", e.Participants, e.Identity)]++
			}
			return nil
		})
	})
	want := map[string]int{
		"participant listStaff done staff []": 9, "participant listStaff done participant/" + participant + " [" + participant + "]": 3,
		"participant noteStaff done staff []": 4,
	}
	for entry, n := range want {
		if entries[entry] != n {
			t.Errorf("%d entries of %q, want %d: %v", entries[entry], entry, n, entries)
		}
	}
	if err != nil {
		t.Error(err)
	}
}
