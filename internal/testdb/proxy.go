package testdb

import (
	"bytes"
	"io"
	"net"
	"sync"
	"testing"
	"time"
)

// Wire is a TCP connection's bad day: a proxy in front of a server that delays,
// stalls and cuts. It does no harm until told to.
type Wire struct {
	URL string // the target's URL, by way of the proxy

	target   string
	listener net.Listener
	quit     chan struct{} // closed at the end of the test
	work     sync.WaitGroup

	mu      sync.Mutex
	moved   *sync.Cond // on mu: the wire's state changed
	lines   map[*line]struct{}
	delay   time.Duration
	stalled bool
	refuse  bool
	closed  bool
	armed   *armed
}

// Cut says where in a conversation to cut the connection, once.
type Cut struct {
	Sent  string // what the client sends, in any case: "COMMIT"
	Nth   int    // at which occurrence; 0 is the first
	Where Where
}

// Where is on which side of the server's work the connection is cut.
type Where int

const (
	// AfterAnswer lets the server work and keeps its answer from the client.
	AfterAnswer Where = iota
	// BeforeServer keeps the bytes from the server.
	BeforeServer
)

// armed is a Cut that has not happened yet.
type armed struct {
	Cut
	seen int           // how often its text went by
	done chan struct{} // closed when it has happened
}

// line is one client's connection through the proxy.
type line struct {
	client, server net.Conn
	last           *armed // the server's next answer is where this happens
}

// Proxy puts a [Wire] in front of the server that the URL names. It is gone at the
// end of the test.
func Proxy(t testing.TB, url string) *Wire {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("testdb: %v", err)
	}
	u := parse(url)
	w := &Wire{target: u.Host, listener: l, quit: make(chan struct{}), lines: map[*line]struct{}{}}
	w.moved = sync.NewCond(&w.mu)
	u.Host = l.Addr().String()
	w.URL = u.String()
	w.work.Go(w.accept)
	t.Cleanup(w.close)
	return w
}

// Delay holds back every piece of data for that long, both ways, from now on.
func (w *Wire) Delay(d time.Duration) { w.set(func() { w.delay = d }) }

// Stall stops carrying data both ways while all connections stay open, as when a
// cable is pulled. Clients may still connect and hear nothing.
func (w *Wire) Stall() { w.set(func() { w.stalled = true }) }

// Resume ends [Wire.Stall], [Wire.Refuse] and [Wire.Delay].
func (w *Wire) Resume() { w.set(func() { w.stalled, w.refuse, w.delay = false, false, 0 }) }

// Refuse closes every new connection at once, and leaves the old ones.
func (w *Wire) Refuse() { w.set(func() { w.refuse = true }) }

// CutAll closes the connections of all clients, both ways. New ones may come.
func (w *Wire) CutAll() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for l := range w.lines {
		l.close()
	}
}

// CutOn arms a [Cut]; it replaces an earlier one. The channel is closed when it
// has happened. On a pipeline the answer is the first data that the server sends
// after the text went by.
func (w *Wire) CutOn(c Cut) <-chan struct{} {
	a := &armed{Cut: c, done: make(chan struct{})}
	w.set(func() { w.armed = a })
	return a.done
}

// Open is how many connections the proxy carries right now.
func (w *Wire) Open() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.lines)
}

func (w *Wire) set(change func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	change()
	w.moved.Broadcast()
}

func (w *Wire) close() {
	_ = w.listener.Close()
	close(w.quit)
	w.set(func() { w.closed = true })
	w.CutAll()
	w.work.Wait()
}

func (w *Wire) accept() {
	for {
		client, err := w.listener.Accept()
		if err != nil {
			return // closed
		}
		w.mu.Lock()
		refuse := w.refuse || w.closed
		w.mu.Unlock()
		if refuse {
			reset(client)
			continue
		}
		server, err := net.Dial("tcp", w.target)
		if err != nil {
			reset(client)
			continue
		}
		l := &line{client: client, server: server}
		w.mu.Lock()
		w.lines[l] = struct{}{}
		closed := w.closed
		w.mu.Unlock()
		if closed {
			l.close()
		}
		w.work.Go(func() { w.carry(l) })
	}
}

// carry moves data until one side ends, then ends the other.
func (w *Wire) carry(l *line) {
	var both sync.WaitGroup
	both.Go(func() { w.upstream(l) })
	both.Go(func() { w.downstream(l) })
	both.Wait()
	w.mu.Lock()
	delete(w.lines, l)
	w.mu.Unlock()
}

// upstream carries what the client sends and watches for the Cut's text, which
// may arrive in pieces.
func (w *Wire) upstream(l *line) {
	defer l.close()
	var last []byte // the end of what was sent before
	copyPieces(l.client, func(piece []byte) error {
		if !w.pass() {
			return net.ErrClosed
		}
		now, rest := w.watch(append(last, piece...))
		last = rest
		if now != nil && now.Where == BeforeServer {
			return l.trip(now)
		}
		if now != nil {
			w.set(func() { l.last = now })
		}
		_, err := l.server.Write(piece)
		return err
	})
}

// watch gives the Cut if its time has come, and the end of the text that may be
// the beginning of its words.
func (w *Wire) watch(text []byte) (now *armed, rest []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.armed == nil {
		return nil, nil
	}
	lower, words := bytes.ToLower(text), bytes.ToLower([]byte(w.armed.Sent))
	for {
		i := bytes.Index(lower, words)
		if i < 0 {
			return nil, bytes.Clone(lower[max(0, len(lower)-len(words)+1):])
		}
		lower = lower[i+len(words):]
		w.armed.seen++
		if w.armed.seen >= max(w.armed.Nth, 1) {
			now, w.armed = w.armed, nil
			return now, nil
		}
	}
}

// downstream carries what the server answers.
func (w *Wire) downstream(l *line) {
	defer l.close()
	copyPieces(l.server, func(piece []byte) error {
		if !w.pass() {
			return net.ErrClosed
		}
		w.mu.Lock()
		now := l.last
		w.mu.Unlock()
		if now != nil {
			return l.trip(now)
		}
		_, err := l.client.Write(piece)
		return err
	})
}

// pass waits as long as the wire is delayed or stalled; false when it is closed.
func (w *Wire) pass() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if d := w.delay; d > 0 {
		w.mu.Unlock()
		select {
		case <-time.After(d):
		case <-w.quit:
		}
		w.mu.Lock()
	}
	for w.stalled && !w.closed {
		w.moved.Wait()
	}
	return !w.closed
}

// copyPieces hands on each piece as it comes, until either side ends.
func copyPieces(from io.Reader, to func([]byte) error) {
	buffer := make([]byte, 64<<10)
	for {
		n, err := from.Read(buffer)
		if n > 0 && to(buffer[:n]) != nil {
			return
		}
		if err != nil {
			return
		}
	}
}

// trip cuts the connection, then tells that it has.
func (l *line) trip(a *armed) error {
	l.close()
	close(a.done)
	return net.ErrClosed
}

// close ends both sides: the client sees a reset, as from a machine that is gone.
func (l *line) close() {
	reset(l.client)
	// A plain end, so that the server still reads what it was sent.
	_ = l.server.Close()
}

func reset(c net.Conn) {
	if tcp, ok := c.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // then Close says: connection reset
	}
	_ = c.Close()
}
