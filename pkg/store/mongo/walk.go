package mongo

import (
	"context"
	"fmt"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/pkg/store/internal/rule"
)

// Walk implements store.Engine.
func (e *engine) Walk(ctx context.Context, collection string, after store.Position, limit int) ([]store.Document, error) {
	c, spec, err := e.collection(collection)
	if err != nil {
		return nil, err
	}
	if err := rule.Limit(limit); err != nil {
		return nil, fmt.Errorf("%s: %w", collection, err)
	}
	filter := bson.D{}
	if after != (store.Position{}) {
		filter = bson.D{{Key: "_id", Value: bson.D{{Key: "$gt", Value: documentID(after.Association, after.ID)}}}}
	}
	docs, err := documents(ctx, c, filter, options.Find().SetSort(bson.D{{Key: "_id", Value: 1}}).SetLimit(int64(limit)))
	if err != nil {
		return nil, err
	}
	found := make([]store.Document, len(docs))
	for i, d := range docs {
		found[i] = d.found()
		if d.whole(spec) {
			found[i].Keys = keysOf(bson.RawValue{Type: bson.TypeEmbeddedDocument, Value: d.Keys}, spec.Keys)
		}
	}
	return found, nil
}

// whole reports whether everything was written that is declared: one that an older
// program wrote lacks what was declared since.
func (r read) whole(s store.Spec) bool {
	for _, key := range s.Keys {
		if _, err := r.Keys.LookupErr(key); err != nil {
			return false
		}
	}
	for _, ix := range s.Unique {
		if _, err := r.Unique.LookupErr(uniqueName(ix)); err != nil {
			return false
		}
	}
	return true
}

// Rekey implements store.Engine. The token stays: it tells the latest writer of
// the document that its write arrived.
func (e *engine) Rekey(ctx context.Context, collection string, r store.Record) error {
	c, spec, err := e.collection(collection)
	if err != nil {
		return err
	}
	doc, err := e.encode(spec, r, 0)
	if err != nil {
		return err
	}
	change := bson.D{{Key: "$set", Value: bson.D{{Key: "keys", Value: doc.Keys}, {Key: "unique", Value: doc.Unique}}}}
	return retry(ctx, "rekey "+collection, func() error {
		done, err := c.UpdateOne(ctx, atVersion(doc.Association, doc.ID, r.Version), change)
		if refused(err) {
			return e.takenOr(ctx, c, doc, err)
		}
		if err != nil || done.MatchedCount > 0 {
			return err
		}
		if _, err := e.look(ctx, c, doc.Association, doc.ID); err != nil {
			return err
		}
		return store.ErrStale
	})
}
