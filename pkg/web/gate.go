package web

import (
	"io"

	"github.com/labstack/echo/v4"
	strictecho "github.com/oapi-codegen/runtime/strictmiddleware/echo"

	"github.com/finsam/finsam/pkg/accesslog"
)

// Gate holds every answer back until the access-log entries that the handler
// made are durable: no entry, no read. When they cannot be, the answer is 503 and
// bears no data. Refused tries are waited for as well.
func Gate(l *accesslog.Log) strictecho.StrictEchoMiddlewareFunc {
	return func(next strictecho.StrictEchoHandlerFunc, _ string) strictecho.StrictEchoHandlerFunc {
		return func(c echo.Context, request any) (any, error) {
			r := c.Request()
			ctx := accesslog.Begin(r.Context())
			c.SetRequest(r.WithContext(ctx))
			response, err := next(c, request)
			if werr := l.Wait(ctx); werr != nil {
				if open, ok := response.(io.Closer); ok { // it will not be sent
					_ = open.Close()
				}
				return nil, werr
			}
			return response, err
		}
	}
}
