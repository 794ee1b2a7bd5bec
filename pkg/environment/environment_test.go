package environment

import (
	"testing"
	"time"
)

type config struct {
	Places int           `env:"FINSAM_TEST_PLACES" envDefault:"7"`
	Wait   time.Duration `env:"FINSAM_TEST_WAIT"`
	Names  []string      `env:"FINSAM_TEST_NAMES"`
}

func TestAConfigurationIsReadWithItsDefaults(t *testing.T) {
	c, err := Read[config](map[string]string{"FINSAM_TEST_WAIT": "3s", "FINSAM_TEST_NAMES": "a,b", "OTHER": "x"})
	if err != nil || c.Places != 7 || c.Wait != 3*time.Second || len(c.Names) != 2 {
		t.Errorf("%+v, %v", c, err)
	}
}

func TestTheErrorNamesTheVariableAndNotItsValue(t *testing.T) {
	for variable, want := range map[string]string{
		"FINSAM_TEST_PLACES": "FINSAM_TEST_PLACES: must be a whole number", "FINSAM_TEST_WAIT": "FINSAM_TEST_WAIT: must be a time, such as 3s",
	} {
		if _, err := Read[config](map[string]string{variable: "hemligt"}); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}
