//go:build !unix

package host

import (
	"io/fs"
	"os"
	"syscall"

	"github.com/bellowsdb/bellows/fault"
)

// user is whom a server runs as.
type user struct{}

// account refuses: there are no sockets and locks that we know how to use here.
func account([]string) (*user, error) {
	return nil, fault.New(fault.Unsupported, "servers of our own are not run on this system")
}

func (u *user) own(string) error                 { return nil }
func (u *user) attributes() *syscall.SysProcAttr { return nil }
func ours(fs.FileInfo) bool                      { return true }
func hold(string) (*os.File, bool, error)        { return nil, false, nil }
func alive(string) bool                          { return false }
func endLeft(string, int)                        {}
