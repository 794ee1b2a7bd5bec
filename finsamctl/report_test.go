package main

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"testing"
)

// full is a disk that has no room left.
type full struct{}

var errFull = errors.New("no space left on device")

func (full) Write([]byte) (int, error) { return 0, errFull }

func TestAReportThatCannotBeWrittenFailsTheRun(t *testing.T) {
	for name, r := range map[string]*report{"json": {json: json.NewEncoder(full{})}, "csv": {csv: csv.NewWriter(full{})}} {
		r.add(result{Row: 1, Status: 201, ID: "x"})
		if err := r.close(); !errors.Is(err, errFull) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
