// Package contract checks requests against a service's contract: parameters, bodies and
// forms. What is wrong comes back as fields, each with a stable code and a sentence in
// Swedish and English that repeats no value of the caller's.
//
// It reads what package compile makes of the service's openapi.yaml at `make generate`:
// a program that starts reads no YAML.
package contract

import (
	"encoding/json"
	"errors"
	"fmt"
)

const maxDepth = 32 // arrays and objects within one another

// Contract is what requests to a service are checked against.
type Contract struct {
	Operations []*Operation       `json:"operations"`
	Schemas    map[string]*Schema `json:"schemas,omitempty"` // for what a handler checks itself
}

// Operation is what the contract says of one operation. It may be used by many
// requests at once.
type Operation struct {
	ID         string      `json:"operationId"`
	Method     string      `json:"method"`
	Path       string      `json:"path"`                 // without the base path, such as "/referrals/{id}"
	Public     bool        `json:"public,omitzero"`      // `security: []`: no token is needed
	LongPoll   bool        `json:"x-long-poll,omitzero"` // the answer may wait for what is new
	Transfer   bool        `json:"x-transfer,omitzero"`  // the body or the answer is large and takes its time
	Parameters []Parameter `json:"parameters,omitempty"`
	Body       *Schema     `json:"body,omitempty"`    // nil: no JSON body is taken
	Required   bool        `json:"required,omitzero"` // the body may not be left out
	BodyLimit  int64       `json:"x-body-limit"`      // bytes
	Form       bool        `json:"form,omitzero"`     // the body is multipart/form-data, which the handler reads as it comes
}

// Parameter is one parameter of an operation: a single value or, in the query, a list
// (form style, exploded or by commas).
type Parameter struct {
	Name     string  `json:"name"`
	In       string  `json:"in"` // "path", "query" or "header"
	Required bool    `json:"required,omitzero"`
	Explode  bool    `json:"explode,omitzero"`
	Schema   *Schema `json:"schema"`
}

// Read reads a contract that package compile has written.
func Read(compiled []byte) (*Contract, error) {
	if len(compiled) == 0 {
		return nil, errors.New("the contract is empty")
	}
	c := &Contract{}
	if err := json.Unmarshal(compiled, c); err != nil {
		return nil, fmt.Errorf("read the contract: %w", err)
	}
	return c, nil
}

// Schema returns a schema of the contract by its name.
func (c *Contract) Schema(name string) (*Schema, error) {
	s := c.Schemas[name]
	if s == nil {
		return nil, fmt.Errorf("the contract has no schema %s", name)
	}
	return s, nil
}
