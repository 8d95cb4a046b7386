package main

import (
	"os"
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestForget: the pages of the program's file leave the memory of the process, and
// it goes on.
func TestForget(t *testing.T) {
	before := resident(t)
	forget()
	if after := resident(t); before == 0 || after > before/2 {
		t.Errorf("%d kB of %d kB are left", after, before)
	}
}

// resident is how much of the program's file is in memory, in kB.
func resident(t *testing.T) (sum int) {
	t.Helper()
	text, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range programIn(string(text), reflect.ValueOf(forget).Pointer()) {
		sum += m.kept
	}
	return sum
}

// TestForgetKeepsWhatTheFileDoesNotHave: what was changed in memory stays, and
// other files do.
func TestForgetKeepsWhatTheFileDoesNotHave(t *testing.T) {
	const smaps = `1000-2000 r--p 00000000 fe:00 7    /bin/bellows
Rss:                   4 kB
Anonymous:             0 kB
2000-4000 r-xp 00001000 fe:00 7    /bin/bellows
Rss:                   8 kB
Anonymous:             0 kB
4000-5000 r--p 00003000 fe:00 7    /bin/bellows
Rss:                   4 kB
Anonymous:             4 kB
5000-6000 rw-p 00004000 fe:00 7    /bin/bellows
Rss:                   4 kB
Anonymous:             0 kB
6000-7000 r-xp 00005000 fe:00 7    /bin/bellows
Rss:                   4 kB
Anonymous:             0 kB
8000-9000 r--p 00000000 fe:00 8    /lib/libc.so
Rss:                   4 kB
Anonymous:             0 kB
a000-b000 rw-p 00000000 00:00 0
Rss:                   4 kB
Anonymous:             4 kB
f000-10000 r-xp 00000000 00:00 0    [vdso]
Rss:                   4 kB
Anonymous:             0 kB
`
	want := []mapping{
		{from: 0x2000, to: 0x4000, file: "fe:00 7", rights: "r-xp", kept: 8},
		{from: 0x6000, to: 0x7000, file: "fe:00 7", rights: "r-xp", kept: 4},
	}
	if d := cmp.Diff(want, programIn(smaps, 0x2abc), cmp.AllowUnexported(mapping{})); d != "" {
		t.Error(d)
	}
	if got := programIn(smaps, 0xa100); got != nil {
		t.Errorf("the program stands in no file, and got %v", got)
	}
}
