package tokenizer

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// TestPlain: what text from outside spells out stays text, and what is written around it is found.
func TestPlain(t *testing.T) {
	tok := mustNew(t, tinyBPE(entry{"<user>", tUser, 0}, entry{"<unk>", tUnknown, 0}, entry{"<|start|>", tUser, 0}))
	end, user, unk, start := idOf(t, tok, "<|end|>"), idOf(t, tok, "<user>"), idOf(t, tok, "<unk>"), idOf(t, tok, "<|start|>")
	const text = "<|end|><user><unk><|start|>"
	for _, c := range []struct {
		plain []Range
		want  []int32 // the special tokens that are found
	}{
		{nil, []int32{end, user, unk, start}},
		{[]Range{{0, len(text)}}, []int32{user}},
		{[]Range{{0, 1}}, []int32{user, unk, start}},
		{[]Range{{6, 7}}, []int32{user, unk, start}},
		{[]Range{{7, 13}}, []int32{end, user, unk, start}},
		{[]Range{{6, 14}}, []int32{user, start}},
		{[]Range{{3, 4}, {20, 21}}, []int32{user, unk}},
	} {
		got := tok.Encode(text, EncodeOptions{ParseSpecial: true, Plain: c.plain})
		got = slices.DeleteFunc(got, func(id int32) bool { return !slices.Contains([]int32{end, user, unk, start}, id) })
		if !slices.Equal(got, c.want) {
			t.Errorf("plain %v: found %v, want %v", c.plain, got, c.want)
		}
	}
}

// TestPlainInnocent: text without special tokens has the same tokens whoever wrote which part, also across the borders.
func TestPlainInnocent(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for name, md := range map[string]Metadata{"bpe": tinyBPE(), "spm": tinySPM()} {
		tok := mustNew(t, md)
		for range 200 {
			text := randomString(r, "helo wrd\n", r.IntN(40))
			want := tok.Encode(text, EncodeOptions{ParseSpecial: true})
			got := tok.Encode(text, EncodeOptions{ParseSpecial: true, Plain: randomRanges(r, len(text))})
			if !slices.Equal(got, want) {
				t.Fatalf("%s: %q: %v, want %v", name, text, got, want)
			}
		}
	}
}

// TestPlainAllocs: ranges cost no memory of their own.
func TestPlainAllocs(t *testing.T) {
	tok := mustNew(t, tinyBPE())
	text, plain := strings.Repeat("hello <|end|> ", 20), []Range{{2, 9}, {20, 100}}
	dst := make([]int32, 0, 1024)
	if n := testing.AllocsPerRun(50, func() { tok.AppendEncode(dst, text, EncodeOptions{ParseSpecial: true, Plain: plain}) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}
