// Package contract checks requests against the service's openapi.yaml (OpenAPI
// 3.0.3): parameters, bodies and forms. What is wrong comes back as fields, each with
// a stable code and a sentence in Swedish and English that repeats no value of the
// caller's.
package contract

import (
	"errors"
	"fmt"
	"maps"
	"sync"

	"github.com/getkin/kin-openapi/openapi3"
)

const (
	maxBody  = 1 << 20 // bytes, unless the operation's x-body-limit says otherwise
	maxDepth = 32      // arrays and objects within one another
)

// Operation is what the contract says of one operation. It may be used by many
// requests at once.
type Operation struct {
	ID       string
	Method   string
	Path     string // without the base path, such as "/referrals/{id}"
	Public   bool   // `security: []`: no token is needed
	LongPoll bool   // `x-long-poll: true`: the answer may wait for what is new
	Transfer bool   // `x-transfer: true`: the body or the answer is large and takes its time

	parameters   []parameter
	body         *openapi3.Schema // nil: no JSON body is taken
	bodyRequired bool
	bodyLimit    int64 // bytes
	form         bool  // the body is multipart/form-data, which the handler reads as it comes
}

// documents holds each contract that was read, by the address of its first byte: a
// contract is embedded in the program and never changes.
var documents sync.Map // *byte -> func() (*openapi3.T, error)

// document reads a contract, once for each spec: that takes longer than all else that a
// service does to start.
func document(spec []byte) (*openapi3.T, error) {
	if len(spec) == 0 {
		return nil, errors.New("the contract is empty")
	}
	read, _ := documents.LoadOrStore(&spec[0], sync.OnceValues(func() (*openapi3.T, error) { return openapi3.NewLoader().LoadFromData(spec) }))
	doc, err := read.(func() (*openapi3.T, error))()
	if err != nil {
		return nil, fmt.Errorf("read the contract: %w", err)
	}
	return doc, nil
}

// Operations returns the operations of a contract; none without one.
func Operations(spec []byte) ([]*Operation, error) {
	if len(spec) == 0 {
		return nil, nil
	}
	doc, err := document(spec)
	if err != nil {
		return nil, err
	}
	var operations []*Operation
	for path, item := range doc.Paths.Map() {
		for method, o := range item.Operations() {
			op := &Operation{ID: o.OperationID, Method: method, Path: path, bodyLimit: maxBody}
			if err := op.read(item, o); err != nil {
				return nil, fmt.Errorf("%s %s: %w", method, path, err)
			}
			operations = append(operations, op)
		}
	}
	return operations, nil
}

func (op *Operation) read(item *openapi3.PathItem, o *openapi3.Operation) error {
	if op.ID == "" {
		return errors.New("no operationId")
	}
	op.Public = o.Security != nil && len(*o.Security) == 0
	op.LongPoll = o.Extensions["x-long-poll"] == true
	if v, ok := o.Extensions["x-transfer"]; ok && v != true {
		return errors.New("x-transfer is true, or left out")
	}
	op.Transfer = o.Extensions["x-transfer"] == true
	if limit, ok := o.Extensions["x-body-limit"].(float64); ok {
		op.bodyLimit = int64(limit)
	}
	for _, refs := range []openapi3.Parameters{item.Parameters, o.Parameters} {
		for _, ref := range refs {
			p, err := newParameter(ref.Value)
			if err != nil {
				return err
			}
			op.parameters = append(op.parameters, p)
		}
	}
	if o.RequestBody == nil {
		return nil
	}
	body := o.RequestBody.Value
	if op.form = body.Content[formType] != nil && len(body.Content) == 1; op.form {
		return nil
	}
	media := body.Content["application/json"]
	if media == nil || media.Schema == nil || len(body.Content) != 1 {
		return errors.New("the body must be application/json with a schema or multipart/form-data, and nothing else")
	}
	op.body, op.bodyRequired = withoutItems(media.Schema.Value), body.Required
	return compilePatterns(op.body, map[*openapi3.Schema]bool{})
}

// itemsByHandler marks an array of a body whose items the handler checks one by one
// by a Schema, so that a wrong one does not refuse the others.
const itemsByHandler = "x-each"

// withoutItems returns the schema of a body without what the handler checks.
func withoutItems(s *openapi3.Schema) *openapi3.Schema {
	for name, p := range s.Properties {
		if p.Value == nil || p.Value.Extensions[itemsByHandler] != true {
			continue
		}
		object, list := *s, *p.Value
		list.Items = openapi3.NewSchemaRef("", openapi3.NewSchema())
		object.Properties = maps.Clone(s.Properties)
		object.Properties[name] = openapi3.NewSchemaRef("", &list)
		s = &object
	}
	return s
}
