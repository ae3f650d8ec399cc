package tokenizer

import (
	"slices"
	"strings"
	"testing"
)

func TestWhitespaceModel(t *testing.T) {
	run := goldenRun{Vocab: "raw", Set: map[string]any{keyModel: "whitespace", keyPre: "whitespace"}}
	md := readGolden(t).metadata(run)
	plain, lower := mustNew(t, md), mustNew(t, md.with(keyLowercase, true))
	if got := plain.Decode(plain.Encode(" AB \u3000\n ab ", EncodeOptions{}), DecodeOptions{}); got != "ABab" {
		t.Errorf("%q", got)
	}
	if got := lower.Decode(lower.Encode("AB É", EncodeOptions{}), DecodeOptions{}); got != "abé" {
		t.Errorf("lower case: %q", got)
	}
	if plain.Model() != "whitespace" {
		t.Errorf("model %q", plain.Model())
	}
}

func TestDNA(t *testing.T) {
	md := tinyBPE(entry{"<dna>", tNormal, 0}, entry{"</dna>", tNormal, 0}, entry{"<oov>", tNormal, 0},
		entry{"ACGTAC" + dnaMark, tNormal, 0}, entry{"GAAAAA" + dnaMark, tNormal, 0}).with(keyModel, "hybriddna")
	tok := mustNew(t, md)
	for text, want := range map[string]string{
		"the<dna>ACGTACg</dna> cat": "t|he|<dna>|ACGTAC|GAAAAA|</dna>| |cat",
		"<dna>acgtacNNNNNN":         "<dna>|ACGTAC|<oov>",
		"<dna></dna><dna>":          "<dna>|</dna>|<dna>",
		"ACGTAC":                    "A|C|G|T|A|C",
	} {
		got := strings.Join(pieces(tok, tok.Encode(text, EncodeOptions{})), "|")
		if got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
	none := mustNew(t, tinyBPE().with(keyModel, "hybriddna"))
	if got, want := none.Encode("<dna>", EncodeOptions{}), mustNew(t, tinyBPE()).Encode("<dna>", EncodeOptions{}); !slices.Equal(got, want) {
		t.Errorf("without the tokens: %v", got)
	}
}
