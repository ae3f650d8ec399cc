package main

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/latentgo/latentgo/cmd/chat/internal/lineedit"
	"github.com/latentgo/latentgo/cmd/chat/internal/repl"
	"github.com/latentgo/latentgo/engine"
	"github.com/latentgo/latentgo/internal/models"
	"github.com/latentgo/latentgo/tokenizer/chat"
)

// chatCmd is `chat` without a subcommand: a conversation on a terminal, one answer for a prompt or a pipe.
type chatCmd struct {
	jsonFlag
	cachedFlags
	sessionFlags
	answerFlags
	samplingFlags
	guessFlags

	System string   `placeholder:"TEXT" help:"System prompt."`
	Ask    string   `short:"p" name:"prompt" type:"nonempty" placeholder:"TEXT" help:"The same as PROMPT."`
	Prompt []string `arg:"" optional:"" help:"A question in quotes: prints the answer and exits. Piped text is added to it."`
}

// Validate implements kong's hook.
func (c *chatCmd) Validate() error {
	if len(c.Prompt) > 0 && strings.TrimSpace(strings.Join(c.Prompt, "")) == "" {
		return errors.New("the prompt is empty")
	}
	return validate(&c.cachedFlags, &c.sessionFlags, &c.answerFlags, &c.samplingFlags)
}

// Run implements kong's command.
func (c *chatCmd) Run(a *app) error {
	p := onePrompt{text: strings.TrimSpace(c.Ask + " " + strings.Join(c.Prompt, " ")), system: c.System, trust: c.TrustText}
	// A pipe on either side means that a program wants one plain answer.
	talk := p.text == "" && a.interactive() && !c.JSON
	if !talk {
		if err := c.readPrompt(a, &p); err != nil {
			return err
		}
	}
	m, err := a.load(&c.cachedFlags)
	if err != nil {
		return err
	}
	defer m.Close()
	if _, err := m.Tokenizer(); err != nil {
		return err
	}
	if _, err := m.Template(); err != nil {
		return err
	}
	s, err := m.NewSession(c.sessionFlags.options())
	if err != nil {
		return err
	}
	defer s.Close()
	a.warn(s)
	opt, err := c.answerFlags.options(m, &c.samplingFlags)
	if err != nil {
		return err
	}
	draft, err := c.guessFlags.apply(a, opt, c.count(a))
	if err != nil {
		return err
	}
	defer draft.Close()
	if talk {
		return c.talk(a, m, s, opt)
	}
	o := &oneAnswer{a: a, m: m, s: s, opt: opt, json: c.JSON, verbose: c.Verbose}
	return o.run(p)
}

// readPrompt adds what is piped in to the prompt; without either there is nothing to answer.
func (c *chatCmd) readPrompt(a *app, p *onePrompt) error {
	read := a.piped
	if p.text == "" {
		read = a.input
	}
	if err := read(p); err != nil {
		return err
	}
	if strings.TrimSpace(p.text) == "" {
		return usagef("chat", "no prompt: standard input is empty")
	}
	return nil
}

// talk runs the conversation on the terminal. Signals are handled from here on: Ctrl-C stops an answer, SIGTERM and
// SIGHUP leave with the terminal in order.
func (c *chatCmd) talk(a *app, m *engine.Model, s *engine.Session, opt *engine.GenerateOptions) error {
	a.stopSignals()
	interrupts := make(chan os.Signal, 1)
	signal.Notify(interrupts, os.Interrupt)
	defer signal.Stop(interrupts)
	reader, closeReader, err := a.newReader(interrupts)
	if err != nil {
		return err
	}
	defer closeReader()
	ctx, stop := leaveOn(&a.ctx, closeReader)
	defer stop()
	return repl.Run(ctx, repl.Config{
		Backend: &backend{m, s, c.TrustText}, Reader: reader, Out: a.out, Options: *opt, System: c.System, Verbose: c.Verbose,
		Path: m.File().Name(), Interrupts: interrupts, Quiet: func() func() { return lineedit.Quiet(a.stdin) },
		Width: a.width,
	})
}

// newReader returns an editor with history, or a plain reader for a terminal that cannot edit.
func (a *app) newReader(interrupts <-chan os.Signal) (repl.Reader, func(), error) {
	if lineedit.Dumb(os.Getenv("TERM")) {
		return lineedit.NewPlain(a.stdin, a.out, interrupts), func() {}, nil
	}
	var history *lineedit.History
	if dir, err := models.CacheDir(); err == nil {
		if history, err = lineedit.OpenHistory(filepath.Join(dir, "history")); err != nil {
			a.note("chat: history: %v", err)
		}
	}
	e, err := lineedit.New(lineedit.Config{In: a.stdin, Out: a.out, History: history, Complete: repl.Complete})
	if err != nil {
		return nil, nil, fmt.Errorf("terminal: %w", err)
	}
	return e, func() { _ = e.Close() }, nil
}

// leaveOn replaces *ctx by one that SIGTERM or SIGHUP ends, which also ends a waiting ReadLine.
func leaveOn(ctx *context.Context, closeReader func()) (context.Context, func()) {
	c, cancel := context.WithCancelCause(context.Background())
	*ctx = c
	ch := make(chan os.Signal, 1)
	signal.Notify(ch, syscall.SIGTERM, syscall.SIGHUP)
	go func() {
		select {
		case s := <-ch:
			cancel(&signalError{s})
			closeReader()
		case <-c.Done():
		}
	}()
	return c, func() { signal.Stop(ch); cancel(nil) }
}

// backend adapts a model and its session to the conversation.
type backend struct {
	m     *engine.Model
	s     *engine.Session
	trust bool // see --trust-text
}

// Chat implements repl.Backend.
func (b *backend) Chat(ctx context.Context, conv chat.Conversation, opt *engine.GenerateOptions) iter.Seq2[engine.Piece, error] {
	conv.TrustText = b.trust
	return b.s.Chat(ctx, conv, opt)
}

// Count implements repl.Backend.
func (b *backend) Count(ctx context.Context, conv chat.Conversation) (int, error) {
	conv.TrustText = b.trust
	ids, err := b.m.EncodeChat(ctx, conv)
	return len(ids), err
}

// Stats implements repl.Backend.
func (b *backend) Stats() engine.Stats { return b.s.Stats() }

// Info implements repl.Backend.
func (b *backend) Info() engine.Info { return b.m.Info() }

// Context implements repl.Backend.
func (b *backend) Context() int { return b.s.Context() }

// Used implements repl.Backend.
func (b *backend) Used() int { return len(b.s.Tokens()) }

// Reset implements repl.Backend.
func (b *backend) Reset() { b.s.Reset() }
