package programme

import "context"

// Look reads the folder once.
func (s *Service) Look(ctx context.Context) error { return s.look(ctx) }

// IsInvalid reports whether the folder was refused when it was looked at last.
func (s *Service) IsInvalid() bool { return s.folder.invalid.Load() }
