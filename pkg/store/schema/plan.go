package schema

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/finsam/finsam/pkg/store"
)

// Plan is what Up would do.
type Plan struct {
	Service  string
	Database int64    // the version of the database
	Program  int64    // the version that the program brings it to
	Steps    []string // the names of the steps to be taken
	Breaks   bool     // one of them shuts older programs out
	Rekey    []string // collections whose documents are looked through for their keys
	Refused  string   // why Up would refuse; empty: it would not
}

func (p Plan) empty() bool { return len(p.Steps) == 0 && len(p.Rekey) == 0 }

// String tells the plan in sentences, one per line.
func (p Plan) String() string {
	head := fmt.Sprintf("%s: database at version %d, program at version %d", p.Service, p.Database, p.Program)
	switch {
	case p.Refused != "":
		return head + "\n  refused: " + p.Refused
	case p.Database > p.Program:
		return head + "\n  nothing to do: the program works beside the newer one"
	case p.empty():
		return head + "\n  nothing to do"
	}
	lines := []string{head}
	for _, s := range p.Steps {
		lines = append(lines, "  step: "+s)
	}
	for _, c := range p.Rekey {
		lines = append(lines, "  look through the keys of "+c)
	}
	if p.Breaks {
		lines = append(lines, "  programs of the version before cannot work on the database afterwards; the only way back is a backup")
	}
	return strings.Join(lines, "\n")
}

// Check returns what Up would do, and does nothing of it.
func (m Migration) Check(ctx context.Context) (Plan, error) {
	states, err := store.Open(ctx, m.Engine, kind())
	if err != nil {
		return Plan{}, err
	}
	have, err := m.read(ctx, states)
	if err != nil {
		return Plan{}, err
	}
	p := m.plan(*have.Value)
	if have.Value.Least > m.Schema.Version() {
		p.Refused = fmt.Sprintf("only programs of version %d and later may work on the database (%s does)", have.Value.Least, have.Value.Program)
	} else if err := m.uniqueStay(*have.Value); err != nil && p.Database <= p.Program {
		p.Refused = err.Error()
	}
	return p, nil
}

func (m Migration) plan(have state) Plan {
	p := Plan{Service: m.Schema.Service, Database: have.Version, Program: m.Schema.Version()}
	if p.Database > p.Program {
		return p
	}
	for _, s := range m.Schema.Steps[have.Version:] {
		p.Steps = append(p.Steps, s.Name)
		p.Breaks = p.Breaks || s.Breaks
	}
	for name, now := range m.Schema.Declared() {
		// While an older program may have written, all are looked through.
		if before, known := have.Declared[name]; !known || !before.same(now) || have.Recheck > 0 {
			p.Rekey = append(p.Rekey, name)
		}
	}
	slices.Sort(p.Rekey)
	return p
}
