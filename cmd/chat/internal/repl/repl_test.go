package repl

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/latentgo/latentgo/engine"
	"github.com/latentgo/latentgo/engine/sample"
	"github.com/latentgo/latentgo/tokenizer/chat"
)

// contents lists the messages of a conversation as role:content.
func contents(conv chat.Conversation) []string {
	var s []string
	for _, m := range conv.Messages {
		s = append(s, m.Role()+":"+m.Content())
	}
	return s
}

func TestTurnsBuildUp(t *testing.T) {
	p := &parrot{answers: []string{" \nfirst", "second\n"}}
	screen, reader := talk(t, p, Config{System: "Be brief."}, "hello", "", "   ", "more")
	want := [][]string{
		{"system:Be brief.", "user:hello"},
		{"system:Be brief.", "user:hello", "assistant:first", "user:more"},
	}
	for i, conv := range p.asked {
		if !slices.Equal(contents(conv), want[i]) || !conv.AddGenerationPrompt {
			t.Errorf("turn %d: %q", i, contents(conv))
		}
	}
	wantText(t, screen, "Parrot (llama, Q4_1)", ">>> hello\nfirst\n>>> ", "more\nsecond\n>>> ")
	if !slices.Equal(reader.entries, []string{"hello", "more"}) {
		t.Errorf("history %q", reader.entries)
	}
}

// TestThoughts: what the model thinks is shown faintly on a terminal, and is no part of the answer.
func TestThoughts(t *testing.T) {
	p := &parrot{answers: []string{"first", ""}, thoughts: "Hm, \x1b well."}
	screen, _ := talk(t, p, Config{Width: func() int { return 80 }}, "hello", "more")
	wantText(t, screen, ">>> hello\n\x1b[2mHm,  well.\x1b[0m\n\nfirst\n>>> more\n\x1b[2mHm,  well.\x1b[0m\n>>> ")
	if got := contents(p.asked[1]); !slices.Equal(got, []string{"user:hello", "assistant:first", "user:more"}) {
		t.Errorf("%q", got)
	}
	if thoughts, _ := p.asked[1].Messages[1].Get("reasoning_content"); thoughts != p.thoughts {
		t.Errorf("thoughts %q", thoughts)
	}
	screen, _ = talk(t, p, Config{}, "hello")
	wantText(t, screen, ">>> hello\nHm,  well.\n>>> ")
}

func TestSeveralLines(t *testing.T) {
	for _, c := range []struct {
		lines []string
		sent  string
	}{
		{[]string{`"""one`, "two", `three"""`}, "one\ntwo\nthree"},
		{[]string{`"""`, "one", "", "two", `"""  `}, "one\n\ntwo"},
		{[]string{`"""all in one"""`}, "all in one"},
		{[]string{`one \`, `two\`, "three"}, "one \ntwo\nthree"},
		{[]string{`C:\\`}, `C:\\`},
		{[]string{`"""/set temp 1`, `x"""`}, "/set temp 1\nx"},
		{[]string{`"""dropped`, "^C", "kept"}, "kept"},
		{[]string{`dropped\`, "half^C", "kept"}, "kept"},
		{[]string{"dropped^C", "kept"}, "kept"},
		{[]string{" /not a command"}, " /not a command"},
		{[]string{`"""/bye"""`}, "/bye"},
	} {
		p := &parrot{}
		screen, _ := talk(t, p, Config{}, c.lines...)
		if len(p.asked) != 1 || p.asked[0].Messages[0].Content() != c.sent {
			t.Errorf("%q: asked %v\n%s", c.lines, p.asked, screen)
		}
	}
}

func TestInterruptStopsTheAnswerAndKeepsTheSession(t *testing.T) {
	p := &parrot{answers: []string{"half an ans", "more"}, hang: true}
	screen, _ := talk(t, p, Config{}, "question", "go on")
	wantText(t, screen, "half an ans\n(stopped)\n>>> go on\nmore\n")
	if got := contents(p.asked[1]); !slices.Equal(got, []string{"user:question", "assistant:half an ans", "user:go on"}) {
		t.Errorf("the second turn sees %q", got)
	}
}

func TestInterruptBeforeTheFirstToken(t *testing.T) {
	p := &parrot{answers: []string{"", "fine"}, hang: true}
	screen, _ := talk(t, p, Config{}, "question", "another")
	wantText(t, screen, ">>> question\n(stopped)\n>>> another\nfine\n")
	if got := contents(p.asked[1]); !slices.Equal(got, []string{"user:another"}) {
		t.Errorf("the second turn sees %q", got)
	}
}

func TestInterruptAtThePromptTellsHowToLeave(t *testing.T) {
	screen, _ := talk(t, &parrot{}, Config{}, "^C", "half^C", "^C")
	if n := strings.Count(screen, "(Ctrl-D or /bye leaves)"); n != 2 {
		t.Errorf("%d hints:\n%s", n, screen)
	}
}

func TestErrorsKeepTheConversation(t *testing.T) {
	p := &parrot{answers: []string{"", "fine"}, err: errBroken}
	screen, _ := talk(t, p, Config{}, "one", "two")
	wantText(t, screen, "chat: broken\n>>> two\nfine\n")
	if len(p.asked[1].Messages) != 1 {
		t.Errorf("the failed message is still there: %q", contents(p.asked[1]))
	}
}

func TestOldTurnsAreDropped(t *testing.T) {
	p := &parrot{context: 1000, answers: []string{strings.Repeat("a", 200)}}
	var lines []string
	for i := range 5 {
		lines = append(lines, fmt.Sprint(i)+strings.Repeat("q", 199))
	}
	screen, _ := talk(t, p, Config{System: "stay"}, lines...)
	wantText(t, screen, "messages were dropped: the context of 1000 tokens is full")
	for i, conv := range p.asked {
		got := contents(conv)
		last := got[len(got)-1]
		if n, _ := p.Count(context.Background(), conv); n > 1000-250 {
			t.Errorf("turn %d has %d tokens", i, n)
		}
		if got[0] != "system:stay" || !strings.HasPrefix(got[1], "user:") || !strings.HasPrefix(last, "user:"+fmt.Sprint(i)) {
			t.Errorf("turn %d: %d messages, %.10q … %.10q", i, len(got), got[1], last)
		}
	}
}

func TestTooLongMessage(t *testing.T) {
	p := &parrot{context: 100}
	screen, _ := talk(t, p, Config{}, "short", strings.Repeat("x", 150), "after")
	wantText(t, screen, "chat: the message takes 150 tokens: context is full (100 tokens)\n", "-c N", ">>> after\nok\n")
	if got := contents(p.asked[1]); !slices.Equal(got, []string{"user:short", "assistant:ok", "user:after"}) {
		t.Errorf("afterwards: %q", got)
	}
}

func TestReasonsAndSpeed(t *testing.T) {
	p := &parrot{stats: engine.Stats{Reason: engine.ReasonMaxTokens, Tokens: 7, PromptTokens: 10, PromptTime: 1e9, DecodeTime: 2e9}}
	screen, _ := talk(t, p, Config{Verbose: true}, "x")
	wantText(t, screen, "cut after 7 tokens", "prompt 10 tokens (+0 cached) in 1.00 s, 10.0 tokens/s; answer 7 tokens in 2.00 s, 3.5 tokens/s")
	p.stats = engine.Stats{Reason: engine.ReasonContext}
	screen, _ = talk(t, p, Config{}, "x")
	wantText(t, screen, "the context of 4096 tokens is full")
}

func TestControlCharactersDoNotReachTheScreen(t *testing.T) {
	p := &parrot{answers: []string{"a\x1b[2J\x07b\u009bc\td"}}
	screen, _ := talk(t, p, Config{}, "x")
	wantText(t, screen, "a[2Jb")
	if strings.ContainsAny(screen, "\x1b\x07") {
		t.Errorf("escape sequence on the screen: %q", screen)
	}
}

// brokenReader fails like a terminal that went away.
type brokenReader struct{}

func (brokenReader) ReadLine(string) (string, error) { return "", errBroken }
func (brokenReader) Remember(string)                 {}

func TestReaderErrorEndsTheConversation(t *testing.T) {
	sampling := sample.DefaultParams()
	cfg := Config{Backend: &parrot{}, Reader: brokenReader{}, Out: io.Discard, Options: engine.GenerateOptions{Sampling: &sampling}}
	if err := Run(context.Background(), cfg); !errors.Is(err, errBroken) {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := Run(ctx, cfg); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}
