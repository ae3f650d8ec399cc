package tools_test

import (
	"encoding/json"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/jsonschema-go/jsonschema"

	"github.com/latentgo/latentgo/engine"
	"github.com/latentgo/latentgo/engine/grammar"
	"github.com/latentgo/latentgo/engine/tools"
	"github.com/latentgo/latentgo/internal/gguftest"
	"github.com/latentgo/latentgo/internal/testenv"
	"github.com/latentgo/latentgo/tokenizer"
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

// controlTexts are control tokens of the test's vocabulary, so that some formats are written in tokens and others in text.
var controlTexts = []string{"[TOOL_CALLS]", "[ARGS]", "[THINK]", "[/THINK]", "<|channel|>", "<|message|>", "<|start|>", "<|end|>",
	"<|constrain|>", "<|tool_call|>", "<｜tool▁calls▁begin｜>", "<｜tool▁sep｜>", "｜DSML｜", "<|START_ACTION|>", "<|python_tag|>"}

// tinyFile returns a random model of bytes and control tokens, with a template.
func tinyFile(template string) *gguftest.Builder {
	tokens, types := []string{"<unk>", "<s>", "</s>"}, []int32{2, 3, 3}
	for i := range 256 {
		tokens, types = append(tokens, "<0x"+string("0123456789ABCDEF"[i>>4])+string("0123456789ABCDEF"[i&15])+">"), append(types, 6)
	}
	for _, text := range controlTexts {
		tokens, types = append(tokens, text), append(types, 3)
	}
	m := gguftest.TinyLlama()
	m.Bytes, m.Vocab = true, len(tokens)
	b := m.Build().Set("tokenizer.ggml.tokens", tokens).Set("tokenizer.ggml.token_type", types).Set("tokenizer.ggml.scores", make([]float32, len(tokens)))
	return b.AddKV("tokenizer.chat_template", template)
}

func loadTiny(t testing.TB, template string, opt *engine.Options) *engine.Model {
	t.Helper()
	m, err := engine.Load(tinyFile(template).Write(t), opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

// walker draws answers that a grammar allows at random.
type walker struct {
	tok   *tokenizer.Tokenizer
	vocab *grammar.Vocab
	r     *rand.Rand
	next  int    // of closers
	rest  string // of the one under way
}

// closers end texts of their own length, which are tried one after the other where an answer has got long.
var closers = []string{"</think>", "\n</parameter>", "</parameter>", "</arg_value>", "</param>", "</think:opensource>", "</arg_value:opensource>",
	"</seed:think>", "<|END_THINKING|>", "Here is my response:", "[BEGIN FINAL RESPONSE]", "<|inner_suffix|>", "</｜DSML｜parameter>", "<|end|>"}

// ends are bytes that bring texts to an end: drawn often, and always where a text has got long.
const ends = "\"}]<["

// answer returns a text that the grammar allows; "" if it is not at its end after some thousand tokens.
func (w *walker) answer(t testing.TB, g *grammar.Grammar, forced string) string {
	t.Helper()
	m, err := g.NewMatcher(w.vocab)
	if err != nil {
		t.Fatal(err)
	}
	var text []byte
	for n := 0; n < 3000; n++ {
		if m.Complete() || n >= len(forced) && m.CanEnd() && w.r.IntN(10) == 0 {
			return string(text)
		}
		id := w.draw(t, m, n)
		if n < len(forced) {
			id = 3 + int32(forced[n])
		}
		if err := m.Accept(id); err != nil {
			t.Fatalf("%v after %q", err, text)
		}
		text = w.tok.AppendPiece(text, id, true)
	}
	return ""
}

func (w *walker) draw(t testing.TB, m *grammar.Matcher, n int) int32 {
	t.Helper()
	bits := make([]uint64, (w.tok.Size()+63)/64)
	if err := m.Mask(bits); err != nil {
		t.Fatal(err)
	}
	var allowed, control, ending []int32
	for id := range int32(w.tok.Size()) {
		switch {
		case bits[id/64]>>(id%64)&1 == 0 || w.tok.IsEOG(id):
			continue
		case id >= 259:
			control = append(control, id)
		case strings.IndexByte(ends, byte(id-3)) >= 0:
			ending = append(ending, id)
		}
		allowed = append(allowed, id)
	}
	if n > 60 && len(allowed) > 100 {
		if id, ok := w.closing(allowed); ok {
			return id
		}
	}
	switch {
	case len(allowed) == 0:
		t.Fatal("nothing is allowed")
	case len(control) > 0 && w.r.IntN(4) == 0:
		return control[w.r.IntN(len(control))]
	case len(ending) > 0 && (n > 300 || w.r.IntN(6) == 0):
		return ending[w.r.IntN(len(ending))]
	}
	return allowed[w.r.IntN(len(allowed))]
}

// closing goes on with a closer.
func (w *walker) closing(allowed []int32) (int32, bool) {
	if w.rest == "" {
		w.rest = closers[w.next%len(closers)]
		w.next++
	}
	id := 3 + int32(w.rest[0])
	if id, ok := w.tok.Lookup("｜DSML｜"); ok && strings.HasPrefix(w.rest, "｜DSML｜") && slices.Contains(allowed, id) {
		w.rest = strings.TrimPrefix(w.rest, "｜DSML｜")
		return id, true
	}
	if !slices.Contains(allowed, id) {
		w.rest = ""
		return 0, false
	}
	w.rest = w.rest[1:]
	return id, true
}

// validCalls checks that an answer is calls of the tools and nothing else.
func validCalls(t testing.TB, format *reply.Format, conv chat.Conversation, prompt chat.Rendering, text string, schemas map[string]*jsonschema.Resolved) {
	t.Helper()
	var a reply.Answer
	p := format.NewParser(reply.Options{Tools: conv.Tools, Prompt: prompt})
	a.Add(p.Push(text)...)
	a.Add(p.Close()...)
	if a.Err != nil || len(a.Calls) == 0 || strings.TrimSpace(a.Text) != "" {
		t.Fatalf("%s: %q: %d calls, %v, text %q", format.Name(), text, len(a.Calls), a.Err, a.Text)
	}
	for _, c := range a.Calls {
		data, err := json.Marshal(c.Arguments)
		var args any
		if err == nil {
			err = json.Unmarshal(data, &args)
		}
		if err == nil {
			err = schemas[c.Name].Validate(args)
		}
		if err != nil {
			t.Errorf("%s: %q: %s: %v", format.Name(), text, c.Name, err)
		}
	}
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
	// Between tags a grammar does not hold strings to a length.
	delete(out["get_weather"].Schema().Properties["city"].Extra, "maxLength")
	out["get_weather"].Schema().Properties["city"].MaxLength = nil
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
			w := &walker{tok: tok, vocab: grammar.NewVocab(tok), r: rand.New(rand.NewPCG(uint64(i), 2))}
			tmpl, err := m.Template()
			if err != nil {
				t.Fatal(err)
			}
			format := reply.FormatOf(tmpl)
			g, err := tools.Grammar(t.Context(), m, conv, tools.Choice{Mode: tools.Required})
			auto, autoErr := tools.Grammar(t.Context(), m, conv, tools.Choice{})
			if errors.Is(err, reply.ErrNoGrammar) {
				if auto != nil || autoErr != nil {
					t.Errorf("Auto of a format without grammar: %v %v", auto, autoErr)
				}
				return
			}
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
				if text := w.answer(t, g, ""); text != "" {
					read++
					validCalls(t, format, conv, prompt, text, schemas)
				}
				w.answer(t, auto, "Hello")
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
