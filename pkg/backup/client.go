package backup

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// order is in which services are copied: anyone who speaks of something before the
// one that keeps it, so that no copy speaks of what another does not have yet.
// What is told by the feeds stands still meanwhile (Gate). Others go first.
var order = []string{"activity", "referral", "participant"}

// Running creates a set of what runs.
type Running struct {
	Admins  []string               // the admin ports' addresses, such as http://127.0.0.1:9090
	Token   func() (string, error) // signed with the gateway's key
	HTTP    *http.Client           // without a timeout of its own
	Program string
	Now     func() time.Time
}

// askTime bounds a question other than for a copy.
const askTime = 30 * time.Second

// Make asks the processes for their copies and finishes the set. All of them must
// write into the same folder (FINSAM_BACKUP_DIR), and it must be here, too. It
// gives the folder of the set.
func (c Running) Make(ctx context.Context) (set string, err error) {
	services, err := c.hold(ctx)
	defer func() { err = errors.Join(err, c.release(context.WithoutCancel(ctx), services, err == nil)) }()
	if err != nil {
		return "", err
	}
	m := Manifest{Program: c.Program, Began: c.Now().UTC()}
	name, dir := NewName(m.Began), services[0].Dir
	for _, s := range services {
		if s.Dir != dir {
			return "", fmt.Errorf("%s writes into %s and %s into %s: give them the same FINSAM_BACKUP_DIR", services[0].Service, dir, s.Service, s.Dir)
		}
		a, err := c.ask(ctx, s.at, "copy?set="+url.QueryEscape(name), copyTime)
		if err != nil {
			return "", err
		}
		m.Files = append(m.Files, a.Files...)
	}
	m.Ended = c.Now().UTC()
	// Before the set gets its name: followers that went on early make it no set.
	if err := c.release(ctx, services, true); err != nil {
		return "", err
	}
	services = nil
	set, err = Finish(dir, name, m)
	if err != nil {
		return "", fmt.Errorf("the copies are in %s as the services see it (FINSAM_BACKUP_DIR): %w", dir, err)
	}
	return set, nil
}

type held struct {
	Answer
	at string
}

// hold lets the followers of all processes rest, and gives these in the order in
// which they are to be copied.
func (c Running) hold(ctx context.Context) ([]held, error) {
	var all []held
	for _, at := range c.Admins {
		a, err := c.ask(ctx, at, "hold", askTime)
		if err != nil {
			return all, err
		}
		all = append(all, held{a, at})
	}
	if len(all) == 0 {
		return nil, errors.New("no process was named")
	}
	slices.SortStableFunc(all, func(a, b held) int { return slices.Index(order, a.Service) - slices.Index(order, b.Service) })
	return all, nil
}

func (c Running) release(ctx context.Context, all []held, must bool) error {
	var errs []error
	for _, s := range all {
		a, err := c.ask(ctx, s.at, "release", askTime)
		if err == nil && !a.Held {
			err = fmt.Errorf("%s: its followers went on after %s, before the copies were made", s.Service, MaxHold)
		}
		if must {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

func (c Running) ask(ctx context.Context, admin, what string, patience time.Duration) (a Answer, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimSuffix(admin, "/")+"/backup/"+what, nil)
	if err != nil {
		return a, fmt.Errorf("%s: must be an address such as http://127.0.0.1:9090", admin)
	}
	token, err := c.Token()
	if err != nil {
		return a, err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := c.HTTP.Do(req)
	if err != nil {
		return a, fmt.Errorf("the admin port %s does not answer: %w", admin, err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxManifest))
	if err != nil {
		return a, fmt.Errorf("%s: %w", admin, err)
	}
	_ = json.Unmarshal(text, &a)
	switch {
	case resp.StatusCode == http.StatusOK:
		return a, nil
	case resp.StatusCode == http.StatusNotFound || resp.StatusCode == http.StatusMethodNotAllowed:
		return a, fmt.Errorf("%s makes no backups: start it with FINSAM_BACKUP_DIR, the folder to write them into", admin)
	}
	return a, fmt.Errorf("%s (%s): %s: %s", admin, a.Service, resp.Status, a.Error)
}
