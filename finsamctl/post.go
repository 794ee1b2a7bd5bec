package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/spf13/cobra"
)

// maxBatch is how many referrals one call takes at most, and maxBody how large it
// may be, in bytes, with room to spare below the API's own limit.
const (
	maxBatch = 500
	maxBody  = 900 << 10
)

// poster posts the rows of one file.
type poster struct {
	*connection
	journal  *journal
	report   *report
	progress io.Writer
	size     int  // rows in a batch
	single   bool // the installation takes no batches
	seen     map[string]int
	told     time.Time
}

func postCommand(c *connection) *cobra.Command {
	p := &poster{connection: c, seen: map[string]int{}}
	var reportPath, journalPath string
	var quiet, printTemplate bool
	cmd := &cobra.Command{
		Use: "post FILE.csv|FILE.json|FILE.jsonl", Short: "Post the referrals of a file",
		Long: "Post the referrals of a file, in batches. What was posted stands in a journal beside the file; the same command again goes on\n" +
			"where it was, posts nothing twice, and tries again what was not taken. Exit code 0: all were taken, 3: some were not, 1: it failed.",
		Args: func(_ *cobra.Command, args []string) error {
			if !printTemplate && len(args) != 1 {
				return errors.New("name one file")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if printTemplate {
				return template(cmd.OutOrStdout())
			}
			if p.size < 1 || p.size > maxBatch {
				return fmt.Errorf("--batch is from 1 to %d", maxBatch)
			}
			if p.progress = cmd.ErrOrStderr(); quiet {
				p.progress = io.Discard
			}
			if journalPath == "" {
				journalPath = args[0] + ".finsam-journal"
			}
			return p.file(cmd, args[0], journalPath, reportPath)
		},
	}
	f := cmd.Flags()
	f.StringVar(&reportPath, "report", "-", "where the report goes: a file that ends in .csv or .json, or - for CSV on standard output")
	f.StringVar(&journalPath, "journal", "", "the journal; without it FILE.finsam-journal")
	f.IntVar(&p.size, "batch", 200, "referrals in one call, at most 500")
	f.BoolVar(&quiet, "quiet", false, "tell no progress")
	f.BoolVar(&printTemplate, "print-template", false, "print a CSV file with all columns and an invented row")
	return cmd
}

func (p *poster) file(cmd *cobra.Command, path, journalPath, reportPath string) (err error) {
	if err := p.check(); err != nil {
		return err
	}
	in, err := os.Open(path)
	if err != nil {
		return err
	}
	defer in.Close()
	if p.journal, err = openJournal(journalPath); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.journal.close()) }()
	if p.report, err = newReport(reportPath, cmd.OutOrStdout()); err != nil {
		return err
	}
	postErr := p.rows(cmd.Context(), path, in)
	if err := p.report.close(); err != nil {
		return errors.Join(postErr, err)
	}
	p.tell(true)
	if postErr != nil {
		return postErr
	}
	if p.report.not > 0 {
		return errNotAll
	}
	return nil
}

// rows posts row by row in batches; the last error of the file comes after what
// stands before it has been posted. After a failure the rest is read for the
// report alone.
func (p *poster) rows(ctx context.Context, name string, in io.Reader) error {
	all, err := rows(name, in)
	if err != nil {
		return err
	}
	var batch []item
	size := 0
	send := func() error {
		err := p.send(ctx, batch)
		batch, size = batch[:0], 0
		return err
	}
	var failed error
	for r, err := range all {
		if err != nil {
			return errors.Join(failed, send(), err)
		}
		it, ready := p.prepare(r)
		if !ready {
			continue
		}
		if failed == nil && (len(batch) == p.size || size+len(it.body) > maxBody) {
			failed = send()
		}
		if failed != nil {
			p.report.add(it.notPosted())
			continue
		}
		batch, size = append(batch, it), size+len(it.body)
	}
	return errors.Join(failed, send())
}

// item is a row that is to be posted.
type item struct {
	row  int
	key  string
	body json.RawMessage
}

// notPosted is for a row that a failed run did not reach.
func (it item) notPosted() result {
	return result{Row: it.row, Key: it.key, Code: "not-posted", Detail: "The row was not posted: the run failed before it."}
}

// noAnswer is for a row that was under way as the run failed.
func (it item) noAnswer() result {
	return result{Row: it.row, Key: it.key, Code: "no-answer", Detail: "The row may have been received: the run failed before it was answered. Post the file again to know."}
}

// prepare returns a row its key; not ready is one that needs no call: it is wrong in
// itself, was taken by an earlier run, or stands in the file already.
func (p *poster) prepare(r row) (item, bool) {
	var wrong *errRow
	if errors.As(r.err, &wrong) {
		p.report.add(result{Row: r.n, Code: wrong.code, Detail: wrong.text})
		return item{}, false
	}
	key := p.journal.key(r.body)
	if first := p.seen[key]; first > 0 {
		p.report.add(result{Row: r.n, Key: key, Code: "same-as-row", Detail: fmt.Sprintf("The row is the same as row %d and was not posted again.", first)})
		return item{}, false
	}
	p.seen[key] = r.n
	if done, ok := p.journal.done[key]; ok && done.settled() {
		done.Row = r.n
		p.report.add(done)
		return item{}, false
	}
	return item{r.n, key, r.body}, true
}

// send posts a batch and notes what became of it, durably, before it goes on or
// fails.
func (p *poster) send(ctx context.Context, batch []item) error {
	for len(batch) > 0 {
		results, err := p.post(ctx, batch)
		if len(results) > 0 {
			err = errors.Join(p.journal.note(results), err)
		}
		for _, r := range results {
			p.report.add(r)
		}
		batch = batch[len(results):]
		if err != nil {
			for i, it := range batch {
				if p.single && i > 0 {
					p.report.add(it.notPosted())
				} else {
					p.report.add(it.noAnswer())
				}
			}
			return err
		}
		p.tell(false)
	}
	return nil
}

// post posts the first items of a batch, all of them where the installation takes
// batches, and gives what became of them, in order: of some of them beside an error.
func (p *poster) post(ctx context.Context, batch []item) ([]result, error) {
	if p.single {
		r, err := p.one(ctx, batch[0])
		if err != nil {
			return nil, err
		}
		return []result{r}, nil
	}
	results, err := p.batch(ctx, batch)
	if len(results) > 0 {
		return results, err
	}
	var none *problem
	if errors.As(err, &none) && (none.Status == http.StatusNotFound || none.Status == http.StatusMethodNotAllowed) {
		p.single = true // an installation from before batches
		return p.post(ctx, batch)
	}
	if none == nil || !ofRow(none.Status) {
		return nil, err
	}
	if len(batch) > 1 {
		return p.alone(ctx, batch) // one row's form or size spoils the whole call: find it
	}
	return []result{refused(batch[0], none)}, nil
}

// alone posts the items of a batch in halves, so that one that is wrong in its
// form, or too large, hides no other.
func (p *poster) alone(ctx context.Context, batch []item) ([]result, error) {
	half := len(batch) / 2
	first, err := p.post(ctx, batch[:half])
	if err != nil || len(first) < half {
		return first, err
	}
	second, err := p.post(ctx, batch[half:])
	return append(first, second...), err
}

// one posts one referral by itself.
func (p *poster) one(ctx context.Context, it item) (result, error) {
	var made struct {
		ID             string `json:"id"`
		RegistryNumber string `json:"registryNumber"`
	}
	err := p.call(ctx, http.MethodPost, "/referrals", map[string]string{"Idempotency-Key": it.key}, it.body, &made)
	var not *problem
	if errors.As(err, &not) && ofRow(not.Status) {
		return refused(it, not), nil
	}
	if err != nil {
		return result{}, err
	}
	return result{Row: it.row, Key: it.key, Status: http.StatusCreated, ID: made.ID, RegistryNumber: made.RegistryNumber}, nil
}

// ofRow reports whether a status is about the row, and not about the caller or the
// installation.
func ofRow(status int) bool {
	switch status {
	case http.StatusBadRequest, http.StatusConflict, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity:
		return true
	}
	return false
}

func refused(it item, p *problem) result {
	r := result{Row: it.row, Key: it.key, Status: p.Status, Code: p.Code, Detail: p.Detail}
	for _, e := range p.Errors {
		r.Fields = append(r.Fields, e.Pointer+": "+e.Detail)
	}
	return r
}
