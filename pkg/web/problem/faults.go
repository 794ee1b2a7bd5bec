package problem

import (
	"fmt"

	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/internaltoken"
)

// What HTTP itself refuses, before any rule of a service. Texts of echo and of the
// generated code can repeat what the caller sent, so one of these replaces them.
var (
	ErrToken = internaltoken.ErrToken // the token is missing or invalid

	ErrInvalid = fault.New(fault.Invalid, "invalid-request",
		"Något i anropet stämmer inte. Se vilka fält det gäller.", "Something in the request is not right. See which fields are concerned.")
	ErrNotJSON = fault.New(fault.Invalid, "not-json",
		"Innehållet är inte giltig JSON.", "The body is not valid JSON.")
	ErrNoBody = fault.New(fault.Invalid, "body-required",
		"Anropet saknar innehåll. Skicka uppgifterna som JSON.", "The request has no body. Send the data as JSON.")
	ErrBodyBroken = fault.New(fault.Invalid, "body-incomplete",
		"Innehållet kom inte fram helt. Försök igen.", "The body did not arrive in full. Try again.")
	ErrUnreadable = fault.New(fault.Invalid, "unreadable-request",
		"Anropet går inte att läsa. Se dokumentationen.", "The request cannot be read. See the documentation.")
	ErrNoRoute = fault.New(fault.NotFound, "no-such-address",
		"Adressen finns inte. Se dokumentationen.", "There is no such address. See the documentation.")
	ErrMethod = fault.New(fault.MethodNotAllowed, "method-not-allowed",
		"Det går inte att göra så med den här adressen.", "This cannot be done with this address.")
	ErrTooLarge = fault.New(fault.TooLarge, "body-too-large",
		"Innehållet är för stort. Det får vara högst 1 MiB.", "The body is too large. It may be at most 1 MiB.")
	ErrMediaType = fault.New(fault.Unsupported, "media-type",
		"Skicka innehållet som application/json i UTF-8.", "Send the body as application/json in UTF-8.")
	ErrEncoding = fault.New(fault.Unsupported, "content-encoding",
		"Skicka innehållet som det är, utan komprimering.", "Send the body as it is, without compression.")
	ErrForm = fault.New(fault.Unsupported, "media-type-form",
		"Skicka innehållet som multipart/form-data.", "Send the body as multipart/form-data.")
	ErrTooMany = fault.New(fault.TooMany, "too-many-requests",
		"Det kom för många anrop. Vänta en stund.", "There were too many requests. Wait a while.")
	ErrTimeout = fault.New(fault.Timeout, "timeout",
		"Det tog för lång tid. Försök igen om en stund.", "It took too long. Try again shortly.")
)

// TooLarge returns ErrTooLarge for an operation that takes a body of limit bytes.
func TooLarge(limit int64) *fault.Error {
	const mebibyte = 1 << 20
	f := *ErrTooLarge
	f.Text = fault.Text{
		SV: fmt.Sprintf("Innehållet är för stort. Det får vara högst %d MiB.", limit/mebibyte),
		EN: fmt.Sprintf("The body is too large. It may be at most %d MiB.", limit/mebibyte),
	}
	return &f
}

// byStatus returns the fault for an HTTP status that came without one.
func byStatus(status int) *fault.Error {
	switch fault.StatusOf(status) {
	case fault.NotFound:
		return ErrNoRoute
	case fault.MethodNotAllowed:
		return ErrMethod
	case fault.Unauthenticated:
		return ErrToken
	case fault.Forbidden:
		return fault.ErrForbidden
	case fault.TooLarge:
		return ErrTooLarge
	case fault.Unsupported:
		return ErrMediaType
	case fault.TooMany:
		return ErrTooMany
	case fault.Unavailable:
		return fault.ErrUnavailable
	case fault.Timeout:
		return ErrTimeout
	}
	if status >= 400 && status < 500 {
		return ErrUnreadable
	}
	return fault.ErrInternal
}
