package rest

import (
	"archive/zip"
	"bytes"
	"encoding/csv"
	"encoding/xml"
	"fmt"
	"io"
	"slices"
	"testing"

	api "github.com/finsam/finsam/pkg/api/activity"
)

// TestFiguresAreTheSameInEachFormat books somebody who came, and reads that as JSON, CSV and XLSX.
func TestFiguresAreTheSameInEachFormat(t *testing.T) {
	f := newFace(t)
	b := f.booking()
	f.do(coach, "POST", "/bookings/"+b.Id+"/attendances", object{"date": "2026-11-17", "attendance": "present"}, "If-Match", `"1"`).Into(t, 200, &b)
	const path = "/activity-figures?from=2026-W46&to=2026-W47"
	var figures api.ActivityFigures
	f.do(coach, "GET", path, nil).Into(t, 200, &figures)
	i := slices.IndexFunc(figures.Items, func(x api.ActivityFigure) bool { return len(x.Attendance) > 0 })
	if i < 0 || *figures.Municipality != "1481" || figures.Items[i].Category != "social" || figures.Items[i].Attendance[0].Present != 1 {
		t.Fatalf("%+v", figures)
	}
	file := func(format, media string) []byte {
		t.Helper()
		a := f.do(coach, "GET", path+"&format="+format, nil)
		if a.Status != 200 || a.Header.Get("Content-Type") != media || a.Header.Get("Content-Disposition") != `attachment; filename="aktiviteter-2026-W46-2026-W47.`+format+`"` {
			t.Fatalf("%d %v %s", a.Status, a.Header, a.Body)
		}
		return a.Body
	}
	r := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(file("csv", "text/csv"), []byte("\xef\xbb\xbf"))))
	r.Comma = ';'
	rows, err := r.ReadAll()
	if err != nil || !slices.ContainsFunc(rows, func(row []string) bool {
		return slices.Equal(row, []string{"2026-W47", "Social samvaro", "Närvarande", "Mölndal", "", "1"})
	}) {
		t.Errorf("%v: %q", err, rows)
	}
	book := file("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet")
	z, err := zip.NewReader(bytes.NewReader(book), int64(len(book)))
	if err != nil {
		t.Fatal(err)
	}
	part, err := z.Open("xl/worksheets/sheet1.xml")
	if err != nil {
		t.Fatal(err)
	}
	defer part.Close()
	text, err := io.ReadAll(part)
	if err != nil {
		t.Fatal(err)
	}
	var read struct {
		Rows []struct {
			Cells []string `xml:"c>is>t"`
		} `xml:"sheetData>row"`
	}
	if err := xml.Unmarshal(text, &read); err != nil || len(read.Rows) != len(rows) {
		t.Fatalf("%v: %d rows, and %d in the CSV file", err, len(read.Rows), len(rows))
	}
	for i, row := range rows {
		full := slices.DeleteFunc(slices.Clone(row), func(cell string) bool { return cell == "" }) // an empty cell is left out
		if fmt.Sprint(read.Rows[i].Cells) != fmt.Sprint(full) {
			t.Errorf("row %d is %q, and %q in the CSV file", i+1, read.Rows[i].Cells, full)
		}
	}
}
