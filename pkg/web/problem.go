package web

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"math"
	"net/http"
	"strconv"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"
	"go.opentelemetry.io/otel/trace"
	"golang.org/x/text/language"

	"github.com/finsam/finsam/pkg/fault"
)

// ProblemBase is where the page about each kind of problem stands; a problem's
// type is this and its code. It never changes for a code.
const ProblemBase = BasePath + "/docs/problems/"

// Problem is the body of every answer that is an error (RFC 9457).
type Problem struct {
	Type     string         `json:"type"`
	Title    string         `json:"title"`
	Status   int            `json:"status"`
	Detail   string         `json:"detail"`   // a whole sentence in the caller's language
	Instance string         `json:"instance"` // this occurrence
	Code     string         `json:"code"`
	Errors   []ProblemField `json:"errors,omitempty"`
	TraceID  string         `json:"traceId,omitempty"`
}

// ProblemField is what is wrong with one part of the request.
type ProblemField struct {
	Pointer string `json:"pointer"` // JSON pointer into the body, or the parameter's name
	Code    string `json:"code"`
	Detail  string `json:"detail"`
}

// problemType is the media type of a problem.
const problemType = "application/problem+json"

// WriteProblem answers with the problem that err is. The text of what is no
// fault, and of internal faults, is never shown; the caller logs it.
func WriteProblem(w http.ResponseWriter, r *http.Request, err error) {
	f := public(err)
	tag := speak(r.Header.Get("Accept-Language"))
	body, merr := json.Marshal(problemOf(r.Context(), f, tag))
	if merr != nil {
		body = []byte(`{"status":500,"code":"internal"}`)
	}
	h := w.Header()
	h.Set("Content-Type", problemType)
	h.Set("Content-Language", tag)
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Add("Vary", "Accept-Language")
	if f.Status == fault.Unauthenticated {
		h.Set("WWW-Authenticate", "Bearer")
	}
	if f.RetryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(int(math.Ceil(f.RetryAfter.Seconds()))))
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(f.Status.Status())
	_, _ = w.Write(body)
}

func problemOf(ctx context.Context, f *fault.Error, tag string) Problem {
	p := Problem{
		Type: ProblemBase + f.Code, Title: in(titles[f.Status], tag), Status: f.Status.Status(),
		Detail: in(f.Text, tag), Instance: "urn:uuid:" + instance(ctx), Code: f.Code,
	}
	if sc := trace.SpanContextFromContext(ctx); sc.HasTraceID() {
		p.TraceID = sc.TraceID().String()
	}
	for _, field := range f.Fields[:min(len(f.Fields), maxFields)] {
		p.Errors = append(p.Errors, ProblemField{Pointer: field.Pointer, Code: field.Code, Detail: in(field.Text, tag)})
	}
	return p
}

// instance names this occurrence by the request's id, when that is a UUID.
func instance(ctx context.Context) string {
	if id := RequestID(ctx); len(id) == 36 && uuid.Validate(id) == nil {
		return id
	}
	return uuid.NewString()
}

// public returns the fault that may be shown for err.
func public(err error) *fault.Error {
	var f *fault.Error
	var he *echo.HTTPError
	switch {
	case errors.As(err, &f):
		if f.Status == fault.Internal {
			return fault.ErrInternal
		}
		return f
	case errors.As(err, &he):
		return ofEcho(he.Code)
	case errors.Is(err, context.DeadlineExceeded):
		return ErrTimeout
	case errors.Is(err, context.Canceled):
		return fault.ErrUnavailable
	}
	return fault.ErrInternal
}

// What echo and the generated code find out for themselves. Their own texts can
// repeat what the caller sent, so none of them is shown.
var (
	ErrTimeout = fault.New(fault.Timeout, "timeout",
		"Det tog för lång tid. Försök igen om en stund.", "It took too long. Try again shortly.")
	ErrMethod = fault.New(fault.MethodNotAllowed, "method-not-allowed",
		"Det går inte att göra så med den här adressen.", "This cannot be done with this address.")
	ErrNoRoute = fault.New(fault.NotFound, "no-such-address",
		"Adressen finns inte. Se dokumentationen.", "There is no such address. See the documentation.")
	ErrUnreadable = fault.New(fault.Invalid, "unreadable-request",
		"Anropet går inte att läsa. Se dokumentationen.", "The request cannot be read. See the documentation.")
	ErrTooMany = fault.New(fault.TooMany, "too-many-requests",
		"Det kom för många anrop. Vänta en stund.", "There were too many requests. Wait a while.")
)

func ofEcho(status int) *fault.Error {
	switch fault.StatusOf(status) {
	case fault.NotFound:
		return ErrNoRoute
	case fault.MethodNotAllowed:
		return ErrMethod
	case fault.Unauthenticated:
		return ErrToken
	case fault.Forbidden:
		return fault.ErrForbidden
	case fault.TooLarge:
		return ErrTooLarge
	case fault.Unsupported:
		return ErrMediaType
	case fault.TooMany:
		return ErrTooMany
	case fault.Unavailable:
		return fault.ErrUnavailable
	case fault.Timeout:
		return ErrTimeout
	}
	if status >= 400 && status < 500 {
		return ErrUnreadable
	}
	return fault.ErrInternal
}

// fail is echo's error handler: the one place where an error becomes an answer.
// What is ours is logged with its cause.
func (s *server) fail(err error, c echo.Context) {
	r := c.Request()
	if f := public(err); f.Status.Status() >= 500 {
		level := slog.LevelError
		if errors.Is(r.Context().Err(), context.Canceled) {
			level = slog.LevelDebug // the caller has gone; nobody reads the answer
		}
		s.Log.Log(r.Context(), level, "request failed", "operation", operationOf(c).id, "code", f.Code, "cause", err.Error())
	}
	if !c.Response().Committed {
		WriteProblem(c.Response(), r, err)
	}
}

var languages = language.NewMatcher([]language.Tag{language.Swedish, language.English})

// speak chooses between Swedish, the default, and English.
func speak(acceptLanguage string) string {
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

func in(t fault.Text, tag string) string {
	if tag == "en" {
		return t.EN
	}
	return t.SV
}

// titles name the kinds of problem.
var titles = map[fault.Status]fault.Text{
	fault.Internal:             {SV: "Internt fel", EN: "Internal error"},
	fault.Invalid:              {SV: "Felaktigt anrop", EN: "Invalid request"},
	fault.Unauthenticated:      {SV: "Inte inloggad", EN: "Not signed in"},
	fault.Forbidden:            {SV: "Inte tillåtet", EN: "Not allowed"},
	fault.NotFound:             {SV: "Finns inte", EN: "Not found"},
	fault.MethodNotAllowed:     {SV: "Metoden går inte", EN: "Method not allowed"},
	fault.NotAcceptable:        {SV: "Formatet finns inte", EN: "Not acceptable"},
	fault.Conflict:             {SV: "Går inte nu", EN: "Conflict"},
	fault.Stale:                {SV: "Ändrat av någon annan", EN: "Changed by somebody else"},
	fault.TooLarge:             {SV: "För stort", EN: "Too large"},
	fault.Unsupported:          {SV: "Fel innehållstyp", EN: "Unsupported media type"},
	fault.Unprocessable:        {SV: "Mot en regel", EN: "Against a rule"},
	fault.PreconditionRequired: {SV: "Version saknas", EN: "Version required"},
	fault.TooMany:              {SV: "För många anrop", EN: "Too many requests"},
	fault.Unavailable:          {SV: "Kan inte svara nu", EN: "Unavailable"},
	fault.Timeout:              {SV: "Tog för lång tid", EN: "Timed out"},
}
