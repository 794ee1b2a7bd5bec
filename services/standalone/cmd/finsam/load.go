package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/services/standalone"
)

// maxFile bounds a file that is handed to a command, in bytes.
const maxFile = 4 << 20

// readFile reads a file whole that is to be what it is called.
func readFile(path, what string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Size() > maxFile {
		return nil, fmt.Errorf("%s is larger than %d MiB: is it %s?", filepath.Base(path), maxFile>>20, what)
	}
	return os.ReadFile(path)
}

func load() *cobra.Command {
	var data string
	c := &cobra.Command{
		Use:   "load FILE.yaml",
		Short: "Check an association's file and put it in place; what runs takes it within seconds",
		Args:  cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			text, err := readFile(args[0], "an association's file")
			if err != nil {
				return err
			}
			a, err := association.Save(standalone.Layout(data).Associations(), text)
			if err != nil {
				return fmt.Errorf("%s: %w", filepath.Base(args[0]), err)
			}
			fmt.Fprintf(c.OutOrStdout(), "loaded %s (%s), %d municipalities, version %s\n", a.ID, a.Name, len(a.Municipalities), a.Version)
			return nil
		},
	}
	dataFlag(c, &data)
	return c
}
