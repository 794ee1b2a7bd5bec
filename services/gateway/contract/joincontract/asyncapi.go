package main

import (
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"go.yaml.in/yaml/v3"
)

// asyncFrame is the AsyncAPI document but for its messages.
//
//go:embed asyncapi.yaml
var asyncFrame []byte

// node is an object of a JSON document.
type node = map[string]any

// asyncAPI returns the document of the events, as JSON: for each value of EventType a
// message of the feed and one of webhooks, with a schema each. What is in the data of a
// type, beside what all types have, is its x-data.
func asyncAPI(doc *openapi3.T) ([]byte, error) {
	var frame struct {
		AsyncAPI   string          `yaml:"asyncapi" json:"asyncapi"`
		Info       node            `yaml:"info" json:"info"`
		Servers    node            `yaml:"servers" json:"servers"`
		Channels   map[string]node `yaml:"channels" json:"channels"`
		Operations node            `yaml:"operations" json:"operations"`
		Components map[string]node `yaml:"components" json:"components"`
	}
	if err := yaml.Unmarshal(asyncFrame, &frame); err != nil {
		return nil, err
	}
	for _, name := range []string{"Event", "EventData", "EventType"} {
		if doc.Components.Schemas[name] == nil {
			return nil, fmt.Errorf("there is no schema %s", name)
		}
	}
	types := doc.Components.Schemas["EventType"].Value
	more, _ := types.Extensions["x-data"].(node) // none: all have the same
	for _, value := range types.Enum {
		name, _ := value.(string) // checked with the schema
		kind := name[strings.LastIndexByte(name, '.')+1:]
		fields, _ := more[kind].([]any)
		delete(more, kind)
		data, err := eventData(doc.Components.Schemas["EventData"].Value, fields)
		if err != nil {
			return nil, fmt.Errorf("x-data of %s: %w", name, err)
		}
		event := doc.Components.Schemas["Event"].Value
		properties := node{}
		for name, p := range event.Properties {
			properties[name] = p.Value
		}
		properties["type"], properties["data"] = node{"type": "string", "enum": []string{name}}, data
		pushed, err := eventData(doc.Components.Schemas["EventData"].Value, append(fields, "step"))
		if err != nil {
			return nil, fmt.Errorf("x-data of %s: %w", name, err)
		}
		for channel, m := range map[string]node{
			"events": {"payload": node{"type": "object", "required": event.Required, "properties": properties}},
			"webhooks": {"headers": node{"$ref": "#/components/schemas/WebhookHeaders"}, "payload": node{
				"type": "object", "required": []string{"type", "timestamp", "data"},
				"properties": node{"type": properties["type"], "timestamp": properties["time"], "data": pushed},
			}},
		} {
			m["name"], m["contentType"] = name, "application/json"
			frame.Components["messages"][channel+"-"+kind] = m
			frame.Channels[channel]["messages"].(node)[kind] = node{"$ref": "#/components/messages/" + channel + "-" + kind}
		}
	}
	for kind := range more {
		return nil, fmt.Errorf("x-data has %s, which is no kind of event", kind)
	}
	text, err := json.MarshalIndent(frame, "", " ")
	return append(text, '\n'), err
}

// step is what a webhook's data has beside the feed's.
var step = node{"type": "string", "pattern": "^[0-9]+$", "maxLength": 19, "description": "Stegets nummer i remissen. / The number of the step in the referral."}

// eventData returns the schema of the data of an event: fields are those beside what all
// have, "?" behind one that may be absent.
func eventData(all *openapi3.Schema, fields []any) (node, error) {
	required, properties := []string{}, node{}
	for _, f := range append([]any{"referral", "municipality", "unit"}, fields...) {
		text, _ := f.(string)
		name, optional := strings.CutSuffix(text, "?")
		switch p := all.Properties[name]; {
		case name == "step":
			properties[name] = step
		case p == nil:
			return nil, errors.New("EventData has no " + name)
		default:
			properties[name] = p.Value
		}
		if !optional {
			required = append(required, name)
		}
	}
	return node{"type": "object", "required": required, "properties": properties, "additionalProperties": false}, nil
}
