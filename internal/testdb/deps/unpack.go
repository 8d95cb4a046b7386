package main

import (
	"archive/tar"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// packages are the versions of @embedded-postgres by PostgreSQL's major version.
var packages = map[int]string{
	14: "14.23.0-beta.17",
	15: "15.18.0-beta.17",
	16: "16.14.0-beta.17",
	17: "17.10.0-beta.17",
	18: "18.4.0-beta.17",
}

// platformPackage is the package for this machine; empty where there is none.
func platformPackage() string {
	arch := map[string]string{"amd64": "x64", "arm64": "arm64"}[runtime.GOARCH]
	if arch == "" || runtime.GOOS != "linux" && runtime.GOOS != "darwin" {
		return ""
	}
	return "@embedded-postgres/" + runtime.GOOS + "-" + arch
}

// unpack puts one package into a folder of dir, whole or not at all.
func unpack(dir, platform, version string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	work, err := os.MkdirTemp(dir, ".unpack-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	if err := os.Chmod(work, 0o755); err != nil { // servers run as other accounts
		return err
	}
	cmd := exec.Command("npm", "pack", "--silent", "--pack-destination", work, platform+"@"+version)
	cmd.Dir, cmd.Stderr = work, os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("npm pack: %w", err)
	}
	lines := strings.Fields(string(out))
	if len(lines) == 0 {
		return errors.New("npm pack names no file")
	}
	archive := filepath.Join(work, filepath.Base(lines[len(lines)-1]))
	if err := extract(archive, work); err != nil {
		return err
	}
	if err := os.Remove(archive); err != nil {
		return err
	}
	if err := link(work); err != nil {
		return err
	}
	err = os.Rename(work, filepath.Join(dir, "postgres-"+version))
	if errors.Is(err, os.ErrExist) {
		return nil // another clone was faster
	}
	return err
}

// native is the folder of a package that holds the server.
const native = "package/native/"

// extract takes the server out of the package's archive.
func extract(archive, dir string) error {
	f, err := os.Open(archive)
	if err != nil {
		return err
	}
	defer f.Close()
	zip, err := gzip.NewReader(f)
	if err != nil {
		return err
	}
	for files := tar.NewReader(zip); ; {
		head, err := files.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		name, ok := strings.CutPrefix(head.Name, native)
		if !ok || head.Typeflag != tar.TypeReg || strings.HasSuffix(name, ".a") {
			continue
		}
		if err := write(dir, name, files); err != nil {
			return err
		}
	}
}

func write(dir, name string, from io.Reader) error {
	if !filepath.IsLocal(name) {
		return fmt.Errorf("the package holds a file outside itself: %s", name)
	}
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	mode := os.FileMode(0o644)
	if strings.HasPrefix(name, "bin/") {
		mode = 0o755
	}
	to, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode)
	if err != nil {
		return err
	}
	_, err = io.Copy(to, from)
	return errors.Join(err, to.Close())
}

// link makes the symbolic links that npm packages cannot hold; a list in the
// package names them.
func link(dir string) error {
	text, err := os.ReadFile(filepath.Join(dir, "pg-symlinks.json"))
	if err != nil {
		return err
	}
	var links []struct{ Source, Target string }
	if err := json.Unmarshal(text, &links); err != nil {
		return err
	}
	for _, l := range links {
		source, target := strings.TrimPrefix(l.Source, "native/"), strings.TrimPrefix(l.Target, "native/")
		if !filepath.IsLocal(source) || !filepath.IsLocal(target) {
			return fmt.Errorf("the package links outside itself: %s", l.Target)
		}
		path := filepath.Join(dir, target)
		to, err := filepath.Rel(filepath.Dir(path), filepath.Join(dir, source))
		if err != nil {
			return err
		}
		if err := os.Symlink(to, path); err != nil {
			return err
		}
	}
	return nil
}
