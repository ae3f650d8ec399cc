// Package repl is the conversation of `chat` without a subcommand.
//
//	>>> text          goes to the model as it is; so does a text that begins with a path, such as /usr/bin
//	>>> """ … """     a message of several lines; so is a line that ends in a backslash
//	>>> /command      /help lists them
//
// Ctrl-C stops an answer, which stays in the conversation as far as it came; at an empty prompt it tells how to leave.
// Ctrl-D leaves. When the conversation outgrows the context, its oldest turns are dropped with a notice.
//
// The package knows neither terminals nor models: it works on a Reader and a Backend, so that tests bring their own.
package repl

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"strings"

	"github.com/latentgo/latentgo/cmd/chat/internal/lineedit"
	"github.com/latentgo/latentgo/engine"
	"github.com/latentgo/latentgo/tokenizer/chat"
)

// Reader reads lines from a person; lineedit.Editor and lineedit.Plain are two.
type Reader interface {
	// ReadLine shows the prompt. Errors: lineedit.ErrInterrupt for Ctrl-C on an empty line, lineedit.ErrDropped for
	// Ctrl-C on another, io.EOF for the end.
	ReadLine(prompt string) (string, error)
	// Remember adds an entry to the history.
	Remember(entry string)
}

// Backend is the model with one session.
type Backend interface {
	// Chat streams the answer to a conversation, as engine.Session.Chat.
	Chat(ctx context.Context, conv chat.Conversation, opt *engine.GenerateOptions) iter.Seq2[engine.Piece, error]
	// Count returns the tokens that a conversation takes.
	Count(ctx context.Context, conv chat.Conversation) (int, error)
	// Stats describes the last Chat.
	Stats() engine.Stats
	// Info describes the model.
	Info() engine.Info
	// Context is the largest number of tokens, Used the number in the cache.
	Context() int
	Used() int
	// Reset empties the session.
	Reset()
}

// Config configures Run. Backend, Reader, Out and Options.Sampling are required.
type Config struct {
	Backend    Backend
	Reader     Reader
	Out        io.Writer               // answers and notices
	Options    engine.GenerateOptions  // of every answer; /set changes a copy
	System     string                  // system prompt, "" for the template's own
	Verbose    bool                    // print speed after each answer
	Path       string                  // of the model, for /show
	Interrupts <-chan os.Signal        // Ctrl-C while an answer streams; may be nil
	Quiet      func() (restore func()) // called around each answer; may be nil
	Width      func() int              // columns of the terminal, to wrap answers between words; nil wraps nothing
}

// Prompts of the first and of further lines of a message.
const (
	prompt     = ">>> "
	morePrompt = "... "
)

// repl is a running conversation.
type repl struct {
	Config
	sampling engine.Sampling
	history  []chat.Message // turns, without the system prompt
}

// Run talks until the person leaves (nil) or ctx or the reader ends it.
func Run(ctx context.Context, cfg Config) error {
	r := &repl{Config: cfg}
	r.sampling = *cfg.Options.Sampling
	r.Options.Sampling = &r.sampling
	info := cfg.Backend.Info()
	r.printf("%s (%s, %s). /help shows the commands, Ctrl-D leaves.\n", title(info), info.Architecture, info.FileType)
	for ctx.Err() == nil {
		e, err := r.read()
		switch {
		case errors.Is(err, lineedit.ErrInterrupt):
			r.printf("(Ctrl-D or /bye leaves)\n")
			continue
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
		if done := r.handle(ctx, e); done {
			return nil
		}
	}
	return ctx.Err()
}

// entry is what a person entered in one go.
type entry struct {
	text     string
	verbatim bool // in quotes: not a command
}

// errAgain says that an entry was given up half-way.
var errAgain = errors.New("entry dropped")

// read returns one entry: a line, or several that belong together.
func (r *repl) read() (entry, error) {
	for {
		line, err := r.Reader.ReadLine(prompt)
		if errors.Is(err, lineedit.ErrDropped) {
			continue
		}
		if err != nil {
			return entry{}, err
		}
		e, err := r.complete(line)
		if !errors.Is(err, errAgain) {
			return e, err
		}
	}
}

// complete reads on while line is the start of a longer entry. Ctrl-C drops the entry.
func (r *repl) complete(line string) (entry, error) {
	if head, ok := strings.CutPrefix(strings.TrimLeft(line, " \t"), `"""`); ok {
		text, err := r.block(head)
		return entry{text, true}, err
	}
	for strings.HasSuffix(line, `\`) && !strings.HasSuffix(line, `\\`) {
		next, err := r.more()
		if err != nil {
			return entry{}, err
		}
		line = line[:len(line)-1] + "\n" + next
	}
	return entry{text: line}, nil
}

// block reads to the closing quotes.
func (r *repl) block(text string) (string, error) {
	for {
		if body, ok := strings.CutSuffix(strings.TrimRight(text, " \t"), `"""`); ok {
			return strings.Trim(body, "\n"), nil
		}
		next, err := r.more()
		if err != nil {
			return "", err
		}
		text += "\n" + next
	}
}

// more reads a further line of an entry.
func (r *repl) more() (string, error) {
	line, err := r.Reader.ReadLine(morePrompt)
	if errors.Is(err, lineedit.ErrInterrupt) || errors.Is(err, lineedit.ErrDropped) || errors.Is(err, io.EOF) {
		return "", errAgain
	}
	return line, err
}

// handle runs a command or answers a message. done says that the person left.
func (r *repl) handle(ctx context.Context, e entry) (done bool) {
	if strings.TrimSpace(e.text) == "" {
		return false
	}
	r.Reader.Remember(e.text)
	if !e.verbatim && !strings.Contains(e.text, "\n") && isCommand(e.text) {
		return r.command(e.text)
	}
	r.answer(ctx, e.text)
	return false
}

// printf writes for the person, wrapped like an answer.
func (r *repl) printf(format string, args ...any) {
	_ = (&wrapper{w: r.Out, width: r.Width}).WriteString(fmt.Sprintf(format, args...))
}

// title is the model's name.
func title(info engine.Info) string {
	if info.Name != "" {
		return info.Name
	}
	return info.Architecture + " model"
}
