//go:build unix

package main

import (
	"errors"
	"os"
	"syscall"
)

// lock keeps another run away from the file until it is closed.
func lock(f *os.File) error {
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return errors.New("another finsamctl is posting this file; wait until it has finished")
	}
	return nil
}
