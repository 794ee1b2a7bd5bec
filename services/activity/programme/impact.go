package programme

// Impact is whom a draft would change something for.
type Impact struct {
	Enrolments    int // that run under what is changed, and keep the version that they have
	Bookings      int // that get another day, time or place, or none any more
	Calendars     int // open addresses whose entries change
	Cancellations int // of occurrences that there would not be
	Conflicts     int // bookings whose new time another booking of the participant has

	// Conflicting are the ids of the bookings in conflict that the caller may see.
	Conflicting []string
}
