package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"golang.org/x/term"

	"github.com/latentgo/latentgo/cmd/chat/internal/lineedit"
	"github.com/latentgo/latentgo/engine"
	"github.com/latentgo/latentgo/internal/models"
)

// app is one run of the program: its streams, and a context that a signal ends.
type app struct {
	ctx    context.Context
	stdin  io.Reader
	out    *errWriter // standard output; remembers its first error
	stderr io.Writer

	stopSignals func() // gives signals their usual effect back
}

// newApp starts to watch for signals; stopSignals ends that.
func newApp(stdin io.Reader, stdout, stderr io.Writer) *app {
	a := &app{stdin: stdin, out: &errWriter{w: stdout}, stderr: stderr}
	a.ctx, a.stopSignals = withSignals(context.Background())
	return a
}

// signalError is the cause of a context that a signal ended.
type signalError struct{ sig os.Signal }

// Error names the signal.
func (e *signalError) Error() string { return e.sig.String() }

// exitCode is the shell's convention, 128 + the signal's number.
func (e *signalError) exitCode() int {
	if n, ok := e.sig.(syscall.Signal); ok {
		return 128 + int(n)
	}
	return 1
}

// withSignals returns a context that the first SIGINT or SIGTERM ends with a signalError; a second one kills the
// program as usual. stop may be called more than once.
func withSignals(parent context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(parent)
	ch := make(chan os.Signal, 1) // a signal that comes before the goroutine waits is kept
	signal.Notify(ch, os.Interrupt, syscall.SIGTERM)
	done := make(chan struct{})
	go func() {
		select {
		case s := <-ch:
			signal.Stop(ch)
			cancel(&signalError{s})
		case <-done:
		}
	}()
	return ctx, sync.OnceFunc(func() { signal.Stop(ch); close(done) })
}

// isTerminal reports whether a stream is a terminal.
func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// interactive reports whether a person sits at both ends.
func (a *app) interactive() bool { return isTerminal(a.stdin) && isTerminal(a.out.w) }

// width returns the columns of the terminal on standard output, 0 when it is none or cannot be steered.
func (a *app) width() int {
	f, ok := a.out.w.(*os.File)
	if !ok || lineedit.Dumb(os.Getenv("TERM")) {
		return 0
	}
	w, _, err := term.GetSize(int(f.Fd()))
	if err != nil {
		return 0
	}
	return w
}

// note writes a line to standard error.
func (a *app) note(format string, args ...any) {
	_, _ = fmt.Fprintf(a.stderr, format+"\n", args...)
}

// warn notes what a session's options may disappoint in.
func (a *app) warn(s *engine.Session) {
	for _, w := range s.Warnings() {
		a.note("chat: warning: %s", w)
	}
}

// fetch returns the path of a model, downloading it with a progress bar when it is not here yet.
func (a *app) fetch(name string, opt models.Options) (string, error) {
	bar := newTransferBar(a.stderr)
	defer bar.clear()
	opt.Progress = bar.report
	return models.Fetch(a.ctx, name, &opt)
}

// load fetches and loads the model that flags name. The caller closes it.
func (a *app) load(f *loadFlags, vocabOnly bool) (*engine.Model, error) {
	mla, err := engine.ParseMLA(f.MLA)
	if err != nil {
		return nil, &usageError{err: err}
	}
	opt := &engine.Options{Threads: f.Threads, MLA: mla, VocabOnly: vocabOnly}
	if mla.Compressed() && !vocabOnly {
		if opt.Convert, err = f.convertFlags.options(a); err != nil {
			return nil, err
		}
	}
	path, err := a.fetch(f.Model, models.Options{})
	if err != nil {
		return nil, err
	}
	return a.loadFile(path, opt)
}

// loaded is what engine.Load returned.
type loaded struct {
	m   *engine.Model
	err error
}

// tidyTime is how long a conversion gets to remove what it has written when a signal ends it.
const tidyTime = 3 * time.Second

// loadFile loads a file; a signal does not have to wait for it. On a terminal a note shows when it takes long, and a bar
// when the model is converted.
func (a *app) loadFile(path string, opt *engine.Options) (*engine.Model, error) {
	done := make(chan loaded, 1) // room for the result when nobody waits any more
	var bar *convertBar
	if opt.Convert != nil {
		bar = newConvertBar(a)
		defer bar.clear()
		o := *opt.Convert
		o.Progress = bar.report
		opt.Convert = &o
	}
	go func() {
		m, err := engine.LoadContext(a.ctx, path, opt)
		done <- loaded{m, err}
	}()
	slow := time.NewTimer(time.Second)
	defer slow.Stop()
	for {
		select {
		case r := <-done:
			return r.m, r.err
		case <-a.ctx.Done():
			if bar != nil {
				tidy(done)
			}
			return nil, a.ctx.Err()
		case <-slow.C:
			if isTerminal(a.stderr) && bar == nil {
				a.note("loading %s", path)
			}
		}
	}
}

// tidy waits for a load that has been told to end.
func tidy(done <-chan loaded) {
	select {
	case r := <-done:
		if r.m != nil {
			_ = r.m.Close()
		}
	case <-time.After(tidyTime):
	}
}
