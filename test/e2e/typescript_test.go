package e2e

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/finsam/finsam/test/suite"
)

// The generators that Swedish municipalities' front-end starters use.
const typescriptPackage = `{
  "private": true,
  "dependencies": { "openapi-typescript": "7.13.0", "swagger-typescript-api": "13.13.0", "typescript": "5.9.3" }
}`

// TestWhatMunicipalDevelopersGenerateCompiles makes TypeScript of the contract
// with their generators and compiles it strictly. Without npm it says what is not
// proven.
func TestWhatMunicipalDevelopersGenerateCompiles(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("npm"); err != nil {
		t.Log("npm is not here: not proven by this run: that TypeScript made from the contract compiles")
		return
	}
	s := suite.OneProcess(t)
	document := s.Must(t, 200, suite.Request{Method: "GET", Path: "/api-docs"})
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "openapi.json"), document.Raw, 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()
	commands := generators(ctx, t)
	for _, command := range [][]string{
		{"openapi-typescript", "openapi.json", "-o", "types.ts"},
		{"swagger-typescript-api", "generate", "-p", "openapi.json", "-o", ".", "-n", "client.ts"},
		{"tsc", "--noEmit", "--strict", "--target", "es2022", "--module", "es2022",
			"--moduleResolution", "bundler", "--lib", "es2022,dom", "types.ts", "client.ts"},
	} {
		cmd := exec.CommandContext(ctx, filepath.Join(commands, command[0]), command[1:]...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", command, err, out)
		}
	}
}

// generators installs the generators beside the programs, unless the same ones are there
// from an earlier run, and returns the folder of their commands.
func generators(ctx context.Context, t *testing.T) string {
	t.Helper()
	home := filepath.Join(suite.Programs(t), "typescript")
	installed, list := filepath.Join(home, "installed.json"), filepath.Join(home, "package.json")
	if text, err := os.ReadFile(installed); err != nil || string(text) != typescriptPackage {
		if err := os.MkdirAll(home, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(list, []byte(typescriptPackage), 0o600); err != nil {
			t.Fatal(err)
		}
		cmd := exec.CommandContext(ctx, "npm", "install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts")
		cmd.Dir = home
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("npm install: %v\n%s", err, out)
		}
		if err := os.Rename(list, installed); err != nil { // a run that was broken off has none
			t.Fatal(err)
		}
	}
	return filepath.Join(home, "node_modules", ".bin")
}
