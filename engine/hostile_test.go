package engine

import (
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/latentgo/latentgo/gguf"
	"github.com/latentgo/latentgo/internal/gguftest"
	"github.com/latentgo/latentgo/internal/kernel"
)

// Files that are well-formed GGUF but no model: each is refused with an error that names the file and what is wrong.
func TestLoadRefuses(t *testing.T) {
	set := func(key string, v any) func(*gguftest.Builder) { return func(b *gguftest.Builder) { b.Set(key, v) } }
	del := func(key string) func(*gguftest.Builder) { return func(b *gguftest.Builder) { b.Delete(key) } }
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	cases := []struct {
		name string
		edit func(*gguftest.Builder)
		is   error
		want string
	}{
		{"no architecture", del("general.architecture"), gguf.ErrNoKey, "general.architecture"},
		{"unknown architecture", set("general.architecture", "rwkv7"), ErrUnsupported, `"rwkv7"`},
		{"architecture of the wrong kind", set("general.architecture", uint32(1)), gguf.ErrKind, "general.architecture"},
		{"missing key", del("llama.embedding_length"), gguf.ErrNoKey, "llama.embedding_length"},
		{"mistyped key", set("llama.embedding_length", "64"), gguf.ErrKind, "llama.embedding_length"},
		{"no blocks", set("llama.block_count", uint32(0)), ErrInvalid, "block_count"},
		{"513 blocks", set("llama.block_count", uint32(513)), ErrInvalid, "513"},
		{"no heads", set("llama.attention.head_count", uint32(0)), ErrInvalid, "head_count"},
		{"no key/value heads", set("llama.attention.head_count_kv", uint32(0)), ErrInvalid, "head_count_kv"},
		{"heads not shared evenly", set("llama.attention.head_count_kv", uint32(4)), ErrInvalid, "head_count_kv"},
		{"heads per layer too few", set("llama.attention.head_count", []uint32{6}), ErrInvalid, "1 values for 2 layers"},
		{"odd rope", set("llama.rope.dimension_count", uint32(15)), ErrInvalid, "rope.dimension_count"},
		{"rope above head", set("llama.rope.dimension_count", uint32(18)), ErrInvalid, "rope.dimension_count"},
		{"rope below head", set("llama.rope.dimension_count", uint32(8)), ErrInvalid, "rope.dimension_count"},
		{"rope base 0", set("llama.rope.freq_base", float32(0)), ErrInvalid, "rope.freq_base"},
		{"rope base NaN", set("llama.rope.freq_base", nan), ErrInvalid, "rope.freq_base"},
		{"eps 0", set("llama.attention.layer_norm_rms_epsilon", float32(0)), ErrInvalid, "epsilon"},
		{"eps infinite", set("llama.attention.layer_norm_rms_epsilon", inf), ErrInvalid, "epsilon"},
		{"eps missing", del("llama.attention.layer_norm_rms_epsilon"), ErrInvalid, "epsilon"},
		{"scaling factor NaN", set("llama.rope.scaling.factor", nan), ErrInvalid, "scaling.factor"},
		{"scaling factor negative", set("llama.rope.scaling.factor", float32(-2)), ErrInvalid, "scaling.factor"},
		{"unknown scaling", set("llama.rope.scaling.type", "spiral"), ErrUnsupported, "spiral"},
		{"more experts used than there are", set("llama.expert_used_count", uint32(2)), ErrInvalid, "expert_used_count"},
		{"experts of which none is used", set("llama.expert_count", uint32(8)), gguf.ErrNoKey, "llama.expert_used_count"},
		{"attention to later tokens", set("llama.attention.causal", false), ErrUnsupported, "llama.attention.causal"},
		{"tensor of another architecture", func(b *gguftest.Builder) {
			b.AddTensor("blk.1.attn_sinks.weight", kernel.F32, []uint64{6}, nil)
		}, ErrUnsupported, "blk.1.attn_sinks.weight"},
		{"width of another model", set("llama.embedding_length", uint32(128)), ErrInvalid, "token_embd.weight"},
		{"feed-forward of another model", set("llama.feed_forward_length", uint32(64)), ErrInvalid, "ffn_gate.weight"},
		{"more blocks than tensors", set("llama.block_count", uint32(3)), nil, "blk.2."},
		{"rope factor 0", func(b *gguftest.Builder) { b.AddTensor("rope_freqs.weight", kernel.F32, []uint64{8}, nil) }, ErrInvalid, "rope factor 0"},
		{"scale tensor 0", func(b *gguftest.Builder) { b.AddTensor("blk.0.attn_q.scale", kernel.F32, []uint64{1}, nil) }, ErrInvalid, "blk.0.attn_q.scale"},
		{"matrix of integers", func(b *gguftest.Builder) {
			b.AddTensor("output.weight", gguf.Type(26), []uint64{64, 80}, nil)
		}, kernel.ErrType, "output.weight"},
		{"output of another vocabulary", func(b *gguftest.Builder) {
			b.AddTensor("output.weight", kernel.F32, []uint64{64, 81}, nil)
		}, ErrInvalid, "output.weight"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			b := gguftest.TinyLlama().Build()
			c.edit(b)
			loadFails(t, b.Write(t), c.is, c.want)
		})
	}
}

// loadFails wants Load to refuse a file with an error that wraps is, if not nil, and names the file and want.
func loadFails(t *testing.T, path string, is error, want string) {
	t.Helper()
	m, err := Load(path, nil)
	if err == nil {
		m.Close()
		t.Fatal("loads")
	}
	if !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path) {
		t.Errorf("error %q does not name the file and %q", err, want)
	}
	if is != nil && !errors.Is(err, is) {
		t.Errorf("error %q is not %q", err, is)
	}
}

func TestLoadOptionsErrors(t *testing.T) {
	if _, err := Load("nowhere.gguf", nil); err == nil || !strings.Contains(err.Error(), "nowhere.gguf") {
		t.Errorf("missing file: %v", err)
	}
	if _, err := Load("nowhere.gguf", &Options{Threads: -1}); err == nil || !strings.Contains(err.Error(), "threads") {
		t.Errorf("negative threads: %v", err)
	}
}

func TestVocabularyHasNoWeights(t *testing.T) {
	b := (&gguftest.Builder{}).AddKV("general.architecture", "llama").AddKV("tokenizer.ggml.model", "test")
	m := loadFile(t, b.Write(t), Options{})
	if _, err := m.NewSession(nil); !errors.Is(err, ErrNoWeights) {
		t.Errorf("NewSession: %v", err)
	}
	if _, err := m.Tokenizer(); !errors.Is(err, ErrNoTokenizer) {
		t.Errorf("Tokenizer: %v", err)
	}
	if _, err := m.Template(); !errors.Is(err, ErrNoTemplate) {
		t.Errorf("Template: %v", err)
	}
	m = loadFile(t, gguftest.TinyLlama().Build().Write(t), Options{VocabOnly: true})
	if _, err := m.NewSession(nil); !errors.Is(err, ErrNoWeights) {
		t.Errorf("VocabOnly: NewSession: %v", err)
	}
}
