package suite

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Blocks returns the blocks of code of one kind, such as "sh", in a chapter of the
// documents in docs/operations, in order. The chapter is named as it is written
// there, with its marks: "### On SQLite". It fails the test when there are none.
func Blocks(t testing.TB, chapter, kind string) []string {
	t.Helper()
	pages, err := filepath.Glob("../../docs/operations/*.md")
	if err != nil || len(pages) == 0 {
		t.Fatalf("docs/operations: %d pages, %v", len(pages), err)
	}
	var blocks []string
	for _, page := range pages {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		_, rest, ok := strings.Cut(string(text), "\n"+chapter+"\n")
		if !ok {
			continue
		}
		marks, _, _ := strings.Cut(chapter, " ")
		for ; len(marks) > 1; marks = marks[1:] { // it ends with the next of its height, or above it
			rest, _, _ = strings.Cut(rest, "\n"+marks+" ")
		}
		for _, part := range strings.Split(rest, "```"+kind+"\n")[1:] {
			block, _, _ := strings.Cut(part, "```")
			blocks = append(blocks, block)
		}
	}
	if len(blocks) == 0 {
		t.Fatalf("docs/operations has no chapter %q with blocks of %s", chapter, kind)
	}
	return blocks
}
