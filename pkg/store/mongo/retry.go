package mongo

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/readpref"

	"github.com/finsam/finsam/pkg/backoff"
	"github.com/finsam/finsam/pkg/fault"
)

// passingCodes are the codes of a server that may answer the same command in a moment:
// those after which MongoDB's drivers repeat a command (its specification of retryable
// reads and writes), and four more for which the client has to repeat it.
var passingCodes = []int{
	6, 7, 89, 9001, // HostUnreachable, HostNotFound, NetworkTimeout, SocketException
	91, 11600, 11602, // ShutdownInProgress, InterruptedAtShutdown, InterruptedDueToReplStateChange
	189, 10107, 13435, 13436, // PrimarySteppedDown, NotWritablePrimary, NotPrimaryNoSecondaryOk, NotPrimaryOrSecondary
	134, 262, // ReadConcernMajorityNotAvailableYet, ExceededTimeLimit
	112, 133, // WriteConflict, FailedToSatisfyReadPreference: mongos found no primary
	365, 16500, // TemporarilyUnavailable; RequestRateTooLarge of Azure Cosmos DB
}

// passingLabels are how servers and the driver mark the same.
var passingLabels = []string{"NetworkError", "RetryableWriteError", "RetryableError", "SystemOverloadedError"}

var (
	// errNotDurable asks for another attempt: our write has arrived, but a majority does
	// not have it yet.
	errNotDurable = errors.New("not yet known to be durable")
	// errMalformed is why a document cannot be decoded; another attempt would not help.
	errMalformed = errors.New("not a document of ours")
	// errOverwritten is no ErrStale or ErrExists: those say that nothing was written.
	errOverwritten = fault.ErrUnavailable.Because(errors.New("a later write hides whether this one arrived"))
)

// isPassing reports whether the same command may succeed in a moment: no server
// answered, or one that is changing its role, is overloaded, or did not reach a
// majority. Whether a write arrived, and whether it stays, is unknown then.
func isPassing(err error) bool {
	var own *fault.Error
	var server mongo.ServerError
	var marshal mongo.MarshalError
	switch {
	case err == nil, errors.As(err, &own), errors.Is(err, errMalformed), errors.As(err, &marshal):
		return false
	case errors.As(err, &server):
		return isUndecided(err) || slices.ContainsFunc(passingCodes, server.HasErrorCode) || slices.ContainsFunc(passingLabels, server.HasErrorLabel)
	}
	return !mongo.IsTimeout(err) // no connection, or one that is closed
}

// isUndecided reports whether all that a write lacks is the majority.
func isUndecided(err error) bool {
	var one mongo.WriteException
	var many mongo.BulkWriteException
	return errors.As(err, &one) && len(one.WriteErrors) == 0 || errors.As(err, &many) && len(many.WriteErrors) == 0
}

// answer turns a driver's error into a fault, or into an error that may be logged.
// Faults and nil stay as they are.
func answer(ctx context.Context, what string, err error) error {
	var own *fault.Error
	switch {
	case err == nil || errors.As(err, &own):
		return err
	case ctx.Err() != nil:
		return fault.ErrUnavailable.Because(fmt.Errorf("%s: %w", what, context.Cause(ctx)))
	case isPassing(err) || mongo.IsTimeout(err):
		return fault.ErrUnavailable.Because(fmt.Errorf("%s: %w", what, withoutText(err)))
	}
	return fmt.Errorf("%s: %w", what, withoutText(err))
}

// withoutText keeps of a server's error its codes and their name: the text may quote
// values of the document.
func withoutText(err error) error {
	var server mongo.ServerError
	if !errors.As(err, &server) || server.HasErrorCode(0) { // 0: the driver's own
		return err
	}
	var command mongo.CommandError
	errors.As(err, &command)
	return fmt.Errorf("the server answers error %v %s", server.ErrorCodes(), command.Name)
}

// retryPatience is how long after its first failure a command is repeated, and how long
// calls wait for a server that takes writes after the last one was lost: a member that
// steps down in order is replaced within it. An election without warning takes longer;
// the callers are then better served by an answer.
const retryPatience = 2 * time.Second

var commandRetry = backoff.Backoff{First: 75 * time.Millisecond, Max: 400 * time.Millisecond}

// retry sends a command until it is answered. Each command that it is used for can
// be sent twice without doing its work twice: because of its version filter, its id,
// or the token of its write. The driver repeats nothing, so that it is the same on
// servers with and without retryable writes. During an outage it returns at once.
func (d *DB) retry(ctx context.Context, what string, send func(context.Context) error) error {
	if d.outage.current().Err() != nil {
		// The question also makes the driver look for a server.
		short, cancel := context.WithTimeout(ctx, probeTimeout)
		defer cancel()
		if err := d.client.Ping(short, readpref.Primary()); err != nil {
			return fault.ErrUnavailable.Because(fmt.Errorf("%s: %w", what, errOutage))
		}
	}
	ctx, end := d.outage.within(ctx)
	defer end()
	var failed time.Time
	for attempt := 1; ; attempt++ {
		err := send(ctx)
		if attempt == 1 {
			failed = time.Now()
		}
		if !isPassing(err) || time.Since(failed) > retryPatience || !commandRetry.Wait(ctx, attempt) {
			return answer(ctx, what, err)
		}
	}
}
