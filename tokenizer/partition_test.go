package tokenizer

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// naiveCut is the search as llama.cpp has it: for one token after the other, the longest first, through all fragments.
func naiveCut(v *vocab, t *trie, text string, plain []Range) []fragment {
	var ids []int32
	for id := range v.tokens {
		if t.holds(v, int32(id)) {
			ids = append(ids, int32(id))
		}
	}
	slices.SortStableFunc(ids, func(a, b int32) int { return len(v.tokens[b]) - len(v.tokens[a]) })
	parts := []fragment{{0, len(text), noToken}}
	if text == "" {
		parts = nil
	}
	for _, id := range ids {
		var next []fragment
		for _, p := range parts {
			if p.id != noToken {
				next = append(next, p)
				continue
			}
			next = append(next, naiveCutOne(v, text, p, id, plain)...)
		}
		parts = next
	}
	return parts
}

// naiveCutOne cuts one fragment at one token.
func naiveCutOne(v *vocab, text string, p fragment, id int32, plain []Range) []fragment {
	var out []fragment
	for {
		i := naiveIndex(v, text[:p.hi], p.lo, id, plain) - p.lo
		if i < 0 {
			break
		}
		left := fragment{p.lo, p.lo + i, noToken}
		p.lo += i + len(v.tokens[id])
		for v.is(id, attrLeft) && left.hi > left.lo && cSpaceByte(text[left.hi-1]) {
			left.hi--
		}
		if left.lo < left.hi {
			out = append(out, left)
		}
		out = append(out, fragment{p.lo - len(v.tokens[id]), p.lo, id})
		for v.is(id, attrRight) && p.lo < p.hi && cSpaceByte(text[p.lo]) {
			p.lo++
		}
	}
	if p.lo < p.hi {
		out = append(out, p)
	}
	return out
}

// naiveIndex returns where a token is found in text from lo on, and is allowed; less than lo if nowhere.
func naiveIndex(v *vocab, text string, lo int, id int32, plain []Range) int {
	for at := lo; ; at++ {
		i := strings.Index(text[at:], v.tokens[id])
		if i < 0 {
			return lo - 1
		}
		at += i
		barred := slices.ContainsFunc(plain, func(r Range) bool { return at < r.Hi && r.Lo < at+len(v.tokens[id]) })
		if !barred || !v.is(id, attrSteer) {
			return at
		}
	}
}

// TestPartitionTwin compares with the simple search on random text over an alphabet that makes tokens overlap.
func TestPartitionTwin(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 300 {
		v := &vocab{ids: map[string]int32{}}
		for range 1 + r.IntN(8) {
			text := randomString(r, "ab< \n", 1+r.IntN(5))
			if v.id(text) >= 0 {
				continue
			}
			v.ids[text] = int32(len(v.tokens))
			v.tokens = append(v.tokens, text)
			v.attrs = append(v.attrs, []attr{attrControl | attrSteer, attrUser, attrNormal, attrUser | attrRight, attrControl | attrLeft | attrSteer}[r.IntN(5)])
			v.maxLen = max(v.maxLen, len(text))
		}
		var p partitioner
		for range 20 {
			text := randomString(r, "ab< \n", r.IntN(30))
			for _, tr := range []*trie{newTrie(v, isSpecial), newTrie(v, isUser)} {
				plain := randomRanges(r, len(text))
				got, want := p.cut(v, tr, text, plain), naiveCut(v, tr, text, plain)
				if !slices.Equal(got, want) {
					t.Fatalf("tokens %q %v, text %q, plain %v:\n got %v\nwant %v", v.tokens, v.attrs, text, plain, got, want)
				}
			}
		}
	}
}

// randomRanges returns ranges of a text of n bytes, as EncodeOptions.Plain wants them.
func randomRanges(r *rand.Rand, n int) (ranges []Range) {
	for at := r.IntN(8); at < n; at += 1 + r.IntN(8) {
		hi := min(n, at+1+r.IntN(5))
		ranges = append(ranges, Range{at, hi})
		at = hi
	}
	return ranges
}

func randomString(r *rand.Rand, alphabet string, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = alphabet[r.IntN(len(alphabet))]
	}
	return string(b)
}

func TestParseSpecial(t *testing.T) {
	tok := mustNew(t, tinyBPE(entry{"<user>", tUser, 0}, entry{"<unk>", tUnknown, 0}))
	end, user, unk := idOf(t, tok, "<|end|>"), idOf(t, tok, "<user>"), idOf(t, tok, "<unk>")
	text := "<|end|><user><unk>"
	if got := tok.Encode(text, EncodeOptions{ParseSpecial: true}); !slices.Equal(got, []int32{end, user, unk}) {
		t.Errorf("parsed: %v", got)
	}
	got := tok.Encode(text, EncodeOptions{})
	if slices.Contains(got, end) || slices.Contains(got, unk) || !slices.Contains(got, user) {
		t.Errorf("not parsed: %v", got)
	}
	if s := tok.Decode(got, DecodeOptions{}); s != text {
		t.Errorf("decoded %q", s)
	}
}

// TestStrip: models whose special tokens swallow white space are known by name.
func TestStrip(t *testing.T) {
	mask := []entry{{"<mask>", tControl, 0}, {"[MASK]", tControl, 0}, {"<|user|>", tControl, 0}}
	tests := []struct {
		md   fake
		text string
		want string // pieces, separated by |
	}{
		{tinyBPE(mask...), "a <mask> b", "a| |<mask>| |b"},
		{tinyBPE(mask...).with(keyPre, "jina-v2-de"), "a \n<mask> b", "a|<mask>| |b"},
		{tinyBPE(mask...).with(keyArch, "jina-bert-v3"), "a <mask> b", "a|<mask>| |b"},
		{tinyBPE(mask...).with(keyName, "My Modern-BERT"), "a [MASK] b", "a|[MASK]| |b"},
		{tinyBPE(mask...).with(keyName, "Phi-3 mini"), "a <|user|> \n b", "a| |<|user|>|b"},
		{tinyBPE(mask...).with(keyName, "PHI3"), "<|user|>\t", "<|user|>"},
		{tinyBPE(entry{"<s>", tControl, 0}).with(keyName, "phi-3"), "<s> b", "<s>| |b"},
	}
	for _, tt := range tests {
		tok := mustNew(t, tt.md)
		got := strings.Join(pieces(tok, tok.Encode(tt.text, EncodeOptions{ParseSpecial: true})), "|")
		if got != tt.want {
			t.Errorf("%v %v %q: %q, want %q", tt.md[keyName], tt.md[keyPre], tt.text, got, tt.want)
		}
	}
}
