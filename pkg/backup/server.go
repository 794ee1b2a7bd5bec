package backup

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/finsam/finsam/pkg/feed"
	"github.com/finsam/finsam/pkg/internaltoken"
)

// Server lets a service that is a process of its own copy its database, so that
// several of them can be copied at one point of their common time. It is served on
// the admin port, never on the public one, writes into its own folder only, and
// obeys anyone who has the gateway's signing key.
//
//	POST /backup/hold            the followers rest, at most for MaxHold
//	POST /backup/copy?set=NAME   copies the database into the unfinished set
//	POST /backup/release         the followers go on; "held": they rested until now
type Server struct {
	Service string
	Dir     string // FINSAM_BACKUP_DIR
	Verify  *internaltoken.Verifier
	Gate    *feed.Gate // nil: the process follows nobody but itself
	Log     *slog.Logger
	// Copy writes what is to be kept into the folder and gives the files' names.
	Copy func(ctx context.Context, folder string) ([]string, error)

	mu      sync.Mutex
	release func() bool
	copying sync.Mutex
}

// MaxHold is the longest that followers rest; people's work goes on meanwhile.
const MaxHold = 5 * time.Minute

// copyTime bounds one copy.
const copyTime = 30 * time.Minute

// Answer is what the server says.
type Answer struct {
	Service string `json:"service,omitempty"`
	Dir     string `json:"dir,omitempty"`
	Held    bool   `json:"held,omitempty"`
	Files   []File `json:"files,omitempty"`
	Error   string `json:"error,omitempty"`
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if _, issuer, err := s.Verify.Verify(token); err != nil || issuer != internaltoken.Gateway {
		answer(w, http.StatusUnauthorized, Answer{Error: "a token signed with the gateway's key is needed"})
		return
	}
	var a Answer
	var err error
	switch r.URL.Path {
	case "/backup/hold":
		err = s.hold(r.Context())
	case "/backup/release":
		a.Held = s.end()
	case "/backup/copy":
		_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(copyTime + time.Minute))
		a.Files, err = s.copy(r.Context(), r.URL.Query().Get("set"))
	default:
		answer(w, http.StatusNotFound, Answer{Error: "there is hold, copy and release"})
		return
	}
	a.Service, a.Dir = s.Service, s.Dir
	if err != nil {
		s.Log.ErrorContext(r.Context(), "backup", "what", r.URL.Path, "error", err)
		answer(w, http.StatusConflict, Answer{Service: s.Service, Error: err.Error()})
		return
	}
	answer(w, http.StatusOK, a)
}

func answer(w http.ResponseWriter, status int, a Answer) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(a)
}

func (s *Server) hold(ctx context.Context) error {
	if s.Gate == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	release, err := s.Gate.Hold(ctx, MaxHold)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.release = release
	return nil
}

// end lets the followers go on; false when they had gone on by themselves.
func (s *Server) end() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	release := s.release
	s.release = nil
	return s.Gate == nil || release != nil && release()
}

func (s *Server) copy(ctx context.Context, set string) ([]File, error) {
	folder, err := Unfinished(s.Dir, set)
	if err != nil {
		return nil, err
	}
	if !s.copying.TryLock() {
		return nil, errors.New("a backup is under way")
	}
	defer s.copying.Unlock()
	ctx, cancel := context.WithTimeout(ctx, copyTime)
	defer cancel()
	began := time.Now()
	names, err := s.Copy(ctx, folder)
	if err != nil {
		return nil, err
	}
	files, err := Sums(folder, names)
	if err != nil {
		return nil, err
	}
	s.Log.InfoContext(ctx, "backup copied", "set", set, "files", len(files), "millis", time.Since(began).Milliseconds())
	return files, nil
}
