package redis

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/url"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/gomodule/redigo/redis"
)

const (
	dialTimeout   = 200 * time.Millisecond
	answerTimeout = time.Second // of a call whose context has no deadline
	idleTimeout   = 30 * time.Minute
)

// Client is a pool of connections to one Redis server. Its methods may be called
// concurrently.
type Client struct {
	pool   redis.Pool
	server atomic.Pointer[string] // identity of the server's process, as of the newest connection
	broken atomic.Int64           // when a connection was last found broken, Unix nanoseconds
}

// Command is the name of a command and its arguments: texts, bytes and numbers.
type Command []any

// ErrTimeout is the error of Do where the server does not answer in time.
var ErrTimeout = errors.New("no answer in time")

// Error is the server's own: it refused a command.
type Error = redis.Error

// NewClient prepares the connections; the server need not be there yet. The URL is of
// the form redis://[user:password@]host:port/db, rediss:// with TLS, or
// unix:///socket?db=0.
func NewClient(url string) (*Client, error) {
	network, address, options, err := parse(url)
	if err != nil {
		return nil, err
	}
	c := &Client{}
	c.pool = redis.Pool{
		MaxIdle: 10 * runtime.GOMAXPROCS(0), MaxActive: 10 * runtime.GOMAXPROCS(0), Wait: true, IdleTimeout: idleTimeout,
		DialContext: func(ctx context.Context) (redis.Conn, error) {
			conn, err := redis.DialContext(ctx, network, address, options...)
			if err != nil {
				return nil, err
			}
			if err := c.identify(ctx, conn); err != nil {
				return nil, errors.Join(err, conn.Close())
			}
			return conn, nil
		},
		TestOnBorrow: func(_ redis.Conn, lastUsed time.Time) error {
			if lastUsed.UnixNano() <= c.broken.Load() {
				return errors.New("another connection of that time was broken")
			}
			return nil
		},
	}
	return c, nil
}

var errURL = errors.New("the Redis URL cannot be read: it wants the form redis://[user:password@]host:port/db")

// parse reads a URL without repeating it in an error: it may hold a password.
func parse(text string) (network, address string, options []redis.DialOption, err error) {
	u, err := url.Parse(text)
	if err != nil {
		return "", "", nil, errURL
	}
	dialer := &net.Dialer{Timeout: dialTimeout}
	dial, query := dialer.DialContext, u.Query()
	network, address = "tcp", net.JoinHostPort(cmp.Or(u.Hostname(), "localhost"), cmp.Or(u.Port(), "6379"))
	db := strings.TrimPrefix(u.Path, "/")
	switch u.Scheme {
	case "redis":
	case "rediss":
		dial = (&tls.Dialer{NetDialer: dialer, Config: &tls.Config{MinVersion: tls.VersionTLS12, ServerName: u.Hostname()}}).DialContext
	case "unix":
		network, address, db = "unix", u.Path, ""
	default:
		return "", "", nil, errURL
	}
	number, err := strconv.Atoi(cmp.Or(db, query.Get("db"), "0"))
	if query.Del("db"); err != nil || number < 0 || len(query) > 0 {
		return "", "", nil, errURL
	}
	password, _ := u.User.Password()
	return network, address, []redis.DialOption{
		redis.DialContextFunc(dial), redis.DialReadTimeout(answerTimeout), redis.DialWriteTimeout(answerTimeout),
		redis.DialUsername(u.User.Username()), redis.DialPassword(password), redis.DialDatabase(number),
	}, nil
}

// identify asks a new connection which process of the server it leads to.
func (c *Client) identify(ctx context.Context, conn redis.Conn) error {
	info, err := redis.String(redis.DoWithTimeout(conn, left(ctx), "INFO", "server"))
	if err != nil {
		return err
	}
	_, rest, ok := strings.Cut(info, "run_id:")
	if !ok {
		return errors.New("the server's INFO has no run_id")
	}
	id, _, _ := strings.Cut(rest, "\r\n")
	c.server.Store(&id)
	return nil
}

// left returns how long an answer may take.
func left(ctx context.Context) time.Duration {
	end, ok := ctx.Deadline()
	if !ok {
		return answerTimeout
	}
	return max(time.Until(end), time.Millisecond)
}

// Server returns the identity of the server's process that the newest connection leads to;
// it connects first where the client has not yet connected.
func (c *Client) Server(ctx context.Context) (string, error) {
	if c.server.Load() == nil {
		if _, err := c.Do(ctx, Command{"PING"}); err != nil {
			return "", err
		}
	}
	return *c.server.Load(), nil
}

// Do sends commands at once and returns an answer for each, as bytes, a number, a list or
// nil; the error is the first of them. It waits until the context's deadline, and not for
// its end. What a server had no time to answer before it was gone is sent once more.
func (c *Client) Do(ctx context.Context, commands ...Command) ([]any, error) {
	answers, isConnected, err := c.try(ctx, commands)
	var refused Error
	if err != nil && isConnected && !errors.As(err, &refused) && !isTimeout(err) {
		// The server has gone since the connection was used, and so have all others with it.
		c.broken.Store(time.Now().UnixNano())
		answers, _, err = c.try(ctx, commands)
	}
	if isTimeout(err) {
		err = ErrTimeout
	}
	return answers, err
}

func isTimeout(err error) bool {
	var n net.Error
	return errors.As(err, &n) && n.Timeout()
}

func (c *Client) try(ctx context.Context, commands []Command) (answers []any, isConnected bool, err error) {
	conn, err := c.pool.GetContext(ctx)
	if err != nil {
		return nil, false, err
	}
	defer func() { _ = conn.Close() }() // it goes back into the pool unless it is broken
	for _, command := range commands {
		if err := conn.Send(command[0].(string), command[1:]...); err != nil {
			return nil, true, err
		}
	}
	if err := conn.Flush(); err != nil {
		return nil, true, err
	}
	answers = make([]any, len(commands))
	var first error
	for i := range answers {
		answers[i], err = redis.ReceiveWithTimeout(conn, left(ctx))
		var refused Error
		if err != nil && !errors.As(err, &refused) {
			return nil, true, err
		}
		if first == nil {
			first = err
		}
	}
	return answers, true, first
}

// Close closes the connections.
func (c *Client) Close() error { return c.pool.Close() }
