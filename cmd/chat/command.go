package main

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/latentgo/latentgo/cmd/chat/internal/suggest"
	"github.com/latentgo/latentgo/internal/models"
)

// wordRE is what a subcommand looks like, or a model's name such as llama3.2:1b. A prompt has spaces, punctuation at
// its end or other letters.
var wordRE = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_-]*([.:][A-Za-z0-9_-]+)*$`)

// otherWords are subcommands of llama.cpp's and Ollama's programs, and what serves the purpose here.
var otherWords = map[string]string{
	"show": "inspect", "info": "inspect", "get": "pull", "download": "pull", "fetch": "pull", "models": "list", "ps": "list",
	"generate": "run", "ask": "run", "complete": "run", "ppl": "perplexity", "quantize": "convert", "check": "verify", "sha256": "hash",
	"create": "convert", "benchmark": "bench", "render": "template", "encode": "tokenize", "embedding": "embed", "embeddings": "embed",
}

// unknownCommand refuses a first argument that may be meant as a subcommand, or as a model: nothing is sent to a model,
// or fetched, because of a typing error. known are the subcommands; any other text is a prompt, and nil.
func unknownCommand(arg string, known []string) error {
	if slices.Contains(known, arg) {
		return nil // whatever files are called here
	}
	switch models.LooksLike(arg) {
	case models.IsAName:
		return &usageError{err: fmt.Errorf("%q is no subcommand but a model's name", arg), hint: fmt.Sprintf("chat -m %s starts a conversation with it, chat inspect %s describes it", arg, arg)}
	case models.MaybeAName:
		return &usageError{err: fmt.Errorf("%q is a repository or a prompt", arg), hint: fmt.Sprintf("chat -m %s starts a conversation with that model, chat -p %s sends the text to the default model", arg, arg)}
	}
	return unknownWord(arg, known)
}

// unknownWord refuses an argument that looks like a subcommand and is none.
func unknownWord(arg string, known []string) error {
	if !wordRE.MatchString(arg) || slices.Contains(known, arg) {
		return nil
	}
	near := otherWords[strings.ToLower(arg)]
	if near == "" {
		near = suggest.Nearest(arg, known)
	}
	if near != "" {
		near = fmt.Sprintf(": did you mean %q?", near)
	}
	return &usageError{err: fmt.Errorf("unknown subcommand %q%s", arg, near), hint: fmt.Sprintf("chat help lists the subcommands; -m names a model; chat -p %s sends the word to one, a longer prompt goes in quotes", arg)}
}

// commandNames lists the subcommands of a parser, with their other names.
func commandNames(parser *kong.Kong) []string {
	var names []string
	for _, n := range parser.Model.Children {
		names = append(append(names, n.Name), n.Aliases...)
	}
	return names
}

// helpCmd is `chat help [SUBCOMMAND]`, the same as --help.
type helpCmd struct {
	Command string `arg:"" optional:"" placeholder:"SUBCOMMAND" help:"The subcommand to describe."`
}

// Run implements kong's command.
func (c *helpCmd) Run(a *app) error {
	args := []string{"--help"}
	if c.Command != "" {
		args = []string{c.Command, "--help"}
	}
	_, err := a.parse(args)
	return err // not reached after help was printed
}

// versionCmd is `chat version`, the same as --version.
type versionCmd struct{}

// Run implements kong's command.
func (*versionCmd) Run(a *app) error {
	a.printf("%s\n", versionText())
	return nil
}
