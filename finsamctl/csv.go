package main

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
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
	{name: "unit", path: []string{"unit"}, example: "Sjukförsäkring Mölndal"},
	{name: "source", path: []string{"source"}}, // only a municipality's; the example is an authority's
	{name: "wishedMunicipality", path: []string{"wishedMunicipality"}, example: "1481"},
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

// template writes a CSV file with the columns and one invented row.
func template(w io.Writer) error {
	c := csv.NewWriter(w)
	c.Comma = ';'
	var names, example []string
	for _, col := range columns {
		names, example = append(names, col.name), append(example, col.example)
	}
	return c.WriteAll([][]string{names, example})
}

// csvRows reads a CSV file, separated by ";" or ",", whose first line names the columns.
func csvRows(in *bufio.Reader) (iter.Seq2[row, error], error) {
	first, err := in.Peek(4096)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, errors.New("the file cannot be read")
	}
	head, _, _ := strings.Cut(string(first), "\n")
	c := csv.NewReader(in)
	c.ReuseRecord = true
	if strings.Count(head, ";") > strings.Count(head, ",") {
		c.Comma = ';'
	}
	names, err := c.Read()
	if err != nil {
		return nil, errors.New("the first line does not name the columns; --print-template shows them")
	}
	var cols []column // found by name, in any order and any case
	for i, name := range names {
		at := slices.IndexFunc(columns, func(c column) bool { return strings.EqualFold(c.name, strings.TrimSpace(name)) })
		if at < 0 {
			return nil, fmt.Errorf("column %d has an unknown name; --print-template shows the valid ones", i+1)
		}
		if slices.ContainsFunc(cols, func(c column) bool { return c.name == columns[at].name }) {
			return nil, fmt.Errorf("the column %s occurs twice", columns[at].name)
		}
		cols = append(cols, columns[at])
	}
	return func(yield func(row, error) bool) {
		for n := 1; ; n++ {
			record, err := c.Read()
			if errors.Is(err, io.EOF) {
				return
			}
			var wrong *csv.ParseError
			if errors.As(err, &wrong) && !errors.Is(wrong.Err, csv.ErrFieldCount) {
				// After an unterminated quote it is unknown where a row begins.
				yield(row{}, fmt.Errorf("row %d, line %d: %w", n, wrong.Line, wrong.Err))
				return
			}
			if err != nil && wrong == nil {
				yield(row{}, errors.New("the file cannot be read to its end"))
				return
			}
			r := row{n: n, err: &errRow{"wrong-number-of-columns", "The row has another number of columns than the first line."}}
			if err == nil {
				r = fromCSV(n, cols, record)
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
func fromCSV(n int, cols []column, record []string) row {
	body := map[string]any{}
	for i, c := range cols {
		text := strings.TrimSpace(record[i])
		if !utf8.ValidString(text) {
			return row{n: n, err: &errRow{"not-utf-8", "The column " + c.name + " is not in UTF-8."}}
		}
		if text == "" {
			continue
		}
		var value any = text
		switch word := strings.ToLower(text); {
		case c.list:
			value = split(text)
		case c.answers:
			all, ok := answers(word)
			if !ok {
				return row{n: n, err: &errRow{"no-answer-to-an-item", "The column " + c.name + " is not item=answer, with ja, nej or unknown as the answer."}}
			}
			value = all
		case c.yes && slices.Contains(yesWords, word):
			value = true
		case c.yes && slices.Contains(noWords, word):
			value = false
		case c.yes:
			return row{n: n, err: &errRow{"neither-yes-nor-no", "The column " + c.name + " is neither ja nor nej."}}
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
		return row{n: n, err: &errRow{"not-json", "The row cannot be written as JSON."}}
	}
	return checked(n, text)
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
