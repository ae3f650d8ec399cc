package repl

import (
	"context"
	"errors"
	"io"
	"iter"
	"os"
	"strings"
	"testing"

	"github.com/latentgo/latentgo/cmd/chat/internal/lineedit"
	"github.com/latentgo/latentgo/engine"
	"github.com/latentgo/latentgo/engine/sample"
	"github.com/latentgo/latentgo/tokenizer/chat"
)

// typist is a Reader that types prepared lines. "^C" is Ctrl-C on an empty line, "text^C" on another; the end is
// Ctrl-D.
type typist struct {
	lines   []string
	screen  *strings.Builder
	entries []string
}

func (t *typist) ReadLine(prompt string) (string, error) {
	t.screen.WriteString(prompt)
	if len(t.lines) == 0 {
		return "", io.EOF
	}
	line := t.lines[0]
	t.lines = t.lines[1:]
	t.screen.WriteString(line + "\n")
	switch {
	case line == "^C":
		return "", lineedit.ErrInterrupt
	case strings.HasSuffix(line, "^C"):
		return "", lineedit.ErrDropped
	}
	return line, nil
}

func (t *typist) Remember(entry string) { t.entries = append(t.entries, entry) }

// parrot is a Backend that answers from a script and keeps what it was asked. A token is a byte.
type parrot struct {
	answers    []string // taken in turn; the last one stays
	thoughts   string   // come before each answer
	asked      []chat.Conversation
	options    []engine.GenerateOptions
	context    int
	used       int
	stats      engine.Stats
	err        error          // ends the next answer after its text
	interrupts chan os.Signal // gets a signal after the first piece when hang is set
	hang       bool           // the next answer ends only with its context
	resets     int
}

func (p *parrot) Chat(ctx context.Context, conv chat.Conversation, opt *engine.GenerateOptions) iter.Seq2[engine.Piece, error] {
	p.asked, p.options = append(p.asked, conv), append(p.options, *opt)
	answer := "ok"
	if len(p.answers) > 0 {
		answer = p.answers[0]
		if len(p.answers) > 1 {
			p.answers = p.answers[1:]
		}
	}
	return func(yield func(engine.Piece, error) bool) {
		if p.thoughts != "" && !yield(engine.Piece{Token: 0, Thinking: p.thoughts}, nil) {
			return
		}
		for i := range len(answer) {
			if !yield(engine.Piece{Token: int32(i), Text: answer[i : i+1]}, nil) {
				return
			}
		}
		if p.hang {
			p.hang = false
			p.interrupts <- os.Interrupt
			<-ctx.Done()
			yield(engine.Piece{Token: -1}, ctx.Err())
			return
		}
		if p.err != nil {
			yield(engine.Piece{Token: -1}, p.err)
			p.err = nil
		}
	}
}

func (p *parrot) Count(_ context.Context, conv chat.Conversation) (int, error) {
	n := 0
	for _, m := range conv.Messages {
		n += len(m.Content())
	}
	return n, nil
}

func (p *parrot) Stats() engine.Stats { return p.stats }
func (p *parrot) Context() int        { return p.context }
func (p *parrot) Used() int           { return p.used }
func (p *parrot) Reset()              { p.resets++ }

func (p *parrot) Info() engine.Info {
	return engine.Info{Architecture: "llama", Name: "Parrot", FileType: "Q4_1", Context: 4096, Layers: 2, CacheBytes: 100, MLA: "exact", RopeSize: 8, LatentSize: 6, Threads: 2, CPU: "generic"}
}

// talk runs a conversation and returns the screen.
func talk(t *testing.T, p *parrot, cfg Config, lines ...string) (string, *typist) {
	t.Helper()
	var screen strings.Builder
	reader := &typist{lines: lines, screen: &screen}
	if p.context == 0 {
		p.context = 4096
	}
	p.interrupts = make(chan os.Signal, 1)
	sampling := sample.DefaultParams()
	cfg.Backend, cfg.Reader, cfg.Out, cfg.Options.Sampling, cfg.Interrupts = p, reader, &screen, &sampling, p.interrupts
	if err := Run(context.Background(), cfg); err != nil {
		t.Fatal(err)
	}
	return screen.String(), reader
}

// wantText fails unless the screen has all texts, in this order.
func wantText(t *testing.T, screen string, texts ...string) {
	t.Helper()
	rest := screen
	for _, text := range texts {
		_, after, ok := strings.Cut(rest, text)
		if !ok {
			t.Fatalf("no %q (in order) on the screen:\n%s", text, screen)
		}
		rest = after
	}
}

var errBroken = errors.New("broken")
