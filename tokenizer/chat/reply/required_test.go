package reply_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/jsonschema-go/jsonschema"

	"github.com/latentgo/latentgo/engine"
	enginetools "github.com/latentgo/latentgo/engine/tools"
	"github.com/latentgo/latentgo/internal/toolstest"
	"github.com/latentgo/latentgo/tokenizer/chat"
	"github.com/latentgo/latentgo/tokenizer/chat/reply"
)

// requiredTools have schemas with all that formats write in ways of their own.
const requiredTools = `[{"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object",
	"properties": {"city": {"type": "string", "minLength": 1, "maxLength": 5}, "unit": {"enum": ["C", "\u00b0F", "it's"]}, "code": {"type": "string", "pattern": "^[a-z]{2}$"},
		"note": {"type": ["string", "null"]}, "days": {"type": "integer", "minimum": 1, "maximum": 9}, "where": {"$ref": "#/$defs/place"},
		"map": {"type": "object", "additionalProperties": {"type": "string", "maxLength": 2}}},
	"required": ["city", "days", "where", "code", "unit"],
	"$defs": {"place": {"type": "object", "properties": {"lat": {"type": "number"}, "exact": {"type": "boolean"}, "name": {"type": "string", "maxLength": 3},
		"tags": {"type": "array", "items": {"type": "string", "maxLength": 2}, "minItems": 1, "maxItems": 3},
		"either": {"anyOf": [{"type": "array", "items": {"type": "integer"}, "maxItems": 2}, {"type": "object", "properties": {"a": {"type": "string", "maxLength": 2}}, "required": ["a"]}]}},
		"required": ["lat", "tags", "either"]}}}}},
	{"type": "function", "function": {"name": "run", "parameters": {"type": "object", "properties": {"fast": {"type": "boolean"}, "any": {}}, "required": ["fast"]}}},
	{"type": "function", "function": {"name": "note", "parameters": {"description": "Whatever it is"}}},
	{"type": "function", "function": {"name": "now", "parameters": {"type": "object", "properties": {}}}}]`

// TestEveryFormatRequired: whatever a model draws from the grammar of a required call, in tokens or in text, is read as
// calls whose arguments satisfy their schemas, in every format that FormatOf knows.
func TestEveryFormatRequired(t *testing.T) {
	texts, names := reply.KnownFormats()
	var list []chat.Object
	if err := json.Unmarshal([]byte(requiredTools), &list); err != nil {
		t.Fatal(err)
	}
	schemas := resolvedSchemas(t, list)
	for i, name := range names {
		for _, controls := range [][]string{nil, toolstest.ControlTexts} {
			t.Run(name, func(t *testing.T) {
				template := "{# " + strings.Join(texts[i], " ") + " #}{% for m in messages %}{{ m.content }}{% endfor %}" + promptEnds[name]
				m, err := engine.Load(toolstest.TinyFile(template, controls...).Write(t), &engine.Options{VocabOnly: true})
				if err != nil {
					t.Fatal(err)
				}
				defer m.Close()
				for j, only := range []string{"", "get_weather", "run", "now", "note"} {
					if only != "" && (testing.Short() || (i+j)%3 != 0) {
						continue
					}
					drawCalls(t, m, name, list, enginetools.Choice{Mode: enginetools.Required, Name: only}, schemas, uint64(i))
				}
			})
		}
	}
}

// promptEnds are what the templates of formats write before an answer, where that is a part of it.
var promptEnds = map[string]string{"harmony": "<|start|>assistant", "atem": "<|start|>assistant", "functionary-3.2": ">>>"}

// drawCalls draws answers with a choice, reads them and checks what was read.
func drawCalls(t *testing.T, m *engine.Model, name string, list []chat.Object, choice enginetools.Choice, schemas map[string]*jsonschema.Resolved, seed uint64) {
	t.Helper()
	conv := chat.Conversation{Messages: []chat.Message{chat.NewMessage("user", "Weather?")}, Tools: list, AddGenerationPrompt: true}
	g, err := enginetools.Grammar(t.Context(), m, conv, choice)
	if err != nil {
		t.Fatal(err)
	}
	tok, err := m.Tokenizer()
	if err != nil {
		t.Fatal(err)
	}
	tmpl, err := m.Template()
	if err != nil {
		t.Fatal(err)
	}
	format := reply.FormatOf(tmpl)
	if format.Name() != name {
		t.Fatalf("format %s", format.Name())
	}
	prompt, err := m.RenderChat(t.Context(), conv)
	if err != nil {
		t.Fatal(err)
	}
	w := toolstest.NewWalker(tok, seed)
	read := 0
	for n := 0; n < 20 && read < 1; n++ {
		text := w.Answer(t, g, "")
		if text == "" {
			continue
		}
		read++
		for _, called := range toolstest.ValidCalls(t, format, list, prompt, text, schemas) {
			if choice.Name != "" && called.Name != choice.Name {
				t.Errorf("%q calls %s", text, called.Name)
			}
		}
	}
	if read == 0 {
		t.Errorf("%+v: no answer came to its end", choice)
	}
}

// resolvedSchemas are those of the tools' arguments by name.
func resolvedSchemas(t *testing.T, list []chat.Object) map[string]*jsonschema.Resolved {
	t.Helper()
	out := map[string]*jsonschema.Resolved{}
	for _, tool := range list {
		data, err := json.Marshal(tool)
		if err != nil {
			t.Fatal(err)
		}
		var v struct {
			Function struct {
				Name       string
				Parameters *jsonschema.Schema
			}
		}
		if err := json.Unmarshal(data, &v); err != nil {
			t.Fatal(err)
		}
		if out[v.Function.Name], err = v.Function.Parameters.Resolve(nil); err != nil {
			t.Fatal(err)
		}
	}
	return out
}
