package replica

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

	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/programme"
	"github.com/finsam/finsam/pkg/web/client"
)

// Path is where the owner serves its programme to the other services, outside the public
// base path: without a query the index, with ?association=<id>&ids=<id>,<id> objects.
const Path = "/internal/programme"

const (
	// MaxIDs is how many objects may be asked for at once.
	MaxIDs = 100
	// maxPage is how many bytes of objects an answer has at most, unless it has one object only.
	maxPage = 4 << 20
	// maxAnswer bounds what is read of one answer, in bytes: what the largest object may have.
	maxAnswer = 32 << 20
	// timeout bounds one call.
	timeout = 15 * time.Second
)

// index is how often each object was written, by association and id.
type index struct {
	Associations map[string]map[string]int64 `json:"associations,omitempty"`
}

// page is the first of the objects that were asked for, as many as fit.
type page struct {
	Objects []json.RawMessage `json:"objects,omitempty"`
}

// add takes an object into the page. It reports whether there was room.
func (p *page) add(o *programme.Object) (bool, error) {
	text, err := json.Marshal(o)
	size := len(text)
	for _, x := range p.Objects {
		size += len(x)
	}
	if err != nil || size > maxPage && len(p.Objects) > 0 {
		return false, err
	}
	p.Objects = append(p.Objects, text)
	return true, nil
}

// Fetch returns the objects of an association: those of the ids, or all without any.
type Fetch func(ctx context.Context, association string, ids []string) ([]*programme.Object, error)

// Handler serves the programme at Path, of what is asked for as much as fits into a page: of the associations that the owner serves itself,
// what has been activated, without drafts. Who asks may have read the event of another
// process of the owner: before an answer catchUp lets this one serve what that one did. The
// caller's right to read it must have been checked before.
func Handler(served *association.Registry, catchUp func(context.Context), fetch Fetch) http.Handler {
	active := func(ctx context.Context, id string, ids []string) (all []*programme.Object, err error) {
		objects, err := fetch(ctx, id, ids)
		for _, o := range objects {
			if c := *o; len(c.Versions) > 0 {
				c.Draft = nil
				all = append(all, &c)
			}
		}
		return all, err
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var answer struct {
			index
			page
		}
		var err error
		q := r.URL.Query()
		if id, ids := q.Get("association"), strings.Split(q.Get("ids"), ","); len(ids) > MaxIDs {
			http.Error(w, fmt.Sprintf("at most %d ids at once", MaxIDs), http.StatusBadRequest)
			return
		} else if id != "" {
			var all []*programme.Object
			all, err = active(r.Context(), id, ids)
			for fits, n := true, 0; err == nil && fits && n < len(all); n++ {
				fits, err = answer.add(all[n])
			}
		} else {
			catchUp(r.Context())
			answer.Associations = map[string]map[string]int64{}
			for _, a := range served.All() {
				all, e := active(r.Context(), a.ID, nil)
				err = errors.Join(err, e)
				answer.Associations[a.ID] = map[string]int64{}
				for _, o := range all {
					answer.Associations[a.ID][o.ID] = o.Writes
				}
			}
		}
		if err != nil {
			http.Error(w, "the programme cannot be read now", http.StatusServiceUnavailable)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		_ = json.NewEncoder(w).Encode(answer)
	})
}

// Client reads the owner's programme.
type Client struct{ Calls *client.Client }

// Index returns how often each object was written, by association and id.
func (c *Client) Index(ctx context.Context) (map[string]map[string]int64, error) {
	var i index
	err := c.get(ctx, nil, &i)
	return i.Associations, err
}

// Fetch returns the objects of an association that have one of at most MaxIDs ids, as JSON, by
// as many calls as they need. Fewer come where the owner has fewer.
func (c *Client) Fetch(ctx context.Context, association string, ids []string) (all []json.RawMessage, err error) {
	for left := slices.Clone(ids); len(left) > 0; {
		var p page
		if err := c.get(ctx, url.Values{"association": {association}, "ids": {strings.Join(left, ",")}}, &p); err != nil {
			return nil, err
		}
		before := len(left)
		for _, text := range p.Objects {
			var o struct{ ID string }
			if err := json.Unmarshal(text, &o); err != nil {
				return nil, fmt.Errorf("read the programme: %w", err)
			}
			left = slices.DeleteFunc(left, func(id string) bool { return id == o.ID })
		}
		all = append(all, p.Objects...)
		if len(left) == before {
			break
		}
	}
	return all, nil
}

func (c *Client) get(ctx context.Context, query url.Values, into any) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.Calls.Base+Path+"?"+query.Encode(), nil)
	if err != nil {
		return err
	}
	resp, err := c.Calls.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 4<<10)) // so that the connection can be used again
		return fault.ErrUnavailable.Because(fmt.Errorf("the owner answered %s", resp.Status))
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxAnswer)).Decode(into); err != nil {
		return fault.ErrUnavailable.Because(fmt.Errorf("read the programme: %w", err))
	}
	return nil
}
