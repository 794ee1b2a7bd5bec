package access

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/finsam/finsam/pkg/actor"
)

//go:generate go run ./compiletable

//go:embed table.json
var tableJSON []byte

// rows is the table; it is part of the program, so a fault in it is a fault of
// the build, found by the first test that runs.
var rows = func() map[string][]Cell {
	table, err := parse(tableJSON)
	if err != nil {
		panic("access table: " + err.Error())
	}
	return table
}()

// parse reads groups of rows and refuses what is not in the table's vocabulary:
// a misspelt role would otherwise be nobody's, and a misspelt condition none.
func parse(text []byte) (map[string][]Cell, error) {
	var groups map[string]map[string][]Cell
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&groups); err != nil {
		return nil, err
	}
	rows := map[string][]Cell{}
	for group, rowsOfIt := range groups {
		for name, cells := range rowsOfIt {
			scope := scopeOf(group, name)
			if _, twice := rows[name]; twice {
				return nil, fmt.Errorf("%s has two rows", name)
			}
			for i, c := range cells {
				if err := c.valid(); err != nil {
					return nil, fmt.Errorf("%s: %w", name, err)
				}
				if c.Role == actor.Integration && !slices.Contains(Scopes, scope) {
					return nil, fmt.Errorf("%s: no such scope: %q", name, scope)
				}
				cells[i].needs = needs(c, scope)
			}
			rows[name] = cells
		}
	}
	return rows, nil
}

// scopeOf returns the scope of a row: its group, and whether the operation only reads.
func scopeOf(group, row string) string {
	for _, verb := range []string{"get", "list", "export", "read"} {
		if strings.HasPrefix(row, verb) {
			return group + ":read"
		}
	}
	return group + ":write"
}

func (c Cell) valid() error {
	switch {
	case c.Relation == Public:
		if c != (Cell{Relation: Public}) {
			return fmt.Errorf("public takes no role and no condition")
		}
	case !slices.Contains(relations, c.Relation):
		return fmt.Errorf("no such relation: %q", c.Relation)
	case !slices.Contains(actor.Roles, c.Role):
		return fmt.Errorf("no such role: %q", c.Role)
	case !slices.Contains(categories, c.Consent):
		return fmt.Errorf("no such category of data: %q", c.Consent)
	case c.Consent != "" && c.Relation != OwnUnit && c.Relation != OwnAuthority:
		return fmt.Errorf("consent is asked of senders only, not of %s", c.Relation)
	}
	return nil
}
