package tokenizer

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// TestMissingPieces compares with merging texts, as llama.cpp does it, where merges lead through texts that are no
// tokens, to some, and where single characters are missing.
func TestMissingPieces(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 10))
	for round := range 400 {
		raw := round%2 == 0
		alpha := "abcd"
		var entries []entry
		seen := map[string]bool{}
		add := func(text string) {
			if !seen[text] {
				seen[text] = true
				entries = append(entries, entry{text, tNormal, 0})
			}
		}
		for _, c := range alpha[r.IntN(2):] {
			add(string(c))
		}
		add("z")
		if raw {
			for b := range 256 {
				add(fmt.Sprintf("<0x%02X>", b))
			}
		}
		for range r.IntN(20) {
			add(randomString(r, alpha, 1+r.IntN(4)))
		}
		var merges []string
		ranks := map[[2]string]float64{}
		for i := range r.IntN(30) {
			pair := [2]string{randomString(r, alpha, 1+r.IntN(2)), randomString(r, alpha, 1+r.IntN(2))}
			if _, twice := ranks[pair]; !twice {
				ranks[pair] = float64(i)
			}
			merges = append(merges, pair[0]+" "+pair[1])
		}
		md := vocabOf("gpt2", entries).with(keyMerges, merges, keyPre, "gpt-2")
		if raw {
			md = md.with(keyPre, "sarvam-moe")
		}
		tok := mustNew(t, md)
		for range 20 {
			text := randomString(r, alpha, 1+r.IntN(15))
			var want []int32
			for _, p := range naiveMerge(strings.Split(text, ""), func(a, b string) (float64, bool) { k, ok := ranks[[2]string{a, b}]; return k, ok }) {
				want = append(want, spelled(tok, p, raw)...)
			}
			if got := tok.Encode(text, EncodeOptions{}); !slices.Equal(got, want) {
				t.Fatalf("%q with %q: %q, want %q", text, merges, pieces(tok, got), pieces(tok, want))
			}
		}
	}
}

// spelled returns the token of a text, or the tokens of its bytes as far as there are any.
func spelled(tok *Tokenizer, text string, raw bool) (ids []int32) {
	if id, ok := tok.Lookup(text); ok {
		return []int32{id}
	}
	for i := range len(text) {
		name := text[i : i+1]
		if raw {
			name = fmt.Sprintf("<0x%02X>", text[i])
		}
		if id, ok := tok.Lookup(name); ok {
			ids = append(ids, id)
		}
	}
	return ids
}

// TestLeftOverBytes: a piece that is no token falls back to what its printable form has tokens for, byte by byte.
func TestLeftOverBytes(t *testing.T) {
	md := vocabOf("gpt2", []entry{{"a", tNormal, 0}, {"b", tNormal, 0}, {"Ġ", tNormal, 0}, {"\xc4", tNormal, 0}}).
		with(keyMerges, []string{"a b", "Ġ a"}, keyPre, "gpt-2")
	for text, want := range map[string][]int32{"ab": {0, 1}, "ba": {1, 0}, " a": {3, 0}, "b a": {1, 3, 0}, "c": nil, " ": {2}} {
		if got := mustNew(t, md).Encode(text, EncodeOptions{}); !slices.Equal(got, want) {
			t.Errorf("%q: %v, want %v", text, got, want)
		}
	}
}
