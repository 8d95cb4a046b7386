package files

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/revision"
	"github.com/bellowsdb/bellows/source"
)

// TestReadSizes reads files whose sizes lie around those of the buffers, from
// disk and through an fs.FS, with and without memory to use again.
func TestReadSizes(t *testing.T) {
	dir := t.TempDir()
	for _, size := range []int{0, 1, 1<<14 - 1, 1 << 14, 1<<14 + 1, 3 << 14, keep + 1} {
		want := bytes.Repeat([]byte("a"), size)
		if err := os.WriteFile(filepath.Join(dir, "x"), want, 0o644); err != nil {
			t.Fatal(err)
		}
		for _, root := range []Root{At(source.Options{Dir: dir}), At(source.Options{FS: os.DirFS(dir)})} {
			for _, buf := range [][]byte{nil, make([]byte, 5, 100), make([]byte, 0, 1<<15)} {
				got, problem := root.Read("x", buf)
				if problem != nil || !bytes.Equal(got, want) {
					t.Errorf("size %d, buffer %d: %d bytes, %v", size, cap(buf), len(got), problem)
				}
			}
		}
	}
}

func TestReadUnreadable(t *testing.T) {
	dir := t.TempDir()
	for _, root := range []Root{At(source.Options{Dir: dir}), At(source.Options{FS: os.DirFS(dir)})} {
		if _, problem := root.Read("none", nil); problem == nil || problem.Code != fault.File || problem.Hint == "" {
			t.Errorf("got %v", problem)
		}
		if _, problem := root.Read(".", nil); problem == nil || !strings.Contains(problem.Msg, "folder") {
			t.Errorf("got %v", problem)
		}
	}
}

func TestNormalise(t *testing.T) {
	for in, want := range map[string]string{
		"": "", "a": "a", "a\r\nb\r\n": "a\nb\n", "\ufeffa\r\n": "a\n", "a\rb\r\r\n\n": "a\rb\r\n\n", "\r\n\r\n": "\n\n", "a\ufeff": "a\ufeff",
	} {
		if got := string(Normalise([]byte(in))); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

func TestPlace(t *testing.T) {
	text := []byte("é\nab ä c\n")
	p := Place("f", text, bytes.IndexByte(text, 'c'))
	if p.String() != "f:2:6" || p.Text != "ab ä c" {
		t.Errorf("%+v", p)
	}
	if p := Place("f", text, len(text)); p.String() != "f:3:1" || p.Text != "" {
		t.Errorf("%+v", p)
	}
	long := []byte(strings.Repeat("x", 1000))
	if p := Place("f", long, 500); p.Column != 501 || p.Text != "" {
		t.Errorf("%+v", p)
	}
}

func TestEach(t *testing.T) {
	for _, n := range []int{0, 1, 15, 16, 17, 1000} {
		var calls, workers atomic.Int64
		problems := Each(n, func() int { return int(workers.Add(1)) }, func(_, i int) []*fault.Error {
			calls.Add(1)
			if i%10 == 3 {
				return []*fault.Error{fault.New(fault.File, "%d", i), fault.New(fault.File, "%d again", i)}
			}
			return nil
		})
		var want []string
		for i := 3; i < n; i += 10 {
			want = append(want, fmt.Sprint(i), fmt.Sprint(i, " again"))
		}
		var got []string
		for _, p := range problems {
			got = append(got, p.Msg)
		}
		if strings.Join(got, ",") != strings.Join(want, ",") || int(calls.Load()) != n || workers.Load() > 4 {
			t.Errorf("%d: %d calls, %d workers, problems %v", n, calls.Load(), workers.Load(), got)
		}
	}
}

func TestCompare(t *testing.T) {
	sorted := []revision.ID{"1", "9", "010", "11", "99999999999999999999", "a", "b1"}
	for i := range sorted {
		for j := range sorted {
			if got, want := Compare(sorted[i], sorted[j]), i-j; (got < 0) != (want < 0) || (got > 0) != (want > 0) {
				t.Errorf("%s and %s: %d", sorted[i], sorted[j], got)
			}
		}
	}
	if Compare("1", "001") != 0 {
		t.Error("1 and 001 are one number")
	}
}
