// Package rest is what the services' rest packages share: windows into lists, links,
// entity tags, and optional fields. It has no HTTP in it.
package rest

import (
	"cmp"
	"errors"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/pkg/web"
)

// Value returns what p points at, or the zero value.
func Value[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}

// Present returns p, or nil when it points at the zero value: an optional field that lies
// in a document already.
func Present[T comparable](p *T) *T {
	if *p == *new(T) {
		return nil
	}
	return p
}

// Optional returns a pointer to v, or nil for the zero value.
func Optional[T comparable](v T) *T {
	var zero T
	if v == zero {
		return nil
	}
	set := v // so that the zero value takes no memory
	return &set
}

// OptionalList returns a pointer to list, or nil when it is empty.
func OptionalList[T any](list []T) *[]T {
	if len(list) == 0 {
		return nil
	}
	full := list // so that an empty one takes no memory
	return &full
}

// Map returns what f makes of each item. It is never nil.
func Map[T, U any](items []T, f func(T) U) []U {
	all := make([]U, 0, len(items))
	for _, item := range items {
		all = append(all, f(item))
	}
	return all
}

// Convert returns list with each text as a U; nil remains nil.
func Convert[U, T ~string](list []T) (all []U) {
	for _, text := range list {
		all = append(all, U(text))
	}
	return all
}

// AtVersion calls a verb with the version that If-Match names, or with 0 for any. A list
// names several, of which at most one is the current one: each is tried until the verb says
// something else than ErrStale. Errors are those of Versions and of the verb.
func AtVersion[V any](ifMatch *string, verb func(version int64) (V, error)) (v V, err error) {
	versions, err := Versions(ifMatch)
	if err != nil {
		return v, err
	}
	for _, version := range versions {
		if v, err = verb(version); !errors.Is(err, fault.ErrStale) {
			break
		}
	}
	return v, err
}

// Changed is AtVersion that returns the body of what came of it.
func Changed[V, B any](ifMatch *string, verb func(version int64) (V, error), body func(V) B) (b B, err error) {
	v, err := AtVersion(ifMatch, verb)
	if err != nil {
		return b, err
	}
	return body(v), nil
}

const defaultLimit = 20

// NewWindow reads which part of a list is asked for.
func NewWindow(limit, page *int, cursor *string) store.Window {
	return store.Window{Limit: cmp.Or(Value(limit), defaultLimit), Page: Value(page), Cursor: Value(cursor)}
}

// NewPage reads which page of a list without cursors is asked for: the first one if none is.
func NewPage(limit, page *int) store.Window {
	w := NewWindow(limit, page, nil)
	w.Page = max(w.Page, 1)
	return w
}

// Meta is where in a list an answer is.
type Meta struct {
	Count                 int     `json:"count"`
	Limit                 int     `json:"limit"`
	NextCursor            *string `json:"nextCursor,omitempty"`
	Page                  *int    `json:"page,omitempty"`
	TotalPages            *int    `json:"totalPages,omitempty"`
	TotalRecords          *int    `json:"totalRecords,omitempty"`
	TotalRecordsIsMinimum *bool   `json:"totalRecordsIsMinimum,omitempty"`
}

// NewMeta describes count items of a list. A page that was asked for has its number and
// totals.
func NewMeta(w store.Window, count int, next string, total *store.Total) Meta {
	m := Meta{Limit: w.Limit, Count: count, NextCursor: Optional(next)}
	if w.Page > 0 && w.Cursor == "" && total != nil {
		records := int(total.Records)
		pages := (records + w.Limit - 1) / w.Limit
		m.Page, m.TotalRecords, m.TotalPages, m.TotalRecordsIsMinimum = &w.Page, &records, &pages, &total.Minimum
	}
	return m
}

// Query writes the parameters of a list, given as names and values; those without a
// value are left out.
func Query(namesAndValues ...string) url.Values {
	q := url.Values{}
	for i := 0; i+1 < len(namesAndValues); i += 2 {
		if value := namesAndValues[i+1]; value != "" {
			q.Set(namesAndValues[i], value)
		}
	}
	return q
}

// Link is where something is (HAL), by the name of what it is to the reader. Its address is
// path-absolute, the same wherever it is read, and made when it is written.
type Link struct {
	Name     string
	template string
	values   [2]string // of the template's parameters, in order
	query    string
}

// NewLink returns a link to an address.
func NewLink(name, href string) Link { return Link{Name: name, template: href} }

// With returns the link with a query.
func (l Link) With(q url.Values) Link {
	l.query = q.Encode()
	return l
}

// Href returns where the link leads.
func (l *Link) Href() string { return string(l.appendHref(nil)) }

func (l *Link) appendHref(b []byte) []byte {
	rest := l.template
	for i := 0; ; i++ {
		before, after, ok := strings.Cut(rest, "{")
		if b = append(b, before...); !ok {
			break
		}
		b = append(b, l.values[i]...)
		_, rest, _ = strings.Cut(after, "}")
	}
	if l.query != "" {
		b = append(append(b, '?'), l.query...)
	}
	return b
}

// Links are what the caller can follow or do now, in the order in which they are written.
type Links []Link

// Href returns where the link of the name leads; "" without such a link.
func (l Links) Href(name string) string {
	i := slices.IndexFunc(l, func(link Link) bool { return link.Name == name })
	if i < 0 {
		return ""
	}
	return l[i].Href()
}

// MarshalJSONTo implements json.MarshalerTo: an object of objects, by name. The encoder's
// own buffer holds the text.
func (l Links) MarshalJSONTo(e *jsontext.Encoder) (err error) {
	var room [256]byte
	b := append(slices.Grow(e.AvailableBuffer(), 128*len(l)), '{')
	for i := range l {
		if i > 0 {
			b = append(b, ',')
		}
		if b, err = jsontext.AppendQuote(b, l[i].Name); err != nil {
			return err
		}
		b = append(b, `:{"href":`...)
		if b, err = jsontext.AppendQuote(b, l[i].appendHref(room[:0])); err != nil {
			return err
		}
		b = append(b, '}')
	}
	return e.WriteValue(append(b, '}'))
}

// MarshalJSON implements the Marshaler of encoding/json.
func (l Links) MarshalJSON() ([]byte, error) { return json.Marshal(l) }

// UnmarshalJSON implements the Unmarshaler of encoding/json. The links are in the order of
// their names.
func (l *Links) UnmarshalJSON(text []byte) error {
	var all map[string]struct {
		Href string `json:"href"`
	}
	err := json.Unmarshal(text, &all)
	*l = (*l)[:0]
	for _, name := range slices.Sorted(maps.Keys(all)) {
		*l = append(*l, NewLink(name, all[name].Href))
	}
	return err
}

// Paths holds the path of each operation, by operationId: those of one contract, or of
// several below a base.
type Paths map[string]Path

// Path is the path of an operation.
type Path struct {
	Template string // such as "/referrals/{id}/acceptance"
	name     string // see Name
}

// NewPaths returns the paths of a contract, by operationId.
func NewPaths(templates map[string]string) Paths {
	p := Paths{}
	for operation, template := range templates {
		name := template[strings.LastIndexByte(template, '/')+1:]
		for i := strings.IndexByte(name, '-'); i >= 0; i = strings.IndexByte(name, '-') {
			name = name[:i] + strings.ToUpper(name[i+1:i+2]) + name[i+2:]
		}
		p[operation] = Path{template, name}
	}
	return p
}

// Below returns the paths of contracts below a base, such as "/finsam/v1": no two contracts
// have an operationId in common.
func Below(base string, contracts ...Paths) Paths {
	all := Paths{}
	for _, paths := range contracts {
		for operation, path := range paths {
			all[operation] = Path{base + path.Template, path.name}
		}
	}
	return all
}

// Link returns the link to an operation, with values for the parameters of its path in
// order; values beyond those are ignored.
func (p Paths) Link(name, operation string, values ...string) Link {
	to, ok := p[operation]
	if !ok {
		panic("rest: the contract has no operation " + operation)
	}
	l := Link{Name: name, template: to.Template}
	copy(l.values[:], values)
	return l
}

// Name returns the name of the link to an operation that acts on a thing: the last
// segment of its path, in camelCase.
func (p Paths) Name(operation string) string { return p[operation].name }

// AppendActions adds the links to operations that act on a thing, each by its Name.
func (p Paths) AppendActions(all Links, operations []string, values ...string) Links {
	all = slices.Grow(all, len(operations))
	for _, operation := range operations {
		all = append(all, p.Link(p.Name(operation), operation, values...))
	}
	return all
}

// ListLinks returns this part of a list and the next one; list leads to it without its
// query.
func ListLinks(list Link, q url.Values, w store.Window, next string) Links {
	q.Set("limit", strconv.Itoa(w.Limit))
	if w.Cursor != "" {
		q.Set("cursor", w.Cursor)
	} else if w.Page > 0 {
		q.Set("page", strconv.Itoa(w.Page))
	}
	list.Name = "self"
	all := Links{list.With(q)}
	if next != "" {
		q.Del("page")
		q.Set("cursor", next)
		list.Name = "next"
		all = append(all, list.With(q))
	}
	return all
}

// ErrNoVersion answers a change that does not say which version it changes.
var ErrNoVersion = fault.New(fault.PreconditionRequired, "if-match-required",
	"Anropet anger ingen version. Skicka den version som du har läst (dess ETag) i If-Match.", "The request names no version. Send the version that you have read (its ETag) in If-Match.")

// ETag returns the entity tag of a version: its number in quotes. What is read has the
// digest of the body behind it, see web.AnswerRead.
func ETag(version int64) string { return `"` + strconv.FormatInt(version, 10) + `"` }

// ErrNoTag answers an If-Match that is no list of entity tags.
var ErrNoTag = fault.New(fault.Invalid, "invalid-request",
	"Anropet innehåller fel. Rätta de fält som står i svaret.", "The request contains errors. Correct the fields that the answer lists.").At(fault.Field{
	Pointer: "If-Match", Code: "format",
	Text: fault.Text{SV: `Skriv ETag precis som den kom i svaret, med citattecken: "3".`, EN: `Write the ETag exactly as it came in the answer, with its quotes: "3".`},
})

// Versions reads the versions that If-Match names (RFC 9110, 13.1.1): 0 for any. A weak tag
// is taken as the strong one that it was made of: a proxy that compresses makes it weak.
// Errors are ErrNoVersion without a tag, ErrNoTag for what is no tag, and ErrStale when none
// of them is ours, as then none can be the current one.
func Versions(ifMatch *string) (versions []int64, err error) {
	text := strings.TrimSpace(Value(ifMatch))
	switch text {
	case "":
		return nil, ErrNoVersion
	case "*":
		return []int64{0}, nil
	}
	for tag := range strings.SplitSeq(text, ",") {
		tag = strings.TrimPrefix(strings.TrimSpace(tag), "W/")
		if tag == "" {
			continue // an empty element of a list is left out
		}
		if len(tag) < 2 || tag[0] != '"' || strings.IndexByte(tag[1:], '"') != len(tag)-2 {
			return nil, ErrNoTag
		}
		version, _, _ := strings.Cut(tag[1:len(tag)-1], "-") // what follows is of the body that was read
		if n, err := strconv.ParseInt(version, 10, 64); err == nil && n > 0 && strconv.FormatInt(n, 10) == version {
			versions = append(versions, n)
		}
	}
	if len(versions) == 0 {
		return nil, fault.ErrStale
	}
	return versions, nil
}

// NotModified reports whether If-None-Match names the version: the caller has it already.
func NotModified(ifNoneMatch *string, version int64) bool {
	return ifNoneMatch != nil && web.Matches(*ifNoneMatch, ETag(version))
}
