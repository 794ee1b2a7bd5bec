package programme

import (
	"context"
	"errors"
	"regexp"
	"strings"
	"time"

	"github.com/finsam/finsam/pkg/backoff"
	"github.com/finsam/finsam/pkg/history"
	"github.com/finsam/finsam/pkg/store"
)

// journal is what an association's programme has besides its objects: whose turn it is to
// change it, and which files were loaded.
type journal struct {
	Association string    `json:"association"`
	Holder      string    `json:"holder,omitempty"` // of the turn; empty: nobody
	Until       time.Time `json:"until,omitzero"`   // from when on a turn counts no more that was not given back
	Loaded      []loaded  `json:"loaded,omitempty"` // in the order of time, the latest maxLoaded
}

// loaded is that a file was loaded.
type loaded struct {
	Digest string    `json:"digest"`
	At     time.Time `json:"at"`
}

const maxLoaded = 200

var journals = store.Schema[journal]{
	Name: "programme_journals",
	ID:   func(j *journal) (string, string) { return j.Association, "journal" },
}

func (s *Service) changeJournal(ctx context.Context, association string, change func(*journal) error) error {
	return s.journals.Upsert(ctx, association, "journal", func() *journal { return &journal{Association: association} }, change)
}

const (
	// turnTimeout is for how long who has the turn may write.
	turnTimeout = 30 * time.Second
	// turnLifetime is after how long the turn of a process that died is over. The difference is
	// more than clocks of replicas differ by.
	turnLifetime = 60 * time.Second
	// turnInterval is how often who waits for the turn looks.
	turnInterval = 10 * time.Millisecond
)

var errNotYet = errors.New("somebody else has the turn")

// takeTurn waits until nobody else changes what an association offers, so that each change is
// checked against the one before it, in every process. Who has the turn must end within
// turnTimeout, and call giveBack, which is never nil.
func (s *Service) takeTurn(ctx context.Context, association string) (giveBack func(), err error) {
	holder := s.NewID()
	for {
		err = s.changeJournal(ctx, association, func(j *journal) error {
			if j.Holder != "" && s.Now().Before(j.Until) {
				return errNotYet
			}
			j.Holder, j.Until = holder, history.Stamp(s.Now().Add(turnLifetime))
			return nil
		})
		if err == nil || !errors.Is(err, errNotYet) {
			break
		}
		if !backoff.Sleep(ctx, turnInterval) {
			return func() {}, ErrBusy
		}
	}
	return func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), turnTimeout)
		defer cancel()
		err := s.changeJournal(ctx, association, func(j *journal) error {
			if j.Holder != holder {
				return store.ErrUnchanged
			}
			j.Holder, j.Until = "", time.Time{}
			return nil
		})
		if err != nil {
			s.Log.WarnContext(ctx, "the programme cannot be changed for a minute: a turn was not given back", "error", err)
		}
	}, err
}

// noteLoad notes that a file was loaded.
func (s *Service) noteLoad(ctx context.Context, association, digest string) error {
	return s.changeJournal(ctx, association, func(j *journal) error {
		if n := len(j.Loaded); n > 0 && j.Loaded[n-1].Digest == digest {
			return store.ErrUnchanged
		}
		j.Loaded = append(j.Loaded, loaded{digest, history.Stamp(s.Now())})
		j.Loaded = j.Loaded[max(0, len(j.Loaded)-maxLoaded):]
		return nil
	})
}

// loadDecision is how a step says which file it is from: its name, and its digest's first digits.
var loadDecision = regexp.MustCompile(` ([0-9a-f]{12})$`)

// isSuperseded reports whether a file was loaded before, and another one since: as the journal
// says, and the steps of the objects, which are older than journals.
func (s *Service) isSuperseded(ctx context.Context, association, digest string, all []store.Versioned[Document]) (bool, error) {
	last := map[string]time.Time{} // when a file was loaded last
	note := func(digest string, at time.Time) {
		if short := digest[:12]; last[short].Before(at) {
			last[short] = at
		}
	}
	j, err := s.journals.Get(ctx, association, "journal")
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return false, err
	}
	if err == nil {
		for _, l := range j.Value.Loaded {
			note(l.Digest, l.At)
		}
	}
	for _, v := range all {
		for _, step := range v.Value.Steps {
			if m := loadDecision.FindStringSubmatch(step.Decision); m != nil && strings.HasPrefix(step.By, "service:") {
				note(m[1], step.At)
			}
		}
	}
	at, known := last[digest[:12]]
	for _, other := range last {
		if known && at.Before(other) {
			return true, nil
		}
	}
	return false, nil
}
