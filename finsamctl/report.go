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

// report tells of every row what became of it, in the order of the file as far as
// batches go, and counts.
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
	x.Key = "" // of use to the journal only
	if r.json != nil {
		_ = r.json.Encode(struct {
			result
			Key *string `json:"key,omitempty"` // hides the journal's key
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
		err = flush(r.csv)
	}
	if r.file != nil {
		err = errors.Join(err, r.file.Sync(), r.file.Close())
	}
	return err
}

// betweenProgress is how often progress is told.
const betweenProgress = 2 * time.Second

// tell returns how far it has come; at the end always.
func (p *poster) tell(end bool) {
	if !end && time.Since(p.told) < betweenProgress {
		return
	}
	p.told = time.Now()
	fmt.Fprintf(p.progress, "%d rows: %d taken, %d not\n", p.report.taken+p.report.not, p.report.taken, p.report.not)
}
