package main

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"io"
	"iter"
	"slices"
	"strings"
	"unicode/utf8"
)

// column is a CSV column and its place in the body of POST /referrals.
type column struct {
	name    string
	path    []string
	list    bool // several values, separated by "|"
	yes     bool // yes or no
	answers bool // to a checklist: "item=answer", separated by "|"
	example string
}

var columns = []column{
	{name: "externalReference", path: []string{"externalReference"}, example: "FK-2026-000001"},
	{name: "personalIdentityNumber", path: []string{"person", "personalIdentityNumber"}, example: "191212121212"},
	{name: "givenName", path: []string{"person", "givenName"}, example: "Tolvan"},
	{name: "familyName", path: []string{"person", "familyName"}, example: "Tolvansson (påhittad)"},
	{name: "gender", path: []string{"person", "gender"}, example: "male"},
	{name: "email", path: []string{"person", "email"}},
	{name: "phone", path: []string{"person", "phone"}},
	{name: "unit", path: []string{"unit"}, example: "fk-molndal"},
	{name: "source", path: []string{"source"}}, // only a municipality's; the example is an authority's
	{name: "wishedMunicipality", path: []string{"wishedMunicipality"}, example: "1481"},
	{name: "wishedInitiative", path: []string{"wishedInitiative"}, example: "activera"},
	{name: "reasons", path: []string{"targetGroup", "reasons"}, list: true, example: "long_absence"},
	{name: "authoritiesConcerned", path: []string{"targetGroup", "authoritiesConcerned"}, list: true, example: "social_insurance|region"},
	{name: "rightTime", path: []string{"rightTime"}, answers: true, example: "wants_to=ja|can_attend=nej"},
	{name: "consentGiven", path: []string{"consent", "given"}, yes: true, example: "ja"},
	{name: "consentGivenOn", path: []string{"consent", "givenOn"}, example: "2026-02-27"},
	{name: "consentTextVersion", path: []string{"consent", "textVersion"}, example: "2026-1"},
	{name: "consentAuthorities", path: []string{"consent", "authorities"}, list: true, example: "fk|molndal"},
	{name: "consentDataCategories", path: []string{"consent", "dataCategories"}, list: true},
	{name: "reason", path: []string{"reason"}, example: "Påhittat exempel."},
}

// template writes a sheet with the columns and one invented row, which the demo receives.
func template(w io.Writer) error {
	var names, example []string
	for _, col := range columns {
		names, example = append(names, col.name), append(example, col.example)
	}
	c, err := newSheet(w)
	if err != nil {
		return err
	}
	return c.WriteAll([][]string{names, example})
}

// newSheet begins a CSV file as the API's exports are, which a Swedish Excel opens: UTF-8
// with a byte order mark, semicolons, CRLF.
func newSheet(w io.Writer) (*csv.Writer, error) {
	_, err := io.WriteString(w, "\ufeff")
	c := csv.NewWriter(w)
	c.Comma, c.UseCRLF = ';', true
	return c, err
}

// separator returns what separates the cells: what a first line such as "sep=;" says,
// which is then left out as in a spreadsheet, otherwise what the first line has most of.
func separator(in *bufio.Reader) rune {
	head, _ := in.Peek(4096) // a file that cannot be read fails when it is read
	line, _, _ := bytes.Cut(head, []byte("\n"))
	text := strings.Trim(string(bytes.TrimSuffix(line, []byte("\r"))), `"`)
	if name, mark, ok := strings.Cut(text, "="); ok && strings.EqualFold(name, "sep") && utf8.RuneCountInString(mark) == 1 {
		_, _ = in.Discard(min(len(line)+1, len(head)))
		r, _ := utf8.DecodeRuneInString(mark)
		return r
	}
	most := ','
	for _, r := range ";\t" {
		if strings.Count(text, string(r)) > strings.Count(text, string(most)) {
			most = r
		}
	}
	return most
}

// sheet reads the rows of a CSV file as a spreadsheet shows them.
type sheet struct {
	*csv.Reader
	inside int // line breaks within cells so far
}

// next returns the cells of the next row that is not empty, without empty ones at its end,
// and its number: a row of several lines counts once, an empty one too.
func (s *sheet) next() (cells []string, n int, err error) {
	for len(cells) == 0 {
		if cells, err = s.Read(); err != nil {
			var wrong *csv.ParseError
			if errors.As(err, &wrong) {
				n = wrong.StartLine - s.inside
			}
			return nil, n, err
		}
		line, _ := s.FieldPos(0)
		n = line - s.inside
		for _, c := range cells {
			s.inside += strings.Count(c, "\n")
		}
		for len(cells) > 0 && strings.TrimSpace(cells[len(cells)-1]) == "" {
			cells = cells[:len(cells)-1]
		}
	}
	return cells, n, nil
}

// csvRows reads a CSV file whose first row names the columns.
func csvRows(in *bufio.Reader, l language) (iter.Seq2[row, error], error) {
	comma := separator(in)
	s := &sheet{Reader: csv.NewReader(in)}
	s.Comma, s.ReuseRecord, s.FieldsPerRecord = comma, true, -1
	names, _, err := s.next()
	if err != nil {
		return nil, errors.New(l.say("den första raden namnger inte kolumnerna; --print-template visar dem", "the first row does not name the columns; --print-template shows them"))
	}
	var cols []column // found by name, in any order and any case
	for i, name := range names {
		at := slices.IndexFunc(columns, func(c column) bool { return strings.EqualFold(c.name, strings.TrimSpace(name)) })
		if at < 0 {
			return nil, errors.New(l.say("kolumn %d har ett okänt namn; --print-template visar dem som finns", "column %d has an unknown name; --print-template shows the valid ones", i+1))
		}
		if slices.ContainsFunc(cols, func(c column) bool { return c.name == columns[at].name }) {
			return nil, errors.New(l.say("kolumnen %s finns två gånger", "the column %s occurs twice", columns[at].name))
		}
		cols = append(cols, columns[at])
	}
	return func(yield func(row, error) bool) {
		for {
			cells, n, err := s.next()
			if errors.Is(err, io.EOF) {
				return
			}
			if wrong := (*csv.ParseError)(nil); errors.As(err, &wrong) {
				// After an unterminated quote it is unknown where a row begins.
				yield(row{}, errors.New(l.say("rad %d: ett citattecken är fel placerat eller avslutas inte", "row %d: a quotation mark is misplaced or not closed", n)))
				return
			}
			if err != nil {
				yield(row{}, errors.New(l.say("filen kan inte läsas till slutet", "the file cannot be read to its end")))
				return
			}
			r := row{n: n, err: &errRow{"wrong-number-of-columns", l.say("Raden har fler kolumner än den första raden.", "The row has more columns than the first row.")}}
			if len(cells) <= len(cols) {
				r = fromCSV(n, cols, cells, l)
			}
			if !yield(r, nil) {
				return
			}
		}
	}, nil
}

var (
	yesWords = []string{"ja", "yes", "true", "1", "x"}
	noWords  = []string{"nej", "no", "false", "0"}
)

// fromCSV creates the body of a row, without the empty cells.
func fromCSV(n int, cols []column, cells []string, l language) row {
	body, wrong := map[string]any{}, row{n: n}
	fail := func(code, sv, en string, values ...any) row {
		wrong.err = &errRow{code, l.say(sv, en, values...)}
		return wrong
	}
	for i, cell := range cells {
		c, text := cols[i], strings.TrimSpace(cell)
		if strings.ContainsRune(text, utf8.RuneError) { // also a character that could not be decoded
			return fail("not-utf-8", "Kolumnen %s har tecken som inte kan läsas.", "The column %s has characters that cannot be read.", c.name)
		}
		if text == "" {
			continue
		}
		if c.name == "externalReference" {
			wrong.reference = safeReference(text)
		}
		var value any = text
		switch word := strings.ToLower(text); {
		case c.list:
			value = split(text)
		case c.answers:
			all, ok := answers(word)
			if !ok {
				return fail("no-answer-to-an-item", "Kolumnen %s är inte punkt=svar med ja, nej eller unknown som svar.", "The column %s is not item=answer, with ja, nej or unknown as the answer.", c.name)
			}
			value = all
		case c.yes && slices.Contains(yesWords, word):
			value = true
		case c.yes && slices.Contains(noWords, word):
			value = false
		case c.yes:
			return fail("neither-yes-nor-no", "Kolumnen %s är varken ja eller nej.", "The column %s is neither ja nor nej.", c.name)
		}
		at := body
		for _, name := range c.path[:len(c.path)-1] {
			if at[name] == nil {
				at[name] = map[string]any{}
			}
			at = at[name].(map[string]any)
		}
		at[c.path[len(c.path)-1]] = value
	}
	text, err := json.Marshal(body)
	if err != nil {
		return fail("not-json", "Raden kan inte skrivas som JSON.", "The row cannot be written as JSON.")
	}
	return checked(n, text, l)
}

// split returns the values of a list that are not empty.
func split(text string) []string {
	all := []string{}
	for part := range strings.SplitSeq(text, "|") {
		if part = strings.TrimSpace(part); part != "" {
			all = append(all, part)
		}
	}
	return all
}

// answer is the answer to an item of the "right time" checklist.
type answer struct {
	Item   string `json:"item"`
	Answer string `json:"answer"`
}

// answers reads the answers to a checklist; ok is false when one is not an answer.
func answers(text string) (all []answer, ok bool) {
	for _, part := range split(text) {
		item, word, _ := strings.Cut(part, "=")
		a := answer{strings.TrimSpace(item), strings.TrimSpace(word)}
		switch {
		case a.Item == "":
			return nil, false
		case slices.Contains(yesWords, a.Answer):
			a.Answer = "yes"
		case slices.Contains(noWords, a.Answer):
			a.Answer = "no"
		case a.Answer != "unknown":
			return nil, false
		}
		all = append(all, a)
	}
	return all, len(all) > 0
}
