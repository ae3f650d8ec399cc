// Package lineedit reads lines from a person: with editing, history and pasting on a terminal that can do it, plainly
// on one that cannot.
//
//	keys      arrows, Home, End, Ctrl-A/E/B/F/K/U/W/Y, Ctrl-R searches the history, Tab completes, Ctrl-L clears
//	paste     several lines arrive as one entry: line ends show as ↵, a long text as [pasted text 1, 214 lines]
//	Ctrl-C    ErrDropped for a line with text, ErrInterrupt for an empty one
//	Ctrl-D    io.EOF on an empty line
//
// The REPL needs it. The work on keys and screen is github.com/ergochat/readline's; this package adds what that does
// not have: bracketed paste, entries of several lines in the history, a private history file, keys that act on what a
// person sees as one character, and a prompt on terminals that answer no questions.
//
// A prompt must start in the first column: the terminal is not asked where its cursor is.
package lineedit

import (
	"errors"
	"io"
	"runtime"
	"strings"

	"github.com/ergochat/readline"
)

// Errors of ReadLine, besides io.EOF.
var (
	// ErrInterrupt is returned when the person pressed Ctrl-C on an empty line.
	ErrInterrupt = errors.New("interrupted")
	// ErrDropped is returned when the person pressed Ctrl-C to get rid of what was typed.
	ErrDropped = errors.New("line dropped")
)

// Config configures New. In and Out are required.
type Config struct {
	In       io.Reader                  // the terminal, standard input
	Out      io.Writer                  // its screen
	History  *History                   // nil keeps none
	Complete func(line string) []string // words that may follow the whole line so far; nil completes nothing
}

// Editor reads edited lines. Not for concurrent use, but for Close.
type Editor struct {
	rl      *readline.Instance
	paste   *pasteReader
	history *History
	out     io.Writer
	line    clusterLine // what is edited, as the library last showed it
}

// Dumb reports whether a terminal of the kind in TERM cannot move its cursor, so that only a Plain reader works. On
// Windows TERM is rarely set: consoles since Windows 10 can, once New or EnableANSI has told them to.
func Dumb(term string) bool { return term == "dumb" || term == "" && runtime.GOOS != "windows" }

// New prepares the terminal. The caller closes the Editor, which gives the terminal its mode back.
func New(cfg Config) (*Editor, error) {
	e := &Editor{paste: newPasteReader(cfg.In), history: cfg.History, out: cfg.Out}
	rc := &readline.Config{
		Stdin: e.paste, Stdout: noQuery{cfg.Out}, Stderr: cfg.Out,
		HistoryLimit: historyLimit, DisableAutoSaveHistory: true, HistorySearchFold: true,
		Painter: paint, Listener: e.line.listen, InterruptPrompt: "^C", EOFPrompt: "\n",
	}
	if cfg.Complete != nil {
		rc.AutoComplete = completer(cfg.Complete)
	}
	rl, err := readline.NewFromConfig(rc)
	if err != nil {
		return nil, err
	}
	e.rl = rl
	e.loadHistory()
	return e, nil
}

// ReadLine shows prompt and returns the line that was entered, without its end; a pasted text may contain line ends.
// Errors: ErrInterrupt, ErrDropped, io.EOF, or what the terminal gave.
func (e *Editor) ReadLine(prompt string) (string, error) {
	e.rl.SetPrompt(prompt)
	_, _ = io.WriteString(e.out, pasteOn)
	// Asked for only while a line is edited: programs that run in between do not know the marks.
	line, err := e.rl.ReadLine()
	_, _ = io.WriteString(e.out, pasteOff)
	line = e.paste.restore(line)
	switch {
	case !errors.Is(err, readline.ErrInterrupt):
		return line, err
	case len(e.line.text) > 0:
		return "", ErrDropped
	}
	return "", ErrInterrupt
}

// Remember adds an entry, of one or more lines, to the history. Failing to write the file is not reported: a full disk
// must not stop a conversation.
func (e *Editor) Remember(entry string) {
	if e.history == nil || strings.TrimSpace(entry) == "" {
		return
	}
	_ = e.history.Add(entry)
	e.loadHistory()
}

// loadHistory gives the library all entries anew: its own list would hold parts of entries.
func (e *Editor) loadHistory() {
	if e.history == nil {
		return
	}
	// Costs a copy of at most historyLimit entries, once per message.
	e.rl.ResetHistory()
	for _, entry := range e.history.Entries() {
		_ = e.rl.SaveToHistory(flatten(entry))
	}
}

// Close restores the terminal. A ReadLine that waits returns io.EOF.
func (e *Editor) Close() error { return e.rl.Close() }

// completer adapts a function to the library's interface.
type completer func(line string) []string

// Do implements readline.AutoCompleter: the words that may follow, without the part that is there already.
func (c completer) Do(line []rune, pos int) ([][]rune, int) {
	head := string(line[:pos])
	start := strings.LastIndexByte(head, ' ') + 1
	var tails [][]rune
	for _, word := range c(head) {
		if tail, ok := strings.CutPrefix(word, head[start:]); ok {
			tails = append(tails, []rune(tail+" "))
		}
	}
	return tails, len([]rune(head[start:]))
}
