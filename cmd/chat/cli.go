package main

import (
	"fmt"
	"runtime/debug"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/latentgo/latentgo/gguf/quantize"
	"github.com/latentgo/latentgo/internal/cpu"
	"github.com/latentgo/latentgo/internal/models"
)

// cli is the command line; each subcommand is a struct with its flags and a Run method.
type cli struct {
	Version kong.VersionFlag `help:"Print the version and exit."`

	Chat       chatCmd       `cmd:"" default:"withargs" help:"Start a conversation, or answer one prompt (the default)."`
	Run        runCmd        `cmd:"" help:"Complete or answer one prompt."`
	Pull       pullCmd       `cmd:"" help:"Fetch a model into the cache and print its path."`
	List       listCmd       `cmd:"" aliases:"ls" help:"List the models in the cache."`
	Inspect    inspectCmd    `cmd:"" help:"Show a file's metadata and tensors."`
	Tokenize   tokenizeCmd   `cmd:"" help:"Turn text into token ids."`
	Embed      embedCmd      `cmd:"" help:"Turn texts into vectors."`
	Template   templateCmd   `cmd:"" help:"Render a conversation with a chat template."`
	Logits     logitsCmd     `cmd:"" help:"Write the logits after each token of a list."`
	Perplexity perplexityCmd `cmd:"" help:"Measure how well a model predicts a text."`
	Bench      benchCmd      `cmd:"" help:"Measure prompt and decode speed."`
	Compare    compareCmd    `cmd:"" help:"Measure what compressed caches cost in quality."`
	Convert    convertCmd    `cmd:"" help:"Write a model again, as it is or with other types, metadata or cache."`
	Imatrix    imatrixCmd    `cmd:"" help:"Measure which columns of matrices matter, for quantising."`
	Set        setCmd        `cmd:"" help:"Change a file's metadata."`
	Split      splitCmd      `cmd:"" help:"Write a model as several files."`
	Merge      mergeCmd      `cmd:"" help:"Write a split model as one file."`
	Diff       diffCmd       `cmd:"" help:"Tell how two files differ, in metadata and in each tensor."`
	Hash       hashCmd       `cmd:"" help:"Print the SHA-256 of each tensor."`
	Verify     verifyCmd     `cmd:"" help:"Check a file from the header to the last weight."`
	Help       helpCmd       `cmd:"" help:"Describe the subcommands, or one of them."`
	VersionCmd versionCmd    `cmd:"" name:"version" help:"Print the version."`
}

// vars are the values that help texts and defaults refer to.
func vars() kong.Vars {
	return kong.Vars{"model": models.Default, "version": versionText(), "types": strings.Join(quantize.FileTypes(), ", ")}
}

// versionText names the program's version and the kernels that run.
func versionText() string {
	return fmt.Sprintf("chat %s\nkernels %v; %s chooses one of %v", version(), cpu.Active(), cpu.EnvName, cpu.Levels())
}

// version is the module's version as the go command recorded it.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "(devel)"
	}
	return info.Main.Version
}

// usagef makes a usageError.
func usagef(command, format string, args ...any) error {
	return &usageError{err: fmt.Errorf(format, args...), command: command}
}
