package main

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
)

// said is what a server says to one call: a status for the whole, or, when that
// is 0, one for each row of a batch.
type said struct {
	whole int
	rows  []int
}

// saying answers the calls one after another, and the rest with the last; it
// counts them and the rows in them.
func saying(t testing.TB, calls, rows *atomic.Int32, all ...said) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		now := all[min(int(calls.Add(1)), len(all))-1]
		var body struct{ Items []json.RawMessage }
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
			t.Error(err)
		}
		rows.Add(int32(max(len(body.Items), 1)))
		if now.whole >= 300 {
			w.WriteHeader(now.whole)
			fmt.Fprint(w, `{"code":"c","detail":"d"}`)
			return
		}
		if strings.HasSuffix(r.URL.Path, "/referrals") {
			w.WriteHeader(now.whole)
			fmt.Fprint(w, `{"id":"x"}`)
			return
		}
		var items []string
		for i := range body.Items {
			status := 201
			if i < len(now.rows) {
				status = now.rows[i]
			}
			what := `"id":"x"`
			if status >= 300 {
				what = `"problem":{"code":"c","detail":"d"}`
			}
			items = append(items, fmt.Sprintf(`{"index":%d,"status":%d,%s}`, i, status, what))
		}
		fmt.Fprintf(w, `{"items":[%s]}`, strings.Join(items, ","))
	}
}

// readReport returns the rows of a report by the names of its columns.
func readReport(t testing.TB, text string) []map[string]string {
	t.Helper()
	text, marked := strings.CutPrefix(text, "\ufeff")
	r := csv.NewReader(strings.NewReader(text))
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

// posts runs "finsamctl post" and returns a word per row: its status, or its code.
func posts(t testing.TB, c *connection, path string, args ...string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	cmd := root()
	cmd.SetArgs(append([]string{"post", path, "--url", c.url, "--quiet"}, args...))
	cmd.SetOut(&out)
	cmd.SetErr(io.Discard)
	runErr := cmd.ExecuteContext(t.Context())
	lines := readReport(t, out.String())
	words, first := make([]string, len(lines)), 1
	if filepath.Ext(path) == ".csv" {
		first = 2 // after the row of names
	}
	for _, l := range lines {
		n, err := strconv.Atoi(l["row"])
		if n -= first; err != nil || n < 0 || n >= len(words) || words[n] != "" {
			t.Fatalf("row %q is reported twice, or is not one of %d", l["row"], len(words))
		}
		if words[n] = l["status"]; l["status"] == "" {
			words[n] = l["code"]
		}
	}
	return strings.Join(words, " "), runErr
}

// lines writes a file of n rows.
func lines(t testing.TB, n int) string {
	t.Helper()
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "{\"a\":%d}\n", i)
	}
	path := filepath.Join(t.TempDir(), "x.jsonl")
	if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestARunThatFailsReportsEveryRowAndIsContinued(t *testing.T) {
	for sentence, c := range map[string]struct {
		answers []said
		want    string
		noted   int // rows in the journal
		again   int // rows that the next run posts
	}{
		"at once":                                   {[]said{{whole: 403}}, "403 403 403 403 not-posted not-posted", 0, 6},
		"as some rows come again":                   {[]said{{rows: []int{201, 503, 201, 422}}, {whole: 403}}, "201 503 201 422 not-posted not-posted", 4, 4},
		"in the second batch":                       {[]said{{}, {whole: 403}}, "201 201 201 201 403 403", 4, 2},
		"in the half of a batch":                    {[]said{{whole: 400}, {rows: []int{201, 422}}, {whole: 403}}, "201 422 403 403 not-posted not-posted", 2, 5},
		"as some rows of a half come again":         {[]said{{whole: 400}, {}, {rows: []int{503, 201}}, {whole: 403}}, "201 201 503 201 not-posted not-posted", 4, 3},
		"where the rows come again more than twice": {[]said{{rows: []int{201, 503, 503, 201}}, {rows: []int{201, 503}}, {whole: 401}}, "201 201 503 201 not-posted not-posted", 4, 3},
	} {
		t.Run(sentence, func(t *testing.T) {
			t.Setenv("FINSAM_TOKEN", "a-token")
			var calls, rows, moreCalls, moreRows atomic.Int32
			path := lines(t, 6)
			got, err := posts(t, serve(t, saying(t, &calls, &rows, c.answers...)), path, "--batch", "4")
			if err == nil || errors.Is(err, errNotAll) || got != c.want {
				t.Errorf("the report says %q, want %q; %v", got, c.want, err)
			}
			if n := int(calls.Load()); n != len(c.answers) {
				t.Errorf("%d calls, want %d", n, len(c.answers))
			}
			journal, err := os.ReadFile(path + ".finsam-journal")
			if n := bytes.Count(journal, []byte("\n")) - 1; err != nil || n != c.noted {
				t.Errorf("%d rows in the journal, want %d; %v", n, c.noted, err)
			}
			got, err = posts(t, serve(t, saying(t, &moreCalls, &moreRows, said{})), path, "--batch", "4")
			if n := int(moreRows.Load()); err != nil || n != c.again || got != "201 201 201 201 201 201" {
				t.Errorf("the next run posts %d rows, want %d, and says %q; %v", n, c.again, got, err)
			}
		})
	}
}

func TestARowThatIsTooLargeStopsNoOther(t *testing.T) {
	t.Setenv("FINSAM_TOKEN", "a-token")
	large := func(n int) string { return fmt.Sprintf(`{"unit":"%s"}`, strings.Repeat("x", n-len(`{"unit":""}`))) }
	for sentence, c := range map[string]struct{ name, text, want string }{
		"as lines":           {"x.jsonl", "{}\n" + large(maxRow+1) + "\n{\"a\":1}\n", "201 too-large 201"},
		"in a list":          {"x.json", "[{}," + large(maxRow+1) + ",{\"a\":1}]", "201 too-large 201"},
		"as CSV":             {"x.csv", "unit\na\n" + strings.Repeat("x", maxRow) + "\nb\n", "201 too-large 201"},
		"larger by blanks":   {"x.jsonl", "{}\n{" + strings.Repeat(" ", maxRow) + "\"b\":1}\n", "201 201"},
		"as large as may be": {"x.jsonl", "{}\n" + large(maxRow) + "\n", "201 201"},
		"for the server":     {"x.jsonl", "{}\n{\"large\":1}\n{\"a\":1}\n{\"a\":2}\n{\"a\":3}\n", "201 413 201 201 201"},
	} {
		var calls, rows atomic.Int32
		good := saying(t, &calls, &rows, said{})
		path := filepath.Join(t.TempDir(), c.name)
		if err := os.WriteFile(path, []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := posts(t, serve(t, func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				t.Error(err)
			}
			if r.Body = io.NopCloser(bytes.NewReader(body)); bytes.Contains(body, []byte("large")) {
				http.Error(w, "<h1>413</h1>", http.StatusRequestEntityTooLarge) // as a proxy says it
				return
			}
			good(w, r)
		}), path)
		if all := strings.Trim(got, "201 ") == ""; got != c.want || all != (err == nil) || !all && !errors.Is(err, errNotAll) {
			t.Errorf("%s: %q, want %q; %v", sentence, got, c.want, err)
		}
	}
}
