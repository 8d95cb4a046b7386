package main

import (
	"context"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"

	"github.com/bellowsdb/bellows"
	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/ui/answer"
)

func (a *app) configVerb() *cobra.Command {
	return a.command(verb{
		use: "config", short: "what holds, and where each value came from",
		long: `Prints every setting, its value and where it came from: a flag, an environment
variable, [env.NAME], the top level of bellows.toml, or the default. Passwords are
masked.`,
		example: "bellows config",
		run: func(context.Context, []string) (answer.Answer, error) {
			s, err := a.settings()
			if err != nil {
				return nil, err
			}
			return answer.Config{Settings: s.values}, nil
		},
	})
}

// version is the stamp of this build, which the linker puts here (make build).
var version string

func (a *app) versionVerb() *cobra.Command {
	return a.command(verb{
		use: "version", short: "the version of this build",
		long: `Prints the release that this build is, the stamp that make build gave it, and
the commit it was built from where the build knows it.`,
		example: "bellows version",
		run:     func(context.Context, []string) (answer.Answer, error) { return buildVersion(), nil },
	})
}

func buildVersion() answer.Answer {
	info, _ := debug.ReadBuildInfo()
	return build(version, info)
}

// build is what is known of this build; info may be nil.
func build(stamp string, info *debug.BuildInfo) answer.Version {
	v := answer.Version{Version: bellows.Version, Build: stamp, Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH}
	if info == nil {
		return v
	}
	changed := false
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			v.Commit = s.Value[:min(len(s.Value), 12)]
		case "vcs.modified":
			changed = s.Value == "true"
		}
	}
	if changed && v.Commit != "" {
		v.Commit += "-dirty"
	}
	return v
}

func (a *app) completionVerb() *cobra.Command {
	cmd := a.command(verb{
		use: "completion bash|zsh|fish|powershell", short: "a script that completes verbs, flags and targets in a shell",
		long: `Prints a script for the shell it names. Loading it once:

  bash        source <(bellows completion bash)
  zsh         bellows completion zsh > "${fpath[1]}/_bellows"
  fish        bellows completion fish | source
  powershell  bellows completion powershell | Out-String | Invoke-Expression`,
		example: "bellows completion bash", min: 1, max: 1,
		complete: func(string) []string { return shells },
	})
	cmd.RunE = func(c *cobra.Command, args []string) error {
		sql, err := completion(c.Root(), args[0])
		if err != nil {
			return err
		}
		a.finish(c.Context(), c.Name(), answer.Script{SQL: sql}, nil)
		return nil
	}
	return cmd
}

var shells = []string{"bash", "zsh", "fish", "powershell"}

func completion(root *cobra.Command, shell string) (string, error) {
	var b strings.Builder
	var err error
	switch shell {
	case "bash":
		err = root.GenBashCompletionV2(&b, true)
	case "zsh":
		err = root.GenZshCompletion(&b)
	case "fish":
		err = root.GenFishCompletion(&b, true)
	case "powershell":
		err = root.GenPowerShellCompletionWithDesc(&b)
	default:
		e := fault.New(fault.Usage, "no completion for %q", shell)
		if near := fault.Nearest(shell, shells); near != "" {
			return "", e.Try("did you mean %s?", near)
		}
		return "", e.Try("there is one for %s", strings.Join(shells, ", "))
	}
	return b.String(), err
}

// targets are the words that complete a target, from the files alone.
func (a *app) targets(prefix string) []string {
	m, _, err := a.folder("")
	if err != nil {
		return nil
	}
	words := []string{"head", "heads", "base", "current"}
	for r := range m.Graph().All() {
		words = append(words, string(r.ID)+"\t"+r.Name)
	}
	var fitting []string
	for _, w := range words {
		if strings.HasPrefix(w, prefix) {
			fitting = append(fitting, w)
		}
	}
	return fitting
}
