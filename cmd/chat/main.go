// Command chat talks with a GGUF model in the terminal, and holds the tools around it.
//
//	chat                         fetches the default model if needed and starts a conversation
//	chat "Why is the sky blue?"  one answer; text piped into it is added to the question
//	chat run|pull|list|inspect|tokenize|embed|template|logits|perplexity|bench|compare|convert|help|version …
//
// A first argument that is one plain word is a subcommand, never a prompt: a mistyped one is an error.
//
// MODEL after -m is a path, a name of the catalogue, owner/repo[:QUANT] of Hugging Face or a URL; what is fetched stays
// in the cache (package internal/models). The environment:
//
//	LATENTGO_CACHE                cache directory; the history of conversations is there, and models compressed at load
//	LATENTGO_CPU                  kernel path: generic, avx2, avxvnni, …; `chat version` tells which there are
//	HF_ENDPOINT, HF_TOKEN         the Hub's address and the token that it wants for gated models
//	HF_HUB_OFFLINE                1 forbids requests to the Hub
//	PIP_INDEX_URL, …              pip's own settings, for the second source of the default model
//	TERM                          dumb turns line editing off
//
// Answers and results go to standard output, everything else to standard error. Exit codes: 0, 1 for an error, 2 for
// wrong usage, 128 + n when signal n ended it. `chat --help` and `chat SUBCOMMAND --help` describe the flags.
package main

import (
	"context"
	"errors"
	"io"
	"os"
	"slices"

	"github.com/alecthomas/kong"

	"github.com/latentgo/latentgo/internal/cpu"
)

// main only connects run to the process.
func main() {
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// run is the whole program: it parses args, runs the subcommand and returns the exit code.
func run(args []string, stdin io.Reader, stdout, stderr io.Writer) (code int) {
	a := newApp(stdin, stdout, stderr)
	defer a.stopSignals()
	defer func() {
		switch e := recover().(type) {
		case nil:
		case exitCode: // --help and --version leave the parser like this
			code = int(e)
		default:
			panic(e)
		}
	}()
	ctx, err := a.parse(args)
	if err == nil {
		err = cpu.EnvError() // not every command loads a model
	}
	if err == nil {
		err = ctx.Run(a)
	}
	return a.finish(err)
}

// exitCode is what the parser panics with to leave after --help.
type exitCode int

// parse reads the command line. What is wrong with it is a usageError.
func (a *app) parse(args []string) (*kong.Context, error) {
	var line cli
	parser, err := kong.New(&line,
		kong.Name("chat"),
		kong.Description("Talk with a GGUF model in the terminal.\n\n"+
			"Without a subcommand it starts a conversation, or answers one prompt: chat [-m MODEL] [\"PROMPT\"]. "+
			"`chat chat --help` describes the flags for that."),
		kong.Writers(a.out, a.stderr),
		kong.Exit(func(code int) { panic(exitCode(code)) }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 110, FlagsLast: true}),
		kong.WithHyphenPrefixedParameters(true),
		kong.ShortUsageOnError(),
		kong.NamedMapper("nonempty", kong.MapperFunc(nonempty)),
		vars(),
	)
	if err != nil {
		return nil, err
	}
	names := commandNames(parser)
	if len(args) > 0 {
		if err := unknownCommand(args[0], names); err != nil {
			return nil, err
		}
	}
	ctx, err := parser.Parse(args)
	if err != nil {
		return nil, &usageError{err: err, command: commandOf(err)}
	}
	if prompt := line.Chat.Prompt; len(prompt) > 0 && !slices.Contains(names, args[0]) {
		// The first argument came behind flags; with -m it can't be a model's name.
		if line.Chat.Model != "" {
			return ctx, unknownWord(prompt[0], names)
		}
		return ctx, unknownCommand(prompt[0], names)
	}
	return ctx, nil
}

// commandOf returns the subcommand that a parser's error belongs to, "" for none.
func commandOf(err error) string {
	var pe *kong.ParseError
	if errors.As(err, &pe) && pe.Context != nil && pe.Context.Selected() != nil {
		return pe.Context.Selected().Name
	}
	return ""
}

// finish reports err and turns it into the exit code. A signal that ended the run is not reported as an error.
func (a *app) finish(err error) int {
	var sig *signalError
	if errors.As(context.Cause(a.ctx), &sig) && (err == nil || errors.Is(err, context.Canceled)) {
		return sig.exitCode()
	}
	if err == nil {
		err = a.out.Err()
	}
	switch {
	case err == nil:
		return 0
	case isClosedPipe(err):
		return 1 // whoever read the output has seen enough
	}
	a.explain(err)
	var usage *usageError
	if errors.As(err, &usage) {
		return 2
	}
	return 1
}
