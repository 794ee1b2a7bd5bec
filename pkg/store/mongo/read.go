package mongo

import (
	"context"
	"errors"
	"fmt"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/pkg/store/internal/rule"
)

// outside leaves out what only writes and filters need.
var outside = bson.D{{Key: "keys", Value: 0}, {Key: "unique", Value: 0}}

// Get implements store.Engine.
func (e *engine) Get(ctx context.Context, collection, association, id string) (store.Document, error) {
	c, _, err := e.collection(collection)
	if err != nil {
		return store.Document{}, err
	}
	var r read
	err = retry(ctx, "get "+collection, func() error {
		err := c.FindOne(ctx, byID(association, documentID(association, id)), options.FindOne().SetProjection(outside)).Decode(&r)
		if errors.Is(err, mongo.ErrNoDocuments) {
			return store.ErrNotFound
		}
		return err
	})
	if err != nil {
		return store.Document{}, err
	}
	return r.found(), nil
}

// Find implements store.Engine.
func (e *engine) Find(ctx context.Context, collection string, q store.Query) ([]store.Document, error) {
	c, spec, err := e.collection(collection)
	if err != nil {
		return nil, err
	}
	if err := rule.Query(q, spec.Keys); err != nil {
		return nil, fmt.Errorf("%s: %w", collection, err)
	}
	filter, err := filterOf(q)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", collection, err)
	}
	o := options.Find().SetProjection(outside).SetSort(sortOf(q)).SetSkip(int64(q.Skip)).SetLimit(int64(q.Limit))
	return e.all(ctx, c, filter, o)
}

// documents reads what a filter matches, within the limit of the options.
func documents(ctx context.Context, c *mongo.Collection, filter bson.D, o *options.FindOptionsBuilder) (docs []read, err error) {
	err = retry(ctx, "find "+c.Name(), func() error {
		docs = nil
		cursor, err := c.Find(ctx, filter, o)
		if err != nil {
			return err
		}
		return cursor.All(ctx, &docs)
	})
	return docs, err
}

// all reads a list that is bounded by its limit.
func (e *engine) all(ctx context.Context, c *mongo.Collection, filter bson.D, o *options.FindOptionsBuilder) ([]store.Document, error) {
	docs, err := documents(ctx, c, filter, o)
	if err != nil {
		return nil, err
	}
	found := make([]store.Document, len(docs))
	for i, d := range docs {
		found[i] = d.found()
	}
	return found, nil
}

// Unpublished implements store.Engine. A document that was settled ahead of its
// version, and written since, is still marked; its mark is put right here.
func (e *engine) Unpublished(ctx context.Context, collection string, limit int) ([]store.Document, error) {
	c, _, err := e.collection(collection)
	if err != nil {
		return nil, err
	}
	if err := rule.Limit(limit); err != nil {
		return nil, fmt.Errorf("%s: %w", collection, err)
	}
	o := options.Find().SetProjection(outside).SetSort(bson.D{{Key: "written", Value: 1}}).SetLimit(int64(limit))
	marked, err := e.all(ctx, c, bson.D{{Key: "unsettled", Value: true}}, o)
	if err != nil {
		return nil, err
	}
	var found []store.Document
	var settled []store.PublishedMark
	for _, f := range marked {
		if f.Published < f.Version {
			found = append(found, f)
		} else {
			settled = append(settled, store.PublishedMark{Association: f.Association, ID: f.ID, Published: f.Published})
		}
	}
	return found, e.MarkPublished(ctx, collection, settled)
}

// Count implements store.Engine.
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

// CountUpTo implements store.Engine.
func (e *engine) CountUpTo(ctx context.Context, collection, association string, where []store.Cond, most int) (n int64, err error) {
	c, spec, err := e.collection(collection)
	if err != nil {
		return 0, err
	}
	if err := errors.Join(rule.Where(where, spec.Keys), rule.Most(most)); err != nil {
		return 0, fmt.Errorf("%s: %w", collection, err)
	}
	filter, err := whereOf(association, where)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", collection, err)
	}
	err = retry(ctx, "count "+collection, func() error {
		n, err = c.CountDocuments(ctx, filter, options.Count().SetLimit(int64(most)))
		return err
	})
	return n, err
}

// keysOf reads the values that a group shares; an absent one is left out.
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
