package contract

import (
	"slices"
	"strings"
	"time"
)

// Sample returns a value that the schema allows: every required field, and the
// optional ones too when whole is set.
func (d *Document) Sample(s Schema, whole bool) any {
	s = d.Follow(s)
	if example, ok := s["example"]; ok {
		return example
	}
	if enum := array(s["enum"]); len(enum) > 0 {
		return enum[0]
	}
	switch s["type"] {
	case "object":
		required, value := texts(s["required"]), map[string]any{}
		for name, p := range object(s["properties"]) {
			if whole || slices.Contains(required, name) {
				value[name] = d.Sample(object(p), whole)
			}
		}
		return value
	case "array":
		items, value := d.Follow(object(s["items"])), []any{}
		least, _ := s["minItems"].(float64)
		for i := range max(int(least), 1) {
			if enum := array(items["enum"]); i < len(enum) {
				value = append(value, enum[i])
				continue
			}
			value = append(value, d.Sample(items, whole))
		}
		return value
	case "integer", "number":
		if least, ok := s["minimum"].(float64); ok {
			return least
		}
		return 1.0
	case "boolean":
		return true
	}
	switch s["format"] {
	case "uuid":
		return "5b7c1c0e-52f4-4a0a-9d3e-6f0a4f6d2c11"
	case "date":
		return time.Now().UTC().AddDate(0, 0, -1).Format(time.DateOnly)
	case "date-time":
		return time.Now().UTC().Format(time.RFC3339)
	case "email":
		return "invented@example.org"
	}
	for _, text := range known {
		if fits(s, text) {
			return text
		}
	}
	return ""
}

// known are texts that satisfy the patterns of the contract; the first that does
// is taken.
var known = []string{"a", "1481", "191212121212", "invented@example.org", "031-123456", "2026-W48", "a1", strings.Repeat("0", 64)}
