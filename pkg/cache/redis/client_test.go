package redis_test

import (
	"context"
	"errors"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/finsam/finsam/pkg/cache/redis"
	"github.com/finsam/finsam/pkg/cache/redistest"
)

func client(t *testing.T, url string) *redis.Client {
	t.Helper()
	c, err := redis.NewClient(url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

func do(t *testing.T, c *redis.Client, command ...any) any {
	t.Helper()
	answers, err := c.Do(t.Context(), command)
	if err != nil {
		t.Fatal(err)
	}
	return answers[0]
}

func TestAPasswordANameAndADatabaseAreOfTheURL(t *testing.T) {
	if redistest.Without(t, "that the client says who it is") {
		return
	}
	s := redistest.Start(t)
	do(t, client(t, s.URL), "ACL", "SETUSER", "finsam", "on", ">p:s", "+@all", "~*")
	do(t, client(t, s.URL), "CONFIG", "SET", "requirepass", "hemligt")
	named := client(t, "redis://finsam:p%3As@"+s.Addr+"/3")
	if got := do(t, named, "ACL", "WHOAMI"); string(got.([]byte)) != "finsam" {
		t.Errorf("it is %s", got)
	}
	do(t, named, "SET", "a", "x")
	if n := do(t, client(t, "redis://:hemligt@"+s.Addr+"?db=3"), "DBSIZE"); n != int64(1) {
		t.Errorf("database 3 has %v keys", n)
	}
	var refused redis.Error
	if _, err := client(t, s.URL).Do(t.Context(), redis.Command{"PING"}); !errors.As(err, &refused) {
		t.Errorf("without a password: %v", err)
	}
}

func TestAServerThatWasReplacedBetweenTwoCallsIsNotNoticed(t *testing.T) {
	if redistest.Without(t, "that connections of a server that is gone are not used") {
		return
	}
	s := redistest.Start(t)
	c := client(t, s.URL)
	ended := make(chan error)
	for range 5 { // as many connections, which all become idle
		go func() {
			_, err := c.Do(t.Context(), redis.Command{"BLPOP", "nothing", "0.2"})
			ended <- err
		}()
	}
	for range 5 {
		if err := <-ended; err != nil {
			t.Fatal(err)
		}
	}
	before, err := c.Server(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s.Kill()
	s.Start()
	for range 10 {
		do(t, c, "PING")
	}
	if after, err := c.Server(t.Context()); err != nil || after == before {
		t.Errorf("the server is %s still, %v", after, err)
	}
}

func TestAServerThatDoesNotAnswerIsWaitedForUntilTheDeadline(t *testing.T) {
	for _, url := range []string{"redis://ADDR/0", "rediss://ADDR/0", "redis://:p@ADDR/0", "redis://ADDR/4"} {
		silent, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		c := client(t, strings.Replace(url, "ADDR", silent.Addr().String(), 1))
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		began := time.Now()
		if _, err := c.Do(ctx, redis.Command{"PING"}); err == nil || time.Since(began) > 5*time.Second {
			t.Errorf("%s: %v after %v", url, err, time.Since(began))
		}
		cancel()
		_ = silent.Close()
	}
}

func TestASocketOfTheMachineIsAnAddress(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	came := make(chan struct{})
	go func() {
		defer close(came)
		if conn, err := l.Accept(); err == nil {
			_ = conn.Close()
		}
	}()
	if _, err := client(t, "unix://"+path+"?db=2").Do(t.Context(), redis.Command{"PING"}); err == nil {
		t.Error("it answered")
	}
	<-came
	_ = l.Close()
}

func TestOneRefusalOfManyDoesNotMixTheAnswersUp(t *testing.T) {
	if redistest.Without(t, "that an answer belongs to its command") {
		return
	}
	c := client(t, redistest.Start(t).URL)
	answers, err := c.Do(t.Context(), redis.Command{"SET", "a", "1"}, redis.Command{"LPOP", "a"}, redis.Command{"GET", "a"})
	var refused redis.Error
	if !errors.As(err, &refused) || string(answers[2].([]byte)) != "1" {
		t.Errorf("%q, %v", answers, err)
	}
	if got := do(t, c, "GET", "a"); string(got.([]byte)) != "1" {
		t.Errorf("then %q", got)
	}
}

func TestWhatIsNoAddressOfAServerIsRefused(t *testing.T) {
	for _, url := range []string{
		"", "host:6379", "http://host", "redis://host/x", "redis://host/-1", "redis://host/1/2", "redis://host?db=x", "redis://host?pool=3", "redis://%zz", "unix:///s?db=-1",
	} {
		if _, err := redis.NewClient(url); err == nil {
			t.Errorf("%q is one", url)
		}
	}
}
