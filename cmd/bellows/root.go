package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/ui/answer"
)

// flags are those that every verb has.
type flags struct {
	url, dir, env, config, format           string
	json, plain, quiet, verbose             bool
	tag, confirm, schema, shadow            string
	lockWait, lockTimeout, statementTimeout string
}

// root is the whole command line.
func (a *app) root() *cobra.Command {
	cobra.EnableCommandSorting = false
	root := &cobra.Command{
		Use:           "bellows VERB",
		Short:         "version control for a database's schema, and a safe way to change live data",
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.ArbitraryArgs,
		RunE:          a.noVerb,
	}
	root.CompletionOptions.DisableDefaultCmd = true
	root.SetFlagErrorFunc(a.flagError)
	root.SetHelpFunc(a.help)
	a.globals(root.PersistentFlags())
	root.Flags().Bool("version", false, "what bellows version tells")
	_ = root.Flags().MarkHidden("version") // it is there, one line above
	for _, group := range a.verbs() {
		root.AddCommand(group...)
	}
	root.SetHelpCommand(a.helpVerb())
	root.InitDefaultHelpCmd()
	return root
}

// verbs are all verbs, in the order in which help lists them.
func (a *app) verbs() [][]*cobra.Command {
	return [][]*cobra.Command{
		{a.initVerb(), a.newVerb()},
		{a.upVerb(), a.downVerb(), a.redoVerb(), a.planVerb(), a.tryVerb()},
		{a.backfillVerb(), a.changeVerb()},
		{a.statusVerb(), a.historyVerb(), a.headsVerb(), a.showVerb(), a.graphVerb()},
		{a.inspectVerb(), a.diffVerb(), a.driftVerb(), a.verifyVerb(), a.archiveVerb()},
		{a.stampVerb(), a.mergeVerb(), a.rebaseVerb(), a.squashVerb(), a.repairVerb(), a.unlockVerb()},
		{a.dbVerb(), a.configVerb(), a.completionVerb(), a.versionVerb()},
	}
}

func (a *app) globals(f *pflag.FlagSet) {
	g := &a.flags
	f.SortFlags = false
	f.StringVarP(&g.url, "url", "u", "", "the database's `URL`: sqlite:app.db, postgres://…, mysql://…")
	f.StringVarP(&g.dir, "dir", "d", "", "the `FOLDER` of the migrations (default migrations)")
	f.StringVarP(&g.env, "env", "e", "", "the `NAME` of an environment in bellows.toml")
	f.StringVarP(&g.config, "config", "c", "", "the configuration `FILE` (default bellows.toml)")
	f.StringVar(&g.format, "format", "", "the folder's `FORMAT`: bellows, golang-migrate, dbmate, diesel (default: recognised)")
	f.StringVar(&g.lockWait, "lock-wait", "", "`DURATION` to wait for another run to end, 0 not at all (default 30s)")
	f.StringVar(&g.lockTimeout, "lock-timeout", "", "`DURATION` to wait for each lock the application holds (default 500ms)")
	f.StringVar(&g.statementTimeout, "statement-timeout", "", "`DURATION` each statement may take (default: no limit)")
	f.BoolVar(&g.json, "json", false, "one JSON object per line on stdout")
	f.BoolVar(&g.plain, "plain", false, "no colour, nothing that moves")
	f.BoolVarP(&g.quiet, "quiet", "q", false, "only answers and errors")
	f.BoolVarP(&g.verbose, "verbose", "v", false, "every statement as it runs, with its time")
}

// noVerb answers a command line without a verb that is known.
func (a *app) noVerb(cmd *cobra.Command, args []string) error {
	switch {
	case len(args) > 0:
		return unknownVerb(cmd, args[0])
	case cmd.Flags().Changed("version"):
		a.finish(cmd.Context(), "version", buildVersion(), nil)
	default:
		a.exit = 0
		a.help(cmd, nil)
	}
	return nil
}

// elsewhere gives for the verbs of other tools what says the same here.
func elsewhere(word string) string {
	switch word {
	case "current", "info", "dbversion":
		return "bellows status"
	case "validate":
		return "bellows status --check"
	case "rollback", "undo", "revert":
		return "bellows down"
	case "reset":
		return "bellows down base"
	case "baseline":
		return "bellows stamp --baseline"
	case "force":
		return "bellows stamp"
	case "create", "revision", "generate", "add":
		return "bellows new, or bellows db create for the database itself"
	case "drop", "clean":
		return "bellows down base, or bellows db drop"
	case "goto", "up-to", "down-to":
		return "bellows up ID or bellows down ID"
	case "up-by-one":
		return "bellows up +1"
	case "wait":
		return "bellows db wait"
	}
	return ""
}

func unknownVerb(root *cobra.Command, word string) error {
	var names []string
	for _, c := range root.Commands() {
		names = append(append(names, c.Name()), c.Aliases...)
	}
	err := fault.New(fault.Usage, "unknown verb %q", backToMinus(word))
	if same := elsewhere(word); same != "" {
		return err.Try("here it is %s", same)
	}
	if near := fault.Nearest(word, names); near != "" {
		return err.Try("did you mean bellows %s?", near)
	}
	return err.Try("bellows help lists the verbs")
}

// flagError says which flag is off, and which one may have been meant.
func (a *app) flagError(cmd *cobra.Command, err error) error {
	if word := a.firstWord(); !cmd.HasParent() && word != "" {
		return unknownVerb(cmd, word)
	}
	var unknown *pflag.NotExistError
	if !errors.As(err, &unknown) {
		return fault.New(fault.Usage, "%s", backToMinus(err.Error())).Try("%s --help", cmd.CommandPath())
	}
	name := unknown.GetSpecifiedName()
	if unknown.GetSpecifiedShortnames() != "" {
		return fault.New(fault.Usage, "unknown flag -%s", name).Try("%s --help", cmd.CommandPath())
	}
	var known []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) { known = append(known, f.Name) })
	e := fault.New(fault.Usage, "unknown flag --%s", name)
	if near := fault.Nearest(name, known); near != "" {
		return e.Try("did you mean --%s?", near)
	}
	if others := having(cmd.Root(), name); len(others) > 0 {
		return e.Try("it belongs to: %s", strings.Join(others, ", "))
	}
	return e.Try("%s --help", cmd.CommandPath())
}

// firstWord is the first argument that is no flag.
func (a *app) firstWord() string {
	i := slices.IndexFunc(a.args, func(s string) bool { return !strings.HasPrefix(s, "-") })
	if i < 0 {
		return ""
	}
	return a.args[i]
}

// having are the verbs that have a flag.
func having(root *cobra.Command, flag string) []string {
	var all []string
	for _, c := range root.Commands() {
		if c.LocalNonPersistentFlags().Lookup(flag) != nil {
			all = append(all, c.Name())
		}
	}
	return all
}

// verb is what is said of a verb; the flags are added to the command it makes.
type verb struct {
	use, short, long string
	aliases          []string
	example          string // run by a test
	exits            []int  // besides 0, 1 and 2
	min, max         int    // arguments; max -1 is any number
	acts             bool   // answers with a Run, also when it could not begin
	run              runner
	complete         func(prefix string) []string
}

func (a *app) command(v verb) *cobra.Command {
	cmd := &cobra.Command{
		Use: v.use, Short: v.short, Long: v.long, Aliases: v.aliases, Example: v.example,
		DisableFlagsInUseLine: true,
		Annotations:           map[string]string{"exits": fmt.Sprint(v.exits)},
		Args:                  func(c *cobra.Command, args []string) error { return arguments(c, v, args) },
		ValidArgsFunction: func(_ *cobra.Command, _ []string, prefix string) ([]string, cobra.ShellCompDirective) {
			if v.complete == nil {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return v.complete(prefix), cobra.ShellCompDirectiveNoFileComp
		},
	}
	cmd.Flags().SortFlags = false
	if v.run != nil {
		cmd.RunE = func(c *cobra.Command, args []string) error {
			for i := range args {
				args[i] = backToMinus(args[i])
			}
			if err := restoreMinus(c.Flags()); err != nil {
				return err
			}
			a.verb = verbName(c)
			ans, err := v.run(c.Context(), args)
			if ans == nil && v.acts {
				ans = answer.Run{}
			}
			a.finish(c.Context(), a.verb, ans, err)
			return nil
		}
	}
	return cmd
}

// verbName is what an answer says of the verb: of backfill also the words behind it.
func verbName(c *cobra.Command) string {
	path := strings.TrimPrefix(c.CommandPath(), c.Root().Name()+" ")
	if strings.HasPrefix(path, "backfill ") || strings.HasPrefix(path, "change ") {
		return path
	}
	return c.Name()
}

// arguments checks how many there are.
func arguments(c *cobra.Command, v verb, args []string) error {
	_, form, _ := strings.Cut(v.use, " ")
	switch {
	case len(args) < v.min:
		return fault.New(fault.Usage, "%s wants %s", c.CommandPath(), form).Try("%s --help", c.CommandPath())
	case v.max >= 0 && len(args) > v.max && v.max == 0:
		return fault.New(fault.Usage, "%s takes no arguments, got %q", c.CommandPath(), backToMinus(args[0])).Try("%s --help", c.CommandPath())
	case v.max >= 0 && len(args) > v.max:
		return fault.New(fault.Usage, "too many arguments: %q", backToMinus(args[v.max])).Try("%s --help", c.CommandPath())
	}
	return nil
}
