// Package contract is the OpenAPI document that the outside sees, the AsyncAPI document of
// the events beside it, and what the gateway must know of its operations: which service
// has a path, what may be cached and what empties it, how costly a call is. A new endpoint
// needs no line in the gateway.
//
// All are written by the program joincontract from the services' documents.
package contract

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/finsam/finsam/pkg/web"
)

//go:generate go run ./joincontract

// BasePath is the path of the API, under every host.
const BasePath = web.BasePath

// Own is the Service of the gateway's own operations.
const Own = "gateway"

var (
	//go:embed openapi.json
	document []byte
	//go:embed asyncapi.json
	events []byte
	//go:embed operations.json
	table []byte
)

// Operation is what the gateway must know of one operation.
type Operation struct {
	ID        string `json:"operationId"`
	Method    string `json:"method"`
	Path      string `json:"path"`                 // template below BasePath, such as /referrals/{id}
	Service   string `json:"service"`              // which answers; Own: the gateway itself
	Public    bool   `json:"public,omitzero"`      // needs no token
	Body      bool   `json:"body,omitzero"`        // takes a body
	Form      bool   `json:"form,omitzero"`        // and that is multipart/form-data, not JSON
	Cost      int    `json:"x-cost"`               // taken from the authority's limit by a call, at least 1
	Dear      Dear   `json:"dear,omitzero"`        // what a call takes besides
	BodyLimit int64  `json:"x-body-limit"`         // bytes
	Personal  bool   `json:"x-personal,omitzero"`  // the answer or the body contains personal data
	LongPoll  bool   `json:"x-long-poll,omitzero"` // the answer may wait for news, as long as the caller asks
	Transfer  bool   `json:"x-transfer,omitzero"`  // a long body or answer, with a timeout of its own
	Cache     Cache  `json:"x-cache,omitzero"`
}

// Dear is what a call costs besides, by the query parameter that makes it dear: the x-cost of
// the parameter.
type Dear map[string]int

// Cache is how long an answer may be kept and which events end that.
type Cache struct {
	Seconds   int      `json:"seconds"`         // zero: not at all
	Until     string   `json:"until,omitempty"` // Midnight, of an answer that may be another on the next day; empty: nothing
	EmptiedBy []string `json:"emptiedBy"`
}

// Midnight is that of Sweden.
const Midnight = "midnight"

// Info is what the document says of the API as a whole.
type Info struct {
	Title    string `json:"title"`
	Version  string `json:"version"`    // such as 1.0.0
	Released string `json:"x-released"` // the date of the version
	Status   string `json:"x-status"`   // such as active
}

// Table is what the gateway reads when it starts; the document is read only when it is
// asked for.
type Table struct {
	Info       Info        `json:"info"`
	Operations []Operation `json:"operations"`
}

// Read returns what the document says of the API and of each operation.
func Read() (Info, []Operation, error) {
	var t Table
	err := json.Unmarshal(table, &t)
	return t.Info, t.Operations, err
}

// The addresses in the generated document, in place of the installation's.
const (
	exampleServer   = `"url": "https://finsam.example` + BasePath + `"`
	exampleProblems = `"url": "https://finsam.example` + BasePath + `/docs/problems"`
)

// JSON returns the document for an installation that is reached at publicURL, such as
// https://api.example.se; empty: at the host that it is read from.
func JSON(publicURL string) ([]byte, error) {
	base := strings.TrimSuffix(publicURL, "/") + BasePath
	changed := strings.NewReplacer(exampleServer, `"url": "`+base+`"`, exampleProblems, `"url": "`+base+`/docs/problems"`).Replace(string(document))
	var b bytes.Buffer
	err := json.Compact(&b, []byte(changed))
	return b.Bytes(), err
}

// AsyncJSON returns the AsyncAPI document of the events, which are read at publicURL; empty
// leaves an example.
func AsyncJSON(publicURL string) ([]byte, error) {
	scheme, address, ok := strings.Cut(strings.TrimSuffix(publicURL, "/"), "://")
	if !ok {
		return events, nil
	}
	host, path, _ := strings.Cut(address+BasePath, "/")
	return []byte(strings.NewReplacer(`"host": "finsam.example"`, `"host": "`+host+`"`, `"pathname": "`+BasePath+`"`, `"pathname": "/`+path+`"`,
		`"protocol": "https"`, `"protocol": "`+scheme+`"`).Replace(string(events))), nil
}

// YAML is JSON in the other notation, its keys in the same order.
func YAML(publicURL string) ([]byte, error) {
	doc, err := JSON(publicURL)
	if err != nil {
		return nil, err
	}
	var root yaml.Node
	if err := yaml.Unmarshal(doc, &root); err != nil {
		return nil, err
	}
	setBlockStyle(&root)
	var b bytes.Buffer
	e := yaml.NewEncoder(&b)
	e.SetIndent(2)
	err = errors.Join(e.Encode(&root), e.Close())
	return b.Bytes(), err
}

func setBlockStyle(n *yaml.Node) {
	n.Style = 0
	for _, c := range n.Content {
		setBlockStyle(c)
	}
}
