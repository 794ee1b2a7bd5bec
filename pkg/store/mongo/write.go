package mongo

import (
	"context"
	"errors"
	"maps"
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readconcern"

	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/pkg/store/internal/rule"
)

func (e *engine) Insert(ctx context.Context, collection string, r store.Record) error {
	c, spec, err := e.collection(collection)
	if err != nil {
		return err
	}
	doc, err := e.newStored(spec, r, 0)
	if err != nil {
		return err
	}
	sent := false // before, and may have arrived
	return e.db.retry(ctx, "insert "+collection, func(ctx context.Context) error {
		_, err := c.InsertOne(ctx, doc)
		if !isRefused(err) {
			sent = true
			return err
		}
		// Which value is taken is looked up, not read from the error's text:
		// servers word it differently.
		switch old, missing := current(ctx, c, doc.ID); {
		case missing == nil && old.Token == doc.Token: // our own write, whose answer was lost
			return checkDurable(ctx, c, doc)
		case missing == nil && sent && old.Version > doc.Version:
			return errOverwritten
		case missing == nil:
			return store.ErrExists
		case !errors.Is(missing, store.ErrNotFound):
			return missing
		}
		return takenOr(ctx, c, doc, err)
	})
}

func (e *engine) Replace(ctx context.Context, collection string, r store.Record, from int64) error {
	c, spec, err := e.collection(collection)
	if err != nil {
		return err
	}
	doc, err := e.newStored(spec, r, from)
	if err != nil {
		return err
	}
	change := bson.D{{Key: "$set", Value: bson.D{
		{Key: "version", Value: doc.Version}, {Key: "unpublished", Value: true}, {Key: "written", Value: doc.Written}, {Key: "token", Value: doc.Token},
		{Key: "keys", Value: doc.Keys}, {Key: "unique", Value: doc.Unique}, {Key: "body", Value: doc.Body},
	}}}
	return e.updateOne(ctx, "replace "+collection, c, doc, from, change)
}

// Rekey leaves the token, by which the latest writer of the document sees that its
// write arrived.
func (e *engine) Rekey(ctx context.Context, collection string, r store.Record) error {
	c, spec, err := e.collection(collection)
	if err != nil {
		return err
	}
	doc, err := e.newStored(spec, r, 0)
	if err != nil {
		return err
	}
	change := bson.D{{Key: "$set", Value: bson.D{{Key: "keys", Value: doc.Keys}, {Key: "unique", Value: doc.Unique}}}}
	return e.updateOne(ctx, "rekey "+collection, c, doc, r.Version, change)
}

// updateOne changes a document that is stored at version from.
func (e *engine) updateOne(ctx context.Context, what string, c *mongo.Collection, doc *stored, from int64, change bson.D) error {
	sent := false // before, and may have arrived
	return e.db.retry(ctx, what, func(ctx context.Context) error {
		done, err := c.UpdateOne(ctx, append(byID(doc.ID), bson.E{Key: "version", Value: from}), change)
		if isRefused(err) {
			return takenOr(ctx, c, doc, err)
		}
		if err != nil || done.MatchedCount > 0 {
			sent = true
			return err
		}
		switch old, missing := current(ctx, c, doc.ID); {
		case missing != nil:
			return missing
		case old.Token == doc.Token: // our own write, whose answer was lost
			return checkDurable(ctx, c, doc)
		case sent && from < doc.Version && old.Version > doc.Version: // no Rekey, which may be repeated
			return errOverwritten
		}
		return store.ErrStale
	})
}

func (e *engine) Delete(ctx context.Context, collection, association, id string, from int64) error {
	c, _, err := e.collection(collection)
	if err != nil {
		return err
	}
	sent := false // before, and may have arrived
	return e.db.retry(ctx, "delete "+collection, func(ctx context.Context) error {
		done, err := c.DeleteOne(ctx, append(byID(documentID(association, id)), bson.E{Key: "version", Value: from}))
		if err != nil || done.DeletedCount > 0 {
			sent = true
			return err
		}
		_, err = current(ctx, c, documentID(association, id))
		switch {
		case err == nil:
			return store.ErrStale
		case sent && errors.Is(err, store.ErrNotFound):
			return nil
		}
		return err
	})
}

// byID finds a document by the index that every collection has, without planning: a
// second field in the filter would make the server weigh other indexes.
func byID(id string) bson.D { return bson.D{{Key: "_id", Value: id}} }

// isRefused reports whether the server received the command and did not do it, as a
// unique index answers, on some servers by another code than 11000.
func isRefused(err error) bool {
	var server mongo.ServerError
	return err != nil && !isPassing(err) && !mongo.IsTimeout(err) && errors.As(err, &server)
}

// takenOr returns ErrTaken if another document has a unique value of doc, else err.
// A duplicate that the server reported and that is gone again is ErrTaken too.
func takenOr(ctx context.Context, c *mongo.Collection, doc *stored, err error) error {
	for _, u := range doc.Unique {
		filter := bson.D{{Key: "association", Value: doc.Association}, {Key: "unique." + u.Key, Value: u.Value}}
		var other struct {
			ID string `bson:"_id"`
		}
		switch missing := findOne(ctx, local(c), filter, bson.D{{Key: "_id", Value: 1}}, &other); {
		case missing == nil && other.ID != doc.ID:
			return store.ErrTaken
		case missing != nil && !errors.Is(missing, store.ErrNotFound):
			return missing
		}
	}
	if mongo.IsDuplicateKeyError(err) {
		return store.ErrTaken
	}
	return err
}

// local returns the collection as the primary has it, whether a majority has it or
// not: by that the primary judges a write.
func local(c *mongo.Collection) *mongo.Collection {
	return c.Database().Collection(c.Name(), options.Collection().SetReadConcern(readconcern.Local()))
}

// checkDurable returns errNotDurable until a majority has our write.
func checkDurable(ctx context.Context, c *mongo.Collection, doc *stored) error {
	var l loaded
	err := findOne(ctx, c, byID(doc.ID), versionOnly, &l)
	if errors.Is(err, store.ErrNotFound) || err == nil && l.Version < doc.Version {
		return errNotDurable
	}
	return err
}

var versionOnly = bson.D{{Key: "version", Value: 1}, {Key: "token", Value: 1}}

// current returns version and token of a document that a write did not change, from
// which the reason follows, or ErrNotFound.
func current(ctx context.Context, c *mongo.Collection, id string) (loaded, error) {
	var l loaded
	err := findOne(ctx, local(c), byID(id), versionOnly, &l)
	return l, err
}

// MarkPublished sends one change for all documents that are published up to the same
// version. Where a later version is stored already, a second one follows. Both name the
// versions that they expect, so a Replace in between is not disturbed.
func (e *engine) MarkPublished(ctx context.Context, collection string, marks []store.PublishedMark) error {
	c, spec, err := e.collection(collection)
	if err == nil {
		err = rule.Unpublished(spec)
	}
	if err != nil || len(marks) == 0 {
		return err
	}
	ids := map[int64][]string{} // by what they are published up to
	for _, m := range marks {
		ids[m.Published] = append(ids[m.Published], documentID(m.Association, m.ID))
	}
	var whole, part []mongo.WriteModel
	// Always in the same order, so that two publishers do not wait for each other's locks.
	for _, n := range slices.Sorted(maps.Keys(ids)) {
		slices.Sort(ids[n])
		among := bson.E{Key: "_id", Value: bson.D{{Key: "$in", Value: ids[n]}}}
		change := func(version, published string, set bson.D) mongo.WriteModel {
			filter := bson.D{among, {Key: "version", Value: bson.D{{Key: version, Value: n}}}, {Key: "published", Value: bson.D{{Key: published, Value: n}}}}
			return mongo.NewUpdateManyModel().SetFilter(filter).SetUpdate(bson.D{{Key: "$set", Value: set}})
		}
		whole = append(whole, change("$lte", "$lte", bson.D{{Key: "published", Value: n}, {Key: "unpublished", Value: false}}))
		part = append(part, change("$gt", "$lt", bson.D{{Key: "published", Value: n}}))
	}
	return e.db.retry(ctx, "mark published "+collection, func(ctx context.Context) error {
		done, err := c.BulkWrite(ctx, whole)
		if err == nil && done.MatchedCount < int64(len(marks)) {
			_, err = c.BulkWrite(ctx, part)
		}
		return err
	})
}
