package main

import (
	"os"
	"reflect"
	"strconv"
	"strings"
	"syscall"
)

// forget takes the pages of the program's file out of this process's memory; those
// that are needed again come back by themselves, from the system's cache. The start
// of a program touches much of its file that nothing touches later: what each
// package prepares, and what stands beside that.
func forget() {
	text, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		return
	}
	for _, m := range programIn(string(text), reflect.ValueOf(forget).Pointer()) {
		_, _, _ = syscall.Syscall(syscall.SYS_MADVISE, m.from, m.to-m.from, syscall.MADV_DONTNEED)
	}
}

// mapping is a piece of memory.
type mapping struct {
	from, to   uintptr
	file       string // its device and number
	rights     string
	kept, anon int // kB in memory, and those of them that the file does not have
}

// programIn picks the memory that the file of the program is in from what the
// system tells of all, but for what may be written to, and what is not as the file
// has it: a debugger's breakpoints, and what a loader has moved. here is a place in
// the program.
func programIn(smaps string, here uintptr) (all []mapping) {
	file := ""
	for m := range mappings(smaps) {
		if m.from <= here && here < m.to {
			file = m.file
		}
		if m.file == file && file != "" && m.anon == 0 && !strings.Contains(m.rights, "w") {
			all = append(all, m)
		}
	}
	return all
}

// mappings reads what the system tells of a process's memory.
func mappings(smaps string) func(yield func(mapping) bool) {
	return func(yield func(mapping) bool) {
		var m mapping
		for line := range strings.Lines(smaps) {
			f := strings.Fields(line)
			if len(f) < 2 {
				continue
			}
			a, b, begins := strings.Cut(f[0], "-")
			switch {
			case begins && len(f) > 5: // from-to rights offset device number path
				from, wrong := strconv.ParseUint(a, 16, 64)
				to, bad := strconv.ParseUint(b, 16, 64)
				if wrong != nil || bad != nil {
					return
				}
				m = mapping{from: uintptr(from), to: uintptr(to), file: f[3] + " " + f[4], rights: f[1]}
			case begins:
				m = mapping{}
			case f[0] == "Rss:":
				m.kept, _ = strconv.Atoi(f[1])
			case f[0] == "Anonymous:" && m.file != "":
				m.anon, _ = strconv.Atoi(f[1])
				if !yield(m) {
					return
				}
			}
		}
	}
}
