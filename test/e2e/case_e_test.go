package e2e

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"

	"github.com/finsam/finsam/pkg/freeport"
	"github.com/finsam/finsam/pkg/persontest"
	"github.com/finsam/finsam/test/suite"
)

// readReport returns the rows of a report of finsamctl by the names of its columns. It is
// a sheet as the API's exports are: UTF-8 with a byte order mark, semicolons.
func readReport(t *testing.T, text []byte) []map[string]string {
	t.Helper()
	rest, marked := bytes.CutPrefix(text, []byte("\xef\xbb\xbf"))
	r := csv.NewReader(bytes.NewReader(rest))
	r.Comma = ';'
	lines, err := r.ReadAll()
	if err != nil || len(lines) == 0 || !marked {
		t.Fatalf("no report: %v, %q", err, text)
	}
	var all []map[string]string
	for _, l := range lines[1:] {
		row := map[string]string{}
		for i, name := range lines[0] {
			row[name] = l[i]
		}
		all = append(all, row)
	}
	return all
}

const sheetHead = "externalReference;personalIdentityNumber;givenName;familyName;unit;wishedMunicipality;reasons;authoritiesConcerned;consentGiven;consentGivenOn;consentTextVersion;consentAuthorities;reason"

// sheetRow returns a row of a sheet about an invented person.
func sheetRow(reference string, r *rand.Rand) string {
	p := persontest.New(r, day(0))
	return strings.Join([]string{reference, p.Number, "Åsa " + p.GivenName, "Öst (påhittad)", "fk-molndal", "1481", "long_absence", "social_insurance|region",
		"ja", day(-220), "2026-1", "fk|molndal", "Påhittat exempel."}, ";")
}

// write writes a text into a file of that name.
func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// postFile runs "finsamctl post" and returns its report, exit code and what it says.
func postFile(t *testing.T, cmd *exec.Cmd) ([]map[string]string, int, string) {
	t.Helper()
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	_ = cmd.Run() // the exit code says it
	return readReport(t, out.Bytes()), cmd.ProcessState.ExitCode(), said.String()
}

func TestCase_E_ARefusedCallIsReportedAsNotReceivedAndWhy(t *testing.T) {
	t.Parallel()
	s, program := suite.OneProcess(t, unlimited...), filepath.Join(suite.Programs(t), "finsamctl")
	path := write(t, "x.csv", sheetHead+"\n"+sheetRow("E-1", rand.New(rand.NewPCG(11, 1)))+"\n")
	for sentence, c := range map[string]struct{ env, status, why string }{
		"no valid token":   {"FINSAM_TOKEN=x.y.z", "401", "Åtkomsttoken"},
		"the wrong role":   {"FINSAM_TOKEN=" + s.Token(t, suite.Caller{Role: "board", Authority: "forbundet"}), "403", "behörighet"},
		"the wrong path":   {"FINSAM_URL=" + s.Base + "/v2", "404", "finns inte"},
		"no API of finsam": {"FINSAM_URL=" + s.Processes["finsam"].Admin, "404", "inte från finsam"},
	} {
		cmd := ctl(t, s, program, "post", path)
		cmd.Env = append(cmd.Env, c.env) // the last one counts
		report, code, said := postFile(t, cmd)
		if len(report) != 1 || code != 1 {
			t.Errorf("%s: exit code %d, %v", sentence, code, report)
			continue
		}
		r := report[0]
		if detail := r["detail"]; r["status"] != c.status || r["externalReference"] != "E-1" || !strings.HasPrefix(detail, "Raden är inte mottagen") || !strings.Contains(detail, c.why) {
			t.Errorf("%s: %v", sentence, r)
		}
		if !strings.Contains(said, c.status) || strings.Contains(said, "kan vara mottagen") {
			t.Errorf("%s: it says %s", sentence, said)
		}
	}
	if report, code, said := postFile(t, ctl(t, s, program, "post", path)); code != 0 || report[0]["status"] != "201" {
		t.Errorf("the same file with the right token: exit code %d, %v, %s", code, report, said)
	}
}

func TestCase_E_AServerThatIsAwayIsWaitedForWithAWord(t *testing.T) {
	t.Parallel()
	program := filepath.Join(suite.Programs(t), "finsamctl")
	path := write(t, "x.csv", sheetHead+"\n"+sheetRow("E-1", rand.New(rand.NewPCG(11, 2)))+"\n")
	cmd := exec.Command(program, "post", path)
	cmd.Env = append(os.Environ(), "FINSAM_URL=http://"+freeport.Addr(t)+"/finsam/v1", "FINSAM_TOKEN=x.y.z")
	var out bytes.Buffer
	cmd.Stdout = &out
	said, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	began, line := time.Now(), make([]byte, 400)
	n, _ := said.Read(line) // it ends at once if the program does
	if text := string(line[:n]); !strings.Contains(text, "Servern svarar inte") || !strings.Contains(text, "Nytt försök, 2 av 8") || time.Since(began) > 5*time.Second {
		t.Errorf("after %s it says %q", time.Since(began), text)
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // the exit code says it
	if report := readReport(t, out.Bytes()); cmd.ProcessState.ExitCode() != 130 || len(report) != 1 || report[0]["code"] != "not-sent" {
		t.Errorf("exit code %d, %v", cmd.ProcessState.ExitCode(), report)
	}
}

func TestCase_E_TheTemplateIsReceivedAsItIsPrinted(t *testing.T) {
	t.Parallel()
	s, program := suite.OneProcess(t, unlimited...), filepath.Join(suite.Programs(t), "finsamctl")
	cmd := ctl(t, s, program, "post", "--print-template")
	var said bytes.Buffer
	cmd.Stderr = &said
	text, err := cmd.Output()
	if err != nil || !bytes.HasPrefix(text, []byte("\xef\xbb\xbf")) || !strings.Contains(said.String(), "GET /units") {
		t.Fatalf("%v: %q, and it says %q", err, text, said.String())
	}
	report, code, out := postFile(t, ctl(t, s, program, "post", write(t, "mall.csv", string(text))))
	if code != 0 || len(report) != 1 || report[0]["status"] != "201" || report[0]["externalReference"] != "FK-2026-000001" {
		t.Errorf("exit code %d: %v %s", code, report, out)
	}
}

func TestCase_E_TheReportIsASheetOfTheSameRowsInOneLanguage(t *testing.T) {
	t.Parallel()
	s, program := suite.OneProcess(t, unlimited...), filepath.Join(suite.Programs(t), "finsamctl")
	r := rand.New(rand.NewPCG(11, 4))
	first, wrong := sheetRow("E-1", r), strings.Replace(sheetRow("E-2", r), "1481", "0180", 1)
	path := write(t, "x.csv", "sep=;\r\n"+strings.Join([]string{
		sheetHead, first, "", strings.Repeat(";", 12), wrong, strings.Replace(sheetRow("=E-3", r), "Påhittat exempel.", "\"Två\r\nrader.\"", 1),
		strings.Replace(sheetRow("E-4", r), ";ja;", ";kanske;", 1), first,
	}, "\r\n")+"\r\n")
	for language, words := range map[string][]string{
		"sv": {"samma som rad 2", "varken ja eller nej", "mottagna"}, "en": {"same as row 2", "neither ja nor nej", "received"},
	} {
		report, code, said := postFile(t, ctl(t, s, program, "post", path, "--language", language))
		var got []string
		for _, l := range report {
			got = append(got, l["row"]+" "+l["externalReference"]+" "+l["status"]+l["code"])
			said += l["detail"] + l["fields"]
		}
		if want := "2 E-1 201, 5 E-2 422"; !strings.HasPrefix(strings.Join(got, ", "), want) {
			t.Errorf("%s: %v, want %s", language, got, want)
		}
		if want := []string{"6 '=E-3 400invalid-request", "7 E-4 neither-yes-nor-no", "8 E-1 same-as-row"}; len(got) != 5 || !slices.Equal(got[2:], want) || code != 3 {
			t.Errorf("%s: exit code %d, %v, want %v", language, code, got, want)
		}
		for _, w := range words {
			if !strings.Contains(said, w) {
				t.Errorf("%s: %q is missing in %s", language, w, said)
			}
		}
	}
}

func TestCase_E_WhatASpreadsheetSavesIsRead(t *testing.T) {
	t.Parallel()
	s, program := suite.OneProcess(t, unlimited...), filepath.Join(suite.Programs(t), "finsamctl")
	r := rand.New(rand.NewPCG(11, 5))
	utf16 := func(e unicode.Endianness) encoding.Encoding { return unicode.UTF16(e, unicode.UseBOM) }
	tabs := func(text string) string { return strings.ReplaceAll(text, ";", "\t") }
	same := func(text string) string { return text }
	for n, c := range []struct {
		sentence, name string
		form           func(string) string
		encoding       encoding.Encoding
	}{
		{"CSV on Windows", "x.csv", same, charmap.Windows1252},
		{"Unicode text", "x.txt", tabs, utf16(unicode.LittleEndian)},
		{"UTF-16 the other way round", "x.csv", same, utf16(unicode.BigEndian)},
		{"tabs", "x.tsv", tabs, unicode.UTF8},
		{"a line for Excel", "x.csv", func(text string) string { return "sep=;\r\n" + text }, unicode.UTF8BOM},
		{"empty columns at the end", "x.csv", func(text string) string { return strings.ReplaceAll(text, "\r\n", ";;;\r\n") }, unicode.UTF8BOM},
	} {
		text, err := c.encoding.NewEncoder().String(c.form(sheetHead + "\r\n" + sheetRow(fmt.Sprintf("S-%d", n), r) + "\r\n"))
		if err != nil {
			t.Fatal(err)
		}
		report, code, said := postFile(t, ctl(t, s, program, "post", write(t, c.name, text)))
		if code != 0 || len(report) != 1 || report[0]["status"] != "201" {
			t.Errorf("%s: exit code %d, %v %s", c.sentence, code, report, said)
			continue
		}
		shown := s.Must(t, 200, suite.Request{Method: "GET", Path: "/referrals/" + report[0]["id"], Token: s.Token(t, fkSystem)})
		who := s.Must(t, 200, suite.Request{Method: "GET", Path: "/participants/" + shown.Text("participant"), Token: s.Token(t, fkSystem)})
		if !strings.Contains(string(who.Raw), "Öst (påhittad)") {
			t.Errorf("%s: the person is %s", c.sentence, who.Raw)
		}
	}
	for sentence, text := range map[string]string{
		"DOS":        "reason;unit\r\n\x86\x84\x94;fk-molndal\r\n",
		"a workbook": "PK\x03\x04\x14\x00\x06\x00",
	} {
		cmd := ctl(t, s, program, "post", write(t, "x.csv", text))
		if code, out := exitCode(t, cmd); code != 1 || !strings.Contains(out, "spara den som CSV UTF-8") {
			t.Errorf("%s: exit code %d, %s", sentence, code, out)
		}
	}
}

func TestCase_E_EmptiedRowsAreNotPosted(t *testing.T) {
	t.Parallel()
	s, program := suite.OneProcess(t, unlimited...), filepath.Join(suite.Programs(t), "finsamctl")
	r := rand.New(rand.NewPCG(11, 6))
	path := write(t, "x.csv", strings.Join([]string{sheetHead, ";;;;", sheetRow("T-1", r), "", " ; ;;", sheetRow("T-2", r) + ";;;", ";;;;", ""}, "\r\n"))
	report, code, said := postFile(t, ctl(t, s, program, "post", path))
	if code != 0 || len(report) != 2 || report[0]["row"] != "3" || report[1]["row"] != "6" {
		t.Errorf("exit code %d: %v %s", code, report, said)
	}
}
