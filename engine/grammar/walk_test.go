package grammar

import (
	"encoding/json"
	"math/rand/v2"
	"testing"

	"github.com/latentgo/latentgo/tokenizer"
)

// TestRandomWalkOfTokens: a model that draws any allowed token of a real vocabulary, whole words or parts of a
// character, writes texts of the grammar. Towards the end it draws the shortest tokens it may, to come to one.
func TestRandomWalkOfTokens(t *testing.T) {
	tok := realTokenizer(t)
	v := NewVocab(tok)
	r := rand.New(rand.NewPCG(9, 10))
	for _, c := range []struct {
		name string
		g    *Grammar
		json bool
	}{
		{"json", mustGBNF(t, jsonGBNF), true},
		{"schema", mustSchema(t, benchSchema), true},
		{"emoji", mustGBNF(t, `root ::= [😀-🙏é一-龥]{5,20} "." | "no"`), false},
	} {
		for range 5 {
			m := newMatcher(t, c.g, v)
			var ids []int32
			for n := 0; !m.ended; n++ {
				if n > 600 {
					t.Fatalf("%s: no end after %q", c.name, tok.Decode(ids, tokenizer.DecodeOptions{}))
				}
				id := drawAllowed(t, m, r, n > 60)
				if err := m.Accept(id); err != nil {
					t.Fatalf("%s: %v after %q", c.name, err, tok.Decode(ids, tokenizer.DecodeOptions{}))
				}
				ids = append(ids, id)
				if m.Complete() {
					break
				}
			}
			text := tok.Decode(ids, tokenizer.DecodeOptions{})
			if ok, err := c.g.Match(text); !ok || err != nil {
				t.Errorf("%s: %q: %v %v", c.name, text, ok, err)
			}
			if c.json && !json.Valid([]byte(text)) {
				t.Errorf("%s: %q is not JSON", c.name, text)
			}
		}
	}
}

// drawAllowed draws a token from the mask; in a hurry one that ends the text, or a short one.
func drawAllowed(t *testing.T, m *Matcher, r *rand.Rand, hurry bool) int32 {
	bits := maskOf(t, m)
	if hurry && m.CanEnd() {
		return m.v.eog[0]
	}
	var allowed []int32
	for id := range int32(m.v.size) {
		if hasBit(bits, id) && (!hurry || len(m.v.tok.AppendPiece(nil, id, false)) == 1) {
			allowed = append(allowed, id)
		}
	}
	if len(allowed) == 0 {
		t.Fatal("nothing is allowed")
	}
	if hurry { // brackets, quotes and the like come first in most vocabularies
		for _, id := range allowed {
			if b := m.v.tok.AppendPiece(nil, id, false)[0]; b == '"' || b == '}' || b == ']' {
				return id
			}
		}
	}
	return allowed[r.IntN(len(allowed))]
}
