// Command crdschemas writes the JSON schemas of custom resources, as kubeconform
// reads them, from the YAML of their definitions: one file per kind and version,
// strict, so that a field that does not exist fails.
//
//	crdschemas OUT CRD.yaml...
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"sigs.k8s.io/yaml"
)

// definition is what is read of a CustomResourceDefinition.
type definition struct {
	Spec struct {
		Group    string                `json:"group"`
		Names    struct{ Kind string } `json:"names"`
		Versions []struct {
			Name   string `json:"name"`
			Schema struct {
				Root map[string]any `json:"openAPIV3Schema"`
			} `json:"schema"`
		} `json:"versions"`
	} `json:"spec"`
}

func main() {
	if len(os.Args) < 3 {
		fmt.Fprintln(os.Stderr, "usage: crdschemas OUT CRD.yaml...")
		os.Exit(2)
	}
	for _, file := range os.Args[2:] {
		if err := write(os.Args[1], file); err != nil {
			fmt.Fprintf(os.Stderr, "crdschemas: %s: %v\n", file, err)
			os.Exit(1)
		}
	}
}

func write(out, file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var d definition
	if err := yaml.Unmarshal(text, &d); err != nil {
		return err
	}
	if len(d.Spec.Versions) == 0 {
		return errors.New("defines no version")
	}
	for _, v := range d.Spec.Versions {
		properties, ok := v.Schema.Root["properties"].(map[string]any)
		if !ok {
			return fmt.Errorf("version %s has no schema", v.Name)
		}
		// The definitions leave metadata to the API server.
		properties["metadata"] = map[string]any{"type": "object"}
		strict(v.Schema.Root)
		schema, err := json.Marshal(v.Schema.Root)
		if err != nil {
			return err
		}
		group, _, _ := strings.Cut(d.Spec.Group, ".")
		name := strings.ToLower(d.Spec.Names.Kind + "-" + group + "-" + v.Name + ".json")
		if err := os.WriteFile(filepath.Join(out, name), schema, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// strict shuts every object that names its properties, and writes a number or
// text in the way that JSON schema knows.
func strict(schema map[string]any) {
	if schema["x-kubernetes-int-or-string"] == true {
		schema["type"] = []any{"integer", "string"}
		delete(schema, "anyOf")
	}
	if properties, ok := schema["properties"].(map[string]any); ok {
		if schema["additionalProperties"] == nil && schema["x-kubernetes-preserve-unknown-fields"] != true {
			schema["additionalProperties"] = false
		}
		for _, p := range properties {
			descend(p)
		}
	}
	// Not into allOf, anyOf, oneOf, not: they repeat parts of the properties only.
	descend(schema["items"])
	descend(schema["additionalProperties"])
}

func descend(schema any) {
	if s, ok := schema.(map[string]any); ok {
		strict(s)
	}
}
