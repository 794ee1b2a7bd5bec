// Package problem is how an error crosses HTTP: a fault is written as a problem
// (RFC 9457) in the caller's language, and read as the same fault by the service
// that called.
package problem

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"
	"go.opentelemetry.io/otel/trace"
	"golang.org/x/text/language"

	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/web"
)

// Base is the address of the pages about the types of problems; a problem's type
// is this and its code. It never changes for a code.
const Base = web.BasePath + "/docs/problems/"

// MediaType is the media type of a problem.
const MediaType = "application/problem+json"

// MaxFields is how many wrong fields one answer names.
const MaxFields = 20

// Problem is the body of every answer that is an error.
type Problem struct {
	Type     string  `json:"type"`
	Title    string  `json:"title"`
	Status   int     `json:"status"`
	Detail   string  `json:"detail"`   // a whole sentence in the caller's language
	Instance string  `json:"instance"` // this occurrence
	Code     string  `json:"code"`
	Errors   []Field `json:"errors,omitempty"`
	TraceID  string  `json:"traceId,omitempty"`
}

// Field is what is wrong with one part of the request.
type Field struct {
	Pointer string `json:"pointer"` // JSON pointer into the body, or the parameter's name
	Code    string `json:"code"`
	Detail  string `json:"detail"`
}

// Write answers with the problem of err. Only a fault that is not internal shows its
// text; the caller logs the others. A WWW-Authenticate header that is set already stays.
func Write(w http.ResponseWriter, r *http.Request, err error) {
	f := Public(err)
	tag := languageOf(r.Header.Get(web.HeaderLanguage))
	body, merr := json.Marshal(newProblem(r.Context(), f, tag))
	if merr != nil {
		body = []byte(`{"status":500,"code":"internal"}`)
	}
	h := w.Header()
	h.Set("Content-Type", MediaType)
	h.Set("Content-Language", tag)
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Add("Vary", web.HeaderLanguage)
	if f.Status == fault.Unauthenticated && h.Get("WWW-Authenticate") == "" {
		h.Set("WWW-Authenticate", "Bearer")
	}
	if f.Scope != "" {
		h.Set("WWW-Authenticate", `Bearer error="insufficient_scope", scope="`+f.Scope+`"`)
	}
	if f.RetryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(int(math.Ceil(f.RetryAfter.Seconds()))))
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(f.Status.HTTP())
	_, _ = w.Write(body)
}

// Of returns the problem of err, in the language of the request of ctx, for an
// answer of several parts.
func Of(ctx context.Context, err error) Problem {
	return newProblem(ctx, Public(err), languageOf(web.From(ctx).Language))
}

// OfStatus returns the problem of a request that was refused with an HTTP status before it
// could be read, in Swedish.
func OfStatus(status int) Problem {
	f := byStatus(status)
	if f == fault.ErrInternal { // 501, 505: what it asks for is not known here
		f = ErrUnreadable
	}
	p := newProblem(context.Background(), f, languageOf(""))
	p.Status = status
	return p
}

func newProblem(ctx context.Context, f *fault.Error, tag string) Problem {
	id := web.From(ctx).ID
	if len(id) != 36 || uuid.Validate(id) != nil {
		id = uuid.NewString()
	}
	p := Problem{
		Type: Base + f.Code, Title: translate(titles[f.Status], tag), Status: f.Status.HTTP(),
		Detail: translate(f.Text, tag), Instance: "urn:uuid:" + id, Code: f.Code,
	}
	if sc := trace.SpanContextFromContext(ctx); sc.HasTraceID() {
		p.TraceID = sc.TraceID().String()
	}
	for _, field := range f.Fields[:min(len(f.Fields), MaxFields)] {
		p.Errors = append(p.Errors, Field{Pointer: field.Pointer, Code: field.Code, Detail: translate(field.Text, tag)})
	}
	return p
}

// Public returns the fault that may be shown for err.
func Public(err error) *fault.Error {
	var f *fault.Error
	var he *echo.HTTPError
	switch {
	case errors.As(err, &f):
		if f.Status == fault.Internal {
			return fault.ErrInternal
		}
		return f
	case errors.As(err, &he):
		return byStatus(he.Code)
	case errors.Is(err, context.DeadlineExceeded):
		return ErrTimeout
	case errors.Is(err, context.Canceled):
		return fault.ErrUnavailable
	}
	return fault.ErrInternal
}

var languages = language.NewMatcher([]language.Tag{language.Swedish, language.English})

// languageOf chooses between Swedish, the default, and English.
func languageOf(acceptLanguage string) string {
	if acceptLanguage == "" || len(acceptLanguage) > 200 {
		return "sv"
	}
	tags, _, err := language.ParseAcceptLanguage(acceptLanguage)
	if err != nil {
		return "sv"
	}
	if _, i, _ := languages.Match(tags...); i == 1 {
		return "en"
	}
	return "sv"
}

func translate(t fault.Text, tag string) string {
	if tag == "en" {
		return t.EN
	}
	return t.SV
}

// Fault returns the fault that another service has answered with: its status, code,
// sentence and fields. The sentence is in the language of the request being answered
// and is used for both.
func Fault(resp *http.Response, body []byte) *fault.Error {
	cause := fmt.Errorf("another service answered %d", resp.StatusCode)
	var p Problem
	if err := json.Unmarshal(body, &p); err != nil || p.Code == "" {
		return byStatus(resp.StatusCode).Because(cause)
	}
	f := fault.New(fault.StatusOf(resp.StatusCode), p.Code, p.Detail, p.Detail)
	for _, e := range p.Errors {
		f = f.At(fault.Field{Pointer: e.Pointer, Code: e.Code, Text: fault.Text{SV: e.Detail, EN: e.Detail}})
	}
	if s, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil && s > 0 {
		f = f.After(time.Duration(s) * time.Second)
	}
	return f.Because(cause)
}

// titles of problems, by status.
var titles = map[fault.Status]fault.Text{
	fault.Internal:             {SV: "Internt fel", EN: "Internal error"},
	fault.Invalid:              {SV: "Felaktigt anrop", EN: "Invalid request"},
	fault.Unauthenticated:      {SV: "Inte inloggad", EN: "Not signed in"},
	fault.Forbidden:            {SV: "Inte tillåtet", EN: "Not allowed"},
	fault.NotFound:             {SV: "Finns inte", EN: "Not found"},
	fault.MethodNotAllowed:     {SV: "Metoden är inte tillåten", EN: "Method not allowed"},
	fault.NotAcceptable:        {SV: "Formatet stöds inte", EN: "Not acceptable"},
	fault.Conflict:             {SV: "Inte möjligt nu", EN: "Conflict"},
	fault.Stale:                {SV: "Inte den version som gäller", EN: "Not the current version"},
	fault.TooLarge:             {SV: "För stort", EN: "Too large"},
	fault.Unsupported:          {SV: "Fel innehållstyp", EN: "Unsupported media type"},
	fault.Unprocessable:        {SV: "Bryter mot en regel", EN: "Not allowed by a rule"},
	fault.PreconditionRequired: {SV: "Version saknas", EN: "Version required"},
	fault.TooMany:              {SV: "För många anrop", EN: "Too many requests"},
	fault.HeadersTooLarge:      {SV: "För stora rubriker", EN: "Headers too large"},
	fault.Unavailable:          {SV: "Tillfälligt otillgänglig", EN: "Unavailable"},
	fault.Timeout:              {SV: "Tog för lång tid", EN: "Timed out"},
}
