package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/ui/answer"
)

// exits says what each exit code means.
var exits = [...]struct {
	code int
	text string
}{
	{0, "done"}, {1, "failed"}, {2, "usage"}, {3, "pending or different"}, {4, "findings refuse"},
	{5, "locked by another run"}, {6, "an applied migration was edited or is missing, or the ledger is newer than this build"},
	{7, "stopped part-way, the same command continues"}, {8, "waits for a person"}, {130, "interrupted"},
}

// topics are what help explains besides the verbs.
var topics = [...]struct{ name, short, text string }{
	{"targets", "how up, down, plan, show and stamp are told where to go", targetsText},
	{"settings", "bellows.toml, environment variables, and which one wins", settingsText},
}

const targetsText = `Targets

  head              the only head of the folder
  heads             all heads
  base              nothing applied
  current           what the database has
  20261119093000    an id, the unique beginning of one, a slug or a file name
  +2                the next two that are pending
  -1                the last one that was applied, reverted
  ID+2, ID-1        up or down from there, also from head, current and base
  LABEL@head        within one branch: also LABEL@base, LABEL@-1, LABEL@+1
  A:B, A:, :B       ranges, for plan and history: what is after A, up to and with B

Where a target could mean several revisions, the error lists them.
`

const settingsText = `Settings

Of all the places where a setting can be given, the first one wins:

  1. the flag                --url
  2. the environment         BELLOWS_URL, BELLOWS_DIR, BELLOWS_ENV, …; also DATABASE_URL, unless
                             an environment is named that has a url of its own
  3. [env.NAME]              in bellows.toml: the environment that --env, BELLOWS_ENV or the
                             key default names
  4. the top level           of bellows.toml
  5. the default

A .env file is read when there is one, and never overrides the environment.
bellows config prints what holds and where each value came from.

  dir     = "migrations"
  default = "dev"

  [env.dev]
  url = "sqlite:app.db"

  [env.production]
  url       = "${DATABASE_URL}"
  protected = true                # down, redo, stamp, drop and try want --confirm production
`

func (a *app) helpVerb() *cobra.Command {
	return a.command(verb{
		use: "help [VERB | TOPIC]", short: "about a verb or a topic",
		long:    `Explains a verb, or a topic: targets, settings.`,
		example: "bellows help up\nbellows help targets", max: -1,
		complete: func(string) []string { return []string{topics[0].name, topics[1].name} },
		run: func(_ context.Context, args []string) (answer.Answer, error) {
			text, err := a.helpText(args)
			if err != nil {
				return nil, err
			}
			return answer.Script{SQL: text}, nil
		},
	})
}

// helpText is what help says about a verb, a topic, or everything.
func (a *app) helpText(args []string) (string, error) {
	root := a.verbTree
	if len(args) == 0 {
		return helpOf(root), nil
	}
	for _, t := range topics {
		if t.name == args[0] {
			return t.text, nil
		}
	}
	cmd, rest, err := root.Find(args)
	if err != nil || cmd == root || len(rest) > 0 {
		return "", unknownVerb(root, args[0])
	}
	return helpOf(cmd), nil
}

// help prints the help of a command, for --help.
func (a *app) help(cmd *cobra.Command, _ []string) {
	a.exit = fault.Code("").Exit()
	_, _ = io.WriteString(a.out, helpOf(cmd))
}

// helpOf is the whole help of a command.
func helpOf(cmd *cobra.Command) string {
	if !cmd.HasParent() {
		return helpOfAll(cmd)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s\n\n%s\n\n", cmd.CommandPath(), cmd.Short, strings.TrimSpace(cmd.Long))
	fmt.Fprintf(&b, "Usage:\n  %s %s\n", cmd.Parent().CommandPath(), withFlags(cmd))
	if len(cmd.Aliases) > 0 {
		fmt.Fprintf(&b, "\nAlso called: %s\n", strings.Join(cmd.Aliases, ", "))
	}
	if subs := visible(cmd); len(subs) > 0 {
		b.WriteString("\nVerbs:\n")
		writeShorts(&b, subs)
	}
	b.WriteString("\nExample:\n")
	for _, l := range strings.Split(cmd.Example, "\n") {
		fmt.Fprintf(&b, "  %s\n", l)
	}
	own := cmd.LocalNonPersistentFlags()
	own.SortFlags = false
	if own.HasAvailableFlags() {
		fmt.Fprintf(&b, "\nFlags:\n%s", flagText(own))
	}
	fmt.Fprintf(&b, "\nFlags of every verb: bellows help\n")
	fmt.Fprintf(&b, "\nExit codes:\n%s", exitText(cmd.Annotations["exits"]))
	return b.String()
}

// withFlags is the form of a command, its flags before what follows "--".
func withFlags(cmd *cobra.Command) string {
	name, rest, _ := strings.Cut(cmd.Use, " ")
	return strings.TrimSpace(name + " [flags] " + rest)
}

func helpOfAll(root *cobra.Command) string {
	var b strings.Builder
	fmt.Fprintf(&b, "bellows: %s\n\nUsage:\n  bellows VERB [flags] …\n", root.Short)
	b.WriteString("\nExample:\n  bellows init\n  bellows new add_email --edit\n  bellows plan\n  bellows up\n")
	b.WriteString("\nVerbs:\n")
	writeShorts(&b, visible(root))
	b.WriteString("\nTopics:\n")
	for _, t := range topics {
		fmt.Fprintf(&b, "  %-12s %s\n", t.name, t.short)
	}
	fmt.Fprintf(&b, "\nFlags of every verb:\n%s", flagText(root.PersistentFlags()))
	b.WriteString("\nbellows help VERB tells more about one of them.\n")
	return b.String()
}

func visible(cmd *cobra.Command) []*cobra.Command {
	var all []*cobra.Command
	for _, c := range cmd.Commands() {
		if !c.Hidden {
			all = append(all, c)
		}
	}
	return all
}

func writeShorts(b *strings.Builder, all []*cobra.Command) {
	for _, c := range all {
		fmt.Fprintf(b, "  %-12s %s\n", c.Name(), c.Short)
	}
}

// flagText lists flags, one to a line.
func flagText(set *pflag.FlagSet) string {
	var b strings.Builder
	set.VisitAll(func(f *pflag.Flag) {
		if f.Hidden || f.Name == "help" {
			return
		}
		short := "    "
		if f.Shorthand != "" {
			short = "-" + f.Shorthand + ", "
		}
		value, usage := pflag.UnquoteUsage(f)
		if f.Value.Type() == "bool" {
			value = ""
		}
		fmt.Fprintf(&b, "  %s%-29s %s\n", short, strings.TrimSpace("--"+f.Name+" "+value), usage)
	})
	return b.String()
}

// exitText explains the exit codes of a verb, as its annotation lists them.
func exitText(list string) string {
	var b strings.Builder
	own := " " + strings.Trim(list, "[]") + " "
	for _, e := range exits {
		if e.code <= 2 || strings.Contains(own, fmt.Sprintf(" %d ", e.code)) {
			fmt.Fprintf(&b, "  %3d  %s\n", e.code, e.text)
		}
	}
	return b.String()
}
