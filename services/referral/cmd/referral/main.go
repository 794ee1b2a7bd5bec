// Command referral is the referral service as a program of its own; see package program.
package main

import (
	"github.com/finsam/finsam/pkg/launch"
	"github.com/finsam/finsam/services/referral/program"
)

func main() { launch.Main(program.Run) }
