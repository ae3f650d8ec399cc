package tokenizer

import (
	"strings"
	"testing"
	"time"
)

// hostile are texts on which a careless scanner or merge takes quadratic time. Each is repeated.
var hostile = []string{"a", "A", "é", "Aé", " ", "\n", " \n", "\t ", "1", "'", "!", "\u0301", "中", "a\u0301 ", "<|", "▁", "\xff", "<sentinel:1", "IMGIMG"}

// TestLinearScan splits 64 KB with every pre-tokeniser; quadratic time is far above the limit.
func TestLinearScan(t *testing.T) {
	for i := range pretypes {
		for _, unit := range hostile {
			var v view
			start := time.Now()
			v.load(strings.Repeat(unit, (1<<16)/len(unit)))
			splitAll(&v, pretypes[i].split, nil, nil)
			if d := time.Since(start); d > 5*time.Second {
				t.Errorf("%s, %q repeated: %v", firstName(pretypes[i]), unit, d)
			}
		}
	}
}

// sizes are control tokens of unit repeated up to n times, with an end.
func sizes(unit, end string, n int) (list []entry) {
	for i := 2; i < n; i++ {
		list = append(list, entry{strings.Repeat(unit, i) + end, tControl, float32(i)})
	}
	return list
}

// TestLinearEncode encodes 64 KB with each kind of vocabulary.
func TestLinearEncode(t *testing.T) {
	toks := map[string]*Tokenizer{
		"SPM": rawVocab(t, "llama"), "BPE": byteVocab(t, "gpt-2"), "one word": byteVocab(t, "superbpe"), "raw": rawVocab(t, "gemma4"),
		"special":      mustNew(t, tinyBPE(entry{"<|", tControl, 0}, entry{"<|<|<|", tControl, 0}, entry{"aaaa", tUser, 0})),
		"long special": mustNew(t, tinyBPE(entry{strings.Repeat("a", 20_000) + "!", tControl, 0}, entry{strings.Repeat(" ", 20_000), tUser, 0})),
		"many sizes":   mustNew(t, tinyBPE(append(sizes("a", "!", 500), entry{"aa", tControl, 0})...)),
		"nested":       mustNew(t, tinyBPE(sizes("a", "", 500)...)),
		"growing SPM":  mustNew(t, tinySPM(sizes("b", "", 500)...)),
		"WordPiece":    mustNew(t, tinyBERT(append(sizes("a", "", 500), entry{strings.Repeat("a", 20_000) + "!", tNormal, 0})...)),
		"Unigram":      mustNew(t, tinyT5(entry{strings.Repeat("a", 20_000) + "!", tNormal, 0}, entry{strings.Repeat("é", 9000) + "!", tUser, 0})),
	}
	for name, tok := range toks {
		for _, unit := range hostile {
			start := time.Now()
			tok.Encode(strings.Repeat(unit, (1<<16)/len(unit)), EncodeOptions{ParseSpecial: true})
			if d := time.Since(start); d > 5*time.Second {
				t.Errorf("%s, %q repeated: %v", name, unit, d)
			}
		}
	}
}

// TestScratchIsBounded: one enormous text must not stay in memory.
func TestScratchIsBounded(t *testing.T) {
	s := &scratch{}
	s.view.load(strings.Repeat("x", 2*maxKept))
	s.syms = make([]symbol, 2*maxKept)
	s.parts.claimed = make([]bool, 2*maxKept)
	s.trim()
	if cap(s.view.cp)+cap(s.syms)+cap(s.parts.claimed) != 0 {
		t.Error("buffers are kept")
	}
}
