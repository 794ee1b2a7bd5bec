package accesslog

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/finsam/finsam/pkg/store"
)

// Block is what one write makes durable: the entries that had queued.
type Block struct {
	Chain   string    `json:"chain"`           // one start of one process
	N       int64     `json:"n"`               // place in the chain, from 1
	At      time.Time `json:"at"`              // when it was written
	Follows string    `json:"follows"`         // id of the block before, "" for the very first
	Prev    string    `json:"prev"`            // hash of the block before
	Final   bool      `json:"final,omitempty"` // the chain was ended in order
	Entries []Entry   `json:"entries,omitempty"`
	Hash    string    `json:"hash"` // over all of the above
}

func kind() store.Schema[Block] {
	return store.Schema[Block]{
		Name:    "access_log",
		Indexes: []store.Index{{"chain", "n"}},
		ID:      func(b *Block) (string, string) { return store.NoAssociation, b.id() },
		Keys:    func(b *Block) store.Keys { return store.Keys{"chain": b.Chain, "n": b.N} },
	}
}

func (b *Block) id() string { return b.Chain + "/" + strconv.FormatInt(b.N, 10) }

// seal chains the entries to the block before and to one another, and sets the
// hashes. Two blocks of the same content have the same hash.
func (b *Block) seal() error {
	link := b.Prev
	for i := range b.Entries {
		h, err := b.Entries[i].chained(link)
		if err != nil {
			return err
		}
		b.Entries[i].Hash = h
		link = h
	}
	h, err := b.sum(link)
	b.Hash = h
	return err
}

// sum is the hash of the block's head and, by their last link, of its entries.
func (b *Block) sum(link string) (string, error) {
	head := *b
	head.Entries, head.Hash = nil, ""
	return digest(link, fmt.Sprint(len(b.Entries)), head)
}

// chained is the hash of the entry behind the link before it.
func (e Entry) chained(link string) (string, error) {
	e.Hash = ""
	return digest(link, "", e)
}

// digest hashes a value's canonical form: the JSON of a struct, whose fields
// stand in a fixed order and leave no room for a second spelling.
func digest(link, count string, v any) (string, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return "", fmt.Errorf("access log: canonical form: %w", err)
	}
	h := sha256.New()
	fmt.Fprintf(h, "%s\n%s\n", link, count)
	h.Write(text)
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil)), nil
}
