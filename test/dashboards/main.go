// Command dashboards writes the chart's Grafana dashboards from their description
// in this package:
//
//	go run ./dashboards ../deploy/helm/finsam/dashboards
//
// A dashboard asks for a data source and a namespace by variables, so that it
// fits every installation. Package prometheus, beside this one, holds each query
// against a running suite.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

//go:generate go run . ../../deploy/helm/finsam/dashboards

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: dashboards FOLDER")
		os.Exit(2)
	}
	if err := write(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "dashboards:", err)
		os.Exit(1)
	}
}

// all are the dashboards by the name of their file.
func all() map[string]board {
	boards := map[string]board{
		"overview":      overview(),
		"gateway":       gateway(),
		"service-level": serviceLevel(),
	}
	for _, name := range []string{"referral", "participant", "activity"} {
		boards[name] = service(name)
	}
	return boards
}

func write(folder string) error {
	for name, b := range all() {
		text, err := render(b)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(folder, name+".json"), text, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// render gives a dashboard as Grafana reads it.
func render(b board) ([]byte, error) {
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	err := e.Encode(b.grafana())
	return out.Bytes(), err
}
