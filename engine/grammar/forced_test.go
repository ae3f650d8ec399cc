package grammar

import (
	"slices"
	"strings"
	"testing"

	"github.com/latentgo/latentgo/tokenizer"
)

func TestForced(t *testing.T) {
	for _, c := range []struct {
		vocab, src, before string
		want               string // tokens, with spaces between
	}{
		{"a b c ab abc", `root ::= "abc"`, "", "abc"},                  // nothing follows
		{"a b c ab abc", `root ::= "ab" [cx]`, "", ""},                 // abc could come
		{"a b c x ab", `root ::= "ab" [cx]`, "", "ab"},                 // no token reaches beyond
		{"a b c x ab bc", `root ::= "ab" [cx]`, "", ""},                // a bc could come
		{"a b c x ab bc", `root ::= "aab" [cx]`, "", "a"},              // whichever of the two comes
		{"a b c x ab bc", `root ::= "aab" [x]`, "", "a ab x"},          // bc is not allowed
		{"a b c x ab bc", `root ::= "ab" [cx]?`, "", ""},               // the text may end or go on
		{"a b c", `root ::= "a" | "b"`, "", ""},                        // two ways
		{"a b c", `root ::= [ab] "cc"`, "a", "c c"},                    // in the middle
		{"a b c <x> <y>", `root ::= <x> "ab"`, "", "<x>"},              // a token
		{"a b c <x> <y>", `root ::= <x> | <y>`, "", ""},                // one of two
		{"a b c <x> <y>", `root ::= "a" <x> "b"`, "", "a"},             // up to a token
		{"a b c", `root ::= "abd"`, "", ""},                            // what the vocabulary cannot say
		{"a b é éb", `root ::= "aé" [bx]`, "", "a"},                    // whole characters
		{"a b <end>", `root ::= "a"?`, "", ""},                         // the end is another way
		{"a b c ab", `root ::= ("a" | "a") ("b" | "b" "c")`, "", "ab"}, // the same bytes on two ways
	} {
		v := NewVocab(fake(strings.Fields(c.vocab)))
		m := newMatcher(t, mustGBNF(t, c.src), v)
		for _, id := range v.tok.EncodeRest(c.before) {
			if err := m.Accept(id); err != nil {
				t.Fatal(err)
			}
		}
		ids, err := m.Forced()
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, id := range ids {
			got = append(got, string(v.tok.AppendPiece(nil, id, true)))
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s, %s behind %q: %q, want %q", c.vocab, c.src, c.before, got, c.want)
		}
	}
}

// TestForcedAreTheTokenizers: with a real vocabulary, what is forced is how the tokenizer begins every text that the
// grammar allows from there on.
func TestForcedAreTheTokenizers(t *testing.T) {
	tok := realTokenizer(t)
	v := NewVocab(tok)
	for _, c := range []struct {
		src   string
		texts []string
	}{
		{`root ::= "{\"name\": \"" [a-z ]+ "\"}"`, []string{`{"name": "oslo"}`, `{"name": " a"}`, `{"name": "x y"}`}},
		{`root ::= "the temperature is" (" " [0-9]+ | "n't known" | "  ")`, []string{"the temperature is 12", "the temperature isn't known", "the temperature is  "}},
		{`root ::= "<tool_call>\n{\"name\": \"get_weather\", \"arguments\": {" "\n"* "}"`, []string{"<tool_call>\n{\"name\": \"get_weather\", \"arguments\": {}", "<tool_call>\n{\"name\": \"get_weather\", \"arguments\": {\n}", "<tool_call>\n{\"name\": \"get_weather\", \"arguments\": {\n\n}"}},
		{`root ::= "under" [a-z]*`, []string{"under", "underneath", "understand", "undertow"}},
		{`root ::= "Привет, 世界" .*`, []string{"Привет, 世界", "Привет, 世界中", "Привет, 世界!"}},
	} {
		m := newMatcher(t, mustGBNF(t, c.src), v)
		ids, err := m.Forced()
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%q", tok.Decode(ids, tokenizer.DecodeOptions{}))
		for _, text := range c.texts {
			if all := tok.EncodeRest(text); len(all) < len(ids) || !slices.Equal(all[:len(ids)], ids) {
				t.Errorf("%q begins with %v, forced are %v", text, all, ids)
			}
		}
		for _, id := range ids {
			if err := m.Accept(id); err != nil {
				t.Fatal(err)
			}
		}
	}
}
