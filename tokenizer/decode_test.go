package tokenizer

import (
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"
)

// TestRoundTrip: a byte-level vocabulary gives every valid text back, whatever the pre-tokeniser.
func TestRoundTrip(t *testing.T) {
	texts := readGolden(t).Texts
	for i := range pretypes {
		if pretypes[i].raw {
			continue
		}
		name := firstName(pretypes[i])
		tok := byteVocab(t, name)
		for _, text := range texts {
			if !utf8.ValidString(text) {
				continue
			}
			ids := tok.Encode(text, EncodeOptions{})
			if got := tok.Decode(ids, DecodeOptions{Special: true}); got != text {
				t.Errorf("%s: %q became %q", name, text, got)
			}
		}
	}
}

// TestRoundTripSPM: SentencePiece gives every text back that has no U+2581, which becomes a space.
func TestRoundTripSPM(t *testing.T) {
	run := goldenRun{Vocab: "raw", Set: map[string]any{keyModel: "llama", keySpacePrefix: false}}
	tok := mustNew(t, readGolden(t).metadata(run))
	for _, text := range readGolden(t).Texts {
		if strings.Contains(text, spaceMark) || !utf8.ValidString(text) {
			continue
		}
		ids := tok.Encode(text, EncodeOptions{})
		if got := tok.Decode(ids, DecodeOptions{Special: true}); got != text {
			t.Errorf("%q became %q", text, got)
		}
	}
}

// TestSpacePrefix: the space goes before a text and before what follows a special token.
func TestSpacePrefix(t *testing.T) {
	tok := mustNew(t, tinySPM())
	ids := tok.Encode("the<s>cat the", EncodeOptions{ParseSpecial: true})
	if got := strings.Join(pieces(tok, ids), "|"); got != " the|<s>| cat| the" {
		t.Errorf("%q", got)
	}
}

func TestAppendPiece(t *testing.T) {
	spm := mustNew(t, tinySPM(entry{"<user▁x>", tUser, 0}, entry{"none", tUnused, 0}, entry{"<0x41>x", tNormal, 0}))
	bpe := mustNew(t, tinyBPE(entry{"Ġ<user>", tUser, 0}, entry{"Ġ中", tNormal, 0}))
	tests := []struct {
		tok            *Tokenizer
		text           string
		plain, special string
	}{
		{spm, "▁the", " the", " the"},
		{spm, "▁▁", "  ", "  "},
		{spm, "<0x0A>", "\n", "\n"},
		{spm, "<0xC3>", "\xc3", "\xc3"},
		{spm, "<s>", "", "<s>"},
		{spm, "<unk>", "", "<unk>"},
		{spm, "<user▁x>", "<user▁x>", "<user▁x>"},
		{spm, "none", "", ""},
		{spm, "<0x41>x", "<0x41>x", "<0x41>x"},
		{bpe, "Ġcat", " cat", " cat"},
		{bpe, "ĊĊ", "\n\n", "\n\n"},
		{bpe, "<|end|>", "", "<|end|>"},
		{bpe, "Ġ<user>", "Ġ<user>", "Ġ<user>"},
		{bpe, "Ġ中", " 中", " 中"},
	}
	for _, tt := range tests {
		id := idOf(t, tt.tok, tt.text)
		if got := string(tt.tok.AppendPiece([]byte("x"), id, false)); got != "x"+tt.plain {
			t.Errorf("%s: %q", tt.text, got)
		}
		if got := string(tt.tok.AppendPiece(nil, id, true)); got != tt.special {
			t.Errorf("%s special: %q", tt.text, got)
		}
	}
}

func TestDecodeSpace(t *testing.T) {
	tok := mustNew(t, tinySPM())
	the := idOf(t, tok, "▁the")
	if got := tok.Decode([]int32{the, the}, DecodeOptions{}); got != "the the" {
		t.Errorf("%q", got)
	}
	if got := tok.Decode([]int32{1, the}, DecodeOptions{}); got != " the" { // only the first token, as llama.cpp
		t.Errorf("after BOS: %q", got)
	}
	off := mustNew(t, tinySPM().with(keySpacePrefix, false))
	if got := off.Decode([]int32{the}, DecodeOptions{}); got != " the" {
		t.Errorf("without prefix: %q", got)
	}
}

func TestTidy(t *testing.T) {
	for in, want := range map[string]string{
		"a , b . c ! d ?":   "a, b. c! d?",
		"a ' b":             "a'b",
		"it 's I 'm we 're": "it's I'm we're",
		"don 't I 'd I 'll": "don 't I 'd I 'll",
		"they 've  , x 'rx": "they've , x 'rx",
		" ,":                ",",
		"":                  "",
		"a ' ' b":           "a'' b",
	} {
		if got := tidy(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
	tok := mustNew(t, tinyBPE())
	ids := tok.Encode("a , b", EncodeOptions{})
	if got := tok.Decode(ids, DecodeOptions{Tidy: true}); got != "a, b" {
		t.Errorf("%q", got)
	}
	keep := mustNew(t, tinyBPE().with(keyPre, "qwen2"))
	if got := keep.Decode(keep.Encode("a , b", EncodeOptions{}), DecodeOptions{Tidy: true}); got != "a , b" {
		t.Errorf("qwen2: %q", got)
	}
}

// TestDecoder feeds random bytes: every piece is valid UTF-8, and all together are what Go makes of the whole.
func TestDecoder(t *testing.T) {
	tok := mustNew(t, tinyBPE())
	r := rand.New(rand.NewPCG(11, 12))
	for range 2000 {
		d := tok.NewDecoder(false)
		var raw []byte
		var got strings.Builder
		for range r.IntN(12) {
			raw = append(raw, string([]rune{rune(r.IntN(0x3000)), rune(0x1F600 + r.IntN(50))})...)
			if r.IntN(4) == 0 {
				raw = append(raw, byte(r.IntN(256)))
			}
		}
		for _, b := range raw {
			piece := d.Next(tok.id(string(byteRunes[b])))
			if !utf8.ValidString(piece) {
				t.Fatalf("%q: piece %q", raw, piece)
			}
			got.WriteString(piece)
			if len(d.held) > 3 {
				t.Fatalf("%q: %d bytes held", raw, len(d.held))
			}
		}
		got.WriteString(d.Flush())
		if want := string([]rune(string(raw))); got.String() != want {
			t.Fatalf("%q: %q, want %q", raw, got.String(), want)
		}
		if d.Flush() != "" {
			t.Fatal("flushed twice")
		}
	}
}

func TestDecoderAllocs(t *testing.T) {
	tok := mustNew(t, tinyBPE())
	ids := tok.Encode("the cat é中😀 the cat", EncodeOptions{})
	d := tok.NewDecoder(false)
	dst := make([]byte, 0, 256)
	if n := testing.AllocsPerRun(100, func() {
		dst = dst[:0]
		for _, id := range ids {
			dst = d.AppendNext(dst, id)
		}
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

// TestConcurrent uses one tokeniser from several goroutines; the race detector watches.
func TestConcurrent(t *testing.T) {
	tok, texts := byteVocab(t, "llama3"), readGolden(t).Texts
	var want [][]int32
	for _, text := range texts {
		want = append(want, tok.Encode(text, EncodeOptions{}))
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for i, text := range texts {
				if got := tok.Encode(text, EncodeOptions{}); !slices.Equal(got, want[i]) {
					t.Errorf("%q: %v, want %v", text, got, want[i])
				}
			}
		})
	}
	wg.Wait()
}

// TestDecoderShow: of the control tokens a decoder shows those that it is asked to.
func TestDecoderShow(t *testing.T) {
	tok := mustNew(t, tinyBPE())
	for name, c := range map[string]struct {
		special bool
		shown   func(string) bool
		want    string
	}{
		"none":    {false, nil, "ab"},
		"this":    {false, func(text string) bool { return text == "<|end|>" }, "a<|end|>b"},
		"another": {false, func(text string) bool { return text == "<|start|>" }, "ab"},
		"all":     {true, func(string) bool { return false }, "a<|end|>b"},
	} {
		d := tok.NewDecoder(c.special)
		d.Show(c.shown)
		if got := d.Next('a') + d.Next(256) + d.Next('b'); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}
