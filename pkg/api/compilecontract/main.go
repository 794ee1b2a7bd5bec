// Command compilecontract writes contract.json, what a service checks its requests
// against, from the openapi.yaml in the folder that it runs in. Its arguments name the
// schemas that a handler checks itself.
package main

import (
	"fmt"
	"os"

	"github.com/finsam/finsam/pkg/web/contract/compile"
)

func main() {
	spec, err := os.ReadFile("openapi.yaml")
	if err == nil {
		var compiled []byte
		if compiled, err = compile.Contract(spec, os.Args[1:]...); err == nil {
			err = os.WriteFile("contract.json", compiled, 0o644)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "compilecontract:", err)
		os.Exit(1)
	}
}
