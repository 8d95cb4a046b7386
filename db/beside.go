package db

import "context"

// Neighbour is a Driver that can make databases beside another: throwaway ones,
// which are named by us and hold nothing of anybody's.
type Neighbour interface {
	// Beside is the URL of the database of that name on the same server; where a
	// database is a file, of a file of that name among temporary files.
	Beside(url, name string) (string, error)
	// Names are the databases beside the one the URL names whose names begin so.
	Names(ctx context.Context, url, prefix string) ([]string, error)
	// Make makes an empty database of that name beside the one the URL names, with
	// the settings that its tables would get there without saying so. It tells
	// whether it was not there before.
	Make(ctx context.Context, url, name string) (made bool, err error)
	// Clone makes a database of that name beside the one the URL names, as a copy
	// of it. Nobody may be connected to the original. Where the server cannot copy
	// a database it is an error with code fault.Unsupported.
	Clone(ctx context.Context, url, name string) error
}
