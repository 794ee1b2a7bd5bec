package storemongo

import (
	"crypto/rand"
	"os"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/pkg/store/mongo"
	"github.com/finsam/finsam/pkg/store/storetest"
	"github.com/finsam/finsam/test/mongowire"
)

func TestTheEngineHoldsTheContractInProcess(t *testing.T) {
	prove(t, mongowire.Start(t).URI)
}

func TestTheEngineHoldsTheContractOnTheServerNamed(t *testing.T) {
	uri := os.Getenv("FINSAM_TEST_MONGO_URI")
	if uri == "" {
		t.Log("FINSAM_TEST_MONGO_URI is not set: what only a complete MongoDB has (its own concurrency, indexes) is not proven by this run")
		return
	}
	prove(t, uri)
}

func prove(t *testing.T, uri string) {
	storetest.Run(t, func(t *testing.T) store.Engine { return newEngine(t, connect(t, uri), uri) })
}

// newEngine returns an empty database, which is dropped when the test ends.
func newEngine(t *testing.T, db *mongo.DB, uri string) store.Engine {
	return db.Engine(newNamespace(t, uri))
}

// newNamespace returns the name of a database that is dropped when the test ends.
func newNamespace(t *testing.T, uri string) string {
	namespace := "t" + strings.ToLower(rand.Text()[:12])
	t.Cleanup(func() { mongowire.Drop(t, uri, "finsam-"+namespace) })
	return namespace
}

func connect(t *testing.T, uri string) *mongo.DB {
	t.Helper()
	db, err := mongo.Open(t.Context(), uri, "finsam-test")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
