package participant

import "time"

// maxAccessDays is how many days of the access log are read at once.
const maxAccessDays = 400

// CheckPeriod returns ErrPeriod or ErrPeriodTooLong unless the access log is read from one
// instant until a later one, at most 400 days.
func CheckPeriod(from, to time.Time) error {
	switch {
	case !from.Before(to):
		return ErrPeriod.AtField("to")
	case to.Sub(from) > maxAccessDays*24*time.Hour:
		return ErrPeriodTooLong.AtField("from")
	}
	return nil
}
