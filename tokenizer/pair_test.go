package tokenizer

import (
	"slices"
	"strings"
	"testing"
)

// tinyBERT is a WordPiece vocabulary.
func tinyBERT(more ...entry) fake {
	entries := []entry{{"[PAD]", tControl, 0}, {"[UNK]", tUnknown, 0}, {"[CLS]", tControl, 0}, {"[SEP]", tControl, 0}, {"[MASK]", tControl, 0}}
	for _, s := range []string{"▁a", "▁b", "▁the", "re", "▁,", "e", "▁e"} {
		entries = append(entries, entry{s, tNormal, 0})
	}
	return vocabOf("bert", append(entries, more...)).with(keyBOS, 2, keySeparator, 3, keyUnknown, 1)
}

// tinyT5 is a Unigram vocabulary.
func tinyT5(more ...entry) fake {
	entries := []entry{{"<pad>", tControl, 0}, {"</s>", tControl, 0}, {"<unk>", tUnknown, 0}}
	for i, s := range []string{"▁a", "▁b", "▁", "a", "b", "ab"} {
		entries = append(entries, entry{s, tNormal, float32(-i)})
	}
	return vocabOf("t5", append(entries, more...)).with(keySpacePrefix, true)
}

func TestEncodeSpecial(t *testing.T) {
	bpe := tinyBPE(entry{"<s>", tControl, 0}, entry{"</s>", tControl, 0}).with(keyBOS, 265, keyEOS, 266, keySeparator, 266)
	for _, tt := range []struct {
		name       string
		md         fake
		text, pair string // tokens with AddSpecial, tokens of a pair
	}{
		{"bert", tinyBERT(), "[CLS]|▁a|[SEP]", "[CLS]|▁a|[SEP]|▁b"},
		{"bert with EOS", tinyBERT().with(keyAddEOS, true), "[CLS]|▁a|[SEP]", "[CLS]|▁a|[SEP]|[SEP]|▁b|[SEP]"},
		{"bert without", tinyBERT().with(keyAddBOS, false, keyAddSEP, false), "[CLS]|▁a|[SEP]", "▁a|▁b"},
		{"t5", tinyT5(), "▁a|</s>", "▁a|</s>|▁b|</s>"},
		{"xlm-r", tinyT5(entry{"<s>", tControl, 0}).with(keyBOS, 9, keyAddBOS, true, keySeparator, 1, keyAddSEP, true),
			"<s>|▁a|</s>", "<s>|▁a|</s>|</s>|▁b|</s>"},
		{"roberta", bpe.with(keyPre, "roberta-bpe", keyAddBOS, true, keyAddEOS, true), "<s>|a|</s>", "<s>|a|</s>|</s>|b|</s>"},
		{"gpt-2", bpe, "a", "a|b"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tok := mustNew(t, tt.md)
			texts := func(ids []int32) string {
				var s []string
				for _, id := range ids {
					s = append(s, tok.Text(id))
				}
				return strings.Join(s, "|")
			}
			ids := tok.Encode("a", EncodeOptions{AddSpecial: true})
			if got := texts(ids); got != tt.text {
				t.Errorf("a text is %s, want %s", got, tt.text)
			}
			if got := texts(tok.EncodePair("a", "b")); got != tt.pair {
				t.Errorf("a pair is %s, want %s", got, tt.pair)
			}
			first, _ := tok.BOS()
			if tok.AddBOS() != (ids[0] == first) || tok.AddEOS() != (len(ids) > 1 && tok.IsControl(ids[len(ids)-1])) {
				t.Errorf("%v: AddBOS %v, AddEOS %v", ids, tok.AddBOS(), tok.AddEOS())
			}
		})
	}
}

// Schemes that need special tokens do without those that are missing, and say so.
func TestMissingSpecials(t *testing.T) {
	for _, md := range []fake{
		tinyBERT().with(keyUnknown, nil, keyBOS, nil, keySeparator, nil), // whose defaults are beyond 100
		vocabOf("t5", []entry{{"▁a", tNormal, 0}}).with(keySpacePrefix, true),
	} {
		tok := mustNew(t, md)
		a, _ := tok.Lookup("▁a")
		if got := tok.Encode("xyz a xyz", EncodeOptions{AddSpecial: true}); !slices.Equal(got, []int32{a}) {
			t.Errorf("%v: %v", md[keyModel], got)
		}
		if w := strings.Join(tok.Warnings(), "\n"); !strings.Contains(w, "no such token") || !strings.Contains(w, "dropped") {
			t.Errorf("warnings %q", w)
		}
	}
}
