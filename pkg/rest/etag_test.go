package rest_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/rest"
)

func text(s string) *string { return &s }

func TestIfMatchNamesAVersionOrTheChangeIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		ifMatch *string
		version int64
		err     error
	}{
		"a version of ours":       {text(`"3"`), 3, nil},
		"with blanks around":      {text(` "12" `), 12, nil},
		"none":                    {nil, 0, rest.ErrNoVersion},
		"empty":                   {text(""), 0, rest.ErrNoVersion},
		"without quotes":          {text("3"), 0, fault.ErrStale},
		"weak":                    {text(`W/"3"`), 0, fault.ErrStale},
		"any":                     {text("*"), 0, fault.ErrStale},
		"several":                 {text(`"3", "4"`), 0, fault.ErrStale},
		"not a number":            {text(`"abc"`), 0, fault.ErrStale},
		"zero":                    {text(`"0"`), 0, fault.ErrStale},
		"negative":                {text(`"-1"`), 0, fault.ErrStale},
		"written in another way":  {text(`"03"`), 0, fault.ErrStale},
		"with a sign":             {text(`"+3"`), 0, fault.ErrStale},
		"larger than any version": {text(`"99999999999999999999"`), 0, fault.ErrStale},
		"half a tag":              {text(`"3`), 0, fault.ErrStale},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := rest.Version(c.ifMatch)
			if got != c.version || !errors.Is(err, c.err) {
				t.Fatalf("got %d, %v", got, err)
			}
		})
	}
}

func TestIfNoneMatchKnowsTheVersionInAnyForm(t *testing.T) {
	for tag, want := range map[string]bool{
		`"3"`: true, `W/"3"`: true, `"2", "3"`: true, `*`: true, `"4"`: false, `3`: false, ``: false, `"3`: false,
	} {
		if got := rest.NotModified(text(tag), 3); got != want {
			t.Errorf("%s: %v", tag, got)
		}
	}
	if rest.NotModified(nil, 3) {
		t.Error("without the header nothing is known")
	}
}

func FuzzTag(f *testing.F) {
	f.Add(`"3"`)
	f.Add(`W/"3"`)
	f.Fuzz(func(t *testing.T, tag string) {
		if n, err := rest.Version(&tag); err == nil && strings.TrimSpace(tag) != rest.ETag(n) {
			t.Fatalf("%q was read as %d", tag, n)
		}
	})
}
