package grammar

import (
	"encoding/json"
	"errors"
	"math/rand/v2"
	"testing"
)

// FuzzGBNF: no grammar of a stranger panics, hangs or leads to a place that nothing follows.
func FuzzGBNF(f *testing.F) {
	for _, src := range []string{jsonGBNF, `root ::= "a" root "b" | [^x-z\n]{2,300} <[3]>* !<[4]>`, `root ::= root`,
		`root ::= ((((a|)*)+)?){3,} # x` + "\na ::= \"\\x41\\u00e9\\U0001f600\" | .", `root ::= "a"{,}`} {
		f.Add(src, uint64(1))
	}
	v := NewVocab(smallVocab)
	f.Fuzz(func(t *testing.T, src string, seed uint64) {
		g, err := GBNF(src)
		if err != nil {
			knownError(t, err)
			return
		}
		walkFuzzed(t, g, v, seed)
	})
}

// FuzzSchema: neither does a schema, and its texts are JSON.
func FuzzSchema(f *testing.F) {
	for _, src := range []string{benchSchema, `{"$ref":"#"}`, `{"anyOf":[{"type":"string"},{"$ref":"#/$defs/a"}],"$defs":{"a":{"const":[1,{"b":null}]}}}`,
		`{"properties":{"a":{"$ref":"#"}},"minProperties":1,"maxProperties":3,"additionalProperties":{"enum":[1.5,"é\n"]}}`,
		`{"items":[{"minimum":-1.25,"exclusiveMaximum":1e3},{"pattern":"^[a-z]{3}$"}],"additionalItems":false}`,
		`{"oneOf":[{"type":"null"},{"multipleOf":0.01,"type":"number"}],"format":"date-time"}`} {
		f.Add(src, uint64(1), false)
		f.Add(src, uint64(2), true)
	}
	f.Fuzz(func(t *testing.T, src string, seed uint64, open bool) {
		g, err := Schema(src, &SchemaOptions{Open: open})
		if err != nil {
			knownError(t, err)
			return
		}
		if text, ok := randomText(t, g, rand.New(rand.NewPCG(seed, 1))); ok && !json.Valid([]byte(text)) {
			t.Errorf("%s: %q is not JSON", src, text)
		}
	})
}

// FuzzRegexp: nor does a regular expression.
func FuzzRegexp(f *testing.F) {
	for _, src := range []string{`(?i)[^a-z]{2,9}|x*?$`, `^a|b$`, `\p{Greek}+\d`, `a{1000}`, `\bx`} {
		f.Add(src, uint64(1))
	}
	v := NewVocab(smallVocab)
	f.Fuzz(func(t *testing.T, src string, seed uint64) {
		g, err := Regexp(src)
		if err != nil {
			knownError(t, err)
			return
		}
		walkFuzzed(t, g, v, seed)
	})
}

func knownError(t *testing.T, err error) {
	t.Helper()
	for _, known := range []error{ErrSyntax, ErrLimit, ErrRecursion, ErrEmpty, ErrUnsupported} {
		if errors.Is(err, known) {
			return
		}
	}
	t.Errorf("an error of no kind: %v", err)
}

// walkFuzzed draws some tokens that the masks allow.
func walkFuzzed(t *testing.T, g *Grammar, v *Vocab, seed uint64) {
	m, err := g.NewMatcher(v)
	if err != nil {
		if !errors.Is(err, ErrToken) && !errors.Is(err, ErrLimit) {
			t.Error(err)
		}
		return
	}
	r := rand.New(rand.NewPCG(seed, 2))
	bits := make([]uint64, words(v.size))
	for range 20 {
		if err := m.Mask(bits); err != nil {
			if !errors.Is(err, ErrLimit) {
				t.Error(err)
			}
			return
		}
		id := int32(r.IntN(v.size))
		accepted := m.Clone().Accept(id) == nil
		if accepted != hasBit(bits, id) {
			t.Fatalf("token %q: accepted %v, in the mask %v", smallVocab[id], accepted, !accepted)
		}
		if accepted {
			if err := m.Accept(id); err != nil {
				t.Fatal(err)
			}
			if m.ended {
				return
			}
		}
	}
}
