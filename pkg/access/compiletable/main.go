// Command compiletable writes table.json, which a program reads, from the table.yaml in
// the folder that it runs in.
package main

import (
	"encoding/json"
	"fmt"
	"os"

	"go.yaml.in/yaml/v3"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "compiletable:", err)
		os.Exit(1)
	}
}

func run() error {
	text, err := os.ReadFile("table.yaml")
	if err != nil {
		return err
	}
	var groups map[string]map[string][]map[string]any
	if err := yaml.Unmarshal(text, &groups); err != nil {
		return err
	}
	table, err := json.MarshalIndent(groups, "", " ")
	if err != nil {
		return err
	}
	return os.WriteFile("table.json", append(table, '\n'), 0o644)
}
