package reply_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/latentgo/latentgo/tokenizer/chat/reply"
)

// TestNothingIsLost: words between markers come out exactly once, in a text, a thought, a call or a failed call's text.
func TestNothingIsLost(t *testing.T) {
	l := loadLlamaCases(t)
	rng := rand.New(rand.NewPCG(5, 6))
	for i, c := range l.Cases {
		if i > 0 && l.Cases[i-1].Template == c.Template || c.Template == "openai-gpt-oss-120b" || c.Template == "muse-glimmer" {
			continue // the latter have headers, whose words are no text
		}
		marks := append(formatWith(t, l.Templates[c.Template]...).Markers(), "{")
		for range 100 {
			var b strings.Builder
			words := 0
			for range 1 + rng.IntN(12) {
				if rng.IntN(2) == 0 {
					b.WriteString(marks[rng.IntN(len(marks))])
				} else {
					fmt.Fprintf(&b, " w%dx", words)
					words++
				}
			}
			out := keptBy(pushed(l.parser(t, c), b.String()))
			for w := range words {
				if word := fmt.Sprintf("w%dx", w); strings.Count(out, word) != 1 {
					t.Errorf("%s: %s stands %d times in\n%q, of\n%q", c.Template, word, strings.Count(out, word), out, b.String())
				}
			}
		}
	}
}

// keptBy returns all that events tell, without what a failed call's text repeats.
func keptBy(events []reply.Event) string {
	var b strings.Builder
	args := ""
	for _, e := range events {
		switch e.Kind {
		case reply.CallStart:
			args = ""
		case reply.CallArguments:
			args += e.Text
		case reply.CallEnd:
			if e.Err == nil {
				b.WriteString("(" + e.Call.Name + args + ")")
				continue
			}
			b.WriteString("!" + e.Text)
		default:
			b.WriteString("(" + e.Text + ")")
		}
	}
	return b.String()
}
