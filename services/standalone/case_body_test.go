package standalone_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/web/problem"
	"github.com/finsam/finsam/services/standalone/demo"
)

// unknownNames returns an object of n fields that no operation knows.
func unknownNames(n int) []byte {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `,"k%c%c%c%c":1`, 'a'+i/17576%26, 'a'+i/676%26, 'a'+i/26%26, 'a'+i%26)
	}
	return []byte("{" + b.String()[1:] + "}")
}

func repeatedTo(size int, before, item, after string) []byte {
	return []byte(before + strings.Repeat(item+",", size/(len(item)+1)) + item + after)
}

func TestCase_G1_ABodyOfUnknownNamesCostsMilliseconds(t *testing.T) {
	o := open(t, newData(t))
	const mebibyte = 1 << 20
	for _, c := range []struct {
		sentence, path, pointer string
		body                    []byte
	}{
		{"500 unknown names", "/referrals", "/k", unknownNames(500)},
		{"1,400 unknown names, 18 KB", "/referrals", "/k", unknownNames(1400)},
		{"4,000 unknown names", "/referrals", "/k", unknownNames(4000)},
		{"1 MiB of unknown names", "/referrals", "/k", unknownNames(100_000)},
		{"1 MiB of wrong values", "/referrals", "/consent/dataCategories", repeatedTo(mebibyte-100, `{"consent":{"dataCategories":[`, `"shoes"`, `]}}`)},
		{"a batch of 8 MiB", "/referrals/batch", "/items", repeatedTo(8*mebibyte-100, `{"items":[`, `{"a":1}`, `]}`)},
		{"a batch with an item of 1,400 unknown names", "/referrals/batch", "", []byte(`{"items":[` + string(unknownNames(1400)) + `]}`)},
		{"a batch with an item of 8 MiB", "/referrals/batch", "", repeatedTo(8*mebibyte-100, `{"items":[{"referral":[`, `{"a":1}`, `]}]}`)},
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		start := time.Now()
		w := o.call(sender, http.MethodPost, c.path, map[string]string{"Idempotency-Key": "hostile"}, c.body)
		duration := time.Since(start)
		runtime.ReadMemStats(&after)
		var p problem.Problem
		if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil {
			t.Fatal(err)
		}
		switch {
		case c.pointer == "":
			if w.Code != 200 || len(w.Body.Bytes()) > 10_000 {
				t.Errorf("%s: %d with %d bytes", c.sentence, w.Code, w.Body.Len())
			}
		case w.Code != 400 || len(p.Errors) == 0 || len(p.Errors) > problem.MaxFields || !strings.Contains(w.Body.String(), `"pointer":"`+c.pointer):
			t.Errorf("%s: %d %s", c.sentence, w.Code, w.Body)
		}
		// It took 0.5 s to minutes, and up to 2.7 GB. Eight times its length is for reading a body.
		if cost := after.TotalAlloc - before.TotalAlloc; !race && (duration > 10*time.Second || cost > 4*mebibyte+8*uint64(len(c.body))) {
			t.Errorf("%s: %s and %d bytes for %d", c.sentence, duration, cost, len(c.body))
		}
	}
}

// Forty bodies of 1 MB that stop one byte before their end, and forty heads that declare
// 1 MiB and send one byte: each is refused in words that are true, and meanwhile another
// authority is served.
func TestCase_G2_StalledBodiesOfOneAuthorityLeaveRoomForTheOthers(t *testing.T) {
	o := open(t, newData(t))
	front := httptest.NewServer(o.door)
	defer front.Close()
	token, err := o.issuer.Token(sender)
	if err != nil {
		t.Fatal(err)
	}
	stall := func(declared, sent int) (int, problem.Problem, error) {
		conn, err := net.Dial("tcp", front.Listener.Addr().String())
		if err != nil {
			return 0, problem.Problem{}, err
		}
		defer conn.Close()
		_ = conn.SetDeadline(time.Now().Add(time.Minute))
		_, _ = fmt.Fprintf(conn, "POST /finsam/v1/referrals HTTP/1.1\r\nHost: x\r\nAccept-Language: en\r\nIdempotency-Key: k-1\r\nContent-Type: application/json\r\nAuthorization: Bearer %s\r\nContent-Length: %d\r\n\r\n%s",
			token, declared, strings.Repeat(" ", sent))
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			return 0, problem.Problem{}, err
		}
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		var p problem.Problem
		if err == nil {
			err = json.Unmarshal(text, &p)
		}
		return resp.StatusCode, p, err
	}
	var all sync.WaitGroup
	for i := range 80 {
		declared, sent := 1_000_000, 999_999
		if i%2 == 0 {
			declared, sent = 1<<20, 1
		}
		all.Go(func() {
			start := time.Now()
			status, p, err := stall(declared, sent)
			isSlow := status == 400 && p.Code == "body-incomplete" && strings.Contains(p.Detail, "too slowly")
			isFull := status == 429 && strings.Contains(p.Detail, "authority")
			if err != nil || !isSlow && !isFull || sent == 1 && !isSlow {
				t.Errorf("%d of %d bytes: %d %+v %v", sent, declared, status, p, err)
			}
			if since := time.Since(start); since > 30*time.Second {
				t.Errorf("it was held for %s", since)
			}
		})
	}
	time.Sleep(500 * time.Millisecond)
	polite := demo.Claims{Roles: []actor.Role{actor.Integration}, Authority: "af", Lifetime: time.Hour}
	for range 20 {
		start := time.Now()
		if w := o.call(polite, http.MethodPost, "/referrals", map[string]string{"Idempotency-Key": "polite"}, unknownNames(10_000)); w.Code != 400 || time.Since(start) > 2*time.Second {
			t.Errorf("the polite one: %d in %s", w.Code, time.Since(start))
		}
	}
	all.Wait()
}
