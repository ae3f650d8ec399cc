package grammar

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
)

// llamaCase is a case of llama.cpp's tests/test-grammar-integration.cpp (MIT, see testdata/README.md). In texts ⟦10⟧
// stands for token 10, every other character for itself.
type llamaCase struct {
	Kind, Name, Source string
	Match, Fail        []string
	Differs            string // why texts of Match and Fail are not those of llama.cpp
}

func readTestdata(t testing.TB, name string, to any) {
	t.Helper()
	b, err := os.ReadFile("testdata/" + name)
	if err == nil {
		err = json.Unmarshal(b, to)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// lettersVocab has 32 control tokens, then a token for every byte from the blank on.
func lettersVocab() fake {
	var f fake
	for i := range 32 {
		f = append(f, fmt.Sprintf("<[%d]>", i))
	}
	for b := 32; b < 256; b++ {
		f = append(f, string([]byte{byte(b)}))
	}
	return f
}

func TestLlamaCpp(t *testing.T) {
	var cases []llamaCase
	readTestdata(t, "llamacpp.json", &cases)
	if len(cases) != 47 {
		t.Errorf("%d cases, llama.cpp has 47", len(cases))
	}
	vocab := lettersVocab()
	v := NewVocab(vocab)
	for _, c := range cases {
		g, err := GBNF(c.Source)
		if c.Kind == "schema" {
			g, err = Schema(c.Source, nil)
		}
		if err != nil {
			t.Errorf("%s: %s: %v", c.Name, c.Source, err)
			continue
		}
		for i, text := range append(c.Match, c.Fail...) {
			want := i < len(c.Match)
			if got := matchTokens(t, g, v, vocab, text); got != want {
				t.Errorf("%s: %s: %q: match %v, want %v", c.Name, c.Source, text, got, want)
			}
		}
	}
}

// matchTokens takes ⟦n⟧ as token n; texts without go through Match.
func matchTokens(t *testing.T, g *Grammar, v *Vocab, vocab fake, text string) bool {
	if !strings.Contains(text, "⟦") {
		ok, err := g.Match(text)
		if err != nil {
			t.Fatal(err)
		}
		return ok
	}
	m := newMatcher(t, g, v)
	for text != "" {
		id, size := int32(-1), 1
		if rest, ok := strings.CutPrefix(text, "⟦"); ok {
			fmt.Sscanf(rest, "%d", &id)
			size = strings.Index(text, "⟧") + len("⟧")
		} else {
			id, _ = vocab.Lookup(text[:1])
		}
		err := m.Accept(id)
		if err != nil && !errors.Is(err, ErrToken) {
			t.Fatal(err)
		}
		if err != nil {
			return false
		}
		text = text[size:]
	}
	return m.CanEnd()
}
