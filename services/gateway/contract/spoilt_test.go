package contract

import (
	"encoding/json"
	"maps"
	"strings"
	"testing"
)

// object is a JSON object of a document that a test spoils.
type object map[string]any

// at returns the object at the end of a way of names.
func (o object) at(names ...string) object {
	for _, name := range names {
		o = o[name].(map[string]any)
	}
	return o
}

// add adds a copy of GET /api-info, changed, at a path.
func (o object) add(path string, change func(op object)) {
	text, err := json.Marshal(o.at("paths", "/api-info", "get"))
	var op object
	if err != nil || json.Unmarshal(text, &op) != nil {
		panic(err)
	}
	op["operationId"] = "added"
	change(op)
	o.at("paths")[path] = map[string]any{"get": map[string]any(op)}
}

func unchanged(object) {}

// parameter adds a parameter to an operation.
func parameter(name, in string, schema map[string]any, required bool) func(object) {
	return func(op object) {
		op["parameters"] = append(op["parameters"].([]any), map[string]any{"name": name, "in": in, "required": required, "schema": schema})
	}
}

func query(name string) func(o object) {
	return func(o object) {
		o.add("/a", parameter(name, "query", map[string]any{"type": "string", "maxLength": 9}, false))
	}
}

func server(url string) func(o object) {
	return func(o object) { o["servers"] = []any{map[string]any{"url": url}} }
}

func path(path string) func(o object) { return func(o object) { o.add(path, unchanged) } }

// without removes the last of a way of names.
func without(names ...string) func(o object) {
	return func(o object) { delete(o.at(names[:len(names)-1]...), names[len(names)-1]) }
}

// named adds a property to a schema.
func named(name string) func(o object) {
	return func(o object) {
		o.at("components", "schemas", "ApiInfo", "properties")[name] = map[string]any{"type": "string"}
	}
}

// scheme adds a way to log in.
func scheme(s map[string]any) func(o object) {
	return func(o object) { o.at("components", "securitySchemes")["other"] = s }
}

var (
	text  = map[string]any{"text/plain": map[string]any{"schema": map[string]any{"type": "string"}}}
	whole = map[string]any{"type": "integer", "minimum": 1, "maximum": 200, "default": 50}
)

var spoilt = map[string]func(object){
	"UFN.01": server("https://api.example.se/v1"),
	"UFN.02": server("https://api.example.se:8443/finsam/v1"),
	"UFN.05": path("/" + strings.Repeat("a", 2040)),
	"UFN.07": path("/a+b"),
	"UFN.08": path("/openapi.json"),
	"UFN.09": func(o object) {
		o.add("/a/{some_id}", parameter("some_id", "path", map[string]any{"type": "string"}, true))
	},
	"RES.02": query("personalIdentityNumber"),
	"RES.06": path("/get-things"),
	"VER.05": server("https://api.example.se/finsam"),
	"VER.06": func(o object) {
		o.at("paths")["/info"] = o.at("paths")["/api-info"]
		delete(o.at("paths"), "/api-info")
	},
	"FNS.01": query("some_thing"),
	"FNS.03": query("9x"),
	"FNS.05": func(o object) { o.add("/a", parameter("x", "query", map[string]any{"type": "string"}, true)) },
	"FNS.06": query("a b"),
	"FNS.07": func(o object) { o.add("/a", parameter("page", "query", whole, false)) },
	"FNS.08": func(o object) { o.add("/a", parameter("page", "query", whole, false)) },
	"FNS.09": func(o object) { o.add("/a", parameter("limit", "query", whole, false)) },
	"DOT.02": without("components", "schemas", "ApiInfo", "properties", "apiReleased", "example"),
	"DOT.04": func(o object) {
		o.at("components", "schemas", "Referral", "properties", "receivedAt")["example"] = "2026-03-02T08:20:00"
	},
	"FEL.01": without("components", "schemas", "Problem", "properties", "instance"),
	"FEL.02": func(o object) { o.at("components", "responses", "NotFound")["content"] = text },
	"FOR.02": func(o object) {
		o.add("/a", func(op object) { op["requestBody"] = map[string]any{"content": text} })
	},
	"MOG.01": func(o object) { o.add("/a", func(op object) { delete(op.at("responses"), "200") }) },
	"MOG.02": without("components", "schemas", "ApiInfo", "properties", "_links"),
	"AME.01": func(o object) { o.add("/a", func(op object) { op.at("responses", "200")["content"] = text }) },
	"AME.02": func(o object) { o.at("paths", "/referrals", "post", "requestBody")["content"] = text },
	"AME.04": named("p50"),
	"AME.05": named("api_name"),
	"AME.07": named("api-name"),
	"ARQ.01": func(o object) { o.at("paths", "/referrals", "post", "requestBody")["content"] = text },
	"ARQ.03": func(o object) {
		o.add("/a", parameter("X-Person", "header", map[string]any{"type": "string"}, false))
	},
	"ARQ.05": func(o object) {
		o.add("/a", parameter("If-Match", "header", map[string]any{"type": "object"}, false))
	},
	"DOK.01": without("externalDocs", "description"),
	"DOK.03": without("info", "license"),
	"DOK.06": func(o object) { o.at("info")["description"] = "Svenska och English." },
	"DOK.07": without("info", "description"),
	"DOK.08": without("info", "termsOfService"),
	"DOK.09": without("x-limitations"),
	"DOK.11": without("info", "description"),
	"DOK.15": func(o object) {
		o.add("/a", func(op object) { delete(op.at("responses", "200", "content", "application/json"), "examples") })
	},
	"DOK.17": func(o object) { o["openapi"] = "2.0" },
	"DOK.19": func(o object) { o.at("paths", "/api-info")["parameters"] = []any{} },
	"DOK.20": func(o object) { o.add("/a", func(op object) { op.at("responses", "200")["description"] = "" }) },
	"DOK.21": without("security"),
	"SAK.01": server("http://api.example.se/finsam/v1"),
	"SAK.09": scheme(map[string]any{"type": "http", "scheme": "digest"}),
	"SAK.10": scheme(map[string]any{"type": "http", "scheme": "mutual"}),
	"SAK.15": scheme(map[string]any{"type": "apiKey", "name": "k", "in": "query"}),
	"SAK.16": scheme(map[string]any{"type": "apiKey", "name": "k", "in": "cookie"}),
	"SPA.02": func(o object) { o.add("/a", func(op object) { op["parameters"] = []any{} }) },
	"SPA.04": func(o object) {
		o.add("/a", func(op object) { delete(op.at("responses", "200", "headers"), "traceparent") })
	},
}

// TestEachRuleOfTheProfileFindsWhatBreaksIt spoils a document of a few paths.
func TestEachRuleOfTheProfileFindsWhatBreaksIt(t *testing.T) {
	right, err := JSON(someAddress)
	if err != nil {
		t.Fatal(err)
	}
	read := func(spoil func(object)) *walk {
		var o object
		if err := json.Unmarshal(right, &o); err != nil {
			t.Fatal(err)
		}
		maps.DeleteFunc(o.at("paths"), func(path string, _ any) bool {
			return path != "/api-info" && path != "/referrals" && path != "/referrals/{id}"
		})
		spoil(o)
		text, err := json.Marshal(o)
		if err != nil {
			t.Fatal(err)
		}
		return walkOf(t, text)
	}
	unspoilt := read(unchanged)
	for _, r := range allRules {
		before := r.findings(unspoilt)
		if spoil := spoilt[r.id]; spoil != nil && len(r.findings(read(spoil))) <= len(before) {
			t.Errorf("%s: %s: nothing was found", r.id, r.says)
		} else if spoil == nil && r.id != "" {
			t.Errorf("%s: no document breaks it", r.id)
		}
	}
}
