package web

import (
	"context"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/feed/feedhttp"
	"github.com/finsam/finsam/pkg/internaltoken"
)

// admit lets in who bears a valid internal token, and puts the actor into the
// context. An operation whose contract says `security: []` may be called without;
// a token that is shown must be valid all the same.
func (s *server) admit(next echo.HandlerFunc) echo.HandlerFunc {
	if s.Open {
		return next
	}
	return func(c echo.Context) error {
		r := c.Request()
		token, shown := bearer(r.Header.Get(echo.HeaderAuthorization))
		if !shown && operationOf(c).public {
			return next(c)
		}
		a, issuer, err := s.Verify.Verify(token)
		if err != nil {
			return err
		}
		ctx := r.Context()
		in := infoOf(ctx)
		in.token, in.issuer = token, issuer
		c.SetRequest(r.WithContext(actor.With(ctx, a)))
		return next(c)
	}
}

// bearer returns the token of an Authorization header, and whether there was any
// such header at all.
func bearer(header string) (string, bool) {
	const scheme = "Bearer "
	if len(header) > len(scheme) && strings.EqualFold(header[:len(scheme)], scheme) {
		return header[len(scheme):], true
	}
	return "", header != ""
}

// TokenFrom returns the internal token that the request came with, or "". It is
// passed on to the next service, which then decides for the same actor.
func TokenFrom(ctx context.Context) string { return infoOf(ctx).token }

// WithToken returns a context that bears the internal token, as if a request had
// come with it.
func WithToken(ctx context.Context, token string) context.Context {
	in := *infoOf(ctx)
	in.token = token
	return context.WithValue(ctx, infoKey{}, &in)
}

// serveFeed lets the other services follow this one's feed. Only a service that
// speaks for itself may: no user's token opens it.
func (s *server) serveFeed(e *echo.Echo) {
	h := echo.WrapHandler(feedhttp.Handler(s.Feed))
	e.GET(feedhttp.Path, func(c echo.Context) error {
		ctx, cancel := untilDrained(c.Request().Context())
		defer cancel()
		a := actor.From(ctx)
		if !s.Open && a.Subject != actor.ForService(infoOf(ctx).issuer, a.Association).Subject {
			return fault.ErrForbidden
		}
		c.SetRequest(c.Request().WithContext(ctx))
		return h(c)
	})
}

// ErrToken answers a missing or invalid token.
var ErrToken = internaltoken.ErrToken
