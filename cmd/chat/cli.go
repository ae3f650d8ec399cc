package main

import (
	"fmt"
	"runtime/debug"
	"strings"

	"github.com/agnivade/levenshtein"
	"github.com/alecthomas/kong"

	"github.com/latentgo/latentgo/internal/models"
)

// cli is the command line; each subcommand is a struct with its flags and a Run method.
type cli struct {
	Version kong.VersionFlag `help:"Print the version and exit."`

	Chat       chatCmd       `cmd:"" default:"withargs" help:"Start a conversation, or answer one prompt (the default)."`
	Run        runCmd        `cmd:"" help:"Complete or answer one prompt."`
	Pull       pullCmd       `cmd:"" help:"Fetch a model into the cache and print its path."`
	Inspect    inspectCmd    `cmd:"" help:"Show a file's metadata and tensors."`
	Tokenize   tokenizeCmd   `cmd:"" help:"Turn text into token ids."`
	Template   templateCmd   `cmd:"" help:"Render a conversation with a chat template."`
	Logits     logitsCmd     `cmd:"" help:"Write the logits after each token of a list."`
	Perplexity perplexityCmd `cmd:"" help:"Measure how well a model predicts a text."`
	Bench      benchCmd      `cmd:"" help:"Measure prompt and decode speed."`
	Compare    compareCmd    `cmd:"" help:"Measure what compressed caches cost in quality."`
	Convert    convertCmd    `cmd:"" help:"Write a model with a compressed cache."`
}

// commands are the names of cli's subcommands.
var commands = []string{"chat", "run", "pull", "inspect", "tokenize", "template", "logits", "perplexity", "bench", "compare", "convert"}

// vars are the values that help texts and defaults refer to.
func vars() kong.Vars {
	return kong.Vars{"model": models.Default, "version": "chat " + version()}
}

// version is the module's version as the go command recorded it.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "(devel)"
	}
	return info.Main.Version
}

// mistypedCommand guards against sending a mistyped subcommand to a model: a lone word that is nearly one is not a prompt.
func mistypedCommand(prompt []string) error {
	if len(prompt) == 0 || strings.ContainsAny(prompt[0], " \t\n") || len(prompt) > 1 {
		return nil
	}
	for _, c := range commands {
		if d := levenshtein.ComputeDistance(strings.ToLower(prompt[0]), c); prompt[0] != c && d <= len(c)/3 {
			return usagef("", "unknown subcommand %q: did you mean %q? (To ask a model about the word: chat run -p %s)", prompt[0], c, prompt[0])
		}
	}
	return nil
}

// usagef makes a usageError.
func usagef(command, format string, args ...any) error {
	return &usageError{err: fmt.Errorf(format, args...), command: command}
}
