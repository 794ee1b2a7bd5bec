package traced_test

import (
	"testing"

	"github.com/finsam/finsam/pkg/blob/blobtest"
	"github.com/finsam/finsam/pkg/blob/folder"
	"github.com/finsam/finsam/pkg/blob/traced"
)

func TestAMeasuredStoreFulfilsTheContract(t *testing.T) {
	s, err := folder.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	blobtest.Run(t, traced.Store(s, "referral"))
}
