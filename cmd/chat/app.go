package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/term"

	"github.com/latentgo/latentgo/cmd/chat/internal/human"
	"github.com/latentgo/latentgo/cmd/chat/internal/lineedit"
	"github.com/latentgo/latentgo/engine"
	"github.com/latentgo/latentgo/gguf"
	"github.com/latentgo/latentgo/internal/memory"
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
	lineedit.EnableANSI(stdout)
	lineedit.EnableANSI(stderr)
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
	if err := refuseFolder(name); err != nil {
		return "", err
	}
	bar := newTransferBar(a.stderr)
	defer bar.clear()
	opt.Progress = bar.report
	return models.Fetch(a.ctx, name, &opt)
}

// refuseFolder returns an error for a model's name that is a folder here, unless the catalogue has it, and tells which
// models are in the folder.
func refuseFolder(name string) error {
	st, err := os.Stat(name)
	if name == "" || err != nil || !st.IsDir() || models.LooksLike(name) == models.IsAName {
		return nil
	}
	if err := refuseHubFolder(name); err != nil {
		return err
	}
	var inside []string
	entries, _ := os.ReadDir(name) // what can't be read is not listed
	for _, e := range entries {
		if strings.EqualFold(filepath.Ext(e.Name()), ".gguf") && !e.IsDir() {
			inside = append(inside, filepath.Join(name, e.Name()))
		}
	}
	const most = 8
	switch n := len(inside); {
	case n == 0:
		return fmt.Errorf("%s: %w: give the .gguf file inside it; it holds none itself", name, models.ErrDirectory)
	case n > most:
		inside = append(inside[:most], fmt.Sprintf("%d more", n-most))
	}
	return fmt.Errorf("%s: %w: give the .gguf file inside it: %s", name, models.ErrDirectory, human.Line(strings.Join(inside, ", ")))
}

// load fetches and loads the model that flags name. The caller closes it.
func (a *app) load(f *cachedFlags) (*engine.Model, error) {
	mla, err := engine.ParseMLA(f.MLA)
	if err != nil {
		return nil, &usageError{err: err}
	}
	opt := &engine.Options{Threads: f.count(a), MLA: mla, Cache: f.Cache.Cache, Lock: f.Lock, NoHugePages: f.SmallPages}
	if mla.Compressed() || mayCalibrate(opt.Cache) {
		if opt.Convert, err = f.convertFlags.options(a); err != nil {
			return nil, err
		}
	}
	path, err := a.fetch(f.Model, models.Options{})
	if err != nil {
		return nil, err
	}
	if opt.Adapters, err = f.readFor(path); err != nil {
		return nil, err
	}
	return a.loadFile(path, opt)
}

// loadVocab fetches a model and loads its metadata and tokenizer. The caller closes it.
func (a *app) loadVocab(f *modelFlag) (*engine.Model, error) {
	path, err := a.fetch(f.Model, models.Options{})
	if err != nil {
		return nil, err
	}
	return a.loadFile(path, &engine.Options{VocabOnly: true})
}

// gcPercent is how much garbage the heap may hold beside what is in use while a model is compressed. That is a few
// large arrays: looking through them often takes a second in a hundred, and twice of them, Go's default, would be the
// most memory that a conversion takes.
const gcPercent = 5

// savingMemory sets that share until the returned function is called. GOGC in the environment has precedence.
func savingMemory() (restore func()) {
	if os.Getenv("GOGC") != "" {
		return func() {}
	}
	old := debug.SetGCPercent(gcPercent)
	return func() { debug.SetGCPercent(old) }
}

// loaded is what engine.Load returned.
type loaded struct {
	m   *engine.Model
	err error
}

// tidyTime is how long a conversion gets to remove what it has written when a signal ends it.
const tidyTime = 3 * time.Second

// loadFile loads a file; a signal does not have to wait for it. On a terminal a note shows when it takes long, and a
// bar when the model is converted.
func (a *app) loadFile(path string, opt *engine.Options) (*engine.Model, error) {
	done := make(chan loaded, 1) // room for the result when nobody waits any more
	var bar *convertBar
	if opt.Convert != nil {
		bar = newConvertBar(a)
		defer bar.clear()
		defer savingMemory()()
		o := *opt.Convert
		o.Progress = bar.report
		opt.Convert = &o
	}
	reading := &readBar{w: a.stderr}
	defer reading.clear()
	go func() {
		m, err := a.open(path, opt, reading)
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
			if isTerminal(a.stderr) && bar == nil && !reading.shown() {
				a.note("loading %s", path)
			}
		}
	}
}

// open opens a file, reads its weights into memory where there is room for them, and loads it.
func (a *app) open(path string, opt *engine.Options, bar *readBar) (*engine.Model, error) {
	f, err := gguf.Open(path)
	if err != nil {
		return nil, err
	}
	if !opt.VocabOnly && f.Size() < memory.Available() {
		bar.start(f.Size())
		err := f.Prefetch(a.ctx, bar.report)
		bar.clear()
		if err != nil {
			return nil, errors.Join(err, f.Close())
		}
	}
	return engine.LoadGGUF(a.ctx, f, opt)
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
