package suite

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// clockTick is the unit of processor time in /proc: USER_HZ is 100 on every Linux
// that Go runs on.
const clockTick = 10 * time.Millisecond

// CPU returns the processor time that a process has used, in user and system mode.
func CPU(pid int) (time.Duration, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	return cpuTime(text)
}

// cpuTime reads fields 14 and 15 (proc(5)); the name, field 2, may hold anything
// and ends at the last parenthesis.
func cpuTime(stat []byte) (time.Duration, error) {
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	if len(fields) < 13 {
		return 0, errors.New("/proc/…/stat is not as expected")
	}
	user, err := strconv.ParseInt(string(fields[11]), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("/proc/…/stat: %w", err)
	}
	system, err := strconv.ParseInt(string(fields[12]), 10, 64)
	return time.Duration(user+system) * clockTick, err
}

// Busy returns the processor time that everything on the machine has used.
func Busy() (time.Duration, error) {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, err
	}
	return busyTime(text)
}

// busyTime adds user, nice, system, irq and softirq of the first line (proc(5)).
func busyTime(stat []byte) (sum time.Duration, err error) {
	line, _, _ := bytes.Cut(stat, []byte("\n"))
	fields := bytes.Fields(line)
	if len(fields) < 8 || string(fields[0]) != "cpu" {
		return 0, errors.New("/proc/stat is not as expected")
	}
	for _, i := range []int{1, 2, 3, 6, 7} {
		ticks, err := strconv.ParseInt(string(fields[i]), 10, 64)
		if err != nil {
			return 0, fmt.Errorf("/proc/stat: %w", err)
		}
		sum += time.Duration(ticks) * clockTick
	}
	return sum, nil
}

// Resident is the bytes of memory that a process has resident, now and at most since it
// started.
type Resident struct{ Now, Peak int64 }

// Memory returns what a process has resident.
func Memory(pid int) (r Resident, err error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return r, err
	}
	for line := range strings.Lines(string(text)) {
		for prefix, into := range map[string]*int64{"VmRSS:": &r.Now, "VmHWM:": &r.Peak} {
			if rest, ok := strings.CutPrefix(line, prefix); ok {
				if _, err := fmt.Sscanf(rest, "%d kB", into); err != nil {
					return r, fmt.Errorf("/proc/…/status: %w", err)
				}
				*into <<= 10
			}
		}
	}
	if r.Now == 0 || r.Peak == 0 {
		return r, errors.New("/proc/…/status has no VmRSS or VmHWM")
	}
	return r, nil
}

// WritePage replaces what is between the marks of a command, such as "make bench", in a page.
func WritePage(path, command string, tables []byte) error {
	begin, end := Marks(command)
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	before, rest, ok := bytes.Cut(text, []byte(begin))
	_, after, hasEnd := bytes.Cut(rest, []byte(end))
	if !ok || !hasEnd {
		return fmt.Errorf("%s has no lines %s and %s", path, begin, end)
	}
	return os.WriteFile(path, slices.Concat(before, []byte(begin), tables, []byte(end), after), 0o644)
}

// Marks returns the lines between which a command writes its tables.
func Marks(command string) (begin, end string) {
	return "<!-- " + command + ": begin -->", "<!-- " + command + ": end -->"
}
