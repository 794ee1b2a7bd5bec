package main

import (
	"os"
	"path/filepath"
	"testing"
)

func TestADefinitionBecomesAStrictSchemaPerVersion(t *testing.T) {
	dir := t.TempDir()
	crd := filepath.Join(dir, "crd.yaml")
	if err := os.WriteFile(crd, []byte(`
spec:
  group: routes.example.se
  names: { kind: Route }
  versions:
    - name: v1
      schema:
        openAPIV3Schema:
          type: object
          properties:
            metadata: { type: object }
            spec: { type: object, properties: { port: { x-kubernetes-int-or-string: true, anyOf: [{ type: integer }, { type: string }] } } }
            free: { type: object, x-kubernetes-preserve-unknown-fields: true, properties: { a: { type: string } } }
`), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := write(dir, crd); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(filepath.Join(dir, "route-routes-v1.json"))
	want := `{"additionalProperties":false,"properties":{"free":{"properties":{"a":{"type":"string"}},"type":"object","x-kubernetes-preserve-unknown-fields":true},` +
		`"metadata":{"type":"object"},"spec":{"additionalProperties":false,"properties":{"port":{"type":["integer","string"],"x-kubernetes-int-or-string":true}},"type":"object"}},"type":"object"}`
	if err != nil || string(got) != want {
		t.Errorf("%v\n%s", err, got)
	}
}

func TestWhatDefinesNothingIsRefused(t *testing.T) {
	file := filepath.Join(t.TempDir(), "x.yaml")
	if err := os.WriteFile(file, []byte("kind: ConfigMap\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := write(t.TempDir(), file); err == nil {
		t.Error("a ConfigMap was taken for a definition")
	}
}
