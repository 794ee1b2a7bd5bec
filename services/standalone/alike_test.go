package standalone_test

import (
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/finsam/finsam/services/gateway"
)

// TestCase_G11_WhatIsAnothersAndWhatIsMissingAreAnsweredAlike is: but for the ids of the
// request, which are new each time, the answers are the same; their time BenchmarkForeignAndMissing
// measures.
func TestCase_G11_WhatIsAnothersAndWhatIsMissingAreAnsweredAlike(t *testing.T) {
	o := open(t, newData(t))
	enrolment := o.enrolled(11, day(7))
	of := o.want(200, coach1, http.MethodGet, enrolment, "", nil)
	for kind, id := range map[string]any{"/enrolments/": of["id"], "/referrals/": of["referral"], "/participants/": of["participant"]} {
		var answers [2]map[string]any
		for i, path := range []string{fmt.Sprint(kind, id), kind + uuid.NewString()} {
			answers[i] = o.want(404, partille, http.MethodGet, path, "", nil)
			delete(answers[i], "instance")
			delete(answers[i], "traceId")
		}
		if len(answers[0]) == 0 || !maps.Equal(answers[0], answers[1]) {
			t.Errorf("%s: %v, %v", kind, answers[0], answers[1])
		}
	}
	ask := func(id any) map[string]any {
		return o.want(200, partille, http.MethodPost, "/participants/identities", "", map[string]any{"participants": []any{id}})
	}
	if theirs, none := ask(of["participant"]), ask(uuid.NewString()); fmt.Sprint(theirs) != fmt.Sprint(none) {
		t.Errorf("identities: %v, %v", theirs, none)
	}
}

// BenchmarkForeignAndMissing asks for what is another's and for what does not exist, in turn
// and in pairs, and says by how much the medians of the two are apart: nobody is to find out
// by the time of an answer whether there is a case (docs/reliability.md).
func BenchmarkForeignAndMissing(b *testing.B) {
	o := open(b, newData(b))
	const foreign = 40
	paths := map[string][]string{}
	for n := range uint64(foreign) {
		enrolment := o.enrolled(500+n, day(7))
		of := o.want(200, coach1, http.MethodGet, enrolment, "", nil)
		paths["enrolments"] = append(paths["enrolments"], enrolment)
		paths["referrals"] = append(paths["referrals"], fmt.Sprint("/referrals/", of["referral"]))
		paths["identities"] = append(paths["identities"], fmt.Sprint(of["participant"]))
	}
	token, err := o.issuer.Token(partille)
	if err != nil {
		b.Fatal(err)
	}
	ask := func(path string) time.Duration {
		method, body, want := http.MethodGet, "", http.StatusNotFound
		if !strings.HasPrefix(path, "/") { // a person, of whom a list is asked for
			method, body, path, want = http.MethodPost, `{"participants":["`+path+`"]}`, "/participants/identities", http.StatusOK
		}
		r := httptest.NewRequest(method, gateway.BasePath+path, strings.NewReader(body))
		r.Header.Set("Authorization", "Bearer "+token)
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		began := time.Now()
		o.door.ServeHTTP(w, r)
		took := time.Since(began)
		if w.Code != want {
			b.Fatal(path, w.Code, w.Body)
		}
		return took
	}
	for _, kind := range []string{"enrolments", "identities", "referrals"} {
		b.Run(kind, func(b *testing.B) {
			there := paths[kind]
			prefix := there[0][:len(there[0])-len(uuid.Nil.String())]
			var took [2][]time.Duration // of foreign and missing
			for n := range b.N {
				pair := [2]string{there[n%len(there)], prefix + uuid.NewString()}
				for i := range 2 {
					which := (i + n) % 2
					took[which] = append(took[which], ask(pair[which]))
				}
			}
			median := func(all []time.Duration) float64 {
				slices.Sort(all)
				return float64(all[len(all)/2].Microseconds())
			}
			theirs, none := median(took[0]), median(took[1])
			b.ReportMetric(theirs, "foreign-µs")
			b.ReportMetric(none, "missing-µs")
			b.ReportMetric(100*(theirs-none)/none, "%apart")
		})
	}
}
