package main

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"
)

// report writes the outcome of every row, in the order of the file within each batch, and
// counts them.
type report struct {
	csv        *csv.Writer
	json       *json.Encoder
	file       *os.File // nil: standard output
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
	r.csv = csv.NewWriter(out)
	return r, r.csv.Write([]string{"row", "status", "id", "registryNumber", "code", "detail", "fields"})
}

func (r *report) add(x result) {
	if x.taken() {
		r.taken++
	} else {
		r.not++
	}
	if r.json != nil {
		_ = r.json.Encode(struct {
			result
			Key *string `json:"key,omitempty"` // hides the key, which only the journal needs
		}{result: x})
		return
	}
	status := ""
	if x.Status > 0 {
		status = strconv.Itoa(x.Status)
	}
	_ = r.csv.Write([]string{strconv.Itoa(x.Row), status, x.ID, x.RegistryNumber, x.Code, x.Detail, strings.Join(x.Fields, "; ")})
}

func (r *report) close() error {
	var err error
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
	fmt.Fprintf(p.progress, "%d rows: %d received, %d not received\n", p.report.taken+p.report.not, p.report.taken, p.report.not)
}
