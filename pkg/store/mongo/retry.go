package mongo

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/finsam/finsam/pkg/backoff"
	"github.com/finsam/finsam/pkg/fault"
)

// answer turns a driver's error into a fault, or into an error that may be logged:
// of a server's error it keeps the code and its name, because the text may quote
// values of the document. Faults and nil stay as they are.
func answer(ctx context.Context, what string, err error) error {
	var own *fault.Error
	if err == nil || errors.As(err, &own) {
		return err
	}
	if ctx.Err() != nil {
		return fault.ErrUnavailable.Because(fmt.Errorf("%s: the caller gave up: %w", what, context.Cause(ctx)))
	}
	var command mongo.CommandError
	var write mongo.WriteException
	switch {
	case errors.As(err, &write) && len(write.WriteErrors) == 0 && write.WriteConcernError != nil:
		// Written, but perhaps not by a majority: it may still be undone.
		return fault.ErrUnavailable.Because(fmt.Errorf("%s: not known to be durable: %d (%s)", what, write.WriteConcernError.Code, write.WriteConcernError.Name))
	case isTransient(err) || mongo.IsTimeout(err):
		return fault.ErrUnavailable.Because(fmt.Errorf("%s: %w", what, err))
	case errors.As(err, &command):
		return fmt.Errorf("%s: the server answers error %d (%s)", what, command.Code, command.Name)
	case errors.As(err, &write) && len(write.WriteErrors) > 0:
		return fmt.Errorf("%s: the server answers write error %d", what, write.WriteErrors[0].Code)
	}
	return fmt.Errorf("%s: %w", what, err)
}

// errNotDurable asks for another attempt: our write has arrived, but a majority does
// not have it yet.
var errNotDurable = errors.New("not yet known to be durable")

// isTransient reports whether the same command may succeed in a moment: the
// connection broke, the primary is changing, or a majority was too slow. Whether a
// write arrived, and whether it stays, is unknown then.
func isTransient(err error) bool {
	var labeled mongo.LabeledError
	var write mongo.WriteException
	return mongo.IsNetworkError(err) || errors.Is(err, errNotDurable) ||
		errors.As(err, &write) && len(write.WriteErrors) == 0 && write.WriteConcernError != nil ||
		errors.As(err, &labeled) && (labeled.HasErrorLabel("RetryableWriteError") || labeled.HasErrorLabel("RetryableReadError"))
}

// maxAttempts bounds how often a command is sent. The driver repeats once on servers
// that announce it; this is for those that do not, and for longer elections.
const maxAttempts = 4

var commandRetry = backoff.Backoff{First: 75 * time.Millisecond}

// retry sends a command until it is answered. Each command that it is used for can
// be sent twice without doing its work twice: because of its version filter, its id,
// or the token of its write.
func retry(ctx context.Context, what string, send func() error) error {
	for attempt := 1; ; attempt++ {
		err := send()
		if attempt == maxAttempts || !isTransient(err) || !commandRetry.Wait(ctx, attempt) {
			return answer(ctx, what, err)
		}
	}
}
