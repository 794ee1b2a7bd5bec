package migration

import "context"

// Look lets tests run one round of Watch.
func Look(ctx context.Context, m Migration) error { return m.look(ctx) }
