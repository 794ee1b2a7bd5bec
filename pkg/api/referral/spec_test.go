package referral_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/finsam/finsam/pkg/access"
	"github.com/finsam/finsam/pkg/api/referral"
)

func document(t *testing.T) *openapi3.T {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromData(referral.Spec)
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

func TestTheContractAndItsExamplesAreValid(t *testing.T) {
	if err := document(t).Validate(t.Context(), openapi3.EnableExamplesValidation()); err != nil {
		t.Error(err)
	}
}

func TestEveryOperationIsExplainedInBothLanguagesAndHasARowInTheAccessTable(t *testing.T) {
	for path, item := range document(t).Paths.Map() {
		for method, op := range item.Operations() {
			if !strings.HasPrefix(op.Description, "Svenska: ") || !strings.Contains(op.Description, "/ English: ") || op.Summary == "" {
				t.Errorf("%s %s: want a summary, and a description in Swedish and in English", method, path)
			}
			bearsNobody := slices.Contains(op.Tags, "units") || path == "/referral-figures" || strings.HasPrefix(path, "/publications") ||
				strings.HasPrefix(path, "/webhooks") || strings.HasPrefix(path, "/capacit")
			if (op.Extensions["x-personal"] == true) == bearsNobody {
				t.Errorf("%s %s: what is about a person is x-personal, and nothing else", method, path)
			}
			if len(access.Row(op.OperationID)) == 0 {
				t.Errorf("%s has no row in the access table", op.OperationID)
			}
			if body := op.RequestBody; body != nil && body.Value.Content["multipart/form-data"] == nil &&
				len(body.Value.Content["application/json"].Examples) == 0 { // a file says nothing as an example
				t.Errorf("%s %s: the body has no example", method, path)
			}
		}
	}
}

func TestEveryTextIsBoundedEveryEnumIsNamedAndNoRequestTakesUnknownFields(t *testing.T) {
	doc := document(t)
	for name, ref := range doc.Components.Schemas {
		s := ref.Value
		for field, p := range s.Properties {
			if p.Ref == "" && len(p.Value.Enum) > 0 {
				t.Errorf("%s.%s: an enum without a name", name, field)
			}
			if v := p.Value; v.Type.Is("string") && p.Ref == "" && v.MaxLength == nil && v.Format != "uuid" {
				t.Errorf("%s.%s: a text without an end", name, field)
			}
		}
	}
	seen := []string{}
	for _, item := range doc.Paths.Map() {
		if item.Put != nil {
			closed(t, item.Put.RequestBody.Value.Content.Get("application/json").Schema, &seen)
		}
		if item.Post == nil || item.Post.RequestBody == nil {
			continue
		}
		for _, media := range item.Post.RequestBody.Value.Content { // JSON or a form
			closed(t, media.Schema, &seen)
		}
	}
	if len(seen) < 8 {
		t.Errorf("only %d request schemas were found", len(seen))
	}
}

// closed wants a request's schema, and those of its parts, to refuse more fields.
func closed(t *testing.T, ref *openapi3.SchemaRef, seen *[]string) {
	s := ref.Value
	if !s.Type.Is("object") || slices.Contains(*seen, ref.Ref) {
		return
	}
	*seen = append(*seen, ref.Ref)
	if s.AdditionalProperties.Has == nil || *s.AdditionalProperties.Has {
		t.Errorf("%s takes unknown fields", ref.Ref)
	}
	for _, p := range s.Properties {
		closed(t, p, seen)
	}
}
