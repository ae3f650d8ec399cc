package tokenizer

import (
	"slices"
	"testing"
)

// id returns the token with a text; the test fails if there is none.
func idOf(t *testing.T, tok *Tokenizer, text string) int32 {
	t.Helper()
	id, ok := tok.Lookup(text)
	if !ok {
		t.Fatalf("no token %q", text)
	}
	return id
}

func TestRolesByKey(t *testing.T) {
	tok := mustNew(t, tinySPM().with(keyBOS, 10, keyEOS, 11, "tokenizer.ggml.eot_token_id", 12, "tokenizer.ggml.eom_token_id", 13,
		"tokenizer.ggml.unknown_token_id", 14, "tokenizer.ggml.padding_token_id", 15))
	for i, get := range []func() (int32, bool){tok.BOS, tok.EOS, tok.EOT, tok.EOM, tok.Unknown, tok.Pad} {
		if id, ok := get(); !ok || id != int32(10+i) {
			t.Errorf("role %d: %d %v", i, id, ok)
		}
	}
	if want := []int32{2, 11, 12, 13}; !slices.Equal(tok.EOG(), want) { // 2 is </s>
		t.Errorf("EOG %v, want %v", tok.EOG(), want)
	}
}

func TestRoleDefaults(t *testing.T) {
	spm := mustNew(t, tinySPM())
	if bos, _ := spm.BOS(); bos != 1 || !spm.AddBOS() || spm.AddEOS() {
		t.Errorf("SPM: BOS %d, add %v, %v", bos, spm.AddBOS(), spm.AddEOS())
	}
	bpe := mustNew(t, tinyBPE().with(keyBOS, nil, keyEOS, nil))
	bos, _ := bpe.BOS()
	if eos, _ := bpe.EOS(); bos != 11 || eos != 11 || bpe.AddBOS() {
		t.Errorf("BPE: BOS %d, EOS %d, add %v", bos, eos, bpe.AddBOS())
	}
	if _, ok := bpe.Unknown(); ok {
		t.Error("BPE: an unknown token")
	}
	glm := mustNew(t, tinyBPE().with(keyBOS, nil, keyPre, "glm4"))
	if id, ok := glm.BOS(); ok {
		t.Errorf("GLM: BOS %d", id)
	}
	gemma := mustNew(t, tinyBPE().with(keyPre, "gemma4", keyAddBOS, false))
	if !gemma.AddBOS() {
		t.Error("Gemma 4: no BOS")
	}
}

// TestAddBOSDefault: the pre-tokenisers whose vocabularies want BOS without saying so.
func TestAddBOSDefault(t *testing.T) {
	for pre, want := range map[string]bool{"llama-bpe": true, "tekken": true, "chameleon": true, "qwen2": false, "gpt-2": false} {
		if tok := mustNew(t, tinyBPE().with(keyPre, pre)); tok.AddBOS() != want {
			t.Errorf("%s: add BOS %v", pre, tok.AddBOS())
		}
		if tok := mustNew(t, tinyBPE().with(keyPre, pre, keyAddBOS, !want)); tok.AddBOS() == want {
			t.Errorf("%s: key ignored", pre)
		}
	}
}

func TestAddSpecial(t *testing.T) {
	tok := mustNew(t, tinySPM().with(keyAddEOS, true))
	the := idOf(t, tok, "▁the")
	for _, tt := range []struct {
		text string
		opt  EncodeOptions
		want []int32
	}{
		{"", EncodeOptions{}, nil},
		{"", EncodeOptions{AddSpecial: true}, []int32{1, 2}},
		{"the", EncodeOptions{AddSpecial: true}, []int32{1, the, 2}},
		{"<s>the", EncodeOptions{AddSpecial: true, ParseSpecial: true}, []int32{1, 1, the, 2}}, // as llama.cpp: twice
		{"<s>the</s>the", EncodeOptions{ParseSpecial: true}, []int32{1, the, 2, the}},
	} {
		if got := tok.Encode(tt.text, tt.opt); !slices.Equal(got, tt.want) {
			t.Errorf("%q %+v: %v, want %v", tt.text, tt.opt, got, tt.want)
		}
	}
}

// TestEOGByText: every name counts, whatever type the file gives it, and becomes a control token.
func TestEOGByText(t *testing.T) {
	for _, name := range eogNames {
		if name == "</s>" { // in tinySPM anyway
			continue
		}
		tok := mustNew(t, tinySPM(entry{name, tNormal, 0}))
		if id := idOf(t, tok, name); !tok.IsEOG(id) || !tok.IsControl(id) {
			t.Errorf("%s: EOG %v, control %v", name, tok.IsEOG(id), tok.IsControl(id))
		}
	}
}

func TestEOGExceptions(t *testing.T) {
	control := func(names ...string) *Tokenizer {
		var more []entry
		for _, n := range names {
			more = append(more, entry{n, tControl, 0})
		}
		return mustNew(t, tinySPM(more...).with(keyEOS, 3))
	}
	tests := []struct {
		names []string
		token string
		eog   bool
	}{
		{[]string{"<|end|>"}, "<|end|>", true},
		{[]string{"<|end|>", "<|return|>"}, "<|end|>", true},
		{[]string{"<|end|>", "<|return|>", "<|call|>"}, "<|end|>", false}, // gpt-oss
		{[]string{"<|end|>", "<|flush|>", "<|calls|>"}, "<|end|>", false}, // solar-open
		{[]string{"<|end|>", "<|return|>", "<|call|>"}, "<|call|>", true},
		{[]string{"<eos>"}, "</s>", true},
		{[]string{"<|tool_response>"}, "</s>", false}, // gemma 4
		{[]string{"<|fim_pad|>"}, "<|fim_pad|>", true},
		{[]string{"<|repo_name|>"}, "<|repo_name|>", true},
		{[]string{"<|file_sep|>"}, "<|file_sep|>", true},
		{[]string{"<|fim_prefix|>"}, "<|fim_prefix|>", false},
	}
	for _, tt := range tests {
		tok := control(tt.names...)
		if got := tok.IsEOG(idOf(t, tok, tt.token)); got != tt.eog {
			t.Errorf("%v: %s EOG %v", tt.names, tt.token, got)
		}
	}
}

func TestHarmonyTokensAreText(t *testing.T) {
	tok := mustNew(t, tinySPM(entry{"<|channel|>", tControl, 0}))
	id := idOf(t, tok, "<|channel|>")
	if got := string(tok.AppendPiece(nil, id, false)); got != "<|channel|>" {
		t.Errorf("piece %q", got)
	}
	if got := tok.Encode("<|channel|>", EncodeOptions{}); !slices.Equal(got, []int32{id}) {
		t.Errorf("tokens %v", got)
	}
}

func TestFIM(t *testing.T) {
	if _, _, _, ok := mustNew(t, tinySPM()).FIM(); ok {
		t.Error("found in a vocabulary without")
	}
	tok := mustNew(t, tinySPM(entry{"<fim_prefix>", tNormal, 0}, entry{"<fim_suffix>", tNormal, 0}, entry{"<fim_middle>", tNormal, 0}))
	if p, s, m, ok := tok.FIM(); !ok || p != 273 || s != 274 || m != 275 {
		t.Errorf("%d %d %d %v", p, s, m, ok)
	}
	old := mustNew(t, tinySPM().with("tokenizer.ggml.prefix_token_id", 20, "tokenizer.ggml.suffix_token_id", 21, "tokenizer.ggml.middle_token_id", 22))
	if p, s, m, ok := old.FIM(); !ok || p != 20 || s != 21 || m != 22 {
		t.Errorf("old keys: %d %d %d %v", p, s, m, ok)
	}
}

func TestOutOfRange(t *testing.T) {
	tok := mustNew(t, tinySPM())
	for _, id := range []int32{-1, int32(tok.Size()), 1 << 30} {
		if tok.Text(id) != "" || tok.IsControl(id) || tok.IsEOG(id) || len(tok.AppendPiece(nil, id, true)) != 0 {
			t.Errorf("token %d is something", id)
		}
	}
}
