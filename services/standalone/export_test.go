package standalone

import (
	"context"

	"github.com/finsam/finsam/pkg/backup"
)

// RestoreAndDie restores until n of the set's names are in their places and then
// stops, as a death does. It returns how many names there are.
func RestoreAndDie(ctx context.Context, set string, data Layout, n int) (int, error) {
	m, err := backup.Read(set)
	if err != nil {
		return 0, err
	}
	p, err := data.stage(ctx, set, m)
	if err != nil {
		return 0, err
	}
	return len(p.Names), data.move(p, n)
}
