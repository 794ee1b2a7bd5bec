package server_test

import (
	"io"
	"net/http"
	"testing"

	"github.com/labstack/echo/v4"

	"github.com/finsam/finsam/pkg/metrics/metricstest"
	"github.com/finsam/finsam/pkg/web"
	"github.com/finsam/finsam/pkg/web/server"
	"github.com/finsam/finsam/pkg/web/webtest"
)

func TestRequestsUnderWayAreCountedForEachServiceOfTheProcess(t *testing.T) {
	m := metricstest.New(t)
	trust := webtest.NewTrust(t, nil)
	under := map[string]float64{}
	for _, service := range []string{"referral", "activity"} {
		o := webtest.ThingsConfig(trust, io.Discard)
		o.Service = service
		e, err := server.New(o)
		if err != nil {
			t.Fatal(err)
		}
		e.GET(web.BasePath+"/things/:id", func(c echo.Context) error {
			under[service] = m.Read(t)["finsam.requests.in_flight{component="+service+"}"]
			if service == "activity" {
				panic("ill")
			}
			return c.NoContent(http.StatusOK)
		})
		trust.Do(t, e, webtest.Request{Method: "GET", Path: "/things/" + id, As: webtest.Coach})
	}
	got := m.Read(t)
	for service, class := range map[string]string{"referral": "2xx", "activity": "5xx"} {
		if under[service] != 1 || got["finsam.requests.in_flight{component="+service+"}"] != 0 {
			t.Errorf("%s: %v under way within, %v after", service, under[service], got["finsam.requests.in_flight{component="+service+"}"])
		}
		series := "finsam.request.duration{authority=" + webtest.Coach.Authority + " component=" + service + " operation=getThing status_class=" + class + "}"
		if got[series] != 1 {
			t.Errorf("no %s in %v", series, got)
		}
	}
}
