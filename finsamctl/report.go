package main

import (
	"cmp"
	"encoding/csv"
	"encoding/json"
	"errors"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// report writes the outcome of every row, in the order of the file, and counts them.
type report struct {
	csv        *csv.Writer
	json       *json.Encoder
	file       *os.File // nil: standard output
	pending    []result // those since the last flush
	failed     error    // the first that a row could not be written for; of CSV the writer keeps it
	taken, not int
}

func newReport(path string, stdout io.Writer) (*report, error) {
	r := &report{}
	out := stdout
	if path != "-" {
		f, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
		if err != nil {
			return nil, err
		}
		r.file, out = f, f
	}
	if strings.HasSuffix(path, ".json") || strings.HasSuffix(path, ".jsonl") {
		r.json = json.NewEncoder(out) // a line per row
		return r, nil
	}
	var err error
	if r.csv, err = newSheet(out); err != nil {
		return nil, err
	}
	return r, r.csv.Write([]string{"row", "externalReference", "status", "id", "registryNumber", "code", "detail", "fields"})
}

// inert puts an apostrophe before what a spreadsheet would take for a formula, as the
// API's exports do.
func inert(cell string) string {
	if cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0])) {
		return "'" + cell
	}
	return cell
}

func (r *report) add(x result) {
	if x.taken() {
		r.taken++
	} else {
		r.not++
	}
	r.pending = append(r.pending, x)
}

// flush writes what was added: every row up to the last one that was added.
func (r *report) flush() {
	slices.SortStableFunc(r.pending, func(a, b result) int { return cmp.Compare(a.Row, b.Row) })
	for _, x := range r.pending {
		r.write(x)
	}
	r.pending = r.pending[:0]
}

func (r *report) write(x result) {
	if r.json != nil {
		err := r.json.Encode(struct {
			result
			Key *string `json:"key,omitempty"` // hides the key, which only the journal needs
		}{result: x})
		r.failed = cmp.Or(r.failed, err)
		return
	}
	status := ""
	if x.Status > 0 {
		status = strconv.Itoa(x.Status)
	}
	_ = r.csv.Write([]string{strconv.Itoa(x.Row), inert(x.Reference), status, x.ID, x.RegistryNumber, x.Code, x.Detail, strings.Join(x.Fields, "; ")})
}

func (r *report) close() error {
	r.flush()
	err := r.failed
	if r.csv != nil {
		r.csv.Flush()
		err = r.csv.Error()
	}
	if r.file != nil {
		err = errors.Join(err, r.file.Sync(), r.file.Close())
	}
	return err
}

const progressInterval = 2 * time.Second

// showProgress prints the counts, at most once per interval and always at the end.
func (p *poster) showProgress(end bool) {
	if !end && time.Since(p.shownAt) < progressInterval {
		return
	}
	p.shownAt = time.Now()
	p.notice("%d rader: %d mottagna, %d inte mottagna", "%d rows: %d received, %d not received", p.report.taken+p.report.not, p.report.taken, p.report.not)
}
