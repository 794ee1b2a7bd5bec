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

// answer turns a driver's error into one that may be logged: of a server's error
// only the code and its name, as the text may quote values of the document.
func answer(ctx context.Context, what string, err error) error {
	if err == nil {
		return nil
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
	case passing(err) || mongo.IsTimeout(err):
		return fault.ErrUnavailable.Because(fmt.Errorf("%s: %w", what, err))
	case errors.As(err, &command):
		return fmt.Errorf("%s: the server answers error %d (%s)", what, command.Code, command.Name)
	case errors.As(err, &write) && len(write.WriteErrors) > 0:
		return fmt.Errorf("%s: the server answers write error %d", what, write.WriteErrors[0].Code)
	}
	return fmt.Errorf("%s: %w", what, err)
}

// errAgain asks for another try: a write of ours is there, but not yet with a
// majority.
var errAgain = errors.New("not yet known to be durable")

// passing reports whether the same command may succeed in a moment: the connection
// broke, the primary is changing, or a majority was too slow. Whether a write
// arrived, and whether it stays, is not known then.
func passing(err error) bool {
	var labeled mongo.LabeledError
	var write mongo.WriteException
	return mongo.IsNetworkError(err) || errors.Is(err, errAgain) ||
		errors.As(err, &write) && len(write.WriteErrors) == 0 && write.WriteConcernError != nil ||
		errors.As(err, &labeled) && (labeled.HasErrorLabel("RetryableWriteError") || labeled.HasErrorLabel("RetryableReadError"))
}

// tries bounds how often a command is sent. The driver repeats once on servers
// that announce it; this is for those that do not, and for longer elections.
const tries = 4

var commandRetry = backoff.Backoff{First: 75 * time.Millisecond}

// retry sends a command until it is answered, with growing pauses of random
// length. Each command that it is used for can be sent twice without doing its
// work twice: by its version filter, its id, or the token of its write.
func retry(ctx context.Context, what string, send func() error) error {
	for try := 1; ; try++ {
		err := send()
		if err == nil || try == tries || !passing(err) || ctx.Err() != nil {
			return answerUnlessOwn(ctx, what, err)
		}
		if !commandRetry.Wait(ctx, try) {
			return answer(ctx, what, err)
		}
	}
}

// answerUnlessOwn leaves faults of the contract as they are.
func answerUnlessOwn(ctx context.Context, what string, err error) error {
	var own *fault.Error
	if errors.As(err, &own) {
		return err
	}
	return answer(ctx, what, err)
}
