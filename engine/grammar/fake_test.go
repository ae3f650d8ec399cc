package grammar

import (
	"os"
	"strings"
	"testing"

	"github.com/latentgo/latentgo/gguf"
	"github.com/latentgo/latentgo/internal/testenv"
	"github.com/latentgo/latentgo/tokenizer"
)

// fake is a vocabulary of given texts. Names like "<x>" are control tokens, "<end>" ends the answer.
type fake []string

func (f fake) Size() int { return len(f) }

func (f fake) AppendPiece(dst []byte, id int32, special bool) []byte {
	if t := f[id]; special || len(t) < 3 || t[0] != '<' {
		return append(dst, t...)
	}
	return dst
}

// EncodeRest takes the longest tokens.
func (f fake) EncodeRest(text string) (ids []int32) {
	for text != "" {
		best := -1
		for id := range f {
			piece := f.AppendPiece(nil, int32(id), false)
			if len(piece) > 0 && strings.HasPrefix(text, string(piece)) && (best < 0 || len(f[id]) > len(f[best])) {
				best = id
			}
		}
		if best < 0 {
			return nil
		}
		ids, text = append(ids, int32(best)), text[len(f[best]):]
	}
	return ids
}

func (f fake) EOG() []int32 {
	if id, ok := f.Lookup("<end>"); ok {
		return []int32{id}
	}
	return nil
}

func (f fake) Lookup(text string) (int32, bool) {
	for i, t := range f {
		if t == text {
			return int32(i), true
		}
	}
	return -1, false
}

// realTokenizer is SmolLM2's, or that of the file which LATENTGO_GRAMMAR_VOCAB names.
func realTokenizer(t testing.TB) *tokenizer.Tokenizer {
	t.Helper()
	path := os.Getenv("LATENTGO_GRAMMAR_VOCAB")
	if path == "" {
		path = testenv.Model(t)
	}
	f, err := gguf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	tok, err := tokenizer.New(f)
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

// mustGBNF and the like are for grammars that are right.
func mustGBNF(t testing.TB, src string) *Grammar {
	t.Helper()
	g, err := GBNF(src)
	if err != nil {
		t.Fatalf("%s: %v", src, err)
	}
	return g
}

func mustSchema(t testing.TB, src string) *Grammar {
	t.Helper()
	g, err := Schema(src, nil)
	if err != nil {
		t.Fatalf("%s: %v", src, err)
	}
	return g
}

func newMatcher(t testing.TB, g *Grammar, v *Vocab) *Matcher {
	t.Helper()
	m, err := g.NewMatcher(v)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func maskOf(t testing.TB, m *Matcher) []uint64 {
	t.Helper()
	bits := make([]uint64, words(m.v.size))
	if err := m.Mask(bits); err != nil {
		t.Fatal(err)
	}
	return bits
}
