package rest_test

import (
	"bytes"
	"encoding/csv"
	"slices"
	"strings"
	"testing"

	"github.com/xuri/excelize/v2"

	"github.com/finsam/finsam/pkg/accesslog"
	"github.com/finsam/finsam/pkg/web/webtest"
	"github.com/finsam/finsam/services/referral"
	"github.com/finsam/finsam/services/referral/referraltest"
)

const formula = "=HYPERLINK(A1) Påhittat kontor"

// withUnit loads a unit whose name is a formula, and sends a referral of it.
func withUnit(t *testing.T, f *front) (participant string) {
	t.Helper()
	u := unit()
	u["id"], u["name"] = "fk-molndal", formula
	a := f.do(t, webtest.Request{Method: "PUT", Path: "/units", As: referraltest.Admin,
		Body: map[string]any{"items": []any{u}}, Header: map[string]string{"If-Match": `"1"`}})
	if a.Status != 200 {
		t.Fatalf("%d %s", a.Status, a.Body)
	}
	return read(t, f.post(t, "FK-A", "a"), 201).Participant
}

// export asks for a file and reads it by another's reader.
func (f *front) export(t *testing.T, query, format string) [][]string {
	t.Helper()
	a := f.trust.Do(t, f.handler, webtest.Request{Method: "GET", Path: "/referral-exports?" + query + "&format=" + format, As: referraltest.Intake})
	media := map[string]string{"csv": "text/csv", "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"}[format]
	if a.Status != 200 || a.Header.Get("Content-Type") != media || a.Header.Get("Cache-Control") != "no-store" ||
		a.Header.Get("Content-Disposition") != `attachment; filename="remisser-2026-03-02.`+format+`"` {
		t.Fatalf("%d %v", a.Status, a.Header)
	}
	if format == "csv" {
		r := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(a.Body, []byte("\xef\xbb\xbf"))))
		r.Comma = ';'
		rows, err := r.ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		return rows
	}
	x, err := excelize.OpenReader(bytes.NewReader(a.Body))
	if err != nil {
		t.Fatal(err)
	}
	defer x.Close()
	rows, err := x.GetRows("Remisser")
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

func TestAnExportIsAFileThatOtherProgramsRead(t *testing.T) {
	for format, name := range map[string]string{"csv": "'" + formula, "xlsx": formula} {
		t.Run(format, func(t *testing.T) {
			f := newFront(t)
			withUnit(t, f)
			rows := f.export(t, "state=submitted", format)
			if len(rows) != 2 || len(rows[0]) != 15 || rows[0][0] != "Diarienummer" || rows[1][0] != "2026-000001" || rows[1][5] != name {
				t.Errorf("got %q", rows)
			}
			for _, row := range rows {
				for _, word := range referraltest.Canary {
					if strings.Contains(strings.Join(row, " "), word) {
						t.Errorf("it contains %q", word)
					}
				}
			}
			if none := f.export(t, "state=closed", format); len(none) != 1 {
				t.Errorf("of none: %q", none)
			}
		})
	}
}

func TestAnExportWithIdentitiesShowsWhomTheVaultShows(t *testing.T) {
	for _, format := range []string{"csv", "xlsx"} {
		f := newFront(t)
		person := withUnit(t, f)
		rows := f.export(t, "identities=true", format)
		if len(rows) != 2 || !slices.Equal(rows[0][15:], []string{"Namn", "Personnummer"}) || !slices.Equal(rows[1][15:], []string{"Tolvan Kanariefågelsson", "19121212-****"}) {
			t.Errorf("%s: got %q", format, rows)
		}
		f.People.Who = map[string]referral.Identity{person: {Name: "Deltagare 7F3K"}}
		protected := strings.Join(f.export(t, "identities=true", format)[1], ";")
		if !strings.Contains(protected, "Deltagare 7F3K") || strings.Contains(protected, "Tolvan") || strings.Contains(protected, "1912") {
			t.Errorf("%s: got %s", format, protected)
		}
		f.holdsExports(t, person, 2)
	}
}

// holdsExports wants n exports of the person in the access log.
func (f *front) holdsExports(t *testing.T, person string, n int) {
	t.Helper()
	err := accesslog.Read(t.Context(), map[string]*accesslog.Log{"": f.AccessLog}, func(_ string, e accesslog.Entry) error {
		if e.Operation == "exportReferrals" && slices.Equal(e.Participants, []string{person}) && e.Outcome == accesslog.Done {
			n--
		}
		return nil
	})
	if err != nil || n != 0 {
		t.Errorf("%d entries are missing, %v", n, err)
	}
}

func TestWithoutTheAccessLogNoByteOfAnExportLeaves(t *testing.T) {
	f := newFront(t)
	withUnit(t, f)
	if err := f.AccessLog.Close(); err != nil {
		t.Fatal(err)
	}
	for _, format := range []string{"csv", "xlsx"} {
		a := f.trust.Do(t, f.handler, webtest.Request{Method: "GET", Path: "/referral-exports?identities=true&format=" + format, As: referraltest.Intake})
		if p := a.Problem(t, 503); p.Code != "access-not-logged" || a.Header.Get("Content-Disposition") != "" {
			t.Errorf("%s: %+v %v", format, p, a.Header)
		}
	}
}
