package contract

import (
	"slices"
	"strconv"

	"go.yaml.in/yaml/v3"
)

// complete adds to an operation what a service does not write: the parameters
// and headers of every call, and the problems that it can meet.
func (j *join) complete(o Operation, item, op *yaml.Node) {
	parameters := child(op, "parameters")
	if parameters == nil {
		parameters = &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq"}
		set(op, "parameters", parameters)
	}
	conditional := j.takes(item, op, "If-Match")
	for _, name := range []string{"TraceParent", "RequestId", "AcceptLanguage"} {
		parameters.Content = append(parameters.Content, reference("parameters", name))
	}
	responses := under(op, "responses")
	_ = entries(responses, func(_ string, r *yaml.Node) error {
		j.headers(o, r)
		return nil
	})
	for _, p := range problems {
		if p.applies(o, conditional) {
			j.problem(p)
			set(responses, strconv.Itoa(p.status), reference("responses", p.name))
		}
	}
	j.problem(otherProblem)
	set(responses, "default", reference("responses", otherProblem.name))
}

// takes reports whether an operation has a parameter of that name.
func (j *join) takes(item, op *yaml.Node, name string) bool {
	all := append(slices.Clone(items(child(item, "parameters"))), items(child(op, "parameters"))...)
	return slices.ContainsFunc(all, func(p *yaml.Node) bool {
		return text(j.follow(p), "name") == name
	})
}

// follow returns what a reference into the components leads to.
func (j *join) follow(n *yaml.Node) *yaml.Node {
	const prefix = "#/components/"
	ref := text(n, "$ref")
	if len(ref) <= len(prefix) {
		return n
	}
	for i := len(prefix); i < len(ref); i++ {
		if ref[i] == '/' {
			return get(j.root, "components", ref[len(prefix):i], ref[i+1:])
		}
	}
	return nil
}

// headers adds those that every answer bears to a response, or to the shared
// one that it refers to.
func (j *join) headers(o Operation, response *yaml.Node) {
	r := j.follow(response)
	if r == nil {
		return
	}
	all := under(r, "headers")
	set(all, "traceparent", reference("headers", "TraceParent"))
	set(all, "X-Request-Id", reference("headers", "RequestId"))
	if !o.Public {
		set(all, "RateLimit", reference("headers", "RateLimit"))
		set(all, "RateLimit-Policy", reference("headers", "RateLimitPolicy"))
	}
}
