package mongo

import (
	"errors"
	"fmt"
	"reflect"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
)

var errUnknown = errors.New("a field that this program does not know")

// unknown fails when a document has a field, at any depth, that a struct of the
// type does not: then a newer program wrote it. It names the field, no value.
func unknown(doc bson.Raw, t reflect.Type) error {
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
		if err := unknownIn(e.Value(), within); err != nil {
			return fmt.Errorf("%s: %w", e.Key(), err)
		}
	}
	return nil
}

// unknownIn looks into a field's value.
func unknownIn(v bson.RawValue, t reflect.Type) error {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch v.Type {
	case bson.TypeEmbeddedDocument:
		return unknown(v.Document(), t)
	case bson.TypeArray:
		if t.Kind() != reflect.Slice && t.Kind() != reflect.Array {
			return nil
		}
		values, err := v.Array().Values()
		if err != nil {
			return err
		}
		for _, one := range values {
			if err := unknownIn(one, t.Elem()); err != nil {
				return err
			}
		}
	}
	return nil
}

// fieldOf returns the type of the field that is stored under a name, as the
// decoder finds it: by its json tag, or else its name in lower case.
func fieldOf(t reflect.Type, name string) (reflect.Type, bool) {
	for i := range t.NumField() {
		f := t.Field(i)
		tag := f.Tag.Get("bson")
		if tag == "" {
			tag = f.Tag.Get("json")
		}
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
