package rest

import (
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/finsam/finsam/pkg/api/referral"
)

// TestAFormHasEveryFieldOfAReferral walks the body of POST /referrals in its contract: each
// field is among the form's, or a question of the checklist, and is required where it is.
func TestAFormHasEveryFieldOfAReferral(t *testing.T) {
	type schema struct {
		Ref        string   `yaml:"$ref"`
		AllOf      []schema `yaml:"allOf"`
		Properties map[string]schema
		Required   []string
	}
	var doc struct {
		Components struct{ Schemas map[string]schema }
	}
	if err := yaml.Unmarshal(referral.Spec, &doc); err != nil {
		t.Fatal(err)
	}
	wanted := map[string]bool{} // whether the field is required, by pointer
	var walk func(pointer string, s schema, required bool)
	walk = func(pointer string, s schema, required bool) {
		for len(s.AllOf) > 0 {
			s = s.AllOf[0]
		}
		if name, ok := strings.CutPrefix(s.Ref, "#/components/schemas/"); ok {
			s = doc.Components.Schemas[name]
		}
		if len(s.Properties) == 0 {
			wanted[pointer] = required
		}
		for field, of := range s.Properties {
			isRequired := false
			for _, r := range s.Required {
				isRequired = isRequired || r == field
			}
			walk(pointer+"/"+field, of, required && isRequired)
		}
	}
	walk("", doc.Components.Schemas["NewReferral"], true)
	for _, question := range []string{"/targetGroup/reasons", "/targetGroup/authoritiesConcerned", "/rightTime"} {
		if _, ok := wanted[question]; !ok {
			t.Errorf("a referral has no %s", question)
		}
		delete(wanted, question)
	}
	for _, f := range referralFields {
		required, ok := wanted[f.Pointer]
		if !ok || required != f.Required {
			t.Errorf("%s: in the contract %t, required %t, of the form %t", f.Pointer, ok, required, f.Required)
		}
		delete(wanted, f.Pointer)
		if f.CodeList != nil && len(choices(*f.CodeList)) == 0 {
			t.Errorf("%s: no list %s", f.Pointer, *f.CodeList)
		}
	}
	if len(wanted) > 0 {
		t.Errorf("the form lacks %v", wanted)
	}
}
