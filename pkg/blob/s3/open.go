package s3

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

// The variables that the credentials come from; in a cluster of a secret. They
// are never in an address.
const (
	AccessKeyVariable = "AWS_ACCESS_KEY_ID"
	SecretKeyVariable = "AWS_SECRET_ACCESS_KEY"
	tokenVariable     = "AWS_SESSION_TOKEN"
)

// Scheme begins an address.
const Scheme = "s3://"

// Open creates the store of an address such as
//
//	s3://finsam-attachments?endpoint=https://s3.example.se&region=eu-north-1
//
// with the credentials of the environment. It asks the store for nothing: while
// that is away, all but the attachments works.
func Open(address string, environ map[string]string) (*Store, error) {
	a, err := parse(address)
	if err != nil {
		return nil, err
	}
	access, secret := environ[AccessKeyVariable], environ[SecretKeyVariable]
	if access == "" || secret == "" {
		return nil, fmt.Errorf("%s and %s must be set to the credentials of the S3 store", AccessKeyVariable, SecretKeyVariable)
	}
	core, err := minio.NewCore(a.endpoint.Host, &minio.Options{
		Creds:      credentials.NewStaticV4(access, secret, environ[tokenVariable]),
		Secure:     a.endpoint.Scheme == "https",
		Region:     a.region,
		Transport:  transport(),
		MaxRetries: tries,
	})
	if err != nil {
		return nil, fmt.Errorf("the S3 store: %w", err)
	}
	return &Store{core: *core, bucket: a.bucket}, nil
}

type address struct {
	bucket   string
	endpoint *url.URL
	region   string
}

// Check reports whether an address can be one; it never repeats it.
func Check(text string) error {
	_, err := parse(text)
	return err
}

func parse(text string) (address, error) {
	u, err := url.Parse(text)
	if err != nil || !strings.HasPrefix(text, Scheme) || u.Host == "" || u.Path != "" || u.Fragment != "" {
		return address{}, errors.New("must be like s3://bucket?endpoint=https://s3.example.se&region=eu-north-1")
	}
	if u.User != nil {
		return address{}, fmt.Errorf("no credentials may be in the address; set %s and %s", AccessKeyVariable, SecretKeyVariable)
	}
	q := u.Query()
	for name := range q {
		if name != "endpoint" && name != "region" {
			return address{}, fmt.Errorf("an S3 address has endpoint and region, and no %.20q", name)
		}
	}
	a := address{bucket: u.Host, region: q.Get("region")}
	a.endpoint, err = url.Parse(q.Get("endpoint"))
	e := a.endpoint
	if err != nil || e.Scheme != "http" && e.Scheme != "https" || e.Host == "" || e.User != nil || strings.Trim(e.Path, "/") != "" || e.RawQuery != "" {
		return address{}, errors.New("the endpoint of an S3 address must be like https://s3.example.se")
	}
	if a.region == "" {
		return address{}, errors.New("an S3 address must say its region, such as region=eu-north-1")
	}
	return a, nil
}
