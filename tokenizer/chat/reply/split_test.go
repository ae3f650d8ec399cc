package reply_test

import (
	"encoding/json"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/latentgo/latentgo/tokenizer/chat"
	"github.com/latentgo/latentgo/tokenizer/chat/reply"
)

// pushed returns the events of a text that a parser gets in pieces, neighbours of a kind joined.
func pushed(p *reply.Parser, pieces ...string) []reply.Event {
	var all []reply.Event
	for _, piece := range pieces {
		all = join(all, p.Push(piece))
	}
	return join(all, p.Close())
}

// join appends events; pieces of one text become one.
func join(all, more []reply.Event) []reply.Event {
	for _, e := range more {
		if n := len(all); n > 0 && all[n-1].Kind == e.Kind && all[n-1].Index == e.Index && e.Kind != reply.CallStart && e.Kind != reply.CallEnd {
			all[n-1].Text += e.Text
			continue
		}
		all = append(all, e)
	}
	return all
}

// show writes events for a comparison.
func show(t testing.TB, events []reply.Event) string {
	t.Helper()
	var b strings.Builder
	for _, e := range events {
		call, err := json.Marshal(e.Call)
		if err != nil {
			t.Fatal(err)
		}
		if e.Err != nil {
			call = append(call, e.Err.Error()...)
		}
		b.WriteString(strings.Join([]string{[]string{"text", "think", "start", "args", "end"}[e.Kind], e.Text, string(call), "\n"}, " "))
	}
	return b.String()
}

// cutUp cuts a text at random places.
func cutUp(rng *rand.Rand, text string, mean int) (pieces []string) {
	for text != "" {
		n := min(len(text), 1+rng.IntN(2*mean))
		pieces = append(pieces, text[:n])
		text = text[n:]
	}
	return pieces
}

// TestSplits feeds the answers of llama.cpp's tests, and each answer cut short, whole, byte by byte and in random
// pieces: the events must be the same.
func TestSplits(t *testing.T) {
	l := loadLlamaCases(t)
	rng := rand.New(rand.NewPCG(1, 2))
	for i, c := range l.Cases {
		if testing.Short() && i%4 != 0 {
			continue
		}
		for _, text := range []string{c.Input, c.Input[:rng.IntN(len(c.Input)+1)], c.Input[:rng.IntN(len(c.Input)+1)] + "\n<tool_call>{"} {
			want := show(t, pushed(l.parser(t, c), text))
			for _, mean := range []int{1, 1, 3, 20} {
				pieces := cutUp(rng, text, mean)
				if mean == 1 {
					pieces = strings.Split(text, "")
				}
				if got := show(t, pushed(l.parser(t, c), pieces...)); got != want {
					t.Fatalf("%s %q in %q:\n%s\nwhole:\n%s", c.Template, text, pieces, got, want)
				}
			}
		}
	}
}

// TestFormatIsShared: parsers of one format in several goroutines.
func TestFormatIsShared(t *testing.T) {
	l := loadLlamaCases(t)
	for _, name := range []string{"Qwen3.5-4B", "google-gemma-4-31B-it", "openai-gpt-oss-120b", "Mistral-Small-3.2-24B-Instruct-2506"} {
		f := formatWith(t, l.Templates[name]...)
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				for _, c := range l.Cases {
					if c.Template == name {
						p := f.NewParser(reply.Options{Tools: []chat.Object{l.Tools["special_function"]}})
						p.Push(c.Input)
						p.Close()
						p.ShowsToken("<x>")
					}
				}
			})
		}
		wg.Wait()
	}
}

// TestMarkersOnly has each format's markers, and halves of them, in random order: no panic, the same whatever the cuts.
func TestMarkersOnly(t *testing.T) {
	l := loadLlamaCases(t)
	rng := rand.New(rand.NewPCG(3, 4))
	for i, c := range l.Cases {
		if i > 0 && l.Cases[i-1].Template == c.Template {
			continue
		}
		marks := append(formatWith(t, l.Templates[c.Template]...).Markers(), `{"name": "special_function", "arguments": {"arg1": 1`,
			"}", "}", "]", "[", `"`, "\n", "special_function", ">", " x ", "=", "{", "arg1", "1", ",", "(", ")")
		for range 40 {
			var b strings.Builder
			for range 1 + rng.IntN(12) {
				m := marks[rng.IntN(len(marks))]
				if rng.IntN(8) == 0 {
					m = m[:rng.IntN(len(m)+1)]
				}
				b.WriteString(m)
			}
			want := show(t, pushed(l.parser(t, c), b.String()))
			if got := show(t, pushed(l.parser(t, c), strings.Split(b.String(), "")...)); got != want {
				t.Fatalf("%s %q:\n%s\nwhole:\n%s", c.Template, b.String(), got, want)
			}
		}
	}
}

// FuzzParser feeds any text in any two pieces to a parser of any format.
func FuzzParser(f *testing.F) {
	l := loadLlamaCases(f)
	for i, c := range l.Cases {
		f.Add(i, c.Input, len(c.Input)/2)
	}
	f.Fuzz(func(t *testing.T, i int, text string, at int) {
		if i < 0 || i >= len(l.Cases) || at < 0 || at > len(text) {
			return
		}
		c := l.Cases[i]
		want := show(t, pushed(l.parser(t, c), text))
		if got := show(t, pushed(l.parser(t, c), text[:at], text[at:])); got != want {
			t.Fatalf("%s %q at %d:\n%s\nwhole:\n%s", c.Template, text, at, got, want)
		}
		c.Tools = nil
		c.Prompt = ""
		checkKept(t, l.parser(t, c), text)
	})
}

// checkKept checks that an answer without thoughts, calls and markers comes out as it went in.
func checkKept(t testing.TB, p *reply.Parser, text string) {
	t.Helper()
	for _, mark := range []string{"<", "[", "]", ">>>", " to=", "Here ", "functools", "function call"} {
		if strings.Contains(text, mark) {
			return
		}
	}
	var a reply.Answer
	a.Add(pushed(p, text)...)
	if a.Text != text || a.Thinking != "" || len(a.Calls) > 0 {
		t.Fatalf("%q became %+v", text, a)
	}
}
