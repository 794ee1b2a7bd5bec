//go:build cluster

package cluster

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// extraKinds are those of others that the chart can make objects of.
var extraKinds = []string{"servicemonitors.monitoring.coreos.com", "prometheusrules.monitoring.coreos.com", "httproutes.gateway.networking.k8s.io"}

// known reports whether the cluster knows a kind.
func known(t *testing.T, kind string) bool {
	t.Helper()
	_, err := run(t, time.Minute, nil, "kubectl", "get", "customresourcedefinition", kind)
	return err == nil
}

// nodes returns the nodes that take pods, by name.
func nodes(t *testing.T) []string {
	t.Helper()
	return strings.Fields(must(t, time.Minute, "kubectl", "get", "nodes", "-o", "jsonpath={.items[*].metadata.name}"))
}

// certificate creates a certificate of the Ingress' host, its own authority, as a
// Secret, and returns its file.
func (r room) certificate() string {
	r.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		r.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "finsam test"}, DNSNames: []string{r.host()},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	cert, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		r.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		r.Fatal(err)
	}
	dir := r.TempDir()
	files := map[string]*pem.Block{"tls.crt": {Type: "CERTIFICATE", Bytes: cert}, "tls.key": {Type: "PRIVATE KEY", Bytes: private}}
	for name, block := range files {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600); err != nil {
			r.Fatal(err)
		}
	}
	crt := filepath.Join(dir, "tls.crt")
	r.kubectl("create", "secret", "tls", "finsam-tls", "--cert="+crt, "--key="+filepath.Join(dir, "tls.key"))
	return crt
}

// mongo returns the database's address. A real one is emptied of what an earlier
// installation, with other keys, has left there.
func (r room) mongo() string {
	r.Helper()
	if mongoURI == "" {
		return "mongodb://mongodb:27017/"
	}
	c, err := mongo.Connect(options.Client().ApplyURI(mongoURI).SetTimeout(20 * time.Second))
	if err != nil {
		r.Fatal(err)
	}
	defer func() { _ = c.Disconnect(r.Context()) }()
	for _, service := range []string{"referral", "participant", "activity"} {
		if err := c.Database("finsam-" + service).Drop(r.Context()); err != nil {
			r.Fatalf("FINSAM_TEST_MONGO_URI must be reached from here as well as from the cluster: %v", err)
		}
	}
	return mongoURI
}

// volume creates a volume of a folder on the node, for a cluster that provides none, in
// a class of its own.
func (r room) volume(name string) { r.volumeOf(name, "finsam-"+name) }

func (r room) volumeOf(name, class string) {
	r.Helper()
	dir := filepath.Join(hostPath, name)
	for _, do := range []func() error{
		func() error { return os.RemoveAll(dir) }, func() error { return os.MkdirAll(dir, 0o777) }, func() error { return os.Chmod(dir, 0o777) },
	} {
		if err := do(); err != nil {
			r.Fatal(err)
		}
	}
	must(r.T, time.Minute, "kubectl", "delete", "persistentvolume", "finsam-"+name, "--ignore-not-found")
	r.apply(`apiVersion: v1
kind: PersistentVolume
metadata: { name: finsam-` + name + ` }
spec:
  storageClassName: ` + class + `
  capacity: { storage: 1Gi }
  accessModes: [ReadWriteOnce]
  persistentVolumeReclaimPolicy: Retain
  hostPath: { path: ` + dir + `, type: Directory }
`)
	r.Cleanup(func() {
		undo("kubectl", "delete", "persistentvolume", "finsam-"+name, "--wait=false")
		_ = os.RemoveAll(dir)
	})
}
