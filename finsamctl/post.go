package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"
)

const (
	maxBatch = 500       // referrals in one call, as in the API
	maxBody  = 900 << 10 // bytes of one call, below the API's own limit
)

// poster posts the rows of one file.
type poster struct {
	*connection
	journal *journal
	report  *report
	size    int            // rows in a batch
	seen    map[string]int // the row of each key
	shownAt time.Time      // when progress was last printed
}

func postCommand(c *connection) *cobra.Command {
	p := &poster{connection: c, seen: map[string]int{}}
	var reportPath, journalPath string
	var quiet, printTemplate bool
	cmd := &cobra.Command{
		Use: "post FILE.csv|FILE.json|FILE.jsonl", Short: "Post the referrals of a file",
		Long: "Post the referrals of a file, in batches. A journal beside the file records what was posted; the same command again continues\n" +
			"from there, posts nothing twice, and retries what was refused. Exit code 0: all were received, 3: some were not, 1: it failed.",
		Args: func(_ *cobra.Command, args []string) error {
			if !printTemplate && len(args) != 1 {
				return errors.New("name exactly one file, such as: finsamctl post referrals.csv")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if printTemplate {
				p.notice("Raden är ett påhittat exempel, som finsam serve --demo tar emot. Ersätt den; unit är id för en av era enheter (GET /units).",
					"The row is an invented example, which finsam serve --demo receives. Replace it; unit is the id of one of your units (GET /units).")
				return template(cmd.OutOrStdout())
			}
			if p.size < 1 || p.size > maxBatch {
				return fmt.Errorf("--batch must be from 1 to %d", maxBatch)
			}
			if quiet {
				p.notices = io.Discard
			}
			journalPath = cmp.Or(journalPath, args[0]+".finsam-journal")
			return p.file(cmd, args[0], journalPath, reportPath)
		},
	}
	f := cmd.Flags()
	f.StringVar(&reportPath, "report", "-", "the report: a file that ends in .csv or .json, or - for CSV on standard output")
	f.StringVar(&journalPath, "journal", "", "the journal; default: FILE.finsam-journal")
	f.IntVar(&p.size, "batch", 200, "referrals in one call, at most 500")
	f.BoolVar(&quiet, "quiet", false, "print no progress")
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
	p.showProgress(true)
	if postErr != nil {
		return postErr
	}
	if p.report.not > 0 {
		return errNotAll
	}
	return nil
}

// rows posts the rows in batches. An error in the file is returned after the rows before
// it have been posted; after a failed call the rest is only read for the report.
func (p *poster) rows(ctx context.Context, name string, in io.ReadSeeker) error {
	all, err := rows(name, in, p.language)
	if err != nil {
		return err
	}
	var batch []item
	size := 0
	send := func() error {
		err := p.send(ctx, batch)
		batch, size = batch[:0], 0
		p.report.flush()
		return err
	}
	var failed error
	for r, err := range all {
		if err != nil {
			return errors.Join(failed, send(), err)
		}
		it, ready := p.prepare(r)
		if !ready {
			if len(batch) == 0 {
				p.report.flush()
			}
			continue
		}
		if failed == nil && (len(batch) == p.size || size+len(it.body) > maxBody) {
			failed = send()
		}
		if failed != nil {
			p.report.add(result{Row: it.row, Reference: it.reference, Key: it.key, Code: "not-posted",
				Detail: p.say("Raden skickades inte: körningen avbröts före den.", "The row was not posted: the run failed before it.")})
			continue
		}
		batch, size = append(batch, it), size+len(it.body)
	}
	return errors.Join(failed, send())
}

type item struct {
	row       int
	reference string
	key       string
	body      json.RawMessage
}

// prepare returns a row with its key. It is not ready, and reported already, if it needs
// no call: it is invalid, an earlier run has posted it, or the file contains it twice.
func (p *poster) prepare(r row) (item, bool) {
	var wrong *errRow
	if errors.As(r.err, &wrong) {
		p.report.add(result{Row: r.n, Reference: r.reference, Code: wrong.code, Detail: wrong.text})
		return item{}, false
	}
	key := p.journal.key(r.body)
	if first := p.seen[key]; first > 0 {
		p.report.add(result{Row: r.n, Reference: r.reference, Key: key, Code: "same-as-row",
			Detail: p.say("Raden är samma som rad %d och skickades inte igen.", "The row is the same as row %d and was not posted again.", first)})
		return item{}, false
	}
	p.seen[key] = r.n
	if done, ok := p.journal.done[key]; ok && done.taken() {
		done.Row, done.Reference = r.n, r.reference
		p.report.add(done)
		return item{}, false
	}
	return item{r.n, r.reference, key, r.body}, true
}

// send posts a batch and records the outcome, durably, before it continues or fails.
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
			for _, it := range batch {
				r := p.unanswered(err)
				r.Row, r.Reference, r.Key = it.row, it.reference, it.key
				p.report.add(r)
			}
			return err
		}
		p.showProgress(false)
	}
	return nil
}

// unanswered returns what a failed call means for a row of it: refused with the whole, not
// sent at all, or unknown.
func (p *poster) unanswered(err error) result {
	var maybe unsure
	var wrong *problem
	switch {
	case errors.As(err, &maybe):
		return result{Code: "no-answer", Detail: p.say("Raden kan vara mottagen: körningen avbröts före svaret. Skicka filen igen för att få veta.",
			"The row may have been received: the run failed before the answer. Post the file again to find out.")}
	case errors.As(err, &wrong):
		return result{Status: wrong.Status, Code: wrong.Code, Detail: p.say("Raden är inte mottagen: %s", "The row was not received: %s", wrong.Detail)}
	}
	return result{Code: "not-sent", Detail: p.say("Raden är inte mottagen: ingen server nåddes.", "The row was not received: no server was reached.")}
}

// ofRow are the statuses that are about a row, not about the caller or the installation.
var ofRow = []int{http.StatusBadRequest, http.StatusConflict, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity}

// post posts a batch and returns the outcomes in order, beside an error only the first
// of them. The form or size of one row fails the whole call: the batch is then posted in
// halves, so that this row stops no other.
func (p *poster) post(ctx context.Context, batch []item) ([]result, error) {
	results, err := p.batch(ctx, batch)
	if len(results) > 0 {
		return results, err
	}
	var wrong *problem
	if !errors.As(err, &wrong) || !slices.Contains(ofRow, wrong.Status) {
		return nil, err
	}
	half := len(batch) / 2
	if half == 0 {
		return []result{refused(batch[0], wrong)}, nil
	}
	first, err := p.post(ctx, batch[:half])
	if err != nil || len(first) < half {
		return first, err
	}
	second, err := p.post(ctx, batch[half:])
	return append(first, second...), err
}

func refused(it item, p *problem) result {
	r := result{Row: it.row, Reference: it.reference, Key: it.key, Status: p.Status, Code: p.Code, Detail: p.Detail}
	for _, e := range p.Errors {
		r.Fields = append(r.Fields, e.Pointer+": "+e.Detail)
	}
	return r
}
