package calibration

import (
	"errors"
	"reflect"
	"testing"

	"github.com/latentgo/latentgo/engine/internal/convert/internal/converttest"
	"github.com/latentgo/latentgo/internal/gguftest"
)

// Beside a text there is half as much that the model writes after tokens of the whole vocabulary: the same each time,
// and no part of what perplexity is measured on.
func TestRandomPrefixSamples(t *testing.T) {
	m := converttest.Plain(t, gguftest.TinyFloat("llama").Build())
	o := Options{Tokens: 1024, Context: m.Spec().Context}
	text, err := Provide(t.Context(), m, nil, o, func(int, int) {})
	if err != nil {
		t.Fatal(err)
	}
	n := Count(text.Train) + Count(text.Held)
	if got, least := Count(text.Prefixed), n/prefixedShare; got < least || got >= least+prefixedWindow {
		t.Errorf("%d tokens beside %d", got, n)
	}
	drawn := map[int32]bool{}
	for i, w := range text.Prefixed {
		for _, id := range w[:prefixTokens] {
			drawn[id] = true
		}
		if i > 0 && reflect.DeepEqual(w, text.Prefixed[0]) {
			t.Errorf("windows 0 and %d are the same", i)
		}
	}
	if all := m.Vocab(); len(drawn) < min(all, prefixTokens*len(text.Prefixed))/2 {
		t.Errorf("windows start with %d different tokens of %d", len(drawn), all)
	}
	again, err := Provide(t.Context(), m, nil, o, func(int, int) {})
	if err != nil || !reflect.DeepEqual(again, text) {
		t.Errorf("other tokens the second time (%v)", err)
	}
	if got, want := Count(text.Windows()), Count(text.Train)+Count(text.Prefixed); got != want {
		t.Errorf("statistics come from %d tokens, want %d", got, want)
	}
}

// How much text is taken of what is given, and written, for each kind of conversion.
func TestTokens(t *testing.T) {
	for _, c := range []struct {
		o                     Options
		given, written, fresh int
	}{
		{Options{}, 8192, 6144, 0},
		{Options{Given: "x"}, 8192, 6144, 0},
		{Options{Llama: true}, 16384, 12288, 0},
		{Options{Llama: true, Refine: true}, 16384, 12288, 14336},
		{Options{Given: "x", Llama: true, Refine: true}, 32768, 24576, 14336},
		{Options{Given: "x", Tokens: 100, Llama: true, Refine: true}, 100, 100, 100},
	} {
		if g, w, f := c.o.tokens(givenTokens), c.o.tokens(generatedTokens), c.o.fresh(); g != c.given || w != c.written || f != c.fresh {
			t.Errorf("%+v: %d of a text, %d written, %d fresh", c.o, g, w, f)
		}
	}
}

// Text needs a tokenizer, and some tokens.
func TestGivenText(t *testing.T) {
	m := converttest.Plain(t, gguftest.TinyLlama().Build())
	if _, err := Provide(t.Context(), m, nil, Options{Given: "a b", Context: 512}, func(int, int) {}); !errors.Is(err, ErrNoTokenizer) {
		t.Errorf("without a tokenizer: %v", err)
	}
	if _, err := Provide(t.Context(), m, language{}, Options{Given: "a b", Context: 512}, func(int, int) {}); err == nil {
		t.Error("two tokens are a text")
	}
}
