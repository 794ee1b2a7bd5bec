package sheet

import (
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"github.com/xuri/excelize/v2"
)

var errFull = errors.New("full")

func TestACSVFileIsReadBackAsItWasWritten(t *testing.T) {
	s := NewCSV(errFull)
	rows := [][]string{{"Läge", "Enhet"}, {"inkommen; väntar", "Ett \"namn\""}, {"", "två\nrader"}}
	file := written(t, s, rows)
	if !bytes.HasPrefix(file, []byte("\xef\xbb\xbfL\xc3\xa4ge;Enhet\r\n")) {
		t.Errorf("it begins with %q", file[:20])
	}
	r := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(file, []byte(bom))))
	r.Comma = ';'
	got, err := r.ReadAll()
	if err != nil || !slices.EqualFunc(got, rows, slices.Equal) {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestNothingInACSVFileIsComputed(t *testing.T) {
	for cell, want := range map[string]string{
		"=1+1": "'=1+1", "+46": "'+46", "-1": "'-1", "@SUM(A1)": "'@SUM(A1)", "\t=1": "'\t=1", "\r=1": "'\r=1",
		"": "", "2026-000123": "2026-000123", "a=1": "a=1", "Åsa": "Åsa",
	} {
		if got := inert(cell); got != want {
			t.Errorf("%q became %q, want %q", cell, got, want)
		}
	}
	file := written(t, NewCSV(errFull), [][]string{{"=cmd|' /C calc'!A0", "b"}})
	if !bytes.HasPrefix(file, []byte(bom+"'=cmd")) {
		t.Errorf("got %q", file)
	}
}

func TestAnXLSXFileIsReadBackAndNothingInItIsComputed(t *testing.T) {
	s, err := NewXLSX("Remisser", errFull)
	if err != nil {
		t.Fatal(err)
	}
	rows := [][]string{{"Läge", "Enhet", "Kommun"}, {"=1+1", "", "Mölndal"}, {"@a", "<&>", "+1"}}
	f, err := excelize.OpenReader(bytes.NewReader(written(t, s, rows)))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	got, err := f.GetRows("Remisser")
	if err != nil || !slices.EqualFunc(got, rows, slices.Equal) {
		t.Errorf("got %q, %v", got, err)
	}
	for _, cell := range []string{"A2", "A3", "C3"} {
		formula, err := f.GetCellFormula("Remisser", cell)
		kind, kerr := f.GetCellType("Remisser", cell)
		if formula != "" || err != nil || kerr != nil || kind != excelize.CellTypeInlineString && kind != excelize.CellTypeSharedString {
			t.Errorf("%s is a formula %q of type %v, %v, %v", cell, formula, kind, err, kerr)
		}
	}
}

func TestAFileHasABoundAndNeverTouchesTheDisk(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	long := []string{strings.Repeat("å", 500), strings.Repeat("b", 1000)}
	x, err := NewXLSX("Remisser", errFull)
	if err != nil {
		t.Fatal(err)
	}
	for name, s := range map[string]Sheet{"csv": NewCSV(errFull), "xlsx": x} {
		n := 0
		for err = nil; err == nil && n < 20_000; n++ {
			err = s.Write(long)
		}
		if !errors.Is(err, errFull) || n < 7000 {
			t.Errorf("%s: %v after %d rows", name, err, n)
		}
	}
	x, err = NewXLSX("Remisser", errFull)
	if err != nil {
		t.Fatal(err)
	}
	cells := slices.Repeat([]string{"åtta"}, 17)
	rows := slices.Repeat([][]string{cells}, 25_000)
	written(t, x, rows)
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("on disk: %v, %v", left, err)
	}
}

func TestACellOfAnXLSXFileSaysWhatItWasMadeOf(t *testing.T) {
	s, err := NewXLSX("Remisser", errFull)
	if err != nil {
		t.Fatal(err)
	}
	long := strings.Repeat("å", maxCellLength)
	cells := map[string]string{
		" ": " ", " a ": " a ", "a\nb\tc": "a\nb\tc", "_x0041_": "_x0041_", "_x005F_x0041_x0042_": "_x005F_x0041_x0042_", "a_b _x": "a_b _x",
		"<a b=\"c\">&amp;'": "<a b=\"c\">&amp;'", "]]>": "]]>", "a\x00\x0b\xffb": "a\ufffd\ufffd\ufffdb", "🙂": "🙂",
		long: long, long + "b": long, "a" + strings.Repeat("🙂", 20_000): "a" + strings.Repeat("🙂", maxCellLength/2),
	}
	var given, want []string
	for cell, as := range cells {
		given, want = append(given, cell, ""), append(want, as, "")
	}
	given, want = append(slices.Repeat([]string{""}, 700), given...), append(slices.Repeat([]string{""}, 700), want...)
	f, err := excelize.OpenReader(bytes.NewReader(written(t, s, [][]string{{"Läge"}, given})))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for i := range want {
		at, _ := excelize.CoordinatesToCellName(i+1, 2)
		if got, err := f.GetCellValue("Remisser", at); err != nil || got != want[i] {
			t.Errorf("%s is %.40q, want %.40q, %v", at, got, want[i], err)
		}
	}
}

func written(t *testing.T, s Sheet, rows [][]string) []byte {
	t.Helper()
	for _, r := range rows {
		if err := s.Write(r); err != nil {
			t.Fatal(err)
		}
	}
	file, n, err := s.File()
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(file)
	if err != nil || int64(len(text)) != n {
		t.Fatalf("%d bytes of %d, %v", len(text), n, err)
	}
	return text
}

// Four files are made at once in 256 MiB.
func TestAFileTakesHardlyMoreMemoryThanItHasBytes(t *testing.T) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	s := NewCSV(errFull)
	row := []string{strings.Repeat("å", 500), strings.Repeat("b", 1000)}
	n := 0
	for s.Write(row) == nil {
		n++
	}
	runtime.ReadMemStats(&after)
	made := int(after.TotalAlloc - before.TotalAlloc - uint64(n)*uint64(unsafe.Sizeof("")*uintptr(len(row)))) // each row has its safe cells
	if n < 7000 || made > MaxBytes*11/10 {
		t.Errorf("%d bytes of memory for a file of %d rows and %d bytes", made, n, MaxBytes)
	}
}
