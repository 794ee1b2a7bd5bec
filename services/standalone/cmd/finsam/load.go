package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/services/standalone"
)

// maxFile bounds an association's file, in bytes.
const maxFile = 4 << 20

func load() *cobra.Command {
	var data string
	c := &cobra.Command{
		Use:   "load FILE.yaml",
		Short: "Check an association's file and put it in place; what runs takes it within seconds",
		Args:  cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			info, err := os.Stat(args[0])
			if err != nil {
				return err
			}
			if info.Size() > maxFile {
				return fmt.Errorf("%s is larger than %d MiB: is it an association's file?", filepath.Base(args[0]), maxFile>>20)
			}
			text, err := os.ReadFile(args[0])
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
