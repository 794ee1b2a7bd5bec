package e2e

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/finsam/finsam/pkg/persontest"
	"github.com/finsam/finsam/test/suite"
)

// ctl creates a call of finsamctl as FK's system.
func ctl(t *testing.T, s *suite.Suite, program string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(program, args...)
	cmd.Env = append(os.Environ(), "FINSAM_URL="+s.Base, "FINSAM_TOKEN="+s.Token(t, fkSystem))
	return cmd
}

// exitCode runs the command and returns its exit code and output.
func exitCode(t *testing.T, cmd *exec.Cmd) (int, string) {
	t.Helper()
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), string(out)
}

// file writes n referrals about invented persons, row by row, and returns everything
// that only the API may see.
func file(t *testing.T, n int) (path string, secret []string) {
	t.Helper()
	var b bytes.Buffer
	r := rand.New(rand.NewPCG(7, 7))
	for i := range n {
		p := persontest.New(r, day(0))
		body := referral(p.Number, p.GivenName, p.FamilyName+" Kanariefågelsson")
		body["externalReference"] = fmt.Sprintf("CTL-%05d", i)
		text, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		b.Write(append(text, '\n'))
		secret = append(secret, p.Number)
	}
	path = filepath.Join(t.TempDir(), "remisser.jsonl")
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path, append(secret, "Kanariefågelsson")
}

// TestAFileThatIsBrokenOffIsPostedToItsEndAndNothingTwice kills finsamctl in the
// middle, some times, and then lets it end.
func TestAFileThatIsBrokenOffIsPostedToItsEndAndNothingTwice(t *testing.T) {
	t.Parallel()
	s, program := suite.OneProcess(t, unlimited...), filepath.Join(suite.Programs(t), "finsamctl")
	const n = 300
	path, secret := file(t, n)
	report := filepath.Join(t.TempDir(), "report.csv")
	var said strings.Builder
	for range 4 {
		cmd := ctl(t, s, program, "post", path, "--batch", "10", "--report", report)
		cmd.Stdout, cmd.Stderr = &said, &said
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		before := journalled(path)
		for end := time.Now().Add(30 * time.Second); journalled(path) == before && time.Now().Before(end); {
			time.Sleep(time.Millisecond)
		}
		_ = cmd.Process.Kill() // it has posted something, and has more to post
		_ = cmd.Wait()
		if rows := journalled(path); rows <= before || rows >= n {
			t.Fatalf("killed with %d rows of %d journalled, %d before", rows, n, before)
		}
	}
	code, out := exitCode(t, ctl(t, s, program, "post", path, "--batch", "10", "--report", report))
	if code != 0 {
		t.Fatalf("exit code %d: %s", code, out)
	}
	said.WriteString(out)
	text, err := os.ReadFile(report)
	if err != nil {
		t.Fatal(err)
	}
	lines := readReport(t, text)
	if len(lines) != n {
		t.Fatalf("the report has %d rows", len(lines))
	}
	ids := map[string]bool{}
	for i, l := range lines {
		if l["row"] != fmt.Sprint(i+1) || l["status"] != "201" || l["id"] == "" {
			t.Errorf("line %d: %v", i+1, l)
		}
		ids[l["id"]] = true
	}
	total := s.Must(t, 200, suite.Request{Method: "GET", Path: "/referrals?page=1", Token: s.Token(t, fkSystem)}).At("_meta.totalRecords")
	if len(ids) != n || total != float64(n) {
		t.Errorf("%d referrals reported, %v there, want %d", len(ids), total, n)
	}
	journal, err := os.ReadFile(path + ".finsam-journal")
	if err != nil {
		t.Fatal(err)
	}
	for _, word := range secret {
		for what, where := range map[string]string{"the output": said.String(), "the journal": string(journal), "the report": string(text)} {
			if strings.Contains(where, word) {
				t.Errorf("%s reveals who somebody is", what)
			}
		}
	}
	followsAll(t, s, program, ids)
}

// journalled counts the rows that the journal beside a file has.
func journalled(path string) int {
	text, _ := os.ReadFile(path + ".finsam-journal") // no file: no rows
	return max(bytes.Count(text, []byte("\n"))-1, 0) // without its head
}

// followsAll wants every referral among the events.
func followsAll(t *testing.T, s *suite.Suite, program string, ids map[string]bool) {
	t.Helper()
	state, seen := filepath.Join(t.TempDir(), "position"), map[string]int{}
	for end := time.Now().Add(60 * time.Second); len(seen) < len(ids) && time.Now().Before(end); {
		code, out := exitCode(t, ctl(t, s, program, "events", "follow", "--until-empty", "--state-file", state))
		if code != 0 {
			t.Fatalf("exit code %d: %s", code, out)
		}
		for line := range strings.Lines(out) {
			var e struct{ Subject, Type string }
			if err := json.Unmarshal([]byte(line), &e); err != nil {
				t.Fatalf("%q: %v", line, err)
			}
			if ids[e.Subject] && e.Type == "se.finsam.referral.submitted" {
				seen[e.Subject]++
			}
		}
	}
	for id := range ids {
		if seen[id] != 1 {
			t.Fatalf("an event was seen %d times; %d of %d referrals seen", seen[id], len(seen), len(ids))
		}
	}
}

func TestARefusedRowIsReportedAndHidesNoOther(t *testing.T) {
	t.Parallel()
	s, program := suite.OneProcess(t, unlimited...), filepath.Join(suite.Programs(t), "finsamctl")
	p := persontest.New(rand.New(rand.NewPCG(8, 8)), day(0))
	good, bad := referral(p.Number, p.GivenName, p.FamilyName), referral(p.Number, p.GivenName, p.FamilyName)
	bad["wishedMunicipality"] = "0180"
	wrong := referral(p.Number, p.GivenName, p.FamilyName)
	wrong["nonsense"] = "x"
	text, err := json.Marshal([]any{bad, good, wrong, 7, good})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "x.json")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := ctl(t, s, program, "post", path, "--quiet")
	out, _ := cmd.Output()
	lines := readReport(t, out)
	if len(lines) != 5 || cmd.ProcessState.ExitCode() != 3 {
		t.Fatalf("exit code %d: %s", cmd.ProcessState.ExitCode(), out)
	}
	got := map[string]string{}
	for _, l := range lines {
		got[l["row"]] = l["status"] + " " + l["code"]
	}
	for row, want := range map[string]string{"1": "422", "2": "201", "3": "400", "4": " not-an-object", "5": " same-as-row"} {
		if !strings.HasPrefix(got[row], want) {
			t.Errorf("row %s: %s, want %s", row, got[row], want)
		}
	}
}

// TestAMunicipalityHandsInForSomebodyFromCSV posts a person's own application with
// answers to the checklist, as the municipality's receiver.
func TestAMunicipalityHandsInForSomebodyFromCSV(t *testing.T) {
	t.Parallel()
	s, program := suite.OneProcess(t, unlimited...), filepath.Join(suite.Programs(t), "finsamctl")
	p := persontest.New(rand.New(rand.NewPCG(9, 9)), day(0))
	path := filepath.Join(t.TempDir(), "x.csv")
	text := "personalIdentityNumber;givenName;familyName;source;wishedMunicipality;reasons;authoritiesConcerned;rightTime;" +
		"consentGiven;consentGivenOn;consentTextVersion;consentAuthorities;reason\n" + strings.Join([]string{p.Number, p.GivenName, p.FamilyName + " (påhittad)",
		"self_referral", "1481", "long_absence", "social_insurance|region", "wants_to=ja|can_attend=nej", "ja", day(-220), "2026-1", "fk|molndal", "Påhittat exempel."}, ";") + "\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := ctl(t, s, program, "post", path, "--quiet")
	cmd.Env = append(cmd.Env, "FINSAM_TOKEN="+s.Token(t, intake)) // the last one counts
	out, _ := cmd.Output()
	lines := readReport(t, out)
	if len(lines) != 1 || lines[0]["status"] != "201" {
		t.Fatalf("%s", out)
	}
	shown := s.Must(t, 200, suite.Request{Method: "GET", Path: "/referrals/" + lines[0]["id"], Token: s.Token(t, intake)})
	if shown.Text("source") != "self_referral" || !strings.Contains(string(shown.Raw), `"wants_to"`) || !strings.Contains(string(shown.Raw), `"answer":"yes"`) {
		t.Errorf("the referral is %s", shown.Raw)
	}
}
