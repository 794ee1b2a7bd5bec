package mongo

import (
	"context"
	"fmt"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/finsam/finsam/pkg/store"
)

// prepare creates the indexes; the server takes one that is there already.
func (e *engine) prepare(ctx context.Context, s store.Spec) error {
	view := e.at(s.Name).Indexes()
	make := func(m mongo.IndexModel) error {
		return retry(ctx, "index "+s.Name, func() error {
			_, err := view.CreateOne(ctx, m)
			return err
		})
	}
	// A partial index holds only what is to be told; where the server has none, a
	// plain one serves.
	pending := bson.D{{Key: "unsettled", Value: 1}, {Key: "written", Value: 1}}
	partial := mongo.IndexModel{Keys: pending, Options: options.Index().SetName("unsettled").SetPartialFilterExpression(bson.D{{Key: "unsettled", Value: true}})}
	if err := make(partial); err != nil {
		if ctx.Err() != nil {
			return err
		}
		if err := make(mongo.IndexModel{Keys: pending, Options: options.Index().SetName("unsettled")}); err != nil {
			return err
		}
	}
	for _, ix := range s.Unique {
		name := uniqueName(ix)
		keys := bson.D{{Key: "association", Value: 1}, {Key: "unique." + name, Value: 1}}
		if err := make(mongo.IndexModel{Keys: keys, Options: options.Index().SetName("u_" + name).SetUnique(true)}); err != nil {
			return fmt.Errorf("unique index %s: %w", name, err)
		}
	}
	for _, ix := range s.Indexes {
		keys := bson.D{{Key: "association", Value: 1}}
		for _, key := range ix {
			keys = append(keys, bson.E{Key: "keys." + key, Value: 1})
		}
		keys = append(keys, bson.E{Key: "_id", Value: 1}) // ties of a sort are in order without sorting
		name := "i_" + strings.Join(ix, "__")
		if err := make(mongo.IndexModel{Keys: keys, Options: options.Index().SetName(name)}); err != nil {
			return fmt.Errorf("index %s: %w", name, err)
		}
	}
	return nil
}

func uniqueName(ix store.Index) string { return strings.Join(ix, "__") }
