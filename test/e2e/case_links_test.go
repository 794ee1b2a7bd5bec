package e2e

import (
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"

	"github.com/finsam/finsam/pkg/persontest"
	"github.com/finsam/finsam/test/suite"
)

// TestCase_D3_LinksAreTheSameWhereverTheyAreReadAndRightBehindAPrefix reads one story in
// every place where it is shown, and goes where each link leads, at the address of the
// users: with a prefix a proxy takes it off.
func TestCase_D3_LinksAreTheSameWhereverTheyAreReadAndRightBehindAPrefix(t *testing.T) {
	t.Parallel()
	for name, start := range map[string]func(testing.TB, ...string) *suite.Suite{"one process": suite.OneProcess, "four processes": suite.FourProcesses} {
		for _, prefix := range []string{"", "/kommun/samverkan-1.0"} {
			t.Run(name+prefix, func(t *testing.T) {
				s := start(t, append([]string{"FINSAM_PUBLIC_URL=https://finsam.example" + prefix}, unlimited...)...)
				to, err := url.Parse(strings.TrimSuffix(s.Base, "/finsam/v1"))
				if err != nil {
					t.Fatal(err)
				}
				proxy := httptest.NewServer(http.StripPrefix(prefix, httputil.NewSingleHostReverseProxy(to)))
				defer proxy.Close()
				s.Base = proxy.URL + prefix + "/finsam/v1"
				followLinks(linked{walk{s, t}, proxy.URL, prefix + "/finsam/v1/"})
			})
		}
	}
}

// linked is a story that is read by its links.
type linked struct {
	walk
	host, base string // what an href follows and begins with
}

func followLinks(w linked) {
	r := rand.New(rand.NewPCG(11, 3))
	body := func() map[string]any {
		p := persontest.New(r, day(0))
		return referral(p.Number, p.GivenName, p.FamilyName)
	}
	made := w.Must(w.t, 201, suite.Request{Method: "POST", Path: "/referrals", Token: w.Token(w.t, fkSystem), Body: body()})
	self, id := w.links("POST /referrals", made, fkSystem)["self"], made.Text("id")
	if self != w.base+"referrals/"+id || made.Header.Get("Location") != self {
		w.t.Errorf("a referral is made at %s and is at %s", made.Header.Get("Location"), self)
	}
	batch := w.Must(w.t, 200, suite.Request{Method: "POST", Path: "/referrals/batch", Token: w.Token(w.t, fkSystem),
		Body: map[string]any{"items": []any{map[string]any{"key": "a", "referral": body()}}}})
	if got := batch.Text("items.0._links.self.href"); got != w.base+"referrals/"+batch.Text("items.0.id") {
		w.t.Errorf("an item of a batch leads to %s", got)
	}
	of := w.links("the referral", w.get(intake, "/referrals/"+id), intake)
	for _, list := range []string{"/referrals?order=ascending", "/referrals?page=1&order=ascending", "/tasks"} {
		a := w.get(intake, list)
		if a.Text("items.0.id") != id {
			w.t.Fatalf("%s begins with another one: %s", list, a.Raw)
		}
		listed := hrefs(a.At("items.0"))
		for name, href := range listed {
			if of[name] != href {
				w.t.Errorf("in %s %s leads to %s, in the referral to %s", list, name, href, of[name])
			}
		}
		if len(listed) < 2 {
			w.t.Errorf("in %s there are the links %v", list, listed)
		}
		w.links(list, a, intake)
	}
	after := w.change(intake, "/referrals/"+id, "acceptance", map[string]any{"initiative": "activera", "startDate": day(0), "coach": "coach-1"})
	if got := w.links("the acceptance", after, intake)["self"]; got != self {
		w.t.Errorf("after the acceptance it is at %s", got)
	}
	w.state(fkSystem, "/referrals/"+id, "enrolled")
	next := w.get(fkSystem, "/referrals?limit=1")
	if href := w.links("a list of two pages", next, fkSystem)["next"]; !strings.HasPrefix(href, w.base+"referrals?") {
		w.t.Errorf("the next page is at %s", href)
	}
	for path, who := range map[string]suite.Caller{
		"/enrolments": coach, "/municipalities/1481/week": board, "/activities": coach, "/units": intake, "/me": intake, "/api-info": intake, "/events?wait=0": fkSystem,
	} {
		for range 2 { // what can be kept is kept after the first
			w.links(path, w.get(who, path), who)
		}
	}
}

// hrefs returns the links of a thing by their names.
func hrefs(thing any) map[string]string {
	all := map[string]string{}
	object, _ := thing.(map[string]any)
	links, _ := object["_links"].(map[string]any)
	for name, l := range links {
		all[name], _ = l.(map[string]any)["href"].(string)
	}
	return all
}

// links returns the links of the whole answer. Each link in it is a path below the base;
// what has a self is read there.
func (w linked) links(place string, a suite.Answer, who suite.Caller) map[string]string {
	w.t.Helper()
	w.check(place, a.JSON, who)
	return hrefs(a.JSON)
}

func (w linked) check(place string, v any, who suite.Caller) {
	w.t.Helper()
	switch x := v.(type) {
	case []any:
		for _, item := range x {
			w.check(place, item, who)
		}
	case map[string]any:
		for name, href := range hrefs(x) {
			if !strings.HasPrefix(href, w.base) {
				w.t.Errorf("%s: %s leads to %q, which is not below %s", place, name, href, w.base)
			}
			isRead := name == "self" || name == "next" || name == "previous" || name == "week"
			if !isRead || strings.HasPrefix(href, w.base+"units/") { // a unit is read in the register
				continue
			}
			w.Must(w.t, 200, suite.Request{Method: "GET", Path: w.host + href, Token: w.Token(w.t, who)})
		}
		for key := range x {
			if key != "_links" {
				w.check(place+" "+key, x[key], who)
			}
		}
	}
}
