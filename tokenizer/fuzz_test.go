package tokenizer

import (
	"math"
	"strings"
	"testing"
	"unicode/utf8"
)

// checkText encodes with and without special tokens and checks what holds for every text.
func checkText(t *testing.T, tok *Tokenizer, text string, wantBack bool) {
	for _, parse := range []bool{false, true} {
		ids := tok.Encode(text, EncodeOptions{ParseSpecial: parse})
		d := tok.NewDecoder(true)
		for _, id := range ids {
			if id < 0 || int(id) >= tok.Size() {
				t.Fatalf("%q: token %d of %d", text, id, tok.Size())
			}
			if s := d.Next(id); !utf8.ValidString(s) {
				t.Fatalf("%q: decoder returned %q", text, s)
			}
		}
		if back := tok.Decode(ids, DecodeOptions{Special: true}); wantBack && back != text {
			t.Fatalf("%q became %q", text, back)
		}
	}
}

func addTexts(f *testing.F) {
	for _, text := range readGolden(f).Texts {
		f.Add(text)
	}
	for _, unit := range hostile {
		f.Add(unit + unit + unit)
	}
}

func FuzzSPM(f *testing.F) {
	addTexts(f)
	tok := rawVocab(f, "llama")
	f.Fuzz(func(t *testing.T, text string) { checkText(t, tok, text, false) })
}

// FuzzBPE runs every pre-tokeniser in turn.
func FuzzBPE(f *testing.F) {
	g := readGolden(f)
	toks := make([]*Tokenizer, len(pretypes))
	for i, p := range pretypes {
		if p.raw {
			continue
		}
		toks[i] = byteVocab(f, firstName(p))
		for k := i; k < len(g.Texts); k += 20 {
			f.Add(uint8(i), g.Texts[k])
		}
	}
	f.Fuzz(func(t *testing.T, row uint8, text string) {
		if tok := toks[int(row)%len(toks)]; tok != nil {
			checkText(t, tok, text, utf8.ValidString(text))
		}
	})
}

func FuzzRawBPE(f *testing.F) {
	addTexts(f)
	tok := rawVocab(f, "gemma4")
	f.Fuzz(func(t *testing.T, text string) { checkText(t, tok, text, false) })
}

func FuzzWhitespace(f *testing.F) {
	addTexts(f)
	run := goldenRun{Vocab: "raw", Set: map[string]any{keyModel: "whitespace", keyPre: "whitespace"}}
	tok := mustNew(f, readGolden(f).metadata(run))
	f.Fuzz(func(t *testing.T, text string) { checkText(t, tok, text, false) })
}

// FuzzEncoders runs WordPiece and Unigram vocabularies.
func FuzzEncoders(f *testing.F) {
	addTexts(f)
	g, err := loadGoldenEncoders()
	if err != nil {
		f.Fatal(err)
	}
	var toks []*Tokenizer
	for _, run := range g.Runs {
		toks = append(toks, mustNew(f, g.metadata(run)))
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, tok := range toks {
			checkText(t, tok, text, false)
		}
	})
}

// FuzzNew makes vocabularies out of the input: lines are tokens or merges. It looks for panics.
func FuzzNew(f *testing.F) {
	f.Add("a\nb\nab\n<0x41>\n</s>", "a b\nab a", "ab<0x41>ba", uint8(0))
	f.Add("Ġ\na\nĠa\n<|end|>", "Ġ a", " a a", uint8(1))
	f.Add("a\n▁a\nb\n[CLS]", "a", "a ab", uint8(5))
	f.Add("a\n▁a\nb\n</s>", "\x04\x00\x00\x00\x00\x04\x00\x00x\x00", "a ab", uint8(6))
	f.Fuzz(func(t *testing.T, tokens, merges, text string, kind uint8) {
		md := fake{keyModel: []string{"llama", "gpt2", "gemma4", "whitespace", "hybriddna", "bert", "t5"}[kind%7],
			keyTokens: splitLines(tokens), keyMerges: splitLines(merges), keyPre: firstName(pretypes[int(kind)%len(pretypes)]), keyAddBOS: kind > 128}
		types := make([]int64, len(splitLines(tokens)))
		for i := range types {
			types[i] = int64(kind>>(i%4)) % 8
		}
		if kind%3 == 0 {
			md[keyTypes] = types
		}
		md[roleKeys[int(kind)%len(roleKeys)].key] = len(tokens) << (kind % 40)
		md[keyCharsmap] = append(bytesOf(merges), 0)
		md[keyScores] = append(make([]float32, len(types)), float32(math.NaN()))
		tok, err := New(md)
		if err != nil {
			return
		}
		tok.Warnings()
		checkText(t, tok, text, false)
		tok.Encode(text, EncodeOptions{AddSpecial: true, ParseSpecial: true})
		tok.EncodePair(text, tokens)
	})
}

func bytesOf(s string) (out []int64) {
	for _, c := range []byte(s) {
		out = append(out, int64(c))
	}
	return out
}

func splitLines(s string) []string { return strings.Split(s, "\n") }

// firstName is one of the names of a row.
func firstName(p pretype) string { return strings.Fields(p.names)[0] }
