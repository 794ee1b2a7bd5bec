package web

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/finsam/finsam/pkg/fault"
)

// The bounds of a body.
const (
	maxBody  = 1 << 20 // bytes, unless the operation's x-body-limit says otherwise
	maxDepth = 32      // arrays and objects within one another
)

// What is said of a request that does not keep to the contract.
var (
	ErrInvalid = fault.New(fault.Invalid, "invalid-request",
		"Något i anropet stämmer inte. Se vilka fält det gäller.", "Something in the request is not right. See which fields are concerned.")
	ErrNotJSON = fault.New(fault.Invalid, "not-json",
		"Innehållet är inte giltig JSON.", "The body is not valid JSON.")
	ErrNoBody = fault.New(fault.Invalid, "body-required",
		"Anropet saknar innehåll. Skicka uppgifterna som JSON.", "The request has no body. Send the data as JSON.")
	ErrTooLarge = fault.New(fault.TooLarge, "body-too-large",
		"Innehållet är för stort. Det får vara högst 1 MiB.", "The body is too large. It may be at most 1 MiB.")
	ErrMediaType = fault.New(fault.Unsupported, "media-type",
		"Skicka innehållet som application/json i UTF-8.", "Send the body as application/json in UTF-8.")
	ErrEncoding = fault.New(fault.Unsupported, "content-encoding",
		"Skicka innehållet som det är, utan komprimering.", "Send the body as it is, without compression.")
	ErrForm = fault.New(fault.Unsupported, "media-type-form",
		"Skicka innehållet som multipart/form-data.", "Send the body as multipart/form-data.")
	ErrBodyBroken = fault.New(fault.Invalid, "body-incomplete",
		"Innehållet kom inte fram helt. Försök igen.", "The body did not arrive in full. Try again.")
)

// validate holds the request against the contract; what the contract does not
// say anything of is let through.
func (s *server) validate(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		op := operationOf(c)
		if !op.contract {
			return next(c)
		}
		wrong := op.checkParameters(c)
		if op.form {
			if err := op.checkForm(c); err != nil {
				return err
			}
		}
		if op.body != nil {
			fields, err := op.checkBody(c.Request())
			if err != nil {
				return err
			}
			wrong = append(wrong, fields...)
		}
		if len(wrong) > 0 {
			return ErrInvalid.At(wrong[:min(len(wrong), maxFields)]...)
		}
		return next(c)
	}
}

// checkBody reads the body once, checks it, and puts it back for the handler.
func (op *operation) checkBody(r *http.Request) ([]fault.Field, error) {
	if r.Body == nil || r.Body == http.NoBody || r.ContentLength == 0 {
		if op.bodyNeeded {
			return nil, ErrNoBody
		}
		return nil, nil
	}
	if !isJSON(r.Header.Get(echo.HeaderContentType)) {
		return nil, ErrMediaType
	}
	if Encoded(r.Header) {
		return nil, ErrEncoding
	}
	text, err := readBody(r, op.bodyLimit)
	if err != nil {
		return nil, err
	}
	if len(text) == 0 && !op.bodyNeeded {
		return nil, nil
	}
	v, err := parseJSON(text, maxDepth)
	if err != nil {
		return nil, err
	}
	return faultsOf(visit(op.body, v), ""), nil
}

func readBody(r *http.Request, limit int64) ([]byte, error) {
	if r.ContentLength > limit {
		return nil, TooLarge(limit)
	}
	text := make([]byte, 0, max(r.ContentLength, 0)+bytes.MinRead)
	b := bytes.NewBuffer(text)
	if _, err := b.ReadFrom(io.LimitReader(r.Body, limit+1)); err != nil {
		if tooLarge := new(http.MaxBytesError); errors.As(err, &tooLarge) {
			return nil, TooLarge(limit) // the gateway's bound, met while it comes in by chunks
		}
		return nil, ErrBodyBroken.Because(err)
	}
	if int64(b.Len()) > limit {
		return nil, TooLarge(limit)
	}
	r.Body = io.NopCloser(bytes.NewReader(b.Bytes()))
	r.ContentLength = int64(b.Len())
	return b.Bytes(), nil
}

// Encoded reports whether a body is said to be compressed or otherwise encoded,
// which none here may be: what it unpacks to would have to be bounded anew.
func Encoded(h http.Header) bool {
	for _, coding := range h.Values("Content-Encoding") {
		if coding != "" && !strings.EqualFold(coding, "identity") {
			return true
		}
	}
	return false
}

// isJSON reports whether the media type is application/json, in UTF-8 if it says.
func isJSON(contentType string) bool {
	if contentType == "application/json" {
		return true
	}
	t, params, err := mime.ParseMediaType(contentType)
	if err != nil || t != "application/json" {
		return false
	}
	charset, given := params["charset"]
	return !given || strings.EqualFold(charset, "utf-8")
}
