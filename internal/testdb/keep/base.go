package keep

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// UsersFile, in [Base], is the file whose lock all users of shared servers share.
const UsersFile = "users"

// KeeperSuffix ends the name of each file in [Base] that a keeper holds locked.
const KeeperSuffix = ".keeper"

// Base is the folder where the processes of one user find each other's servers.
// It is not TMPDIR: paths of unix sockets are short, and the accounts that servers
// run as must reach it. Processes with another BELLOWS_TEST_GROUP share nothing
// with the rest.
func Base() (string, error) {
	dir := fmt.Sprintf("/tmp/bellows-testdb-%d%s", os.Geteuid(), os.Getenv("BELLOWS_TEST_GROUP"))
	if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, os.ErrExist) {
		return "", err
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return "", err
	}
	if st, ok := info.Sys().(*syscall.Stat_t); !ok || !info.IsDir() || int(st.Uid) != os.Geteuid() {
		return "", fmt.Errorf("%s belongs to somebody else; remove it", dir)
	}
	return dir, nil
}

// Quiet tells whether no keeper of the folder is alive.
func Quiet(base string) (bool, error) {
	files, err := filepath.Glob(filepath.Join(base, "*"+KeeperSuffix))
	if err != nil {
		return false, err
	}
	for _, file := range files {
		if !Free(file) {
			return false, nil
		}
	}
	return true, nil
}

// Used tells whether somebody else shares the servers of the folder right now.
func Used(base string) bool {
	path := filepath.Join(base, UsersFile)
	if f, err := lock(path, syscall.LOCK_EX|syscall.LOCK_NB); err == nil {
		_ = f.Close()
		return false
	}
	return Free(path) // a keeper that ends its server holds it alone
}

// Alive is the file in a server's folder whose lock tells that somebody, its
// keeper or its starter, still cares for the folder.
const Alive = "alive"

// Sweep removes those of the folders that nobody cares for any more: their keeper
// was killed together with all users. A folder younger than a minute may be about
// to be locked, and one without [Alive] is not ours.
func Sweep(folders []string) error {
	var failed []error
	for _, dir := range folders {
		info, err := os.Stat(filepath.Join(dir, Alive))
		if err != nil || time.Since(info.ModTime()) < time.Minute {
			continue
		}
		held, err := lock(filepath.Join(dir, Alive), syscall.LOCK_EX|syscall.LOCK_NB)
		if err != nil {
			continue // in use, or somebody else's
		}
		failed = append(failed, os.RemoveAll(dir), held.Close())
	}
	return errors.Join(failed...)
}
