// Package environment reads configurations from environment variables.
package environment

import (
	"errors"
	"fmt"
	"reflect"
	"time"

	"github.com/caarlos0/env/v11"
)

// Read returns a configuration whose fields name their variables in env tags. The error
// names the first variable that is wrong and what is wanted, and does not repeat its value:
// it may be a password.
func Read[T any](environ map[string]string) (T, error) {
	c, err := env.ParseAsWithOptions[T](env.Options{Environment: environ})
	var several env.AggregateError
	if errors.As(err, &several) && len(several.Errors) > 0 {
		err = several.Errors[0]
	}
	var parse env.ParseError
	if errors.As(err, &parse) {
		wanted := "a whole number"
		if parse.Type == reflect.TypeFor[time.Duration]() {
			wanted = "a time, such as 3s"
		}
		field, _ := reflect.TypeFor[T]().FieldByName(parse.Name)
		err = fmt.Errorf("%s: must be %s", field.Tag.Get("env"), wanted)
	}
	return c, err
}
