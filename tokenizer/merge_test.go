package tokenizer

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// naiveMerge merges the best pair of neighbours until there is none: best returns the rank of a pair and what it
// becomes. The smallest rank wins, the leftmost among equals.
func naiveMerge(parts []string, best func(a, b string) (rank float64, ok bool)) []string {
	for {
		at, low := -1, 0.0
		for i := 1; i < len(parts); i++ {
			if rank, ok := best(parts[i-1], parts[i]); ok && (at < 0 || rank < low) {
				at, low = i-1, rank
			}
		}
		if at < 0 {
			return parts
		}
		parts = append(append(slices.Clone(parts[:at]), parts[at]+parts[at+1]), parts[at+2:]...)
	}
}

// TestSPMTwin compares with the simple algorithm on vocabularies with random scores, many of them equal.
func TestSPMTwin(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for range 60 {
		var more []entry
		seen := map[string]bool{"a": true, "c": true, "e": true, "t": true, "h": true, "he": true, "ca": true, "cat": true}
		for range 40 {
			text := randomString(r, "abcet", 1+r.IntN(5))
			if !seen[text] {
				seen[text] = true
				more = append(more, entry{text, tNormal, float32(r.IntN(6) - 3)})
			}
		}
		tok := mustNew(t, tinySPM(more...).with(keySpacePrefix, false))
		for range 30 {
			text := randomString(r, "abcet", 1+r.IntN(40))
			if got, want := tok.Encode(text, EncodeOptions{}), naiveSPM(tok, text); !slices.Equal(got, want) {
				t.Fatalf("%q: %q, want %q", text, pieces(tok, got), pieces(tok, want))
			}
		}
	}
}

func naiveSPM(tok *Tokenizer, text string) []int32 {
	var parts []string
	for _, r := range text {
		parts = append(parts, string(r))
	}
	parts = naiveMerge(parts, func(a, b string) (float64, bool) {
		id := tok.id(a + b)
		if id < 0 {
			return 0, false
		}
		return -float64(tok.scores[id]), true
	})
	var ids []int32
	for _, p := range parts {
		if id := tok.id(p); id >= 0 {
			ids = append(ids, id)
			continue
		}
		for i := range len(p) {
			ids = append(ids, tok.byteTokens(true)[p[i]])
		}
	}
	return ids
}

// TestBPETwin compares with the simple algorithm, whole words from the golden texts.
func TestBPETwin(t *testing.T) {
	tok := byteVocab(t, "superbpe") // its words are long
	m := tok.encoder.(*bpe)
	best := func(a, b string) (float64, bool) {
		rank, ok := m.ranks[pairKey(m.id(a), m.id(b))]
		return float64(rank), ok
	}
	s := &scratch{cache: newWordCache()}
	for _, text := range readGolden(t).Texts {
		for len(text) > 0 {
			word := text[:min(len(text), 60)]
			text = text[len(word):]
			var parts []string
			for i := range len(word) {
				parts = append(parts, string(byteRunes[word[i]]))
			}
			var want []int32
			for _, p := range naiveMerge(parts, best) {
				want = append(want, m.id(p))
			}
			if got := m.merge(nil, s, word); !slices.Equal(got, want) {
				t.Fatalf("%q: %q, want %q", word, pieces(tok, got), pieces(tok, want))
			}
		}
	}
}

func TestHeap(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	var h candidates
	var keys []uint64
	for range 2000 {
		if len(keys) > 0 && r.IntN(3) == 0 {
			slices.Sort(keys)
			if c := h.pop(); c.key != keys[0] {
				t.Fatalf("popped %d, smallest is %d", c.key, keys[0])
			}
			keys = keys[1:]
		} else {
			k := r.Uint64N(500)
			h.push(candidate{key: k})
			keys = append(keys, k)
		}
	}
}

func TestWordCache(t *testing.T) {
	c := newWordCache()
	words := []string{"a", "the", "123456789012345678901234567"}
	for i, w := range words {
		s, found := c.slot(w)
		if s == nil || found {
			t.Fatalf("%q: slot %v, found %v", w, s != nil, found)
		}
		s.put(w, []int32{int32(i), 7})
		if s, found = c.slot(w); !found || !slices.Equal(s.ids[:s.n], []int32{int32(i), 7}) {
			t.Errorf("%q not found", w)
		}
	}
	for _, w := range []string{"", words[2] + "8"} {
		if s, found := c.slot(w); s != nil || found {
			t.Errorf("%q has a slot", w)
		}
	}
	s, _ := c.slot("many")
	s.put("many", make([]int32, cacheIDs+1))
	if _, found := c.slot("many"); found {
		t.Error("too many ids were stored")
	}
	(*cacheSlot)(nil).put("x", nil)
}

// TestByteFallback: characters without a token become bytes, or the unknown token where a byte has none.
func TestByteFallback(t *testing.T) {
	tok := mustNew(t, tinySPM())
	if got, want := tok.Encode("é", EncodeOptions{}), []int32{262, 3 + 0xC3, 3 + 0xA9}; !slices.Equal(got, want) {
		t.Errorf("é: %v, want %v", got, want)
	}
	if got, want := tok.Encode("\xff", EncodeOptions{}), []int32{262, 3 + 0xFF}; !slices.Equal(got, want) {
		t.Errorf("invalid byte: %v, want %v", got, want)
	}
	bare := vocabOf("llama", []entry{{"<unk>", tUnknown, 0}, {"<s>", tControl, 0}, {"</s>", tControl, 0}, {"a", tNormal, 0}})
	if got, want := mustNew(t, bare).Encode("a é", EncodeOptions{}), []int32{0, 0, 0, 3, 0, 0, 0, 0, 0}; !slices.Equal(got, want) {
		t.Errorf("no bytes: %v, want %v", got, want)
	}
	plain := vocabOf("llama", []entry{{"<unk>", tUnknown, 0}, {"<s>", tControl, 0}, {"</s>", tControl, 0}, {"\xc3", tNormal, 0}, {"\xa9", tNormal, 0}})
	if got, want := mustNew(t, plain.with(keySpacePrefix, false)).Encode("é", EncodeOptions{}), []int32{3, 4}; !slices.Equal(got, want) {
		t.Errorf("bytes as themselves: %v, want %v", got, want)
	}
}

// TestScoreOrder: rank grows as the score falls, and ±0 are equal.
func TestScoreOrder(t *testing.T) {
	negZero := float32(math.Copysign(0, -1))
	m := &spm{vocab: &vocab{scores: []float32{1e30, 2, 1, 1e-30, 0, -1e-30, -1, -2, -1e30, negZero}}}
	for id := int32(1); id < 9; id++ {
		if m.rank(id) <= m.rank(id-1) {
			t.Errorf("rank of %g is not above that of %g", m.scores[id], m.scores[id-1])
		}
	}
	if m.rank(9) != m.rank(4) {
		t.Error("-0 and 0 differ")
	}
}

// TestWordwise: cutting text before spaces must not change anything where no token spans such a cut.
func TestWordwise(t *testing.T) {
	for _, model := range []string{"llama", "gemma4"} {
		run := goldenRun{Vocab: "raw", Set: map[string]any{keyModel: model, keyBOS: 2.0, keyEOS: 1.0}}
		md := readGolden(t).metadata(run)
		tokens := md[keyTokens].([]string)
		spans := func(s string) bool { return strings.Contains(strings.TrimLeft(s, spaceMark), spaceMark) }
		for i, s := range tokens {
			if spans(s) {
				tokens[i] = "" // not found in text any more
			}
		}
		md[keyMerges] = slices.DeleteFunc(slices.Clone(md[keyMerges].([]string)), func(s string) bool {
			return spans(strings.Replace(s, " ", "", 1))
		})
		words, whole := mustNew(t, md), mustNew(t, md)
		if !words.wordwise {
			t.Fatal("not wordwise")
		}
		whole.wordwise = false
		for _, text := range readGolden(t).Texts {
			for range 2 { // with the cache empty and filled
				got, want := words.Encode(text, EncodeOptions{}), whole.Encode(text, EncodeOptions{})
				if !slices.Equal(got, want) {
					t.Errorf("%s %q:\n got %q\nwant %q", model, text, pieces(words, got), pieces(whole, want))
				}
			}
		}
	}
}

func TestWordEnd(t *testing.T) {
	for text, want := range map[string]string{"▁a▁b": "▁a", "▁▁a": "▁▁a", "ab": "ab", "a▁": "a", "▁": "▁", "": ""} {
		if got := text[:wordEnd(text)]; got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

// TestEncodeRest: a text that goes on another has no space before it, and no BOS.
func TestEncodeRest(t *testing.T) {
	tok := mustNew(t, tinySPM())
	if got, want := tok.EncodeRest("cat the"), []int32{267, 261}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if got, want := tok.EncodeRest(" cat"), []int32{272}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if got := tok.EncodeRest(""); len(got) != 0 {
		t.Errorf("of nothing %v", got)
	}
}
