package config

import (
	"strings"

	"github.com/joho/godotenv"

	"github.com/bellowsdb/bellows/fault"
)

// ParseDotEnv reads the text of a file of environment variables. name is the
// file's name in errors, which never quote the text: such files hold passwords.
func ParseDotEnv(name, text string) (map[string]string, error) {
	text = strings.ReplaceAll(strings.TrimPrefix(text, "\ufeff"), "\r\n", "\n")
	vars, err := parseDotEnv(text)
	if err == nil {
		return vars, nil
	}
	return nil, fault.At(fault.Pos{File: name, Line: badLine(text)}, fault.Config, "this line is not NAME=value").
		Try("write NAME=value, with a value of several words in quotes; comments begin with #")
}

// parseDotEnv is the library's parser, which panics on some input.
func parseDotEnv(text string) (vars map[string]string, err error) {
	defer func() {
		if recover() != nil {
			vars, err = nil, fault.New(fault.Config, "unreadable")
		}
	}()
	return godotenv.Unmarshal(text)
}

// badLine is the first line after the longest beginning of text that can be
// read: an open quote may be closed further down.
func badLine(text string) int {
	lines := strings.SplitAfter(text, "\n")
	for n := min(len(lines), 500) - 1; n > 0; n-- {
		if _, err := parseDotEnv(strings.Join(lines[:n], "")); err == nil {
			return n + 1
		}
	}
	return 1
}
