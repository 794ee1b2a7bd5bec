package standalone

import (
	"path/filepath"

	"github.com/finsam/finsam/pkg/backup"
)

// Layout is the data folder and where in it things stand.
type Layout string

// Database is the one file of all services.
func (l Layout) Database() string { return filepath.Join(string(l), "finsam.db") }

// Keys is the folder of the sealing and signing keys; keep it apart from
// back-ups of the database: without it the database names nobody.
func (l Layout) Keys() string { return filepath.Join(string(l), "keys") }

// Associations is the folder of the associations' files.
func (l Layout) Associations() string { return filepath.Join(string(l), "associations") }

// Demo is the folder of the demo issuer and its trust file.
func (l Layout) Demo() string { return filepath.Join(string(l), "demo") }

// Backups is where backups are made; keep them elsewhere (finsam backup --to).
func (l Layout) Backups() string { return filepath.Join(string(l), "backups") }

// Attachments is the folder of the attachments, sealed.
func (l Layout) Attachments() string { return filepath.Join(string(l), backup.Blobs) }

// Restoring is the folder of a restore under way; nothing in it is data.
func (l Layout) Restoring() string { return filepath.Join(string(l), ".restoring") }
