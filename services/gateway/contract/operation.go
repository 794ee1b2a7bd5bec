package contract

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/finsam/finsam/pkg/access"
)

// extensions are the x-… that an operation may bear; a misspelt one would
// otherwise silently not hold.
var extensions = []string{"x-cost", "x-cache", "x-personal", "x-internal", "x-transfer", "x-body-limit", "x-long-poll"}

// pathForm is what a path may be: lower-case words parted by "-", parameters of
// lower-case letters (UFN.08, UFN.09, RES.06).
var pathForm = regexp.MustCompile(`^(/([a-z0-9][a-z0-9.-]*|\{[a-z]+\}))+$`)

// maxBody is how many bytes a body may have where the contract says nothing else.
const maxBody = 1 << 20

// maxCost bounds x-cost, so that one call can never be beyond any limit.
const maxCost = 100

// operation reads one operation and completes it with what holds for all.
func (j *join) operation(service, method, path string, item, op *yaml.Node) (Operation, error) {
	o := Operation{ID: text(op, "operationId"), Method: method, Path: path, Service: service}
	if o.ID == "" {
		return o, errors.New("operationId is missing")
	}
	if !pathForm.MatchString(path) {
		return o, errors.New("a path is lower-case words parted by \"-\", its parameters lower-case letters")
	}
	if err := j.once("operation " + o.ID); err != nil {
		return o, err
	}
	if err := j.once(method + " " + shape(path)); err != nil {
		return o, err
	}
	if err := o.read(op); err != nil {
		return o, fmt.Errorf("%s: %w", o.ID, err)
	}
	if err := o.authorise(op); err != nil {
		return o, fmt.Errorf("%s: %w", o.ID, err)
	}
	j.complete(o, item, op)
	return o, nil
}

// shape is a path with its parameters' names left out: two paths of one shape
// could not be told apart.
func shape(path string) string {
	return regexp.MustCompile(`\{[a-z]+\}`).ReplaceAllString(path, "{}")
}

// read takes what the operation says of itself.
func (o *Operation) read(op *yaml.Node) error {
	err := entries(op, func(key string, _ *yaml.Node) error {
		if strings.HasPrefix(key, "x-") && !slices.Contains(extensions, key) {
			return fmt.Errorf("%s is not one of %v", key, extensions)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if o.Cost, err = whole(op, 1, "x-cost"); err != nil || o.Cost < 1 || o.Cost > maxCost {
		return fmt.Errorf("x-cost is not a whole number from 1 to %d", maxCost)
	}
	o.Personal = text(op, "x-personal") == "true"
	o.LongPoll = text(op, "x-long-poll") == "true"
	o.Body = get(op, "requestBody") != nil
	limit, err := whole(op, maxBody, "x-body-limit")
	if err != nil || limit < maxBody || limit > 64*maxBody {
		return fmt.Errorf("x-body-limit is not a whole number from %d to %d", maxBody, 64*maxBody)
	}
	o.BodyLimit = int64(limit)
	o.Form = get(op, "requestBody", "content", "multipart/form-data") != nil
	if o.Transfer = text(op, "x-transfer") == "true"; o.Form && !o.Transfer {
		return errors.New("a form bears a file, and needs x-transfer: true")
	}
	security := child(op, "security")
	o.Public = security != nil && len(items(security)) == 0
	return o.cache(op)
}

func (o *Operation) cache(op *yaml.Node) error {
	c := child(op, "x-cache")
	if c == nil {
		return nil
	}
	seconds, err := whole(c, 0, "seconds")
	if err != nil || seconds < 1 || seconds > 3600 {
		return errors.New("x-cache.seconds is not a whole number from 1 to 3600")
	}
	o.Cache.Seconds = seconds
	for _, e := range items(child(c, "emptiedBy")) {
		o.Cache.EmptiedBy = append(o.Cache.EmptiedBy, e.Value)
	}
	switch {
	case o.Personal:
		return errors.New("x-cache and x-personal: personal data are never cached")
	case o.Method != "GET":
		return errors.New("x-cache is for GET only")
	case o.Public:
		return errors.New("x-cache needs a token, which names the association that the answer is kept for")
	case len(o.Cache.EmptiedBy) == 0:
		return errors.New("x-cache.emptiedBy names no event; a cache that nothing empties shows what is no longer so")
	}
	return nil
}

// authorise takes the roles from the access table; a service's operation
// without a row would be nobody's, and one with a row but no token everybody's.
func (o *Operation) authorise(op *yaml.Node) error {
	if o.Service == Own {
		return nil
	}
	row := access.Row(o.ID)
	if len(row) == 0 {
		return errors.New("the access table has no row for it")
	}
	if open := row[0].Relation == access.Public; open != o.Public {
		return fmt.Errorf("security says public: %t, the access table says %t", o.Public, open)
	}
	o.Roles = access.RolesOf(o.ID)
	set(op, "x-roles", words(o.Roles))
	return nil
}
