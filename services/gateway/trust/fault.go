package trust

import "github.com/finsam/finsam/pkg/fault"

// The ways in which a token can fail. Which check it was stands in the cause,
// for the log; a caller who guesses learns no more than what is said here.
var (
	ErrToken = fault.New(fault.Unauthenticated, "token-invalid",
		"Åtkomsttoken är inte giltig.", "The access token is not valid.")
	ErrExpired = fault.New(fault.Unauthenticated, "token-expired",
		"Åtkomsttoken har gått ut. Hämta en ny och försök igen.", "The access token has expired. Get a new one and try again.")
	ErrIssuer = fault.New(fault.Unauthenticated, "issuer-not-trusted",
		"Utfärdaren av åtkomsttoken är inte godkänd här.", "The issuer of the access token is not trusted here.")
	ErrSubject = fault.New(fault.Unauthenticated, "subject-not-opaque",
		"Åtkomsttoken saknar en användbar beteckning på vem som frågar. Den får inte vara ett personnummer.",
		"The access token lacks a usable identifier of who is asking. It must not be a personal identity number.")
	ErrRoles = fault.New(fault.Forbidden, "roles-not-combinable",
		"Rollerna i åtkomsttoken får inte förenas hos samma person: förbundets egna roller ser aldrig enskilda personer.",
		"The roles in the access token may not be held by the same person: the association's own roles never see individuals.")
	ErrKeys = fault.New(fault.Unavailable, "issuer-keys-unavailable",
		"Utfärdarens nycklar kan inte hämtas just nu. Försök igen om en stund.",
		"The issuer's keys cannot be fetched right now. Try again shortly.")
)
