package rest_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/rest"
)

func text(s string) *string { return &s }

func TestIfMatchNamesVersionsOrTheChangeIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		ifMatch  *string
		versions []int64
		err      error
	}{
		"a version of ours":         {text(`"3"`), []int64{3}, nil},
		"of a body that was read":   {text(`"3-cQ7xN0vT4a", W/"4-a-_b"`), []int64{3, 4}, nil},
		"with blanks around":        {text(` "12" `), []int64{12}, nil},
		"none":                      {nil, nil, rest.ErrNoVersion},
		"empty":                     {text(""), nil, rest.ErrNoVersion},
		"without quotes":            {text("3"), nil, rest.ErrNoTag},
		"made weak by a proxy":      {text(`W/"3"`), []int64{3}, nil},
		"any":                       {text("*"), []int64{0}, nil},
		"several":                   {text(`"3", W/"4"`), []int64{3, 4}, nil},
		"several, some not of ours": {text(`"abc","4",,"-1"`), []int64{4}, nil},
		"an empty tag":              {text(`""`), nil, fault.ErrStale},
		"not a number":              {text(`"abc"`), nil, fault.ErrStale},
		"zero":                      {text(`"0"`), nil, fault.ErrStale},
		"negative":                  {text(`"-1"`), nil, fault.ErrStale},
		"written in another way":    {text(`"03"`), nil, fault.ErrStale},
		"with a sign":               {text(`"+3"`), nil, fault.ErrStale},
		"larger than any version":   {text(`"99999999999999999999"`), nil, fault.ErrStale},
		"half a tag":                {text(`"3`), nil, rest.ErrNoTag},
		"a word":                    {text(`x`), nil, rest.ErrNoTag},
		"any among others":          {text(`"3", *`), nil, rest.ErrNoTag},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := rest.Versions(c.ifMatch)
			if !slices.Equal(got, c.versions) || !errors.Is(err, c.err) {
				t.Fatalf("got %d, %v", got, err)
			}
		})
	}
}

func TestEachVersionOfAListIsTriedUntilOneIsTheCurrentOne(t *testing.T) {
	var tried []int64
	at := func(current int64) func(int64) (int64, error) {
		return func(version int64) (int64, error) {
			tried = append(tried, version)
			if version != current {
				return 0, fault.ErrStale
			}
			return version, nil
		}
	}
	if v, err := rest.AtVersion(text(`"9", "2", "3"`), at(2)); v != 2 || err != nil || !slices.Equal(tried, []int64{9, 2}) {
		t.Errorf("got %d, %v after %d", v, err, tried)
	}
	if _, err := rest.AtVersion(text(`"9", "2"`), at(4)); !errors.Is(err, fault.ErrStale) {
		t.Errorf("got %v", err)
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
		versions, err := rest.Versions(&tag)
		for _, n := range versions {
			if n != 0 && !strings.Contains(tag, rest.ETag(n)) || n == 0 && strings.TrimSpace(tag) != "*" {
				t.Fatalf("%q was read as %d", tag, n)
			}
		}
		if (err == nil) != (len(versions) > 0) {
			t.Fatalf("%q was read as %d, %v", tag, versions, err)
		}
	})
}
