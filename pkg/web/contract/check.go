package contract

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/personnummer"
	"github.com/finsam/finsam/pkg/web/problem"
)

// Check checks a request against the operation and returns it as the handler reads it:
// with the parameters in their canonical form, and JSON as it came but for what canonical
// and the optional fields that are null say of it; a form is bounded as it comes. pathValue
// returns the value of a path parameter, which Canonical has been asked about. The error is
// a fault; problem.ErrInvalid and ErrContent name the fields at fault, at most
// problem.MaxFields of them.
func (op *Operation) Check(w http.ResponseWriter, r *http.Request, pathValue func(name string) string) (*http.Request, error) {
	fields := op.checkParameters(r, pathValue)
	switch {
	case op.Form:
		if err := CheckBodyHeaders(r, true, op.BodyLimit); err != nil {
			return r, err
		}
		f := &formBody{ReadCloser: http.MaxBytesReader(w, r.Body, op.BodyLimit), left: maxFormHead}
		r = r.WithContext(context.WithValue(r.Context(), formKey{}, f))
		r.Body = f
	case op.Body != nil:
		bodyFields, err := op.checkBody(r)
		if err != nil {
			return r, err
		}
		fields = append(fields, bodyFields...)
	}
	return r, invalid(fields)
}

func invalid(fields []fault.Field) error {
	if len(fields) == 0 {
		return nil
	}
	if !slices.ContainsFunc(fields, func(f fault.Field) bool { return f.Code != "says-nothing" && f.Code != "not-a-character" }) {
		return problem.ErrContent.At(fields[:min(len(fields), problem.MaxFields)]...)
	}
	return problem.ErrInvalid.At(fields[:min(len(fields), problem.MaxFields)]...)
}

// checkParameters returns what is wrong with the parameters. A query parameter that
// the operation does not know is wrong too: a misspelt filter must not be ignored. A public
// operation ignores it: programs that read a calendar add theirs to its address.
func (op *Operation) checkParameters(r *http.Request, pathValue func(string) string) (fields []fault.Field) {
	var query url.Values
	rewritten := false
	if raw := r.URL.RawQuery; raw != "" {
		var err error
		if query, err = url.ParseQuery(raw); err != nil {
			return []fault.Field{newField("?", "not-a-query", nil)}
		}
		for name := range query {
			if !op.Public && !slices.ContainsFunc(op.Parameters, func(p Parameter) bool { return p.In == "query" && p.Name == name }) {
				fields = append(fields, fault.Field{Pointer: printable(name), Code: "unknown-field", Text: messages["unknown-parameter"]})
			}
		}
		slices.SortFunc(fields, func(a, b fault.Field) int { return strings.Compare(a.Pointer, b.Pointer) })
	}
	for i := range op.Parameters {
		p := &op.Parameters[i]
		var values []string
		switch p.In {
		case "path":
			values = []string{pathValue(p.Name)}
		case "header":
			values = r.Header.Values(p.Name)
			if one, ok := canonicalHeader(p.Name, values); ok {
				r.Header.Set(p.Name, one)
				values = []string{one}
			}
		default:
			values = query[p.Name]
			if canonical, ok := p.canonical(values); ok {
				query[p.Name], values, rewritten = canonical, canonical, true
			}
		}
		fields = append(fields, p.check(values)...)
	}
	if rewritten {
		r.URL.RawQuery = query.Encode()
	}
	return fields
}

// Canonical returns the value of a path parameter in the form in which it is stored: an id
// in lower case, as other systems also write it in upper case.
func (op *Operation) Canonical(name, value string) string {
	for i := range op.Parameters {
		if p := &op.Parameters[i]; p.In == "path" && p.Name == name {
			value, _ = canonical(p.Schema, value)
		}
	}
	return value
}

// canonical returns the values of a query parameter in the form that the contract
// declares, and whether they were in another one: ids in lower case, and a list either as
// repeated parameters or with commas, of which programs write both.
func (p *Parameter) canonical(values []string) ([]string, bool) {
	schema, isList := p.Schema, p.Schema.Type == "array"
	if isList {
		schema = schema.Items
	}
	all := make([]string, 0, len(values))
	for _, value := range values {
		if !isList {
			value, _ = canonical(schema, value)
			all = append(all, value)
			continue
		}
		for item := range strings.SplitSeq(value, ",") {
			item, _ = canonical(schema, item)
			all = append(all, item)
		}
	}
	if isList && !p.Explode && len(all) > 0 {
		all = []string{strings.Join(all, ",")}
	}
	return all, !slices.Equal(all, values)
}

// canonicalHeader returns the one value that repeated lines of a list are (RFC 9110, 5.3),
// or a key without the quotes in which the draft standard writes it, and whether that is
// another form than values.
func canonicalHeader(name string, values []string) (string, bool) {
	switch name {
	case "If-Match", "If-None-Match":
		return strings.Join(values, ", "), len(values) > 1
	case "Idempotency-Key":
		if len(values) == 1 && len(values[0]) > 2 && values[0][0] == '"' && strings.HasSuffix(values[0], `"`) {
			return values[0][1 : len(values[0])-1], true
		}
	}
	return "", false
}

// check returns what is wrong with the values that were sent, none if none were.
func (p *Parameter) check(values []string) []fault.Field {
	schema, isList := p.Schema, p.Schema.Type == "array"
	switch {
	case len(values) == 0 && p.Required:
		return []fault.Field{newField(p.Name, "required", schema)}
	case len(values) == 0:
		return nil
	case len(values) > 1 && !(isList && p.Explode):
		return []fault.Field{newField(p.Name, "repeated", schema)}
	case isList && !p.Explode:
		values = strings.Split(values[0], ",")
	}
	if isList {
		schema = schema.Items
	}
	list := make([]any, len(values))
	for i, text := range values {
		var err error
		switch {
		case schema.Type == "integer":
			var n int64
			n, err = strconv.ParseInt(text, 10, 53)
			list[i] = float64(n)
		case schema.Type == "number":
			list[i], err = strconv.ParseFloat(text, 64)
		case schema.Type == "boolean" && text != "true" && text != "false":
			err = strconv.ErrSyntax
		case schema.Type == "boolean":
			list[i] = text == "true"
		case p.In != "header" && schema.Format == "" && personnummer.Contains(text):
			// An address is logged on its way and repeated in links. Forms such as uuid and
			// opaque hold no number, though one of many looks like one.
			return []fault.Field{newField(p.Name, "personal-identity-number-here", nil)}
		default:
			list[i] = text
		}
		if err != nil {
			return []fault.Field{newField(p.Name, "type", schema)}
		}
	}
	if !isList {
		return p.Schema.fields(list[0], p.Name)
	}
	fields := p.Schema.fields(list, p.Name)
	for i := range fields {
		fields[i].Pointer = p.Name // callers know the parameter, not a place in it
	}
	return slices.CompactFunc(fields, func(a, b fault.Field) bool { return a.Code == b.Code })
}

// firstRead is the memory for a body of which nothing has come, in bytes: most bodies fit.
const firstRead = 4 << 10

// checkBody reads the body once, checks it, and puts it back for the handler.
func (op *Operation) checkBody(r *http.Request) ([]fault.Field, error) {
	if r.Body == nil || r.Body == http.NoBody || r.ContentLength == 0 {
		if op.Required {
			return nil, problem.ErrNoBody
		}
		return nil, nil
	}
	if err := CheckBodyHeaders(r, false, op.BodyLimit); err != nil {
		return nil, err
	}
	// The memory grows with what has come: what is only declared costs nothing.
	b := bytes.NewBuffer(make([]byte, 0, min(max(r.ContentLength, 0), firstRead)+bytes.MinRead))
	if _, err := b.ReadFrom(io.LimitReader(r.Body, op.BodyLimit+1)); err != nil {
		if tooLarge := new(http.MaxBytesError); errors.As(err, &tooLarge) {
			return nil, problem.TooLarge(op.BodyLimit) // the gateway's bound on a chunked body
		}
		return nil, problem.Broken(err)
	}
	text := b.Bytes()
	if int64(len(text)) > op.BodyLimit {
		return nil, problem.TooLarge(op.BodyLimit)
	}
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(text)), int64(len(text))
	if len(text) == 0 && !op.Required {
		return nil, nil
	}
	v, err := parseJSON(text, op.Body, maxDepth)
	if err != nil {
		return nil, err
	}
	c := checker{max: problem.MaxFields}
	fields := c.fields(op.Body, v)
	if c.rewritten {
		if text, err = json.Marshal(v); err != nil {
			return nil, fmt.Errorf("write a body in canonical form: %w", err)
		}
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(text)), int64(len(text))
	}
	r.Header.Set("Content-Type", "application/json") // media types have no case, but echo looks at it
	return fields, nil
}

// CheckBodyHeaders refuses a body by its headers, before it is read: one of more than
// limit bytes, of another media type than the operation takes, or compressed.
func CheckBodyHeaders(r *http.Request, form bool, limit int64) error {
	if r.ContentLength > limit {
		return problem.TooLarge(limit)
	}
	if contentType := r.Header.Get("Content-Type"); contentType != "application/json" || form {
		media, params, err := mime.ParseMediaType(contentType)
		charset, hasCharset := params["charset"]
		switch {
		case form && (err != nil || media != FormType || params["boundary"] == ""):
			return problem.ErrForm
		case !form && (err != nil || media != "application/json" || hasCharset && !strings.EqualFold(charset, "utf-8")):
			return problem.ErrMediaType
		}
	}
	for _, coding := range r.Header.Values("Content-Encoding") {
		if coding != "" && !strings.EqualFold(coding, "identity") {
			return problem.ErrEncoding // the size of what it unpacks to would be unbounded
		}
	}
	return nil
}

// FormType is the media type of a form that carries a file.
const FormType = "multipart/form-data"

// maxFormHead bounds what a form holds beside its file, in bytes: names, headers and
// short fields, before the file and once more after it. Package multipart keeps them
// in memory, up to 10 MiB for each part.
const maxFormHead = 64 << 10

// ErrFormHead is the error of reading a form with more than 64 KiB beside its file.
var ErrFormHead = errors.New("contract: the form holds too much beside its file")

// formBody is the body of a form. Its parts are the handler's, who reads them as they
// come; they are never in memory together.
type formBody struct {
	io.ReadCloser
	inFile bool  // what comes is a file's content
	left   int64 // bytes that may come outside a file
}

type formKey struct{}

// Read implements io.Reader.
func (f *formBody) Read(b []byte) (int, error) {
	if f.inFile {
		return f.ReadCloser.Read(b)
	}
	if f.left == 0 {
		return 0, ErrFormHead
	}
	n, err := f.ReadCloser.Read(b[:min(int64(len(b)), f.left)])
	f.left -= int64(n)
	return n, err
}

// SetInFile marks that the file in the form of ctx begins or has ended. Its content may
// be as long as the body may, all else 64 KiB.
func SetInFile(ctx context.Context, inFile bool) {
	if f, ok := ctx.Value(formKey{}).(*formBody); ok {
		f.inFile, f.left = inFile, maxFormHead
	}
}

// Drain reads the rest of a refused form, up to the operation's limit: a caller that
// still sends would not see the answer otherwise.
func (op *Operation) Drain(r *http.Request) {
	if op.Form && r.Body != nil {
		SetInFile(r.Context(), true)
		_, _ = io.CopyN(io.Discard, r.Body, op.BodyLimit)
	}
}
