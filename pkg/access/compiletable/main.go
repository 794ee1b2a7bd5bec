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
	var groups map[string]map[string][]map[string]any
	var table []byte
	text, err := os.ReadFile("table.yaml")
	if err == nil {
		err = yaml.Unmarshal(text, &groups)
	}
	if err == nil {
		table, err = json.MarshalIndent(groups, "", " ")
	}
	if err == nil {
		err = os.WriteFile("table.json", append(table, '\n'), 0o644)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "compiletable:", err)
		os.Exit(1)
	}
}
