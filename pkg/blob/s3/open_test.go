package s3

import (
	"strings"
	"testing"
)

func TestAnAddressThatIsNoneIsRefusedWithASentence(t *testing.T) {
	good := map[string]string{AccessKeyVariable: "a", SecretKeyVariable: "s"}
	const address = "s3://bucket?endpoint=https://s3.example.se&region=eu-north-1"
	if _, err := Open(address, good); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		sentence, address, want string
		environ                 map[string]string
	}{
		{"another scheme", "gs://bucket", "must be like s3://", good},
		{"no bucket", "s3://?endpoint=https://s3.example.se&region=r", "must be like s3://", good},
		{"a path", "s3://bucket/a?endpoint=https://s3.example.se&region=r", "must be like s3://", good},
		{"credentials in the address", "s3://key:hemlig@bucket?endpoint=https://s3.example.se&region=r", "no credentials", good},
		{"credentials at the endpoint", "s3://bucket?endpoint=https://key:hemlig@s3.example.se&region=r", "the endpoint", good},
		{"a secret as a parameter", "s3://bucket?endpoint=https://s3.example.se&region=r&secret=hemlig", "and no", good},
		{"no endpoint", "s3://bucket?region=r", "the endpoint", good},
		{"an endpoint that is no address", "s3://bucket?endpoint=s3.example.se&region=r", "the endpoint", good},
		{"no region", "s3://bucket?endpoint=https://s3.example.se", "region", good},
		{"no credentials", address, SecretKeyVariable, map[string]string{AccessKeyVariable: "a"}},
	} {
		t.Run(c.sentence, func(t *testing.T) {
			_, err := Open(c.address, c.environ)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("got %v, want %q", err, c.want)
			}
			if strings.Contains(err.Error(), "hemlig") {
				t.Errorf("it repeats a secret: %v", err)
			}
		})
	}
}
