package repl

import (
	"slices"
	"strings"
	"testing"

	"github.com/latentgo/latentgo/engine/sample"
)

func TestHelpAndUnknownCommands(t *testing.T) {
	p := &parrot{}
	screen, _ := talk(t, p, Config{}, "/help", "/nonsense", "/bye", "never read")
	for _, c := range commands {
		wantText(t, screen, c.name, c.help)
	}
	wantText(t, screen, "unknown command /nonsense", "/help lists", ">>> /bye\n")
	if len(p.asked) != 0 || strings.Contains(screen, "never read") {
		t.Errorf("asked %v\n%s", p.asked, screen)
	}
}

func TestClear(t *testing.T) {
	p := &parrot{}
	talk(t, p, Config{System: "s"}, "one", "/clear", "two")
	if got := contents(p.asked[1]); p.resets != 1 || !slices.Equal(got, []string{"system:s", "user:two"}) {
		t.Errorf("%d resets, then %q", p.resets, got)
	}
}

func TestSetSampling(t *testing.T) {
	p := &parrot{}
	screen, _ := talk(t, p, Config{}, "/set temp 0.25", "/set parameter top_k 7", "/set top-p", "/set temp warm", "/set nonsense 1", "/set nonsense", "x")
	wantText(t, screen, "temp = 0.25", "top_k = 7", "top-p = 0.95", `"warm"`, "/set lists", "nonsense", "nonsense")
	if s := p.options[0].Sampling; s.Temperature != 0.25 || s.TopK != 7 {
		t.Errorf("the engine got %+v", s)
	}
}

func TestSetConversation(t *testing.T) {
	p := &parrot{}
	screen, _ := talk(t, p, Config{}, "/set system You are a pirate.", "/set max_tokens 12", `/set stop ["###", "END"]`, "/set verbose on", "ahoy",
		`/set system ""`, "/set max_tokens -1", `/set stop "\n\n"`, "/set verbose off", "again", "/set verbose perhaps", "/set max_tokens many", "/set stop [1")
	wantText(t, screen, `system = "You are a pirate."`, "max_tokens = 12", `stop = ["###","END"]`, "verbose = on", "(prompt 0 tokens",
		`system = ""`, "max_tokens = 0", `stop = ["\n\n"]`, "verbose = off", "verbose is on or off", "max_tokens is a number", "stop is a text")
	if got := contents(p.asked[0]); got[0] != "system:You are a pirate." || p.options[0].MaxTokens != 12 || !slices.Equal(p.options[0].Stop, []string{"###", "END"}) {
		t.Errorf("first: %q %+v", got, p.options[0])
	}
	if got := contents(p.asked[1]); got[0] != "user:ahoy" || p.options[1].MaxTokens != 0 || !slices.Equal(p.options[1].Stop, []string{"\n\n"}) {
		t.Errorf("second: %q %+v", got, p.options[1])
	}
}

func TestSetAloneListsAll(t *testing.T) {
	screen, _ := talk(t, &parrot{}, Config{}, "/set")
	for _, name := range []string{"system", "verbose", "max_tokens", "stop"} {
		wantText(t, screen, name)
	}
	for _, f := range sample.Fields() {
		wantText(t, screen, f.Name, f.Help)
	}
}

func TestShow(t *testing.T) {
	screen, _ := talk(t, &parrot{used: 5}, Config{Path: "/m/p.gguf", System: "a\nb"}, "x", "/set repeat_penalty 1.5", "/show")
	wantText(t, screen, "Parrot", "/m/p.gguf", "r = 8", "L = 6", "100 bytes per token; 500 bytes in use by 5 tokens", "4096 tokens; trained for 4096",
		"2 threads, generic", "a↵b", "temperature 0.8, top_k 40", "repeat_penalty 1.5", "2 messages")
}

func TestComplete(t *testing.T) {
	if got := Complete("/s"); !slices.Contains(got, "/set") || !slices.Contains(got, "/show") {
		t.Errorf("commands: %q", got)
	}
	if got := Complete("/set te"); !slices.Contains(got, "temperature") || !slices.Contains(got, "system") {
		t.Errorf("parameters: %q", got)
	}
	if got := append(Complete("hello"), Complete("/set temperature ")...); len(got) != 0 {
		t.Errorf("nothing to complete, but %q", got)
	}
}
