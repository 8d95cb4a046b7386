package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/bellowsdb/bellows"
)

// TestStamp: what make build gives the linker is what version prints.
func TestStamp(t *testing.T) {
	makefile, err := os.ReadFile("../../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	const flag = "-X main.version="
	if !strings.Contains(string(makefile), flag+"$(VERSION)") {
		t.Errorf("make build does not give %s", flag)
	}
	program := filepath.Join(t.TempDir(), "bellows")
	cmd := exec.Command("go", "build", "-buildvcs=false", "-trimpath", "-ldflags", "-s -w "+flag+"v9.8.7-6-gabcdef0", "-o", program, ".")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for args, want := range map[string]string{
		"version":        "bellows " + bellows.Version + ", build v9.8.7-6-gabcdef0, go",
		"version --json": `"version":"` + bellows.Version + `","build":"v9.8.7-6-gabcdef0","commit":"","go":"go`,
	} {
		out, err := exec.Command(program, strings.Fields(args)...).CombinedOutput()
		if err != nil || !strings.Contains(string(out), want) {
			t.Errorf("bellows %s: %v\n%s\nwant %s", args, err, out, want)
		}
	}
}

func TestBuild(t *testing.T) {
	setting := func(key, value string) debug.BuildSetting { return debug.BuildSetting{Key: key, Value: value} }
	for _, c := range []struct {
		info *debug.BuildInfo
		want string
	}{
		{nil, ""},
		{&debug.BuildInfo{}, ""},
		{&debug.BuildInfo{Settings: []debug.BuildSetting{setting("vcs.revision", "0123456789abcdef"), setting("vcs.modified", "false")}}, "0123456789ab"},
		{&debug.BuildInfo{Settings: []debug.BuildSetting{setting("vcs.modified", "true"), setting("vcs.revision", "0123456789abcdef")}}, "0123456789ab-dirty"},
		{&debug.BuildInfo{Settings: []debug.BuildSetting{setting("vcs.modified", "true")}}, ""},
	} {
		got := build("v1", c.info)
		if got.Commit != c.want || got.Build != "v1" || got.Version != bellows.Version {
			t.Errorf("%+v, want commit %q", got, c.want)
		}
	}
}
