package tools_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/jsonschema-go/jsonschema"

	"github.com/latentgo/latentgo/engine"
	"github.com/latentgo/latentgo/engine/tools"
	"github.com/latentgo/latentgo/internal/testenv"
	"github.com/latentgo/latentgo/internal/toolstest"
	"github.com/latentgo/latentgo/tokenizer/chat"
	"github.com/latentgo/latentgo/tokenizer/chat/reply"
)

const weatherSchema = `{"type": "object", "properties": {
	"city": {"type": "string", "maxLength": 12}, "unit": {"type": "string", "enum": ["C", "F"]}, "days": {"type": "integer", "minimum": 1, "maximum": 9},
	"where": {"$ref": "#/$defs/place"}}, "required": ["city", "days", "where"],
	"$defs": {"place": {"type": "object", "properties": {"lat": {"type": "number"}, "exact": {"type": "boolean"}}, "required": ["lat"]}}}`

const runSchema = `{"type": "object", "properties": {"fast": {"type": "boolean"}}, "required": ["fast"]}`

var toolsJSON = `[{"type": "function", "function": {"name": "get_weather", "description": "Weather of a city", "parameters": ` + weatherSchema + `}},
	{"type": "function", "function": {"name": "run", "description": "Runs", "parameters": ` + runSchema + `}}]`

func conversation(t testing.TB, list string) chat.Conversation {
	t.Helper()
	conv := chat.Conversation{Messages: []chat.Message{chat.NewMessage("user", "Weather?")}}
	if err := json.Unmarshal([]byte(list), &conv.Tools); err != nil {
		t.Fatal(err)
	}
	return conv
}

func loadTiny(t testing.TB, template string, opt *engine.Options) *engine.Model {
	t.Helper()
	m, err := engine.Load(toolstest.TinyFile(template, toolstest.ControlTexts...).Write(t), opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

func resolved(t testing.TB) map[string]*jsonschema.Resolved {
	t.Helper()
	out := map[string]*jsonschema.Resolved{}
	for name, text := range map[string]string{"get_weather": weatherSchema, "run": runSchema} {
		var s jsonschema.Schema
		if err := json.Unmarshal([]byte(text), &s); err != nil {
			t.Fatal(err)
		}
		r, err := s.Resolve(nil)
		if err != nil {
			t.Fatal(err)
		}
		out[name] = r
	}
	return out
}

// TestEveryTemplate: whatever a model draws, with every template and in tokens or in text, a required call parses, has
// valid arguments and is of the tool that was chosen, and Auto allows it, too.
func TestEveryTemplate(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(testenv.Shared(t, "vectors/chat"), "*.jinja"))
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	schemas := resolved(t)
	conv := conversation(t, toolsJSON)
	conv.AddGenerationPrompt = true
	forms := map[string]int{}
	for i, file := range files {
		if testing.Short() && i%4 != 0 {
			continue
		}
		src, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(filepath.Base(file), func(t *testing.T) {
			m := loadTiny(t, string(src), &engine.Options{VocabOnly: true})
			tok, _ := m.Tokenizer()
			w := toolstest.NewWalker(tok, uint64(i))
			tmpl, err := m.Template()
			if err != nil {
				t.Fatal(err)
			}
			format := reply.FormatOf(tmpl)
			g, err := tools.Grammar(t.Context(), m, conv, tools.Choice{Mode: tools.Required})
			auto, autoErr := tools.Grammar(t.Context(), m, conv, tools.Choice{})
			if err != nil || autoErr != nil {
				t.Fatal(err, autoErr)
			}
			prompt, err := m.RenderChat(t.Context(), conv)
			if err != nil {
				t.Fatal(err)
			}
			forms[format.Name()]++
			read := 0
			for range 4 {
				if text := w.Answer(t, g, ""); text != "" {
					read++
					toolstest.ValidCalls(t, format, conv.Tools, prompt, text, schemas)
				}
				w.Answer(t, auto, "Hello")
			}
			if read == 0 {
				t.Errorf("%s: no answer came to its end", format.Name())
			}
		})
	}
	if len(forms) < 15 && !testing.Short() {
		t.Errorf("grammars of %d formats: %v", len(forms), forms)
	}
}
