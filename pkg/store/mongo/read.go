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
	err = retry(ctx, "get "+collection, func() error {
		err := c.FindOne(ctx, byID(documentID(association, id)), options.FindOne().SetProjection(withoutKeys)).Decode(&l)
		if errors.Is(err, mongo.ErrNoDocuments) {
			return store.ErrNotFound
		}
		return err
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
	found, err := find(ctx, c, filter, options.Find().SetProjection(withoutKeys).SetSort(order).SetSkip(int64(q.Skip)).SetLimit(int64(q.Limit)))
	return documents(found), err
}

// find reads what a filter matches, within the limit of the options.
func find(ctx context.Context, c *mongo.Collection, filter bson.D, o *options.FindOptionsBuilder) (found []loaded, err error) {
	err = retry(ctx, "find "+c.Name(), func() error {
		found = nil
		cursor, err := c.Find(ctx, filter, o)
		if err != nil {
			return err
		}
		return cursor.All(ctx, &found)
	})
	return found, err
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
	o := options.Find().SetProjection(withoutKeys).SetSort(bson.D{{Key: "written", Value: 1}}).SetLimit(int64(limit))
	marked, err := find(ctx, c, bson.D{{Key: "unpublished", Value: true}}, o)
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
	found, err := find(ctx, c, filter, options.Find().SetSort(bson.D{{Key: "_id", Value: 1}}).SetLimit(int64(limit)))
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
	var counted []struct {
		Key   bson.RawValue `bson:"_id"`
		Count int64         `bson:"count"`
	}
	err = retry(ctx, "count "+collection, func() error {
		counted = nil
		cursor, err := c.Aggregate(ctx, pipeline)
		if err != nil {
			return err
		}
		return cursor.All(ctx, &counted)
	})
	if err != nil {
		return nil, err
	}
	if len(by) == 0 && len(counted) == 0 {
		return []store.Group{{Keys: store.Keys{}}}, nil
	}
	groups := make([]store.Group, len(counted))
	for i, n := range counted {
		groups[i] = store.Group{Keys: keysOf(n.Key, by), Count: n.Count}
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
	err = retry(ctx, "count "+collection, func() error {
		n, err = c.CountDocuments(ctx, filter, options.Count().SetLimit(int64(limit)))
		return err
	})
	return n, err
}

// keysOf reads the values of keys from a document, without the absent ones.
func keysOf(v bson.RawValue, by []string) store.Keys {
	keys := store.Keys{}
	doc, ok := v.DocumentOK()
	if !ok {
		return keys
	}
	for _, key := range by {
		switch v := doc.Lookup(key); v.Type {
		case bson.TypeString:
			keys[key] = v.StringValue()
		case bson.TypeBoolean:
			keys[key] = v.Boolean()
		case bson.TypeInt64, bson.TypeInt32:
			keys[key] = v.AsInt64()
		}
	}
	return keys
}
