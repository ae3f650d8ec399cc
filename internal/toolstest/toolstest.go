// Package toolstest has what tests of tools' grammars share: a vocabulary of bytes and control tokens, and answers drawn
// at random from what a grammar allows.
package toolstest

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/jsonschema-go/jsonschema"

	"github.com/latentgo/latentgo/engine/grammar"
	"github.com/latentgo/latentgo/internal/gguftest"
	"github.com/latentgo/latentgo/tokenizer"
	"github.com/latentgo/latentgo/tokenizer/chat"
	"github.com/latentgo/latentgo/tokenizer/chat/notation"
	"github.com/latentgo/latentgo/tokenizer/chat/reply"
)

// ControlTexts are control tokens of the test's vocabulary, so that some formats are written in tokens and others in text.
var ControlTexts = []string{"[TOOL_CALLS]", "[ARGS]", "[THINK]", "[/THINK]", "<|channel|>", "<|message|>", "<|start|>", "<|end|>",
	"<|constrain|>", "<|\"|>", "<|tool_call>", "<tool_call|>", "]<]minimax[>[", "<|open|>", "<|close|>", "<|sep|>", "<|eom|>",
	"<|tool_call_start|>", "<|tool_call_end|>", "<|tool_call|>", "<｜tool▁calls▁begin｜>", "<｜tool▁sep｜>", "｜DSML｜", "<|START_ACTION|>", "<|python_tag|>"}

// TinyFile returns a random model of bytes and some control tokens, with a template.
func TinyFile(template string, controls ...string) *gguftest.Builder {
	tokens, types := []string{"<unk>", "<s>", "</s>"}, []int32{2, 3, 3}
	for i := range 256 {
		tokens, types = append(tokens, fmt.Sprintf("<0x%02X>", i)), append(types, 6)
	}
	for _, text := range controls {
		tokens, types = append(tokens, text), append(types, 3)
	}
	m := gguftest.TinyLlama()
	m.Bytes, m.Vocab = true, len(tokens)
	b := m.Build().Set("tokenizer.ggml.tokens", tokens).Set("tokenizer.ggml.token_type", types).Set("tokenizer.ggml.scores", make([]float32, len(tokens)))
	return b.AddKV("tokenizer.chat_template", template)
}

// Walker draws answers that a grammar allows at random.
type Walker struct {
	tok   *tokenizer.Tokenizer
	vocab *grammar.Vocab
	r     *rand.Rand
	next  int    // of closers
	rest  string // of the one under way
}

// closers end texts of their own length, which are tried one after the other where an answer has got long.
var closers = []string{"</think>", "\n</parameter>", "</parameter>", "</arg_value>", "</param>", "</think:opensource>", "</arg_value:opensource>",
	"</seed:think>", "<|END_THINKING|>", "Here is my response:", "[BEGIN FINAL RESPONSE]", "<|inner_suffix|>", "</atem:parameter>", "<|close|>argument<|sep|>",
	"<|close|>think<|sep|>", "<|\"|>", "]<]minimax[>[</", "</mm:think>", "<channel|>", "'", "<|eom|>", "[/THINK]", "</thinking>", "</｜DSML｜parameter>", "<|end|>"}

// NewWalker returns a walker whose draws depend on the seed alone.
func NewWalker(tok *tokenizer.Tokenizer, seed uint64) *Walker {
	return &Walker{tok: tok, vocab: grammar.NewVocab(tok), r: rand.New(rand.NewPCG(seed, 2))}
}

// ends are bytes that bring texts to an end: drawn often, and always where a text has got long.
const ends = "\"}]<[/"

// Answer returns a text that the grammar allows; "" if it is not at its end after some thousand tokens.
func (w *Walker) Answer(t testing.TB, g *grammar.Grammar, forced string) string {
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

func (w *Walker) draw(t testing.TB, m *grammar.Matcher, n int) int32 {
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
func (w *Walker) closing(allowed []int32) (int32, bool) {
	if w.rest == "" {
		w.rest = closers[w.next%len(closers)]
		w.next++
	}
	id, n := notation.Control(w.rest, w.tok.Lookup)
	if n == 0 || !slices.Contains(allowed, id) {
		id, n = 3+int32(w.rest[0]), 1
	}
	if !slices.Contains(allowed, id) {
		w.rest = ""
		return 0, false
	}
	w.rest = w.rest[n:]
	return id, true
}

// ValidCalls checks that an answer is calls of the tools and nothing else, and returns them.
func ValidCalls(t testing.TB, format *reply.Format, tools []chat.Object, prompt chat.Rendering, text string, schemas map[string]*jsonschema.Resolved) []chat.ToolCall {
	t.Helper()
	var a reply.Answer
	p := format.NewParser(reply.Options{Tools: tools, Prompt: prompt})
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
	return a.Calls
}
