package main

import (
	"errors"
	"io/fs"
	"strings"

	"github.com/latentgo/latentgo/engine"
	"github.com/latentgo/latentgo/gguf"
	"github.com/latentgo/latentgo/gguf/quantize"
	"github.com/latentgo/latentgo/internal/cpu"
	"github.com/latentgo/latentgo/internal/models"
	"github.com/latentgo/latentgo/internal/syserr"
	"github.com/latentgo/latentgo/tokenizer/chat"
)

// usageError is a wrong command line: exit code 2.
type usageError struct {
	err     error
	command string // subcommand, "" for none
	hint    string // what to do; "" names the subcommand's --help
}

// Error implements error.
func (e *usageError) Error() string { return e.err.Error() }

// Unwrap gives what was wrong.
func (e *usageError) Unwrap() error { return e.err }

// hints are what a user can do next about an error, the first that fits.
var hints = []struct {
	err  error
	hint string
}{
	{quantize.ErrImatrix, "llama-imatrix and chat imatrix write such files"},
	{gguf.ErrFormat, "`chat convert FOLDER OUT` makes such a file of safetensors; a download may be incomplete"},
	{gguf.ErrSplit, "put all parts of the model into one folder and name the first"},
	{engine.ErrConverted, "name the original file, or leave --mla out"},
	{engine.ErrUnsupported, "docs/models.md lists what this engine runs; `chat inspect -m FILE` shows what a file holds"},
	{engine.ErrInvalid, "the file contradicts itself; download or convert it again"},
	{engine.ErrContextFull, "a larger context: -c N"},
	{engine.ErrTooLong, "--truncate cuts texts"},
	{engine.ErrNoTemplate, "the model was not made for conversations: `chat run --raw -p TEXT` continues a text"},
	{errNoText, "--json prints the ids of its tokens"},
	{engine.ErrNoTokenizer, "give token ids instead of text: -f IDS.json with a list of numbers"},
	{engine.ErrNoWeights, "the file holds only a vocabulary: `chat tokenize` works with it"},
	{models.ErrUnknown, "give the path of a .gguf file, owner/repo[:QUANT] of Hugging Face, a URL, or one of: " + strings.Join(models.Names(), ", ")},
	{models.ErrOffline, "unset HF_HUB_OFFLINE, or give the path of a .gguf file"},
	{models.ErrUnreachable, "check the network, HTTPS_PROXY and HF_ENDPOINT; a file that is here already can be named by its path: -m FILE"},
	{cpu.ErrLevel, "correct the environment variable LATENTGO_CPU, or unset it"},
	{models.ErrSetting, "correct the environment variable, or unset it"},
	{models.ErrHash, "try again; a mirror set by HF_ENDPOINT may hold another file"},
	{models.ErrNoFile, "name one of them: owner/repo:QUANT"},
	{models.ErrCache, "set LATENTGO_CACHE to a folder that can be written"},
	{models.ErrAccess, "tokens are made at https://huggingface.co/settings/tokens"},
	{fs.ErrExist, "name another file; --force replaces this one"},
	{fs.ErrNotExist, "check the path"},
	{fs.ErrPermission, "check the permissions of the file and its folder"},
}

// hintFor returns what to do about err, "" if nothing is known.
func hintFor(err error) string {
	var usage *usageError
	if errors.As(err, &usage) {
		if usage.hint != "" {
			return usage.hint
		}
		return strings.TrimRight("chat "+usage.command, " ") + " --help describes the flags"
	}
	var sources *models.SourcesError
	if errors.As(err, &sources) {
		return "download " + sources.URL + " by hand and name it with -m, or set HF_ENDPOINT or PIP_INDEX_URL to a mirror"
	}
	var input *inputError
	if errors.As(err, &input) {
		return "name another file"
	}
	var tmpl *chat.TemplateError
	if errors.As(err, &tmpl) {
		return "the chat template refuses this conversation or is broken; `chat run --raw` works without it"
	}
	if syserr.DiskFull(err) {
		return "free some disk space and try again"
	}
	for _, h := range hints {
		if errors.Is(err, h.err) {
			return h.hint
		}
	}
	return ""
}

// explain writes an error and its hint to standard error.
func (a *app) explain(err error) {
	a.note("chat: %s", strings.TrimSpace(err.Error()))
	if hint := hintFor(err); hint != "" {
		a.note("hint: %s", hint)
	}
}

// isClosedPipe reports whether err means that nobody reads the output any more.
func isClosedPipe(err error) bool { return syserr.ClosedPipe(err) }
