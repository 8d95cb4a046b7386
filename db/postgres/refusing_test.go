package postgres_test

import (
	"encoding/binary"
	"io"
	"net"
	"net/url"
	"strings"
	"testing"
)

// refusing is the URL of a server in front of another one that lets no session
// start with a lock_timeout, as poolers do.
func refusing(t testing.TB, behind string) string { return front(t, behind, io.Copy) }

// pooling is refusing where sessions are called by numbers of its own, too.
func pooling(t testing.TB, behind string) string { return front(t, behind, renumber) }

// renumber carries what a server says to a client, with another number for the
// session in the message that tells it.
func renumber(client io.Writer, server io.Reader) (int64, error) {
	for kind := byte(0); kind != 'Z'; {
		head := make([]byte, 5)
		if _, err := io.ReadFull(server, head); err != nil {
			return 0, err
		}
		body := make([]byte, binary.BigEndian.Uint32(head[1:])-4)
		if _, err := io.ReadFull(server, body); err != nil {
			return 0, err
		}
		if kind = head[0]; kind == 'K' {
			body[1] ^= 0xff
		}
		if _, err := client.Write(append(head, body...)); err != nil {
			return 0, err
		}
	}
	return io.Copy(client, server)
}

func front(t testing.TB, behind string, answer func(io.Writer, io.Reader) (int64, error)) string {
	u, err := url.Parse(behind)
	if err != nil {
		t.Fatal("not a URL")
	}
	server := u.Host
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			go refuse(client, server, answer)
		}
	}()
	u.Host = listener.Addr().String()
	return u.String()
}

func refuse(client net.Conn, server string, answer func(io.Writer, io.Reader) (int64, error)) {
	defer client.Close()
	head := make([]byte, 4)
	if _, err := io.ReadFull(client, head); err != nil {
		return
	}
	body := make([]byte, binary.BigEndian.Uint32(head)-4)
	if _, err := io.ReadFull(client, body); err != nil {
		return
	}
	if strings.Contains(string(body), "lock_timeout") {
		text := "SFATAL\x00VFATAL\x00C08P01\x00Munsupported startup parameter: lock_timeout\x00\x00"
		client.Write(binary.BigEndian.AppendUint32([]byte("E"), uint32(len(text)+4)))
		client.Write([]byte(text))
		return
	}
	upstream, err := net.Dial("tcp", server)
	if err != nil {
		return
	}
	defer upstream.Close()
	upstream.Write(append(head, body...))
	go io.Copy(upstream, client)
	answer(client, upstream)
}
