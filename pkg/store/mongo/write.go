package mongo

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"

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
	return retry(ctx, "insert "+collection, func() error {
		_, err := c.InsertOne(ctx, doc)
		if !isRefused(err) {
			return err
		}
		// Which value is taken is looked up, not read from the error's text:
		// servers word it differently.
		switch old, missing := current(ctx, c, doc.ID); {
		case missing == nil && old.Token == doc.Token: // our own write, whose answer was lost
			return checkDurable(ctx, c, doc)
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
	return updateOne(ctx, "replace "+collection, c, doc, from, change)
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
	return updateOne(ctx, "rekey "+collection, c, doc, r.Version, change)
}

// updateOne changes a document that is stored at version from.
func updateOne(ctx context.Context, what string, c *mongo.Collection, doc *stored, from int64, change bson.D) error {
	return retry(ctx, what, func() error {
		done, err := c.UpdateOne(ctx, append(byID(doc.ID), bson.E{Key: "version", Value: from}), change)
		if isRefused(err) {
			return takenOr(ctx, c, doc, err)
		}
		if err != nil || done.MatchedCount > 0 {
			return err
		}
		switch old, missing := current(ctx, c, doc.ID); {
		case missing != nil:
			return missing
		case old.Token == doc.Token: // our own write, whose answer was lost
			return checkDurable(ctx, c, doc)
		}
		return store.ErrStale
	})
}

func (e *engine) Delete(ctx context.Context, collection, association, id string, from int64) error {
	c, _, err := e.collection(collection)
	if err != nil {
		return err
	}
	sentBefore := false // and may have arrived
	return retry(ctx, "delete "+collection, func() error {
		done, err := c.DeleteOne(ctx, append(byID(documentID(association, id)), bson.E{Key: "version", Value: from}))
		if err != nil {
			sentBefore = true
			return err
		}
		if done.DeletedCount > 0 {
			return nil
		}
		_, err = current(ctx, c, documentID(association, id))
		switch {
		case err == nil:
			return store.ErrStale
		case sentBefore && errors.Is(err, store.ErrNotFound):
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
	return err != nil && !isTransient(err) && !mongo.IsTimeout(err) && errors.As(err, &server)
}

// takenOr returns ErrTaken if another document has a unique value of doc, else err.
// A duplicate that the server reported and that is gone again is ErrTaken too.
func takenOr(ctx context.Context, c *mongo.Collection, doc *stored, err error) error {
	for _, u := range doc.Unique {
		filter := bson.D{{Key: "association", Value: doc.Association}, {Key: "unique." + u.Key, Value: u.Value}}
		var other struct {
			ID string `bson:"_id"`
		}
		switch missing := local(c).FindOne(ctx, filter, options.FindOne().SetProjection(bson.D{{Key: "_id", Value: 1}})).Decode(&other); {
		case missing == nil && other.ID != doc.ID:
			return store.ErrTaken
		case missing != nil && !errors.Is(missing, mongo.ErrNoDocuments):
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
	err := c.FindOne(ctx, byID(doc.ID), options.FindOne().SetProjection(versionOnly)).Decode(&l)
	if errors.Is(err, mongo.ErrNoDocuments) || err == nil && l.Version < doc.Version {
		return errNotDurable
	}
	return err
}

var versionOnly = bson.D{{Key: "version", Value: 1}, {Key: "token", Value: 1}}

// current returns version and token of a document that a write did not change, from
// which the reason follows, or ErrNotFound.
func current(ctx context.Context, c *mongo.Collection, id string) (loaded, error) {
	var l loaded
	err := local(c).FindOne(ctx, byID(id), options.FindOne().SetProjection(versionOnly)).Decode(&l)
	if errors.Is(err, mongo.ErrNoDocuments) {
		err = store.ErrNotFound
	}
	return l, err
}

// MarkPublished sends two changes for each document, of which one matches: either all
// its steps are published, or a later version is stored already. Both name the
// versions that they expect, so a Replace in between is not disturbed.
func (e *engine) MarkPublished(ctx context.Context, collection string, marks []store.PublishedMark) error {
	c, spec, err := e.collection(collection)
	if err == nil {
		err = rule.Unpublished(spec)
	}
	if err != nil || len(marks) == 0 {
		return err
	}
	// Always in the same order, so that two publishers do not wait for each other's locks.
	marks = slices.SortedFunc(slices.Values(marks), func(a, b store.PublishedMark) int {
		return cmp.Or(strings.Compare(a.Association, b.Association), strings.Compare(a.ID, b.ID))
	})
	changes := make([]mongo.WriteModel, 0, 2*len(marks))
	for _, m := range marks {
		id := byID(documentID(m.Association, m.ID))
		whole := append(id[:1:1], bson.E{Key: "version", Value: bson.D{{Key: "$lte", Value: m.Published}}}, bson.E{Key: "published", Value: bson.D{{Key: "$lte", Value: m.Published}}})
		part := append(id[:1:1], bson.E{Key: "version", Value: bson.D{{Key: "$gt", Value: m.Published}}}, bson.E{Key: "published", Value: bson.D{{Key: "$lt", Value: m.Published}}})
		changes = append(changes,
			mongo.NewUpdateOneModel().SetFilter(whole).SetUpdate(bson.D{{Key: "$set", Value: bson.D{{Key: "published", Value: m.Published}, {Key: "unpublished", Value: false}}}}),
			mongo.NewUpdateOneModel().SetFilter(part).SetUpdate(bson.D{{Key: "$set", Value: bson.D{{Key: "published", Value: m.Published}}}}))
	}
	return retry(ctx, "mark published "+collection, func() error {
		_, err := c.BulkWrite(ctx, changes)
		return err
	})
}
