package fault

// Status is what sort of failure it is, and so which HTTP status it has.
type Status int

// The kinds, each with one status (RFC 9110, RFC 6585).
const (
	Internal             Status = iota // 500: ours; the text hides the cause
	Invalid                            // 400: the input's shape is wrong
	Unauthenticated                    // 401: no valid token
	Forbidden                          // 403: the role may not
	NotFound                           // 404: missing, or not for this caller
	MethodNotAllowed                   // 405
	NotAcceptable                      // 406
	Conflict                           // 409: the thing's state forbids it
	Stale                              // 412: If-Match names an old version
	TooLarge                           // 413
	Unsupported                        // 415: media type
	Unprocessable                      // 422: well-formed, against a rule
	PreconditionRequired               // 428: If-Match is missing
	TooMany                            // 429: over the limit
	Unavailable                        // 503: try later
	Timeout                            // 504: a part did not answer in time
)

var statuses = map[Status]int{
	Internal: 500, Invalid: 400, Unauthenticated: 401, Forbidden: 403, NotFound: 404,
	MethodNotAllowed: 405, NotAcceptable: 406, Conflict: 409, Stale: 412, TooLarge: 413,
	Unsupported: 415, Unprocessable: 422, PreconditionRequired: 428, TooMany: 429,
	Unavailable: 503, Timeout: 504,
}

// Status returns the HTTP status of the kind.
func (k Status) Status() int { return statuses[k] }

// StatusOf returns the kind of an HTTP status; an unknown one is Internal.
func StatusOf(status int) Status {
	for k, s := range statuses {
		if s == status {
			return k
		}
	}
	return Internal
}
