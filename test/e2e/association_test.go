package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/finsam/finsam/test/suite"
)

// changed writes the association's file with another municipality and another
// term, and returns its name.
func changed(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "services", "standalone", "example", "insjoriket.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	const first = "municipalities:\n"
	if strings.Count(string(text), "\n"+first) != 1 {
		t.Fatal("the example has no list of municipalities")
	}
	name := filepath.Join(t.TempDir(), "changed.yaml")
	all := "terms: { decision: 3 }\n" + strings.Replace(string(text), first, first+"  - { code: \"9998\", name: Påhittad, authority: pahittad }\n", 1)
	if err := os.WriteFile(name, []byte(all), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestAChangedAssociationIsTakenWithoutARestart(t *testing.T) {
	for way, start := range map[string]func(testing.TB, ...string) *suite.Suite{"in one process": suite.OneProcess, "over four": suite.FourProcesses} {
		t.Run(way, func(t *testing.T) {
			s := start(t, unlimited...)
			w := walk{s, t}
			week := suite.Request{Method: "GET", Path: "/municipalities/9998/week", Token: s.Token(t, coach)}
			s.Must(t, 404, week)
			s.Finsam(t, "load", "--data", s.Data, changed(t))
			w.until(coach, week.Path, "known", func(suite.Answer) bool { return true })
			body := referral(adult, "Tolvan", "Påhittad")
			body["wishedMunicipality"] = "9998"
			body["consent"].(map[string]any)["authorities"] = []string{"fk", "pahittad"}
			var made suite.Answer
			for end := time.Now().Add(time.Minute); made.Status != 201; time.Sleep(50 * time.Millisecond) {
				var err error
				made, err = s.Do(suite.Request{Method: "POST", Path: "/referrals", Token: s.Token(t, fkSystem), Body: body})
				if err != nil || time.Now().After(end) {
					t.Fatalf("the referral service never knew the municipality: %d %s %v", made.Status, made.Raw, err)
				}
			}
			due, err := time.Parse(time.RFC3339Nano, w.get(fkSystem, "/referrals/"+made.Text("id")).Text("turn.due"))
			if days := time.Until(due).Hours() / 24; err != nil || days < 2 || days > 4.1 {
				t.Errorf("a decision is due in %.1f days, not within the three of the changed file: %v", days, err)
			}
		})
	}
}
