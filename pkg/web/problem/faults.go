package problem

import (
	"errors"
	"fmt"
	"net/http"
	"os"

	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/internaltoken"
)

// What HTTP itself refuses, before any rule of a service. Texts of echo and of the
// generated code can repeat what the caller sent, so one of these replaces them.
var (
	ErrToken = internaltoken.ErrToken // the token is missing or invalid

	ErrInvalid = fault.New(fault.Invalid, "invalid-request",
		"Anropet innehåller fel. Rätta de fält som står i svaret.", "The request contains errors. Correct the fields that the answer lists.")
	ErrNotJSON = fault.New(fault.Invalid, "not-json",
		"Innehållet är inte giltig JSON. Rätta det och skicka det igen.", "The body is not valid JSON. Correct it and send it again.")
	ErrContent = fault.New(fault.Unprocessable, "invalid-content",
		"Texten i de fält som står i svaret kan inte användas. Rätta den.", "The text in the fields that the answer lists cannot be used. Correct it.")
	ErrNoBody = fault.New(fault.Invalid, "body-required",
		"Anropet saknar innehåll. Skicka uppgifterna som JSON.", "The request has no body. Send the data as JSON.")
	ErrBodyBroken = fault.New(fault.Invalid, "body-incomplete",
		"Hela innehållet kom inte fram. Skicka det igen.", "The body did not arrive in full. Send it again.")
	ErrUnreadable = fault.New(fault.Invalid, "unreadable-request",
		"Anropet går inte att läsa. Rätta det enligt dokumentationen.", "The request cannot be read. Correct it according to the documentation.")
	ErrNoRoute = fault.New(fault.NotFound, "no-such-address",
		"Adressen finns inte. Dokumentationen visar vilka adresser som finns.", "There is no such address. The documentation shows the existing addresses.")
	ErrMethod = fault.New(fault.MethodNotAllowed, "method-not-allowed",
		"Metoden är inte tillåten för den här adressen. Använd en av metoderna i Allow.", "The method is not allowed for this address. Use one of the methods in Allow.")
	ErrTooLarge = fault.New(fault.TooLarge, "body-too-large",
		"Innehållet är för stort. Det får vara högst 1 MiB.", "The body is too large. It may be at most 1 MiB.")
	ErrMediaType = fault.New(fault.Unsupported, "media-type",
		"Innehållet har fel typ. Skicka det som application/json i UTF-8.", "The body has the wrong type. Send it as application/json in UTF-8.")
	ErrEncoding = fault.New(fault.Unsupported, "content-encoding",
		"Innehållet är komprimerat, och det tas inte emot. Skicka det utan komprimering.", "The body is compressed, which is not accepted. Send it without compression.")
	ErrForm = fault.New(fault.Unsupported, "media-type-form",
		"Innehållet har fel typ. Skicka det som multipart/form-data.", "The body has the wrong type. Send it as multipart/form-data.")
	ErrTooMany = fault.New(fault.TooMany, "too-many-requests",
		"Det har kommit för många anrop på kort tid. Vänta en stund och försök igen.", "Too many requests have come in a short time. Wait a while and try again.")
	ErrHeaders = fault.New(fault.HeadersTooLarge, "headers-too-large",
		"Anropets rubriker är för stora. De får vara högst 16 KiB tillsammans med adressen.", "The headers of the request are too large. They may be at most 16 KiB together with the address.")
	ErrTimeout = fault.New(fault.Timeout, "timeout",
		"Svaret tog för lång tid. Försök igen om en stund.", "The answer took too long. Try again shortly.")
)

// Refusals of a body for what it takes, in the words of their kind.
var (
	ErrBodySlow = ErrBodyBroken.WithText("Innehållet kom för långsamt och togs inte emot. Skicka det igen över en snabbare förbindelse.",
		"The body came too slowly and was not received. Send it again over a faster connection.")
	ErrFull = fault.ErrUnavailable.WithText("Det kommer in mer på en gång än vad som får plats. Försök igen om en stund.",
		"More is being received at once than there is room for. Try again shortly.")
)

// Broken returns the fault of a body that could not be read because of err. A fault and
// http.MaxBytesError say more than it, and are returned as they are.
func Broken(err error) error {
	var f *fault.Error
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &f), errors.As(err, &large):
		return err
	case errors.Is(err, os.ErrDeadlineExceeded):
		return ErrBodySlow.Because(err)
	}
	return ErrBodyBroken.Because(err)
}

// TooLarge returns ErrTooLarge for an operation that takes a body of limit bytes.
func TooLarge(limit int64) *fault.Error {
	const mebibyte = 1 << 20
	return ErrTooLarge.WithText(fmt.Sprintf("Innehållet är för stort. Det får vara högst %d MiB.", limit/mebibyte),
		fmt.Sprintf("The body is too large. It may be at most %d MiB.", limit/mebibyte))
}

var faults = map[fault.Status]*fault.Error{
	fault.NotFound: ErrNoRoute, fault.MethodNotAllowed: ErrMethod, fault.Unauthenticated: ErrToken, fault.Forbidden: fault.ErrForbidden,
	fault.TooLarge: ErrTooLarge, fault.Unsupported: ErrMediaType, fault.TooMany: ErrTooMany, fault.HeadersTooLarge: ErrHeaders,
	fault.Unavailable: fault.ErrUnavailable, fault.Timeout: ErrTimeout,
}

// byStatus returns the fault for an HTTP status that came without one.
func byStatus(status int) *fault.Error {
	if f := faults[fault.StatusOf(status)]; f != nil {
		return f
	}
	if status >= 400 && status < 500 {
		return ErrUnreadable
	}
	return fault.ErrInternal
}
