package mongo

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/pkg/store/internal/rule"
)

// withoutKeys leaves out what only writes and filters need.
var withoutKeys = bson.D{{Key: "keys", Value: 0}, {Key: "unique", Value: 0}}

func (e *engine) Get(ctx context.Context, collection, association, id string) (store.Document, error) {
	c, _, err := e.collection(collection)
	if err != nil {
		return store.Document{}, err
	}
	var l loaded
	err = e.db.retry(ctx, "get "+collection, func(ctx context.Context) error {
		return findOne(ctx, c, byID(documentID(association, id)), withoutKeys, &l)
	})
	if err != nil {
		return store.Document{}, err
	}
	return l.document(), nil
}

func (e *engine) Find(ctx context.Context, collection string, q store.Query) ([]store.Document, error) {
	c, spec, err := e.collection(collection)
	if err != nil {
		return nil, err
	}
	if err := rule.Query(q, spec.Keys); err != nil {
		return nil, fmt.Errorf("%s: %w", collection, err)
	}
	filter, order, err := findOf(q)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", collection, err)
	}
	found, err := e.find(ctx, c, filter, withoutKeys, order, q.Skip, q.Limit)
	return documents(found), err
}

// findOne reads the document that a filter matches, or returns ErrNotFound.
func findOne(ctx context.Context, c *mongo.Collection, filter, projection bson.D, into any) error {
	raw, err := c.FindOne(ctx, filter, options.FindOne().SetProjection(projection)).Raw()
	switch {
	case errors.Is(err, mongo.ErrNoDocuments):
		return store.ErrNotFound
	case err != nil:
		return err
	}
	if err := bson.Unmarshal(raw, into); err != nil {
		return fmt.Errorf("%w: %w", errMalformed, err)
	}
	return nil
}

// find reads at most limit documents, in one batch.
func (e *engine) find(ctx context.Context, c *mongo.Collection, filter, projection, order bson.D, skip, limit int) ([]loaded, error) {
	return run[loaded](ctx, e, "find", c, bson.D{
		{Key: "filter", Value: filter}, {Key: "projection", Value: projection}, {Key: "sort", Value: order},
		{Key: "skip", Value: int64(skip)}, {Key: "limit", Value: int64(limit)}, {Key: "batchSize", Value: limit + 1}, // + 1: the server closes the cursor
	})
}

// run sends a command whose answer is a list, and reads the whole list. The driver's own
// methods for these commands send the server no time limit.
func run[T any](ctx context.Context, e *engine, name string, c *mongo.Collection, fields bson.D) (all []T, err error) {
	command := slices.Concat(bson.D{{Key: name, Value: c.Name()}}, fields, bson.D{{Key: "readConcern", Value: bson.D{{Key: "level", Value: "majority"}}}})
	err = e.db.retry(ctx, name+" "+c.Name(), func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, commandTimeout)
		defer cancel()
		all = nil
		cursor, err := e.database.RunCommandCursor(ctx, command)
		if err != nil {
			return err
		}
		defer cursor.Close(ctx)
		for cursor.Next(ctx) {
			var v T
			if err := bson.Unmarshal(cursor.Current, &v); err != nil {
				return fmt.Errorf("%w: %w", errMalformed, err)
			}
			all = append(all, v)
		}
		return cursor.Err()
	})
	return all, err
}

func documents(found []loaded) []store.Document {
	all := make([]store.Document, len(found))
	for i, l := range found {
		all[i] = l.document()
	}
	return all
}

// Unpublished also corrects the mark of documents that were marked as published
// ahead of their version and written since.
func (e *engine) Unpublished(ctx context.Context, collection string, limit int) ([]store.Document, error) {
	c, spec, err := e.collection(collection)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(rule.Unpublished(spec), rule.Limit(limit)); err != nil {
		return nil, fmt.Errorf("%s: %w", collection, err)
	}
	marked, err := e.find(ctx, c, bson.D{{Key: "unpublished", Value: true}}, withoutKeys, bson.D{{Key: "written", Value: 1}}, 0, limit)
	if err != nil {
		return nil, err
	}
	var wrong []store.PublishedMark
	all := slices.DeleteFunc(documents(marked), func(d store.Document) bool {
		if d.Published < d.Version {
			return false
		}
		wrong = append(wrong, store.PublishedMark{Association: d.Association, ID: d.ID, Published: d.Published})
		return true
	})
	if err := e.MarkPublished(ctx, collection, wrong); err != nil {
		return nil, err
	}
	return all, nil
}

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
	found, err := e.find(ctx, c, filter, bson.D{}, bson.D{{Key: "_id", Value: 1}}, 0, limit)
	if err != nil {
		return nil, err
	}
	all := documents(found)
	for i, l := range found {
		if l.hasAllKeys(spec) {
			all[i].Keys = keysOf(bson.RawValue{Type: bson.TypeEmbeddedDocument, Value: l.Keys}, spec.Keys)
		}
	}
	return all, nil
}

// hasAllKeys reports whether every declared key was written: a document of an older
// program lacks those that were declared since.
func (l loaded) hasAllKeys(s store.Spec) bool {
	for _, key := range s.Keys {
		if _, err := l.Keys.LookupErr(key); err != nil {
			return false
		}
	}
	for _, ix := range s.Unique {
		if _, err := l.Unique.LookupErr(uniqueName(ix)); err != nil {
			return false
		}
	}
	return true
}

func (e *engine) Count(ctx context.Context, collection, association string, where []store.Cond, by []string) ([]store.Group, error) {
	c, spec, err := e.collection(collection)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(rule.Where(where, spec.Keys), rule.By(by, spec.Keys)); err != nil {
		return nil, fmt.Errorf("%s: %w", collection, err)
	}
	filter, err := whereOf(association, where)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", collection, err)
	}
	var groupBy any
	if len(by) > 0 {
		paths := bson.D{}
		for _, key := range by {
			paths = append(paths, bson.E{Key: key, Value: "$keys." + key})
		}
		groupBy = paths
	}
	pipeline := mongo.Pipeline{
		{{Key: "$match", Value: filter}},
		{{Key: "$group", Value: bson.D{{Key: "_id", Value: groupBy}, {Key: "count", Value: bson.D{{Key: "$sum", Value: int64(1)}}}}}},
	}
	counted, err := run[struct {
		Key   bson.RawValue `bson:"_id"`
		Count int64         `bson:"count"`
	}](ctx, e, "aggregate", c, bson.D{{Key: "pipeline", Value: pipeline}, {Key: "cursor", Value: bson.D{{Key: "batchSize", Value: 1000}}}})
	if err != nil {
		return nil, err
	}
	if len(by) == 0 && len(counted) == 0 {
		return []store.Group{{}}, nil
	}
	groups := make([]store.Group, len(counted))
	for i, n := range counted {
		groups[i] = store.Group{Values: valuesOf(n.Key, by), Count: n.Count}
	}
	return groups, nil
}

func (e *engine) CountUpTo(ctx context.Context, collection, association string, where []store.Cond, limit int) (n int64, err error) {
	c, spec, err := e.collection(collection)
	if err != nil {
		return 0, err
	}
	if err := errors.Join(rule.Where(where, spec.Keys), rule.CountLimit(limit)); err != nil {
		return 0, fmt.Errorf("%s: %w", collection, err)
	}
	filter, err := whereOf(association, where)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", collection, err)
	}
	err = e.db.retry(ctx, "count "+collection, func(ctx context.Context) error {
		n, err = c.CountDocuments(ctx, filter, options.Count().SetLimit(int64(limit)))
		return err
	})
	return n, err
}

// keysOf reads the values of keys from a document, without the absent ones.
func keysOf(v bson.RawValue, by []string) store.Keys {
	keys := store.Keys{}
	for i, value := range valuesOf(v, by) {
		if value != nil {
			keys[by[i]] = value
		}
	}
	return keys
}

// valuesOf reads the values of keys from a document, nil for the absent ones.
func valuesOf(v bson.RawValue, by []string) []any {
	values := make([]any, len(by))
	doc, ok := v.DocumentOK()
	if !ok {
		return values
	}
	for i, key := range by {
		switch v := doc.Lookup(key); v.Type {
		case bson.TypeString:
			values[i] = v.StringValue()
		case bson.TypeBoolean:
			values[i] = v.Boolean()
		case bson.TypeInt64, bson.TypeInt32:
			values[i] = v.AsInt64()
		}
	}
	return values
}
