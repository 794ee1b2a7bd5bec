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
	if _, err := exec.LookPath("npm"); err != nil {
		t.Log("npm is not here: not proven by this run: that TypeScript made from the contract compiles")
		return
	}
	s := suite.OneProcess(t)
	document := s.Must(t, 200, suite.Request{Method: "GET", Path: "/api-docs"})
	dir := t.TempDir()
	for name, text := range map[string][]byte{"openapi.json": document.Raw, "package.json": []byte(typescriptPackage)} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()
	for _, command := range [][]string{
		{"npm", "install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts"},
		{"npx", "--no-install", "openapi-typescript", "openapi.json", "-o", "types.ts"},
		{"npx", "--no-install", "swagger-typescript-api", "generate", "-p", "openapi.json", "-o", ".", "-n", "client.ts"},
		{"npx", "--no-install", "tsc", "--noEmit", "--strict", "--target", "es2022", "--module", "es2022",
			"--moduleResolution", "bundler", "--lib", "es2022,dom", "types.ts", "client.ts"},
	} {
		cmd := exec.CommandContext(ctx, command[0], command[1:]...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", command, err, out)
		}
	}
}
