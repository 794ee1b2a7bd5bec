package schema

import (
	"context"
	crand "crypto/rand"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/finsam/finsam/pkg/store"
)

// lease says who changes the database. A holder that died is waited for until
// its lease ends; should two clocks differ by more than that, two hold it, and
// no more is lost than work, as all of it goes by compare-and-swap.
type lease struct {
	Holder string `json:"holder"`
	Until  int64  `json:"until"` // Unix milliseconds
	Writes int64  `json:"writes"`
}

func kindOfLease() store.Schema[lease] {
	return store.Schema[lease]{
		Name:    "schema_lock",
		ID:      func(*lease) (string, string) { return nobody, nobody },
		Version: func(l *lease) int64 { return l.Writes },
	}
}

// The times of the lease, and how long one waits for another's work.
const (
	leaseTime = 30 * time.Second
	renewal   = leaseTime / 3
	patience  = 30 * time.Minute
	poll      = 500 * time.Millisecond
)

var errHeld = errors.New("another program is changing the database")

// errLost ends the work of a holder whose lease another one has.
var errLost = errors.New("the lease of the database was lost to another program")

// locked does work while it holds the lease, waiting for it at most as long as
// wait. The context of the work ends when the lease is lost.
func (m Migration) locked(ctx context.Context, wait time.Duration, work func(context.Context) error) error {
	leases, err := store.Open(ctx, m.Engine, kindOfLease())
	if err != nil {
		return err
	}
	me := crand.Text()
	deadline, told := time.Now().Add(wait), time.Time{}
	for {
		err := m.take(ctx, leases, me)
		if err == nil {
			break
		}
		if !errors.Is(err, errHeld) || time.Now().After(deadline) {
			return err
		}
		if time.Since(told) > renewal {
			told = time.Now()
			m.Log.InfoContext(ctx, "waiting for another program that is changing the database", "service", m.Schema.Service)
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(poll/2 + rand.N(poll)):
		}
	}
	holding, lost := context.WithCancelCause(ctx)
	renewed := make(chan struct{})
	go func() {
		defer close(renewed)
		m.renew(holding, leases, me, lost)
	}()
	err = work(holding)
	if cause := context.Cause(holding); err != nil && errors.Is(cause, errLost) {
		err = fmt.Errorf("%w: %w", cause, err)
	}
	lost(nil)
	<-renewed
	return errors.Join(err, m.give(context.WithoutCancel(ctx), leases, me))
}

// take takes the lease if it is free, its own already, or has ended.
func (m Migration) take(ctx context.Context, leases *store.Collection[lease], me string) error {
	until := m.Now().Add(leaseTime).UnixMilli()
	_, err := leases.Insert(ctx, &lease{Holder: me, Until: until, Writes: 1})
	if !errors.Is(err, store.ErrExists) {
		return err
	}
	_, err = leases.Update(ctx, nobody, nobody, 0, func(l *lease) error {
		if l.Holder != "" && l.Holder != me && l.Until > m.Now().UnixMilli() {
			return errHeld
		}
		l.Holder, l.Until, l.Writes = me, until, l.Writes+1
		return nil
	})
	return err
}

// renew prolongs the lease until ctx ends, or tells that it is lost.
func (m Migration) renew(ctx context.Context, leases *store.Collection[lease], me string, lost context.CancelCauseFunc) {
	good := time.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(renewal):
		}
		_, err := leases.Update(ctx, nobody, nobody, 0, func(l *lease) error {
			if l.Holder != me {
				return errHeld
			}
			l.Until, l.Writes = m.Now().Add(leaseTime).UnixMilli(), l.Writes+1
			return nil
		})
		switch {
		case err == nil:
			good = time.Now()
		case errors.Is(err, errHeld) || time.Since(good) > leaseTime:
			lost(errLost)
			return
		}
	}
}

// give returns the lease back.
func (m Migration) give(ctx context.Context, leases *store.Collection[lease], me string) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	_, err := leases.Update(ctx, nobody, nobody, 0, func(l *lease) error {
		if l.Holder != me {
			return store.Unchanged()
		}
		l.Holder, l.Until, l.Writes = "", 0, l.Writes+1
		return nil
	})
	return err
}
