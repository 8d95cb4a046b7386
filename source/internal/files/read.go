package files

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"runtime"
	"sync"
	"sync/atomic"
	"unicode/utf8"

	"github.com/bellowsdb/bellows/fault"
)

// keep is the largest buffer that is used again for the next file.
const keep = 1 << 20

// Read gives the text of the file at path: valid UTF-8 with LF line ends,
// without byte-order mark. It reads into buf's memory when that is large enough.
func (r Root) Read(p string, buf []byte) ([]byte, *fault.Error) {
	return r.read(p, buf, false)
}

// Glance is Read for text that is only compared and looked at, never run: it
// trusts the file system a little more and is faster for thousands of files.
// Whoever runs the text reads it anew with Read and compares the checksums.
func (r Root) Glance(p string, buf []byte) ([]byte, *fault.Error) {
	return r.read(p, buf, true)
}

func (r Root) read(p string, buf []byte, glance bool) ([]byte, *fault.Error) {
	raw, err := r.raw(p, buf[:0], glance)
	if err != nil {
		return raw, r.unreadable(p, err)
	}
	text := Normalise(raw)
	if bytes.IndexByte(text, 0) < 0 && utf8.Valid(text) {
		return text, nil
	}
	return text, CheckText(r.Name(p), text)
}

func (r Root) raw(p string, buf []byte, glance bool) ([]byte, error) {
	if r.disk != "" {
		return r.readDisk(p, buf, glance)
	}
	f, err := r.fsys.Open(p)
	if err != nil {
		return buf, err
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && info.Size() >= int64(cap(buf)) && info.Size() < 1<<40 {
		buf = make([]byte, 0, info.Size()+1)
	}
	return readAll(f, buf)
}

// readAll reads to the end of f, growing buf as needed.
func readAll(f io.Reader, buf []byte) ([]byte, error) {
	for {
		if len(buf) == cap(buf) {
			buf = append(buf, 0)[:len(buf)]
		}
		n, err := f.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		if err == io.EOF {
			return buf, nil
		}
		if err != nil {
			return buf, err
		}
	}
}

// Normalise drops a byte-order mark and turns CRLF into LF, in place.
func Normalise(text []byte) []byte {
	text = bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))
	i := bytes.Index(text, []byte("\r\n"))
	if i < 0 {
		return text
	}
	out := text[:i]
	for rest := text[i:]; len(rest) > 0; {
		j := bytes.Index(rest, []byte("\r\n"))
		if j < 0 {
			return append(out, rest...)
		}
		out = append(append(out, rest[:j]...), '\n')
		rest = rest[j+2:]
	}
	return out
}

// CheckText says where text is no text, or nil.
func CheckText(file string, text []byte) *fault.Error {
	if bytes.HasPrefix(text, []byte("\xff\xfe")) || bytes.HasPrefix(text, []byte("\xfe\xff")) {
		return fault.At(fault.Pos{File: file, Line: 1, Column: 1}, fault.Syntax, "this file is UTF-16").Try("save it as UTF-8")
	}
	if i := bytes.IndexByte(text, 0); i >= 0 {
		e := fault.At(Place(file, text, i), fault.Syntax, "there is a NUL byte in this file")
		if i < 4 {
			return e.Try("it may be UTF-16 or binary; save it as UTF-8 text")
		}
		return e.Try("migrations are UTF-8 text; remove the byte")
	}
	if utf8.Valid(text) {
		return nil
	}
	at := 0
	for at < len(text) {
		c, n := utf8.DecodeRune(text[at:])
		if c == utf8.RuneError && n == 1 {
			break
		}
		at += n
	}
	return fault.At(Place(file, text, at), fault.Syntax, "byte 0x%02x is not valid UTF-8", text[at]).
		Try("save the file as UTF-8; binary values of a dump are text when it is made with --hex-blob")
}

// lineLimit is the longest source line that a place carries.
const lineLimit = 400

// Place is the place of the byte at offset at of text.
func Place(file string, text []byte, at int) fault.Pos {
	start := bytes.LastIndexByte(text[:at], '\n') + 1
	end := len(text)
	if i := bytes.IndexByte(text[start:], '\n'); i >= 0 {
		end = start + i
	}
	pos := fault.Pos{
		File:   file,
		Line:   1 + bytes.Count(text[:start], []byte{'\n'}),
		Column: 1 + utf8.RuneCount(text[start:at]),
	}
	if end-start <= lineLimit {
		pos.Text = string(bytes.ToValidUTF8(text[start:end], []byte("\uFFFD")))
	}
	return pos
}

// Sum is the SHA-256 in hex of the texts, a NUL byte between one and the next.
func Sum(texts ...[]byte) string {
	if len(texts) == 1 {
		sum := sha256.Sum256(texts[0])
		return hexed(sum[:])
	}
	h := sha256.New()
	for i, t := range texts {
		if i > 0 {
			h.Write([]byte{0})
		}
		h.Write(t)
	}
	return hexed(h.Sum(nil))
}

func hexed(sum []byte) string {
	var out [2 * sha256.Size]byte
	hex.Encode(out[:], sum)
	return string(out[:])
}

// Each calls do for 0 to n-1 from a few goroutines, each of which has its own
// worker made by start, and gathers the problems that do returns, in the order
// of the numbers.
func Each[W any](n int, start func() W, do func(w W, i int) []*fault.Error) []*fault.Error {
	const batch = 16
	var next atomic.Int64
	var mu sync.Mutex
	var wait sync.WaitGroup
	found := map[int][]*fault.Error{}
	work := func() {
		w := start()
		for {
			from := int(next.Add(batch)) - batch
			for i := from; i < min(from+batch, n); i++ {
				if problems := do(w, i); len(problems) > 0 {
					mu.Lock()
					found[i] = problems
					mu.Unlock()
				}
			}
			if from+batch >= n {
				return
			}
		}
	}
	for range min(max(2, runtime.GOMAXPROCS(0)), 4, (n+batch-1)/batch) {
		wait.Go(work)
	}
	wait.Wait()
	var all []*fault.Error
	for i := 0; len(found) > 0 && i < n; i++ {
		all = append(all, found[i]...)
	}
	return all
}

// Reused is text's memory for the next Read, or nil when it is too large to keep.
func Reused(text []byte) []byte {
	if cap(text) > keep {
		return nil
	}
	return text
}
