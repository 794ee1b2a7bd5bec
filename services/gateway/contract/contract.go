// Package contract joins the services' OpenAPI documents into the one that the
// outside sees, and reads from it what the gateway must know: which service has
// a path, who may call an operation, what may be cached and what empties it, how
// costly a call is. A new endpoint needs no line in the gateway.
//
// A service writes its success responses only. What holds for every operation is
// added here: problem responses, tracing, limits, roles from the access table.
package contract

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"strings"
	"sync"

	"go.yaml.in/yaml/v3"

	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/web"
)

// BasePath is where the API is, under every host.
const BasePath = web.BasePath

// Own is the name under which the gateway's own operations stand.
const Own = "gateway"

//go:embed gateway.yaml
var frame []byte

// Source is one service's document.
type Source struct {
	Service string // the service's name
	Spec    []byte // OpenAPI 3.0.3 as YAML or JSON
}

// Operation is what the gateway must know of one operation.
type Operation struct {
	ID       string
	Method   string
	Path     string // template below BasePath, such as /referrals/{id}
	Service  string // who has it; Own: the gateway itself
	Roles    []actor.Role
	Cost     int  // what a call takes from the authority's limit, at least 1
	Public   bool // needs no token
	Personal bool // the answer or the body bears personal data
	LongPoll bool // the answer may wait for what is new, as long as the caller says
	Body     bool // takes a body
	Form     bool // and that is multipart/form-data, not JSON
	Transfer bool // what comes or goes is long, and takes its time
	// BodyLimit is how many bytes a body may have.
	BodyLimit int64
	Cache     Cache
}

// Cache returns how long an answer may be kept and which events end that.
type Cache struct {
	Seconds   int // zero: not at all
	EmptiedBy []string
}

// Contract is the joined document.
type Contract struct {
	Operations []Operation
	root       *yaml.Node
	json       func() ([]byte, error)
	local      func() ([]byte, error)
	yaml       func() ([]byte, error)
}

// Join creates the document of all the services' documents. publicURL is the
// address that the installation is reached at, such as https://api.example.se;
// empty leaves an example. Every error names the service and the place.
func Join(publicURL string, sources ...Source) (*Contract, error) {
	root, err := parse(frame)
	if err != nil {
		return nil, fmt.Errorf("the gateway's own document: %w", err)
	}
	j := &join{root: root, owner: map[string]string{}, seen: map[string]bool{}}
	j.claim(Own)
	operations, err := j.add(Own, root)
	if err != nil {
		return nil, fmt.Errorf("the gateway's own document: %w", err)
	}
	docs, err := parseAll(sources)
	if err != nil {
		return nil, err
	}
	for i, s := range sources {
		some, err := j.add(s.Service, docs[i])
		if err != nil {
			return nil, fmt.Errorf("the document of %s: %w", s.Service, err)
		}
		operations = append(operations, some...)
	}
	if err := j.resolved(); err != nil {
		return nil, err
	}
	setServer(root, publicURL)
	return &Contract{
		Operations: operations, root: root,
		json:  sync.OnceValues(func() ([]byte, error) { return render(root) }),
		local: sync.OnceValues(func() ([]byte, error) { return renderLocal(root) }),
		yaml:  sync.OnceValues(func() ([]byte, error) { return renderYAML(root) }),
	}, nil
}

// parseAll reads the documents side by side: it is most of the work of a start.
func parseAll(sources []Source) ([]*yaml.Node, error) {
	docs, faults := make([]*yaml.Node, len(sources)), make([]error, len(sources))
	var wg sync.WaitGroup
	for i, s := range sources {
		wg.Go(func() {
			if docs[i], faults[i] = parse(s.Spec); faults[i] != nil {
				faults[i] = fmt.Errorf("the document of %s: %w", s.Service, faults[i])
			}
		})
	}
	wg.Wait()
	return docs, errors.Join(faults...)
}

// JSON returns the document as JSON; rendered at the first call.
func (c *Contract) JSON() ([]byte, error) { return c.json() }

// YAML returns the document as YAML; rendered at the first call.
func (c *Contract) YAML() ([]byte, error) { return c.yaml() }

// Local returns the document as JSON with its own host as server, for a page that
// is served from there and calls it.
func (c *Contract) Local() ([]byte, error) { return c.local() }

// Version returns the API's version, such as 1.0.0.
func (c *Contract) Version() string { return text(c.root, "info", "version") }

// Title returns the API's name.
func (c *Contract) Title() string { return text(c.root, "info", "title") }

// Released returns the date of the version, and whether it is active.
func (c *Contract) Released() (date, status string) {
	return text(c.root, "info", "x-released"), text(c.root, "info", "x-status")
}

func setServer(root *yaml.Node, publicURL string) {
	if publicURL == "" {
		return
	}
	base := strings.TrimSuffix(publicURL, "/")
	set(items(get(root, "servers"))[0], "url", scalar(base+BasePath))
	set(get(root, "externalDocs"), "url", scalar(base+BasePath+"/docs/problems"))
}

func render(root *yaml.Node) ([]byte, error) {
	var b bytes.Buffer
	b.Grow(512 << 10)
	err := writeJSON(&b, root)
	return b.Bytes(), err
}

func renderLocal(root *yaml.Node) ([]byte, error) {
	shallow := *root
	shallow.Content = append([]*yaml.Node(nil), root.Content...)
	server := mapping()
	set(server, "url", scalar(BasePath))
	set(&shallow, "servers", &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq", Content: []*yaml.Node{server}})
	return render(&shallow)
}

func renderYAML(root *yaml.Node) ([]byte, error) {
	var b bytes.Buffer
	e := yaml.NewEncoder(&b)
	e.SetIndent(2)
	err := errors.Join(e.Encode(root), e.Close())
	return b.Bytes(), err
}
