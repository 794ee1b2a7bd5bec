package storemongo

import (
	"net/http"
	"testing"

	api "github.com/finsam/finsam/pkg/api/activity"
	"github.com/finsam/finsam/pkg/servicetest"
	"github.com/finsam/finsam/pkg/web/server"
	"github.com/finsam/finsam/services/activity/activitytest"
	"github.com/finsam/finsam/services/activity/rest"
	"github.com/finsam/finsam/test/mongowire"
)

// TestTwoPhonesWithoutCoverage is the proof of services/activity/rest on the other engine.
func TestTwoPhonesWithoutCoverage(t *testing.T) {
	uri := mongowire.Start(t).URI
	s := activitytest.StartOn(t, newEngine(t, connect(t, uri), uri))
	servicetest.Run(t, s.Service.Run)
	face := servicetest.NewAPI(t, s.World, api.Spec, func(c server.Config) (http.Handler, error) { return rest.New(s.Service, c) })
	activitytest.Offline(t, s, face)
}
