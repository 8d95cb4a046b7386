package db

import "context"

// Host is a Driver that knows how servers of its kind are run, as throwaway ones.
type Host interface {
	// Installed are the servers on this machine whose programs are found in folders,
	// or where such programs usually are, the nearest to what is wanted first; and the
	// places that were looked at, for reading. near is the URL of the database that is
	// stood in for, version its server's, 0 unknown.
	Installed(m Machine, near string, version int) (found []Server, looked []string)
	// Container is how a server nearest to what is wanted is run in a container.
	Container(near string, version int) Container
	// Alike gives a server of ours what the databases of another one may need, and the
	// URL of a database there beside which others are made.
	Alike(ctx context.Context, from, to string) (string, error)
}

// Machine is what may be asked of the machine.
type Machine struct {
	// Env is the environment of programs, NAME=VALUE.
	Env []string
	// Path are the folders in which programs are.
	Path []string
	// Find are the paths that match a pattern, sorted.
	Find func(pattern string) []string
	// Runs tells whether there is a program of that path.
	Runs func(path string) bool
	// Tells is what a program says on stdout.
	Tells func(program string, args ...string) (string, error)
}

// Server is how one server is run from programs. Its data is in a folder of its own;
// it listens on a socket in another one only.
type Server struct {
	// Name tells people what it is, Key tells its data from those of others.
	Name, Key string
	// Accounts are those it may run as when we are root, best first.
	Accounts []string
	// Files are laid into the folder before.
	Files map[string]string
	// Init makes its data, Serve is the server itself, both with the folder's name
	// where [Folder] stands.
	Init, Serve []string
	// Stop is the signal that ends it at once, by its number.
	Stop int
	// URL names a database of it by its socket, with the folder where [Folder] stands.
	URL string
}

// Folder stands for the folder of a [Server].
const Folder = "{folder}"

// Container is how a server is run in a container.
type Container struct {
	Image string
	// Env are variables, NAME=VALUE; they are kept out of command lines.
	Env []string
	// Args are for the server, Data is the folder of its data, Port the one it
	// listens on in the container.
	Args []string
	Data string
	Port int
	// URL names a database of it, with the port on this machine where [Port] stands.
	URL string
}

// Secret stands for a password that is made for one [Container].
const Secret = "{secret}"

// Port stands for the port of a [Container] on this machine.
const Port = "{port}"
