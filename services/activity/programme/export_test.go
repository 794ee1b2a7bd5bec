package programme

import "context"

// Look reads the folder once.
func (s *Service) Look(ctx context.Context) error { return s.look(ctx) }

// IsInvalid reports whether the folder was refused when it was looked at last.
func (s *Service) IsInvalid() bool { return s.folder.invalid.Load() }

// Forget removes an object from the store, as if it had not been written yet.
func (s *Service) Forget(ctx context.Context, association, id string) error {
	v, err := s.objects.Get(ctx, association, storedID(association, id))
	if err != nil {
		return err
	}
	return s.objects.Delete(ctx, association, storedID(association, id), v.Version)
}

// TakeTurn has the turn, as a process that may die then.
func (s *Service) TakeTurn(ctx context.Context, association string) (giveBack func(), err error) {
	return s.takeTurn(ctx, association)
}

// TurnLifetime is after how long the turn of a process that died is over.
const TurnLifetime = turnLifetime
