package main

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
)

// encoded returns a text in another encoding.
func encoded(t testing.TB, e encoding.Encoding, text string) string {
	t.Helper()
	out, err := e.NewEncoder().String(text)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

var (
	utf16LE = unicode.UTF16(unicode.LittleEndian, unicode.UseBOM)
	utf16BE = unicode.UTF16(unicode.BigEndian, unicode.UseBOM)
)

func TestASheetIsReadHoweverASpreadsheetSavesIt(t *testing.T) {
	const sheet = "givenName;familyName;consentGiven\r\nÅsa;Öst (påhittad);ja\r\n"
	want := `{"consent":{"given":true},"person":{"familyName":"Öst (påhittad)","givenName":"Åsa"}}`
	tabs := strings.ReplaceAll(sheet, ";", "\t")
	for sentence, text := range map[string]string{
		"as CSV UTF-8":                   "\ufeff" + sheet,
		"as UTF-8 without a mark":        sheet,
		"as CSV by Excel on Windows":     encoded(t, charmap.Windows1252, sheet),
		"as Unicode text by Excel":       encoded(t, utf16LE, tabs),
		"as UTF-16, the other way round": encoded(t, utf16BE, sheet),
		"with tabs":                      tabs,
		"with a line for Excel":          "sep=;\r\n" + sheet,
		"with that line in UTF-16":       encoded(t, utf16LE, "sep=\t\r\n"+tabs),
		"with that line in quotes":       "\"sep=,\"\n" + strings.ReplaceAll(sheet, ";", ","),
		"with empty columns at its end":  strings.ReplaceAll(sheet, "\r\n", ";;\r\n"),
		"with emptied rows":              ";;\r\n" + sheet + ";;\r\n\r\n ; ;\r\n",
	} {
		all, err := read(t, "x.csv", text)
		if err != nil || len(all) != 1 || string(all[0].body) != want {
			t.Errorf("%s: %v, %+v", sentence, err, all)
		}
	}
}

func TestAFileThatCannotBeReadSaysWhatToDo(t *testing.T) {
	const sheet = "givenName;familyName\nÅsa;Östlund\nÄlva;Åkesson\n"
	for sentence, c := range map[string]struct{ name, text, want string }{
		"letters of DOS":          {"x.csv", encoded(t, charmap.CodePage850, sheet), "teckenkodning"},
		"letters of an old Mac":   {"x.csv", encoded(t, charmap.Macintosh, sheet), "teckenkodning"},
		"UTF-16 without a mark":   {"x.csv", strings.TrimPrefix(encoded(t, utf16LE, sheet), "\xff\xfe"), "inte text"},
		"a workbook":              {"x.xlsx", "PK\x03\x04", "arbetsbok"},
		"a workbook named as CSV": {"x.csv", "PK\x03\x04\x00", "inte text"},
	} {
		if _, err := read(t, c.name, c.text); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", sentence, err)
		}
	}
}

func TestARowHasTheNumberThatASpreadsheetShows(t *testing.T) {
	text := "sep=;\r\nunit;reason\r\na;x\r\n\r\n;\r\nb;\"two\r\nlines\"\r\nc;y\r\nd;e;f\r\n"
	all, err := read(t, "x.csv", text)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range all {
		got = append(got, fmt.Sprint(r.n, r.err != nil))
	}
	if want := []string{"2 false", "5 false", "6 false", "7 true"}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestCellsBesideTheColumnsAreRefusedAndMissingOnesAreEmpty(t *testing.T) {
	all, err := read(t, "x.csv", "unit;reason;source;\na;b;;x\na\na;;;;;\n")
	if err != nil || len(all) != 3 {
		t.Fatalf("%v %+v", err, all)
	}
	var wrong *errRow
	if !errors.As(all[0].err, &wrong) || wrong.code != "wrong-number-of-columns" || string(all[1].body) != `{"unit":"a"}` || string(all[2].body) != `{"unit":"a"}` {
		t.Errorf("%+v", all)
	}
}

func TestAReferenceIsReportedUnlessItHoldsANumber(t *testing.T) {
	for text, want := range map[string]string{
		"FK-2026-000001": "FK-2026-000001", "202600012345": "202600012345", "": "",
		"FK-191212121212": "", "121212-1212 x": "", "191500882392": "", "a 701063 2391": "",
	} {
		if got := safeReference(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
	for name, text := range map[string]string{"x.csv": "externalReference;consentGiven\nD-1;kanske\nD-1;ja\n", "x.jsonl": `{"externalReference":"D-1"}` + "\n" + `{"externalReference":"D-1","unit":"a"}`} {
		all, err := read(t, name, text)
		if err != nil || len(all) != 2 || all[0].reference != "D-1" || all[1].reference != "D-1" {
			t.Errorf("%s: %v %+v", name, err, all)
		}
	}
}

// FuzzSheet reads a sheet in UTF-8 and in UTF-16: the rows are the same.
func FuzzSheet(f *testing.F) {
	f.Add("unit;reason\r\na;\"två\r\nrader\"\r\n;\r\n")
	f.Add("sep=\t\nunit\treason\t\nå\t\t\n")
	f.Add("unit,reason\na,\"b")
	f.Fuzz(func(t *testing.T, text string) {
		if !utf8.ValidString(text) || strings.ContainsAny(text, "\x00\ufeff\ufffd") {
			return // UTF-16 cannot say it, or the mark would be read as part of the encoding
		}
		want, wantErr := read(t, "x.csv", "\ufeff"+text)
		for _, e := range []encoding.Encoding{utf16LE, utf16BE} {
			got, err := read(t, "x.csv", encoded(t, e, text))
			if fmt.Sprint(err) != fmt.Sprint(wantErr) || !reflect.DeepEqual(got, want) {
				t.Fatalf("%v %+v, in UTF-8 %v %+v", err, got, wantErr, want)
			}
		}
	})
}
