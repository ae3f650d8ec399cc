package tools_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/latentgo/latentgo/engine"
	"github.com/latentgo/latentgo/engine/grammar"
	"github.com/latentgo/latentgo/engine/tools"
	"github.com/latentgo/latentgo/internal/testenv"
	"github.com/latentgo/latentgo/internal/toolstest"
	"github.com/latentgo/latentgo/tokenizer"
	"github.com/latentgo/latentgo/tokenizer/chat"
	"github.com/latentgo/latentgo/tokenizer/chat/reply"
)

// saysOtherwise are templates that leave calls out, and one that writes objects in Python's syntax.
var saysOtherwise = map[string]bool{
	"google-gemma-2-2b-it.jinja": true, "LFM2-8B-A1B.jinja": true, "ibm-granite-granite-3.3-2B-Instruct.jinja": true, "ByteDance-Seed-OSS.jinja": true,
}

// TestTemplatesOwnCalls: Auto allows a call as the template itself renders it for the next turn, and none of a tool that
// is not there; that is text where calls have no mark.
func TestTemplatesOwnCalls(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(testenv.Shared(t, "vectors/chat"), "*.jinja"))
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	var args chat.Object
	if err := json.Unmarshal([]byte(`{"city": "Oslo", "days": 2, "where": {"lat": 1.5}}`), &args); err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		src, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(filepath.Base(file), func(t *testing.T) {
			m := loadTiny(t, string(src), &engine.Options{VocabOnly: true})
			conv := conversation(t, toolsJSON)
			g, err := tools.Grammar(t.Context(), m, conv, tools.Choice{})
			if err != nil || g == nil {
				t.Fatal(g, err)
			}
			conv.AddGenerationPrompt = true
			prompt, err := m.RenderChat(t.Context(), conv)
			if err != nil {
				t.Fatal(err)
			}
			answer := reply.Answer{Calls: []chat.ToolCall{{ID: "call12345", Name: "get_weather", Arguments: args}}}
			conv.Messages = append(conv.Messages, answer.Message())
			conv.AddGenerationPrompt = false
			after, err := m.RenderChat(t.Context(), conv)
			if err != nil {
				t.Fatal(err)
			}
			said := behind(prompt.String(), after.String())
			if saysOtherwise[filepath.Base(file)] {
				return
			}
			if strings.HasPrefix(said, " to=functions.") {
				return // harmony with the recipient in the role, which is not held
			}
			i := strings.LastIndex(said, "get_weather") // a recipient may come before it
			wrong := said[:i] + strings.Replace(said[i:], "get_weather", "get_water", 1)
			if taken := accepted(t, m, g, wrong); strings.Contains(taken, "get_water") && taken != wrong {
				t.Errorf("%q of %q", taken, wrong)
			}
			if taken := accepted(t, m, g, said); !strings.Contains(taken, "get_weather") || !strings.Contains(taken, "1.5") {
				t.Errorf("%q of %q", taken, said)
			}
		})
	}
}

// behind returns what a text says behind the prompt, or behind what both begin with.
func behind(prompt, text string) string {
	n := 0
	for n < len(prompt) && n < len(text) && prompt[n] == text[n] {
		n++
	}
	return text[n:]
}

// accepted returns how much of a text a grammar allows.
func accepted(t *testing.T, m *engine.Model, g *grammar.Grammar, text string) string {
	t.Helper()
	tok, err := m.Tokenizer()
	if err != nil {
		t.Fatal(err)
	}
	match, err := g.NewMatcher(grammar.NewVocab(tok))
	if err != nil {
		t.Fatal(err)
	}
	var taken []int32
	for at := 0; at < len(text); at++ {
		id, n := 3+int32(text[at]), 1
		for _, c := range toolstest.ControlTexts {
			if special, ok := tok.Lookup(c); ok && strings.HasPrefix(text[at:], c) {
				id, n = special, len(c)
			}
		}
		if match.Accept(id) != nil {
			break
		}
		taken = append(taken, id)
		at += n - 1
	}
	return tok.Decode(taken, tokenizer.DecodeOptions{Special: true})
}
