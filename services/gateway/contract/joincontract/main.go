// Command joincontract joins the services' OpenAPI documents into the one that the
// outside sees, ../openapi.json, and writes the gateway's view of its operations,
// ../operations.json, and the AsyncAPI document of the events, ../asyncapi.json. `go
// generate` runs it in the folder above.
//
// A service documents its success responses only. What applies to every operation is
// added here: problem responses, tracing, limits, roles from the access table.
package main

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/finsam/finsam/pkg/access"
	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/services/gateway/contract"
)

// frame has everything but the services' paths and components.
//
//go:embed gateway.yaml
var frame []byte

// source is one service's document.
type source struct {
	service string
	spec    []byte // OpenAPI 3.0.3 as YAML or JSON
}

func main() {
	if err := run(filepath.Join("..", "..", "..", "pkg", "api"), "."); err != nil {
		fmt.Fprintln(os.Stderr, "joincontract:", err)
		os.Exit(1)
	}
}

// run reads the documents below the folder apis and writes into the folder out.
func run(apis, out string) error {
	var sources []source
	for _, name := range []string{"referral", "participant", "activity"} {
		spec, err := os.ReadFile(filepath.Join(apis, name, "openapi.yaml"))
		if err != nil {
			return err
		}
		sources = append(sources, source{name, spec})
	}
	document, table, err := join(sources...)
	if err != nil {
		return err
	}
	view := contract.Table{Operations: table}
	var doc struct{ Info *contract.Info }
	doc.Info = &view.Info
	if err := json.Unmarshal(document, &doc); err != nil {
		return err
	}
	operations, err := json.MarshalIndent(view, "", " ")
	if err != nil {
		return err
	}
	whole, err := openapi3.NewLoader().LoadFromData(document)
	if err != nil {
		return err
	}
	events, err := asyncAPI(whole)
	return errors.Join(err,
		os.WriteFile(filepath.Join(out, "asyncapi.json"), events, 0o644),
		os.WriteFile(filepath.Join(out, "openapi.json"), document, 0o644),
		os.WriteFile(filepath.Join(out, "operations.json"), append(operations, '\n'), 0o644))
}

// join returns the document of all the services' documents, as JSON, and the gateway's
// view of it. Every error names the service and the place.
func join(sources ...source) ([]byte, []contract.Operation, error) {
	var table []contract.Operation
	sources = append([]source{{contract.Own, frame}}, sources...)
	docs := make([]*openapi3.T, len(sources))
	for i, s := range sources {
		doc, err := openapi3.NewLoader().LoadFromData(s.spec)
		if err == nil && doc.OpenAPI != "3.0.3" {
			err = fmt.Errorf("openapi is %q, not 3.0.3", doc.OpenAPI)
		}
		if err == nil && i > 0 && doc.Components != nil { // of another kind than these, a reference would lead nowhere
			into, from := docs[0].Components, doc.Components
			err = errors.Join(
				merge("schemas", &into.Schemas, from.Schemas), merge("parameters", &into.Parameters, from.Parameters),
				merge("headers", &into.Headers, from.Headers), merge("responses", &into.Responses, from.Responses),
				merge("examples", &into.Examples, from.Examples))
		}
		if err != nil {
			return nil, table, fmt.Errorf("the document of %s: %w", s.service, err)
		}
		docs[i] = doc
	}
	root := docs[0]
	if err := addProblems(root.Components); err != nil {
		return nil, table, err
	}
	for i, s := range sources {
		operations, err := addPaths(root, docs[i], s.service)
		if err != nil {
			return nil, table, fmt.Errorf("the document of %s: %w", s.service, err)
		}
		table = append(table, operations...)
	}
	document, err := json.Marshal(root)
	if err != nil {
		return nil, table, err
	}
	// The whole is read as others will: a reference that leads nowhere, two paths that match
	// the same requests and an operation id that occurs twice are errors.
	loader := openapi3.NewLoader()
	whole, err := loader.LoadFromData(document)
	if err != nil {
		return nil, table, err
	}
	addExamples(whole)
	if err := whole.Validate(loader.Context, openapi3.EnableExamplesValidation()); err != nil {
		return nil, table, err
	}
	document, err = json.MarshalIndent(whole, "", " ")
	return append(document, '\n'), table, err
}

// merge adds components of one kind. Two of one name must be the same: a client
// generated from the whole has one type of that name.
func merge[M ~map[string]V, V any](kind string, into *M, from M) error {
	if *into == nil {
		*into = M{}
	}
	for name, c := range from {
		if before, ok := (*into)[name]; ok && !reflect.DeepEqual(before, c) {
			return fmt.Errorf("component %s/%s differs from the one of the same name in another document", kind, name)
		}
		(*into)[name] = c
	}
	return nil
}

// addPaths adds a document's tags, and its paths but for internal operations.
func addPaths(root, doc *openapi3.T, service string) ([]contract.Operation, error) {
	if doc != root {
		for _, tag := range doc.Tags {
			if tag.Extensions["x-internal"] != true {
				root.Tags = append(root.Tags, tag)
			}
		}
	}
	var all []contract.Operation
	for _, path := range slices.Sorted(maps.Keys(doc.Paths.Map())) {
		item, count := doc.Paths.Value(path), len(all)
		for _, method := range []string{"GET", "POST", "PUT", "PATCH", "DELETE"} {
			op := item.GetOperation(method)
			if op == nil {
				continue
			}
			if op.Extensions["x-internal"] == true {
				item.SetOperation(method, nil)
				continue
			}
			o, err := readOperation(op)
			o.Method, o.Path, o.Service = method, path, service
			if err == nil {
				err = check(o)
			}
			if err == nil && service != contract.Own {
				err = authorise(o, op)
			}
			if err != nil {
				return nil, fmt.Errorf("%s %s: %w", method, path, err)
			}
			// The national profile takes a path's own parameters for an operation (DOK.19).
			op.Parameters = slices.Concat(item.Parameters, op.Parameters)
			complete(root.Components, o, op)
			all = append(all, o)
		}
		item.Parameters = nil
		if len(all) == count || doc == root {
			continue
		}
		if root.Paths.Value(path) != nil {
			return nil, fmt.Errorf("%s: another document has this path already", path)
		}
		root.Paths.Set(path, item)
	}
	return all, nil
}

// maxBody is how many bytes a body may have where the contract says nothing else.
const maxBody = 1 << 20

// readOperation reads what a document says of an operation. An unknown extension is an
// error: a misspelt one would silently not apply.
func readOperation(op *openapi3.Operation) (contract.Operation, error) {
	o := contract.Operation{Cost: 1, BodyLimit: maxBody}
	extensions, err := json.Marshal(op.Extensions)
	if err != nil {
		return o, err
	}
	d := json.NewDecoder(bytes.NewReader(extensions))
	d.DisallowUnknownFields()
	err = d.Decode(&o)
	o.ID, o.Public = op.OperationID, op.Security != nil && len(*op.Security) == 0
	if op.RequestBody != nil {
		o.Body, o.Form = true, op.RequestBody.Value.Content["multipart/form-data"] != nil
	}
	for _, p := range op.Parameters {
		if cost, ok := p.Value.Extensions["x-cost"].(float64); ok && p.Value.In == "query" {
			if o.Dear == nil {
				o.Dear = contract.Dear{}
			}
			o.Dear[p.Value.Name] = int(cost)
		}
	}
	return o, err
}

// pathForm is what a path may be: lower-case words separated by "-", parameters of
// lower-case letters (UFN.08, UFN.09, RES.06).
var pathForm = regexp.MustCompile(`^(/([a-z0-9][a-z0-9.-]*|\{[a-z]+\}))+$`)

// check refuses what the gateway could not serve, or should not.
func check(o contract.Operation) error {
	switch cached := o.Cache.Seconds != 0 || o.Cache.EmptiedBy != nil; {
	case o.ID == "":
		return errors.New("operationId is missing")
	case !pathForm.MatchString(o.Path):
		return errors.New(`a path is lower-case words separated by "-", its parameters lower-case letters`)
	case o.Cost < 1 || o.Cost > 100: // so that no call is beyond every limit
		return errors.New("x-cost is not a whole number from 1 to 100")
	case slices.ContainsFunc(slices.Collect(maps.Values(o.Dear)), func(cost int) bool { return cost < 1 || o.Cost+cost > 100 }):
		return errors.New("x-cost of a parameter is not a whole number from 1 on that leaves the call at most 100")
	case o.BodyLimit < maxBody || o.BodyLimit > 64*maxBody:
		return fmt.Errorf("x-body-limit is not a whole number from %d to %d", maxBody, 64*maxBody)
	case o.Form && !o.Transfer:
		return errors.New("a form contains a file, and needs x-transfer: true")
	case !cached:
		return nil
	case o.Cache.Seconds < 1 || o.Cache.Seconds > 3600:
		return errors.New("x-cache.seconds is not a whole number from 1 to 3600")
	case o.Cache.Until != "" && o.Cache.Until != contract.Midnight:
		return errors.New("x-cache.until is not midnight")
	case o.Personal:
		return errors.New("x-cache and x-personal: personal data are never cached")
	case o.Method != "GET":
		return errors.New("x-cache is for GET only")
	case o.Public:
		return errors.New("x-cache needs a token, which names the association that the answer is kept for")
	case o.Cache.EmptiedBy == nil: // empty: it is held in files, which change without an event
		return errors.New("x-cache.emptiedBy is missing; a cache that nothing empties shows what is no longer so")
	}
	for _, c := range access.Row(o.ID) {
		if c.Relation != access.Association || c.Consent != "" || c.Named {
			return fmt.Errorf("x-cache: an answer is kept for a role, but the role %s needs more than that", c.Role)
		}
	}
	return nil
}

// authorise adds the roles of the access table. Nobody could call an operation without a
// row; with a row but no token anybody could.
func authorise(o contract.Operation, op *openapi3.Operation) error {
	row := access.Row(o.ID)
	if len(row) == 0 {
		return fmt.Errorf("%s: the access table has no row for it", o.ID)
	}
	if open := row[0].Relation == access.Public; open != o.Public {
		return fmt.Errorf("%s: security says public: %t, the access table says %t", o.ID, o.Public, open)
	}
	if op.Extensions == nil {
		op.Extensions = map[string]any{}
	}
	op.Extensions["x-roles"] = append([]actor.Role{}, access.RolesOf(o.ID)...) // [], not null
	if scope := access.ScopeOf(o.ID); scope != "" {
		op.Extensions["x-scope"] = scope
	}
	return nil
}
