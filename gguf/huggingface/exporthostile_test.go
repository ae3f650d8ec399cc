package huggingface

import (
	"errors"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/latentgo/latentgo/gguf"
)

// changed is a file with other keys; nil deletes one.
func changed(t testing.TB, f *gguf.File, keys map[string]any) *gguf.File {
	t.Helper()
	w := new(gguf.Writer)
	err := w.AddFile(f)
	for k, v := range keys {
		if v == nil {
			w.Delete(k)
		} else {
			err = errors.Join(err, w.Set(k, v))
		}
	}
	var b strings.Builder
	if _, werr := w.WriteTo(&b); err != nil || werr != nil {
		t.Fatal(err, werr)
	}
	out, err := gguf.OpenBytes("changed", []byte(b.String()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = out.Close() })
	return out
}

// TestExportRefused: what a folder can't say is an error that names it.
func TestExportRefused(t *testing.T) {
	for _, tt := range []struct {
		what, model string
		keys        map[string]any
		text        string
	}{
		{"an unknown architecture", "qwen3", map[string]any{"general.architecture": "foo"}, `architecture "foo" is not supported; these are: afmoe, `},
		{"an architecture without a folder", "xverse-7b", nil, `architecture "xverse" is not supported: its tokenizer needs merges`},
		{"no architecture", "qwen3", map[string]any{"general.architecture": nil}, "general.architecture"},
		{"this program's own form", "qwen3", map[string]any{"latentgo.version": uint32(3)}, "--mla R+L --to huggingface"},
		{"no number of layers", "qwen3", map[string]any{"qwen3.block_count": nil}, "key qwen3.block_count: not a valid model file"},
		{"many layers", "qwen3", map[string]any{"qwen3.block_count": uint32(1 << 30)}, "1073741824 layers"},
		{"fewer layers", "qwen3", map[string]any{"qwen3.block_count": uint32(1)}, "can't be read again"},
		{"a list for a number", "qwen3", map[string]any{"qwen3.feed_forward_length": []uint32{96, 96}}, "qwen3.feed_forward_length"},
		{"heads that do not divide", "llama2", map[string]any{"llama.attention.head_count": uint32(7)}, "for 7 heads"},
		{"no heads", "llama2", map[string]any{"llama.attention.head_count": uint32(0)}, "for 0 heads"},
		{"values of another size", "qwen3", map[string]any{"qwen3.attention.value_length": uint32(16)}, "attention.value_length: not supported"},
		{"partial rotation", "llama2", map[string]any{"llama.rope.dimension_count": uint32(8)}, "would lose key llama.rope.dimension_count"},
		{"a key without a place", "qwen3", map[string]any{"qwen3.logit_scale": float32(2)}, "would lose key qwen3.logit_scale"},
		{"a key that another class has", "qwen3", map[string]any{"qwen3.expert_count": uint32(8)}, "key qwen3.expert_count: not supported"},
		{"layers of 64 bits", "qwen3", map[string]any{"qwen3.block_count": uint64(1 << 63)}, "qwen3.block_count: not supported: 9223372036854775808 is too large"},
		{"a kind of 64 bits", "qwen3", map[string]any{keyKinds: append([]int64{1 << 32}, make([]int64, 319)...)}, keyKinds + "[0]: not a valid model file: 4294967296"},
		{"a charsmap that is no bytes", "bge-m3-json", map[string]any{"tokenizer.ggml.precompiled_charsmap": []int32{1, 256}}, "tokenizer.ggml.precompiled_charsmap[1]: 256 is no byte"},
		{"another scaling", "qwen3", map[string]any{"qwen3.rope.scaling.type": "longrope"}, `"longrope"`},
		{"an epsilon that is no number", "qwen3", map[string]any{"qwen3.attention.layer_norm_rms_epsilon": float32(math.NaN())}, "rms_epsilon: not supported: it is not finite"},
		{"rules of its own", "qwen3", map[string]any{"tokenizer.ggml.pre": "superbpe"}, `key tokenizer.ggml.pre: not supported: "superbpe"`},
		{"WordPiece", "qwen3", map[string]any{"tokenizer.ggml.model": "bert", "tokenizer.ggml.merges": nil}, "WordPiece needs a token"},
		{"no scores", "llama2", map[string]any{"tokenizer.ggml.scores": make([]float32, 420)}, "all scores are 0"},
		{"a merge of nothing", "qwen3", map[string]any{"tokenizer.ggml.merges": []string{"nothing"}}, "tokenizer.ggml.merges[0]"},
		{"a merge to nothing", "qwen3", map[string]any{"tokenizer.ggml.merges": []string{"! !"}}, "the vocabulary lacks"},
		{"n-grams without numbers", "qwen3.8-next", map[string]any{"qwen4exp.ple.head_offsets": nil}, "key qwen4exp.ple.head_offsets: not a valid model file"},
		{"no template beside a tokenizer", "grok-2", map[string]any{"tokenizer.chat_template": nil}, "needs one beside tokenizer.json"},
		{"limits that differ", "glm-5.3", map[string]any{"glm5-next.swiglu_clamp_exp": []float32{7, 8, 7}}, "one number for all layers"},
		{"bases that the first layers do not tell", "step-3.5-flash", map[string]any{"step35.attention.sliding_window_pattern": []bool{true, false, true}}, "tell its two bases"},
		{"no attention", "plamo-2-1b", map[string]any{"plamo2.attention.head_count_kv": []int32{0, 0}}, "no layer attends"},
		{"part of a head rotates", "qwen-7b", map[string]any{"qwen.rope.dimension_count": uint32(8)}, "rotates all 16 values"},
		{"tokens that are missing", "qwen3", map[string]any{"tokenizer.ggml.tokens": []string{"a", "b"}, "tokenizer.ggml.token_type": []int32{1, 1}, "tokenizer.ggml.merges": []string{}}, "320 rows for 2 tokens"},
	} {
		t.Run(tt.what, func(t *testing.T) {
			f, _ := openAll(t, small(t, tt.model), tt.model, F32)
			_, err := NewExport(changed(t, f, tt.keys), nil)
			if err == nil || !strings.Contains(err.Error(), tt.text) {
				t.Errorf("error %v, wanted one that says %q", err, tt.text)
			}
		})
	}
}

// TestExportOlder: what older files say otherwise, or for nothing, is no reason to refuse them.
func TestExportOlder(t *testing.T) {
	f, _ := openAll(t, small(t, "qwen3"), "qwen3", F32)
	kinds, err := f.Ints(keyKinds)
	if err != nil {
		t.Fatal(err)
	}
	old := make([]int32, len(kinds))
	for i, k := range kinds {
		if old[i] = int32(k); old[i] == kindControl {
			old[i] = kindUserDefined
		}
	}
	keys := map[string]any{keyKinds: old, keySpacePrefix: false, "tokenizer.ggml.scores": make([]float32, len(old)), "qwen3.rope.scaling.finetuned": false}
	if _, err := NewExport(changed(t, f, keys), nil); err != nil {
		t.Error(err)
	}
	f, _ = openAll(t, small(t, "grok-1"), "grok-1", F32)
	keys = map[string]any{"grok.embedding_scale": nil, "grok.logit_scale": nil, "grok.attention.output_scale": nil}
	if _, err := NewExport(changed(t, f, keys), nil); err != nil {
		t.Error(err)
	}
}

// TestExportMutations changes random bytes of files: an error, or a folder whose weights can be read.
func TestExportMutations(t *testing.T) {
	rounds := 40
	if testing.Short() {
		rounds = 10
	}
	for _, name := range []string{"qwen3", "llama2", "qwen3moe", "nemotron-3-nano", "gemma-4-e2b"} {
		_, raw := openAll(t, small(t, name), name, BF16)
		r := rand.New(rand.NewPCG(1, uint64(len(name))))
		for i := range rounds {
			data := append([]byte{}, raw...)
			for range 1 + r.IntN(2) {
				data[r.IntN(len(data)/8)] = byte(r.Uint32()) // mostly the header
			}
			f, err := gguf.OpenBytes("mutated", data)
			if err != nil {
				continue
			}
			exportAll(t, f, i)
			_ = f.Close()
		}
	}
}

// exportAll makes a folder if that can be, and reads it.
func exportAll(t testing.TB, f *gguf.File, what any) {
	defer func() {
		if r := recover(); r != nil {
			t.Fatalf("%v: panic: %v", what, r)
		}
	}()
	if e, err := NewExport(f, nil); err == nil {
		readAll(t, e.FS(), what)
	}
}
