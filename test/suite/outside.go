package suite

import "os"

// Outside is a suite that runs already, on a cluster or elsewhere: its API at
// FINSAM_TEST_BASE, and the demo issuers that it trusts in the data folder
// FINSAM_TEST_DATA.
func Outside(t T) *Suite {
	t.Helper()
	s := prepare(t)
	s.Base, s.Data = os.Getenv("FINSAM_TEST_BASE"), os.Getenv("FINSAM_TEST_DATA")
	if s.Base == "" || s.Data == "" {
		t.Fatal("FINSAM_TEST_BASE and FINSAM_TEST_DATA say where the suite runs and whose tokens it takes")
	}
	return s
}
