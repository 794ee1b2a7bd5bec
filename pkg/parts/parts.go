// Package parts names what every service is made of. Package launch opens the parts by the
// environment, package standalone in a data folder, package servicetest for a test.
package parts

import (
	"log/slog"
	"time"

	"github.com/finsam/finsam/pkg/accesslog"
	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/encryption"
	"github.com/finsam/finsam/pkg/feed"
	"github.com/finsam/finsam/pkg/store"
)

// Parts are those of one service. All may be used at once.
type Parts struct {
	Engine       store.Engine
	Feed         *feed.Log              // its own
	Peers        map[string]feed.Reader // the feeds of the services that it calls or follows, by name
	AccessLog    *accesslog.Log
	Cipher       *encryption.Cipher
	Associations *association.Registry
	Now          func() time.Time
	NewID        func() string // unguessable UUIDs
	Log          *slog.Logger
}
