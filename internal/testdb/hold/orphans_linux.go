package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// adopt makes us the parent of every descendant whose own parent dies.
func adopt() {
	const prSetChildSubreaper = 36 // linux/prctl.h
	// Where the kernel refuses, orphans go to its own first process as usual.
	_, _, _ = syscall.RawSyscall(syscall.SYS_PRCTL, prSetChildSubreaper, 1, 0)
}

// leftovers buries the dead, and ends what a test left running: an error.
func leftovers() error {
	grace := time.Now().Add(2 * time.Second)
	var names []string
	for {
		alive := 0
		for _, pid := range orphans() {
			if reaped, err := syscall.Wait4(pid, nil, syscall.WNOHANG, nil); err != nil || reaped == pid {
				continue
			}
			name := nameOf(pid)
			if name == "keeper" { // another run shares its server
				continue
			}
			alive++
			if time.Now().After(grace) {
				names = append(names, fmt.Sprintf("%s (%d)", name, pid))
				_ = syscall.Kill(pid, syscall.SIGKILL) // it may have ended just now
			}
		}
		if alive == 0 {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if names != nil {
		return fmt.Errorf("the command left running: %s", strings.Join(names, ", "))
	}
	return nil
}

// orphans are the processes whose parent we are.
func orphans() []int {
	files, _ := filepath.Glob("/proc/self/task/*/children") // the only error is a bad pattern
	var pids []int
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // the thread has ended
		}
		for _, word := range strings.Fields(string(text)) {
			if pid, err := strconv.Atoi(word); err == nil {
				pids = append(pids, pid)
			}
		}
	}
	return pids
}

func nameOf(pid int) string {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
	if err != nil {
		return "a process"
	}
	return strings.TrimSpace(string(text))
}
