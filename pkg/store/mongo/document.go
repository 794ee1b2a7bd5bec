package mongo

import (
	"bytes"
	"cmp"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/pkg/store/internal/rule"
)

// stored is a document as the server has it.
type stored struct {
	ID          string `bson:"_id"`
	Association string `bson:"association"`
	Version     int64  `bson:"version"`
	Published   int64  `bson:"published"`
	Unpublished bool   `bson:"unpublished"` // published < version, as a field that an index can contain
	Written     int64  `bson:"written"`
	Token       string `bson:"token"` // of the latest write: by it the writer sees that the write arrived
	Keys        bson.D `bson:"keys"`
	Unique      bson.D `bson:"unique"`
	Body        any    `bson:"body"`
}

// loaded is stored as it is read.
type loaded struct {
	ID          string   `bson:"_id"`
	Association string   `bson:"association"`
	Version     int64    `bson:"version"`
	Published   int64    `bson:"published"`
	Token       string   `bson:"token"`
	Keys        bson.Raw `bson:"keys"`   // read by Walk only
	Unique      bson.Raw `bson:"unique"` // read by Walk only
	Body        bson.Raw `bson:"body"`
}

func documentID(association, id string) string { return association + rule.Separator + id }

// absent is stored for a key that a document lacks. A date sorts behind every
// number, text and bool, as the contract wants it; a missing field would sort
// first. No comparison with another type matches it.
var absent = bson.NewDateTimeFromTime(time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC))

func encodeKey(v any) (any, error) {
	x, err := store.Scalar(v)
	if x == nil && err == nil {
		return absent, nil
	}
	return x, err
}

// newStored checks a record and returns its document, with a new token.
func (e *engine) newStored(spec store.Spec, r store.Record, from int64) (*stored, error) {
	if err := rule.Record(r, from, spec.Keys); err != nil {
		return nil, fmt.Errorf("%s: %w", spec.Name, err)
	}
	s := &stored{ID: documentID(r.Association, r.ID), Association: r.Association, Version: r.Version, Unpublished: true,
		Written: e.db.nextWritten(), Token: rand.Text(), Keys: bson.D{}, Unique: bson.D{}, Body: r.Body}
	for _, key := range spec.Keys {
		v, err := encodeKey(r.Keys[key])
		if err != nil {
			return nil, fmt.Errorf("key %s: %w", key, err)
		}
		s.Keys = append(s.Keys, bson.E{Key: key, Value: v})
	}
	for _, ix := range spec.Unique {
		v, err := uniqueValue(ix, r, s.ID)
		if err != nil {
			return nil, err
		}
		s.Unique = append(s.Unique, bson.E{Key: uniqueName(ix), Value: v})
	}
	return s, nil
}

// uniqueValue joins the values of a unique index into one text that no other values
// result in. Where a key is absent it is a text that no other document has, so that
// the field always exists: servers differ in how a unique index treats a missing one.
func uniqueValue(ix store.Index, r store.Record, id string) (string, error) {
	all := make([]any, len(ix))
	for i, key := range ix {
		v, err := store.Scalar(r.Keys[key])
		if err != nil {
			return "", fmt.Errorf("key %s: %w", key, err)
		}
		if v == nil {
			return "-" + id, nil
		}
		all[i] = v
	}
	b, err := json.Marshal(all)
	return string(b), err
}

func (r loaded) document() store.Document {
	return store.Document{Association: r.Association, ID: r.ID[len(r.Association)+len(rule.Separator):], Version: r.Version, Published: r.Published,
		Body: body(r.Body)}
}

// body is the content of a document. It implements store.Body.
type body bson.Raw

func (b body) Decode(into any) error {
	d := bson.NewDecoder(bson.NewDocumentReader(bytes.NewReader(b)))
	d.UseJSONStructTags()
	return d.Decode(into)
}

func (b body) Unknown(into any) error { return checkFields(bson.Raw(b), reflect.TypeOf(into)) }

var errUnknown = errors.New("this program does not know the field")

// checkFields returns errUnknown when a document has a field, at any depth, that a
// struct of the type does not have: a newer program wrote it. The error names the
// field, but no value.
func checkFields(doc bson.Raw, t reflect.Type) error {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct && t.Kind() != reflect.Map {
		return nil
	}
	elements, err := doc.Elements()
	if err != nil {
		return err
	}
	for _, e := range elements {
		within := t
		if t.Kind() == reflect.Map {
			within = t.Elem()
		} else if f, ok := fieldOf(t, e.Key()); ok {
			within = f
		} else {
			return fmt.Errorf("%q: %w", e.Key(), errUnknown)
		}
		if err := checkValue(e.Value(), within); err != nil {
			return fmt.Errorf("%s: %w", e.Key(), err)
		}
	}
	return nil
}

func checkValue(v bson.RawValue, t reflect.Type) error {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch v.Type {
	case bson.TypeEmbeddedDocument:
		return checkFields(v.Document(), t)
	case bson.TypeArray:
		if t.Kind() != reflect.Slice && t.Kind() != reflect.Array {
			return nil
		}
		values, err := v.Array().Values()
		if err != nil {
			return err
		}
		for _, element := range values {
			if err := checkValue(element, t.Elem()); err != nil {
				return err
			}
		}
	}
	return nil
}

// fieldOf returns the type of the field that is stored under a name, and whether
// there is one. As the decoder does, it looks for the json tag, or else for the
// field's name in lower case.
func fieldOf(t reflect.Type, name string) (reflect.Type, bool) {
	for i := range t.NumField() {
		f := t.Field(i)
		tag := cmp.Or(f.Tag.Get("bson"), f.Tag.Get("json"))
		stored, options, _ := strings.Cut(tag, ",")
		switch {
		case tag == "-" || !f.IsExported() && !f.Anonymous:
			continue
		case strings.Contains(options, "inline"):
			if in, ok := fieldOf(f.Type, name); ok {
				return in, true
			}
			continue
		case stored == "":
			stored = strings.ToLower(f.Name)
		}
		if stored == name {
			return f.Type, true
		}
	}
	return nil, false
}
