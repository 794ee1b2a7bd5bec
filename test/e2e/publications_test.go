package e2e

import (
	"strconv"
	"testing"
	"time"

	"github.com/finsam/finsam/test/suite"
)

// TestCase_A6_FiguresForTheBoardArePublishedAndFrozen: the board and the association's staff
// read frozen publications of a period that is over, released by a second person, and no
// figures of a range.
func TestCase_A6_FiguresForTheBoardArePublishedAndFrozen(t *testing.T) {
	t.Parallel()
	for name, start := range map[string]func(testing.TB, ...string) *suite.Suite{"one process": suite.OneProcess, "four processes": suite.FourProcesses} {
		t.Run(name, func(t *testing.T) {
			s := start(t)
			second := forbundets
			second.Subject = "admin-2"
			call := func(status int, c suite.Caller, method, path, etag string, body any) suite.Answer {
				t.Helper()
				r := suite.Request{Method: method, Path: path, Token: s.Token(t, c), Body: body}
				if etag != "" {
					r.Header = map[string]string{"If-Match": etag}
				}
				return s.Must(t, status, r)
			}
			for _, c := range []suite.Caller{board, forbundets} {
				a := call(403, c, "GET", "/referral-figures?from=2026-01&to=2026-06&municipality=1402", "", nil)
				if a.Text("code") != "figures-are-published" {
					t.Errorf("%s: %s", c.Role, a.Raw)
				}
			}
			for _, c := range []suite.Caller{intake, fkOfficer} {
				if a := call(200, c, "GET", "/referral-figures", "", nil); a.At("exact") != true {
					t.Errorf("%s: %s", c.Role, a.Raw)
				}
			}
			now := time.Now().UTC()
			call(422, forbundets, "POST", "/publications", "", map[string]any{"period": strconv.Itoa(now.Year())})
			period := map[string]any{"period": strconv.Itoa(now.Year()-1) + "-t2"}
			call(403, board, "POST", "/publications", "", period)
			call(403, intake, "POST", "/publications", "", period)
			made := call(201, forbundets, "POST", "/publications", "", period)
			call(409, second, "POST", "/publications", "", period)
			path := "/publications/" + made.Text("id")
			call(404, board, "GET", path, "", nil)
			if a := call(403, forbundets, "POST", path+"/release", `"1"`, nil); a.Text("code") != "own-publication" {
				t.Errorf("who made it releases it: %s", a.Raw)
			}
			call(200, second, "POST", path+"/release", `"1"`, nil)
			if a := call(200, board, "GET", path, "", nil); a.Text("state") != "released" || a.At("tables.0.leftOut") != true {
				t.Errorf("the board reads %s", a.Raw)
			}
			call(403, intake, "GET", path, "", nil)
		})
	}
}
