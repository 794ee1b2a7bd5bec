package mongo

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readconcern"

	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/pkg/store/internal/rule"
)

// encode checks a record and gives its document, bearing a new token.
func (e *engine) encode(spec store.Spec, r store.Record, from int64) (*stored, error) {
	if err := rule.Record(r, from, spec.Keys); err != nil {
		return nil, fmt.Errorf("%s: %w", spec.Name, err)
	}
	return newStored(spec, r, e.db.place(), rand.Text())
}

// Insert implements store.Engine.
func (e *engine) Insert(ctx context.Context, collection string, r store.Record) error {
	c, spec, err := e.collection(collection)
	if err != nil {
		return err
	}
	doc, err := e.encode(spec, r, 0)
	if err != nil {
		return err
	}
	return retry(ctx, "insert "+collection, func() error {
		_, err := c.InsertOne(ctx, doc)
		if !refused(err) {
			return err
		}
		// Which value is taken is asked, not read from the error's text: servers
		// word it differently.
		switch old, lost := e.look(ctx, c, doc.Association, doc.ID); {
		case lost == nil && old.Token == doc.Token: // our own write, whose answer was lost
			return e.durable(ctx, c, doc)
		case lost == nil:
			return store.ErrExists
		case !errors.Is(lost, store.ErrNotFound):
			return lost
		}
		return e.takenOr(ctx, c, doc, err)
	})
}

// Replace implements store.Engine.
func (e *engine) Replace(ctx context.Context, collection string, r store.Record, from int64) error {
	c, spec, err := e.collection(collection)
	if err != nil {
		return err
	}
	doc, err := e.encode(spec, r, from)
	if err != nil {
		return err
	}
	change := bson.D{{Key: "$set", Value: bson.D{
		{Key: "version", Value: doc.Version}, {Key: "unsettled", Value: true}, {Key: "written", Value: doc.Written}, {Key: "token", Value: doc.Token},
		{Key: "keys", Value: doc.Keys}, {Key: "unique", Value: doc.Unique}, {Key: "body", Value: doc.Body},
	}}}
	return retry(ctx, "replace "+collection, func() error {
		done, err := c.UpdateOne(ctx, atVersion(doc.Association, doc.ID, from), change)
		if refused(err) {
			return e.takenOr(ctx, c, doc, err)
		}
		if err != nil || done.MatchedCount > 0 {
			return err
		}
		switch old, lost := e.look(ctx, c, doc.Association, doc.ID); {
		case lost != nil:
			return lost
		case old.Token == doc.Token: // our own write, whose answer was lost
			return e.durable(ctx, c, doc)
		}
		return store.ErrStale
	})
}

// Delete implements store.Engine.
func (e *engine) Delete(ctx context.Context, collection, association, id string, from int64) error {
	c, _, err := e.collection(collection)
	if err != nil {
		return err
	}
	unsure := false // an earlier try may have arrived
	return retry(ctx, "delete "+collection, func() error {
		done, err := c.DeleteOne(ctx, atVersion(association, documentID(association, id), from))
		if err != nil {
			unsure = true
			return err
		}
		if done.DeletedCount > 0 {
			return nil
		}
		_, err = e.look(ctx, c, association, documentID(association, id))
		switch {
		case err == nil:
			return store.ErrStale
		case unsure && errors.Is(err, store.ErrNotFound):
			return nil
		}
		return err
	})
}

func byID(association, id string) bson.D {
	return bson.D{{Key: "_id", Value: id}, {Key: "association", Value: association}}
}

func atVersion(association, id string, version int64) bson.D {
	return append(byID(association, id), bson.E{Key: "version", Value: version})
}

// refused reports whether the server took the command and would not do it, which
// is how a unique index answers, on some servers by another code than 11000.
func refused(err error) bool {
	var server mongo.ServerError
	return err != nil && !passing(err) && !mongo.IsTimeout(err) && errors.As(err, &server)
}

// takenOr tells ErrTaken if another document has a unique value of doc, else err.
// A duplicate that the server named and that is gone again is ErrTaken as well.
func (e *engine) takenOr(ctx context.Context, c *mongo.Collection, doc *stored, err error) error {
	for _, u := range doc.Unique {
		filter := bson.D{{Key: "association", Value: doc.Association}, {Key: "unique." + u.Key, Value: u.Value}}
		var other struct {
			ID string `bson:"_id"`
		}
		switch missing := e.local(c).FindOne(ctx, filter, options.FindOne().SetProjection(bson.D{{Key: "_id", Value: 1}})).Decode(&other); {
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

// local reads what the primary has, whether a majority has it or not: what it
// judged a write by.
func (e *engine) local(c *mongo.Collection) *mongo.Collection {
	return c.Database().Collection(c.Name(), options.Collection().SetReadConcern(readconcern.Local()))
}

// durable tells that a write of ours is with a majority, or asks for another try.
func (e *engine) durable(ctx context.Context, c *mongo.Collection, doc *stored) error {
	var r read
	err := c.FindOne(ctx, byID(doc.Association, doc.ID), options.FindOne().SetProjection(versionOnly)).Decode(&r)
	if errors.Is(err, mongo.ErrNoDocuments) || err == nil && r.Version < doc.Version {
		return errAgain
	}
	return err
}

var versionOnly = bson.D{{Key: "version", Value: 1}, {Key: "token", Value: 1}}

// look reads what tells why a write did not happen.
func (e *engine) look(ctx context.Context, c *mongo.Collection, association, id string) (read, error) {
	var r read
	err := e.local(c).FindOne(ctx, byID(association, id), options.FindOne().SetProjection(versionOnly)).Decode(&r)
	if errors.Is(err, mongo.ErrNoDocuments) {
		err = store.ErrNotFound
	}
	return r, err
}

// MarkPublished implements store.Engine. Two changes per document, of which one
// matches: all is told, or a later version is there already. Both say what they
// expect of the version, so a Replace in between is not disturbed.
func (e *engine) MarkPublished(ctx context.Context, collection string, marks []store.PublishedMark) error {
	c, _, err := e.collection(collection)
	if err != nil || len(marks) == 0 {
		return err
	}
	changes := make([]mongo.WriteModel, 0, 2*len(marks))
	for _, m := range marks {
		id := byID(m.Association, documentID(m.Association, m.ID))
		whole := append(id[:2:2], bson.E{Key: "version", Value: bson.D{{Key: "$lte", Value: m.Published}}}, bson.E{Key: "settled", Value: bson.D{{Key: "$lte", Value: m.Published}}})
		part := append(id[:2:2], bson.E{Key: "version", Value: bson.D{{Key: "$gt", Value: m.Published}}}, bson.E{Key: "settled", Value: bson.D{{Key: "$lt", Value: m.Published}}})
		changes = append(changes,
			mongo.NewUpdateOneModel().SetFilter(whole).SetUpdate(bson.D{{Key: "$set", Value: bson.D{{Key: "settled", Value: m.Published}, {Key: "unsettled", Value: false}}}}),
			mongo.NewUpdateOneModel().SetFilter(part).SetUpdate(bson.D{{Key: "$set", Value: bson.D{{Key: "settled", Value: m.Published}}}}))
	}
	return retry(ctx, "settle "+collection, func() error {
		_, err := c.BulkWrite(ctx, changes)
		return err
	})
}
