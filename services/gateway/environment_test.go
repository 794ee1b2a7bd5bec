package gateway

import (
	"strings"
	"testing"
	"time"
)

func TestTheDefaultsHaveLimitsAndNoOrigins(t *testing.T) {
	c, err := ReadEnvironment(nil)
	if err != nil || c.RatePerSecond == 0 || c.UnauthenticatedPerSecond == 0 || len(c.Origins) != 0 || c.AnswerTimeout != 15*time.Second {
		t.Errorf("%+v, %v", c, err)
	}
	var o Config
	if err := c.Apply(&o, nil); err != nil || !o.Limits.IsLimited() || o.Unauthenticated == nil {
		t.Errorf("%+v, %v", o, err)
	}
}

func TestAnInvalidVariableIsNamed(t *testing.T) {
	for variable, value := range map[string]string{
		"FINSAM_PUBLIC_URL": "https://api.example.se/finsam?a=b", "FINSAM_CORS_ORIGINS": "*", "FINSAM_TRUSTED_PROXIES": "10.0.0.1",
		"FINSAM_RATE_PER_SECOND": "-1", "FINSAM_IN_FLIGHT": "9999999", "FINSAM_ANSWER_TIMEOUT": "1h", "FINSAM_UNAUTHENTICATED_BURST": "-5",
	} {
		if _, err := ReadEnvironment(map[string]string{variable: value}); err == nil || !strings.Contains(err.Error(), variable) {
			t.Errorf("%s=%s: %v", variable, value, err)
		}
	}
	if _, err := ReadEnvironment(map[string]string{"FINSAM_RATE_BURST": "many"}); err == nil || !strings.Contains(err.Error(), "FINSAM_RATE_BURST") {
		t.Errorf("a word for a number: %v", err)
	}
	good := map[string]string{"FINSAM_PUBLIC_URL": "https://api.example.se", "FINSAM_CORS_ORIGINS": "https://a.example,https://b.example:8443",
		"FINSAM_TRUSTED_PROXIES": "10.0.0.0/8,fd00::/8", "FINSAM_RATE_PER_SECOND": "0"}
	c, err := ReadEnvironment(good)
	var o Config
	if err != nil || len(c.Origins) != 2 || c.Apply(&o, nil) != nil || len(o.Proxies) != 2 || o.Limits.IsLimited() {
		t.Errorf("%+v, %v", c, err)
	}
}
