package gguftest

import (
	"fmt"
	"math/rand/v2"

	"github.com/latentgo/latentgo/internal/ggtype"
	"github.com/latentgo/latentgo/internal/kernel"
)

// Tiny describes a small random model with grouped-query attention and a dense feed-forward network, for tests that
// need weights but no language. The same description gives the same bytes.
type Tiny struct {
	Arch                                            string
	Layers, Width, FFN, Heads, KVHeads, Size, Vocab int
	Bias, QKNorm, PostNorm                          bool
	Bytes                                           bool        // a tokenizer of single bytes; Vocab must be 259
	Matrix                                          ggtype.Type // of projections and embeddings
}

// TinyLlama is a quantised model of two layers.
func TinyLlama() Tiny {
	return Tiny{Arch: "llama", Layers: 2, Width: 64, FFN: 96, Heads: 6, KVHeads: 2, Size: 16, Vocab: 80, Matrix: ggtype.Q8_0}
}

// TinyFloat is a model of three layers whose weights are not rounded, of a width at which a conversion's matrices are
// not either beyond half precision.
func TinyFloat(arch string) Tiny {
	return Tiny{Arch: arch, Layers: 3, Width: 48, FFN: 80, Heads: 6, KVHeads: 2, Size: 16, Vocab: 90, Matrix: ggtype.F32}
}

// TinyGemma is TinyFloat of Gemma 3, without a sliding window.
func TinyGemma() Tiny {
	m := TinyFloat("gemma3")
	m.QKNorm, m.PostNorm = true, true
	return m
}

// Build returns the model as a file with its keys as metadata, and a tokenizer that nobody knows.
func (m Tiny) Build() *Builder {
	b := &Builder{}
	r := rand.New(rand.NewPCG(5, 6))
	a := m.Arch + "."
	b.AddKV("general.architecture", m.Arch).AddKV(a+"block_count", uint32(m.Layers)).AddKV(a+"context_length", uint32(512))
	b.AddKV(a+"embedding_length", uint32(m.Width)).AddKV(a+"feed_forward_length", uint32(m.FFN))
	b.AddKV(a+"attention.head_count", uint32(m.Heads)).AddKV(a+"attention.head_count_kv", uint32(m.KVHeads))
	b.AddKV(a+"attention.key_length", uint32(m.Size)).AddKV(a+"attention.value_length", uint32(m.Size))
	b.AddKV(a+"attention.layer_norm_rms_epsilon", float32(1e-5)).AddKV(a+"rope.freq_base", float32(10000))
	if m.Bytes {
		b.addByteTokens()
	} else {
		b.AddKV("tokenizer.ggml.model", "test")
	}
	b.AddRandom(r, "token_embd.weight", m.Matrix, m.Width, m.Vocab)
	b.AddRandom(r, "output_norm.weight", ggtype.F32, m.Width)
	for i := range m.Layers {
		m.layer(b, r, fmt.Sprintf("blk.%d.", i))
	}
	return b
}

// addByteTokens adds an SPM vocabulary: unknown, BOS, EOS and the 256 bytes.
func (b *Builder) addByteTokens() {
	tokens, types := []string{"<unk>", "<s>", "</s>"}, []int32{2, 3, 3}
	for i := range 256 {
		tokens, types = append(tokens, fmt.Sprintf("<0x%02X>", i)), append(types, 6)
	}
	b.AddKV("tokenizer.ggml.model", "llama").AddKV("tokenizer.ggml.tokens", tokens).AddKV("tokenizer.ggml.token_type", types)
	b.AddKV("tokenizer.ggml.scores", make([]float32, len(tokens)))
	b.AddKV("tokenizer.ggml.bos_token_id", uint32(1)).AddKV("tokenizer.ggml.eos_token_id", uint32(2))
}

// layer adds the tensors of the layer whose names start with p.
func (m Tiny) layer(b *Builder, r *rand.Rand, p string) {
	q, kv := m.Heads*m.Size, m.KVHeads*m.Size
	for _, t := range []struct {
		name    string
		in, out int
	}{
		{"attn_q", m.Width, q}, {"attn_k", m.Width, kv}, {"attn_v", m.Width, kv}, {"attn_output", q, m.Width},
		{"ffn_gate", m.Width, m.FFN}, {"ffn_up", m.Width, m.FFN}, {"ffn_down", m.FFN, m.Width},
	} {
		b.AddRandom(r, p+t.name+".weight", m.Matrix, t.in, t.out)
	}
	vector := func(name string, n int) { b.AddRandom(r, p+name, ggtype.F32, n) }
	vector("attn_norm.weight", m.Width)
	vector("ffn_norm.weight", m.Width)
	if m.Bias {
		vector("attn_q.bias", q)
		vector("attn_k.bias", kv)
		vector("attn_v.bias", kv)
	}
	if m.QKNorm {
		vector("attn_q_norm.weight", m.Size)
		vector("attn_k_norm.weight", m.Size)
	}
	if m.PostNorm {
		vector("post_attention_norm.weight", m.Width)
		vector("post_ffw_norm.weight", m.Width)
	}
}

// AddRandom adds a tensor of random weights: vectors around 1, as norms have them, others small. It returns b.
func (b *Builder) AddRandom(r *rand.Rand, name string, t ggtype.Type, shape ...int) *Builder {
	n, dims := 1, []uint64{}
	for _, d := range shape {
		n *= d
		dims = append(dims, uint64(d))
	}
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(r.NormFloat64()) * 0.2
		if len(shape) == 1 {
			x[i]++
		}
	}
	data := make([]byte, Size(t, dims))
	if err := kernel.Quantize(data, t, x); err != nil {
		panic(err)
	}
	return b.AddTensor(name, t, dims, data)
}

// NewRand is a source for weights that come on top of a model's own.
func NewRand() *rand.Rand { return rand.New(rand.NewPCG(11, 12)) }

// RandomIDs returns n tokens of a vocabulary, the same each time.
func RandomIDs(n, vocab int) []int32 {
	r := rand.New(rand.NewPCG(1, 9))
	ids := make([]int32, n)
	for i := range ids {
		ids[i] = int32(r.IntN(vocab))
	}
	return ids
}

// Windows cuts random text into n pieces of so many tokens.
func Windows(n, size, vocab int) [][]int32 {
	ids := RandomIDs(n*size, vocab)
	out := make([][]int32, n)
	for i := range out {
		out[i] = ids[i*size:][:size]
	}
	return out
}
