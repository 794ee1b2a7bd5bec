package mongo

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
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
	Settled     int64  `bson:"settled"`
	Unpublished bool   `bson:"unsettled"` // settled < version, as a field that an index can hold
	Written     int64  `bson:"written"`
	Token       string `bson:"token"` // of the latest write: tells its writer that it did arrive
	Keys        bson.D `bson:"keys"`
	Unique      bson.D `bson:"unique"`
	Body        any    `bson:"body"`
}

// read is stored on its way out.
type read struct {
	ID          string   `bson:"_id"`
	Association string   `bson:"association"`
	Version     int64    `bson:"version"`
	Settled     int64    `bson:"settled"`
	Token       string   `bson:"token"`
	Keys        bson.Raw `bson:"keys"`   // read by Walk only
	Unique      bson.Raw `bson:"unique"` // read by Walk only
	Body        bson.Raw `bson:"body"`
}

func documentID(association, id string) string { return association + rule.Separator + id }

// absent is stored for a key that a document lacks. A date sorts behind every
// number, text and bool, which is where the contract wants it; a missing field
// would sort first. No comparison with another type meets it.
var absent = bson.NewDateTimeFromTime(time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC))

// encode returns a key's value as it is stored.
func encode(v any) (any, error) {
	x, err := rule.Scalar(v)
	if x == nil && err == nil {
		return absent, nil
	}
	return x, err
}

// newStored builds the document of a record that rule.Record has passed.
func newStored(spec store.Spec, r store.Record, written int64, token string) (*stored, error) {
	s := &stored{ID: documentID(r.Association, r.ID), Association: r.Association, Version: r.Version, Unpublished: true,
		Written: written, Token: token, Keys: bson.D{}, Unique: bson.D{}, Body: r.Body}
	for _, key := range spec.Keys {
		v, err := encode(r.Keys[key])
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

// uniqueValue joins the values of a unique index into one text that no other
// values give. Where a key is absent it is one that no other document has, so
// that the field is always there: servers differ in what a unique index makes
// of a missing one.
func uniqueValue(ix store.Index, r store.Record, id string) (string, error) {
	all := make([]any, len(ix))
	for i, key := range ix {
		v, err := rule.Scalar(r.Keys[key])
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

// found returns what the contract promises of a document.
func (r read) found() store.Document {
	return store.Document{Association: r.Association, ID: r.ID[len(r.Association)+len(rule.Separator):], Version: r.Version, Published: r.Settled,
		Decode: func(into any) error {
			d := bson.NewDecoder(bson.NewDocumentReader(bytes.NewReader(r.Body)))
			d.UseJSONStructTags()
			return d.Decode(into)
		},
		Unknown: func(into any) error { return unknown(r.Body, reflect.TypeOf(into)) },
	}
}
