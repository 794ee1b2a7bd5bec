// Command activity is the activity service as a program of its own; see package program.
package main

import (
	"github.com/finsam/finsam/pkg/launch"
	"github.com/finsam/finsam/services/activity/program"
)

func main() { launch.Main(program.Run) }
