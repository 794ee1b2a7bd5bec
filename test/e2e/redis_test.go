package e2e

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/finsam/finsam/pkg/cache/redistest"
)

// redisServer is the Redis of a story; without a server where the run shall
// do without, the processes then keep their caches in memory.
type redisServer struct{ server *redistest.Server }

func startRedis(t *testing.T) *redisServer {
	t.Helper()
	if redistest.Without(t, "that stories come out right with a shared cache, and that nothing personal is in it") {
		return &redisServer{}
	}
	return &redisServer{redistest.Start(t)}
}

// env points the processes at the server.
func (r *redisServer) env() []string {
	if r.server == nil {
		return nil
	}
	return []string{"FINSAM_REDIS_URL=" + r.server.URL}
}

func (r *redisServer) kill() {
	if r.server != nil {
		r.server.Kill()
	}
}

// dump returns all that the server holds, uncompressed; nothing without a server.
func (r *redisServer) dump(t *testing.T) []byte {
	t.Helper()
	if r.server == nil {
		return nil
	}
	r.server.Must("SAVE")
	text, err := os.ReadFile(filepath.Join(r.server.Dir, "dump.rdb"))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func (r *redisServer) plant(key, value string) {
	if r.server != nil {
		r.server.Must("SET", key, value)
	}
}
