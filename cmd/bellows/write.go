package main

import "github.com/spf13/cobra"

func (a *app) initVerb() *cobra.Command { return a.command(verb{use: "init", short: "x", long: "x", example: "bellows init"}) }
func (a *app) newVerb() *cobra.Command { return a.command(verb{use: "new SLUG", short: "x", long: "x", example: "bellows new x"}) }
func (a *app) mergeVerb() *cobra.Command { return a.command(verb{use: "merge", short: "x", long: "x", example: "bellows merge"}) }
func (a *app) rebaseVerb() *cobra.Command { return a.command(verb{use: "rebase", short: "x", long: "x", example: "bellows rebase"}) }
