// Command gateway is the front door as a program of its own; see package program.
package main

import (
	"github.com/finsam/finsam/pkg/launch"
	"github.com/finsam/finsam/services/gateway/program"
)

func main() { launch.Main(program.Run) }
