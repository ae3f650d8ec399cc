package gguftest

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"

	"github.com/latentgo/latentgo/internal/ggtype"
)

// Relative describes a small random model of one of the architectures that differ from llama in attention, position
// embedding, scales and experts, by what its files have. The same description gives the same bytes.
type Relative struct {
	Arch                               string
	Layers, KVHeads, FFN               int
	NoPreNorm, PostNorm                bool
	FFNNorm                            string // of the norm before the network, without ".weight"
	QKNorm, WholeNorm                  bool
	FusedQKV, FusedFFN, Ungated        bool
	QKVBias, OutBias, FFNBias, Sinks   bool
	Experts, ExpertFFN, Shared         int // 2 are used; Shared is the width of the network that every token runs
	Dense, Every                       int // layers before the first with experts; every so many layers has them, 0 means each
	ChoiceBias, ExpertBias, SharedGate bool
	Tied                               bool
	Matrix                             ggtype.Type    // of experts
	Factors                            []string       // tensors that divide the frequencies
	Keys                               map[string]any // below "<architecture>."
	XIELU                              map[string]any // keys of activations
}

// Shape of all these models.
const (
	RelativeVocab  = 48
	relativeWidth  = 64
	relativeHeads  = 4
	relativeHead   = 16
	relativeUsed   = 2
	relativeOrigin = 16
)

// RelativeVariants are models of all these architectures by name, those that llama.cpp's logits in
// engine/testdata/relatives belong to.
func RelativeVariants() map[string]Relative {
	out := map[string]Relative{}
	add := func(name, arch string, changes ...func(m *Relative)) {
		m := Relative{Arch: arch, Layers: 2, KVHeads: 2, FFN: 96, FFNNorm: "ffn_norm", Keys: map[string]any{}}
		for _, f := range changes {
			f(&m)
		}
		out[name] = m
	}
	key := func(k string, v any) func(m *Relative) { return func(m *Relative) { m.Keys[k] = v } }
	layers := func(n, ffn int) func(m *Relative) { return func(m *Relative) { m.Layers, m.FFN = n, ffn } }
	factors := func(names ...string) func(m *Relative) { return func(m *Relative) { m.Factors = names } }
	tied := func(m *Relative) { m.Tied = true }
	experts := func(m *Relative) {
		m.Experts, m.ExpertFFN = 8, 32
		m.Keys["expert_feed_forward_length"] = uint32(m.ExpertFFN)
	}
	sigmoid := key("expert_gating_func", uint32(2))
	shared := func(m *Relative) { m.Shared = 64; m.Keys["expert_shared_feed_forward_length"] = uint32(64) }
	sharedCount := func(m *Relative) { m.Shared = 64; m.Keys["expert_shared_count"] = uint32(2) }
	choice := func(m *Relative) { m.ChoiceBias = true }
	wide := func(m *Relative) { m.ExpertFFN = m.FFN } // experts as wide as feed_forward_length
	dense := func(m *Relative) { m.Dense = 1; m.Keys["leading_dense_block_count"] = uint32(1) }
	qkNorm := func(m *Relative) { m.QKNorm = true }
	whole := func(m *Relative) { m.WholeNorm = true }
	mha := func(m *Relative) { m.KVHeads = relativeHeads }
	post := func(m *Relative) { m.PostNorm = true }
	postOnly := func(m *Relative) { m.PostNorm, m.NoPreNorm = true, true }
	biases := func(m *Relative) { m.QKVBias = true }
	second := func(m *Relative) { m.FFNNorm = "post_attention_norm" }
	window := key("attention.sliding_window", uint32(8))
	normed := func(m *Relative) {
		m.Keys["expert_weights_norm"], m.Keys["expert_weights_scale"] = true, float32(1.5)
	}
	yarn := func(m *Relative) {
		m.Keys["rope.scaling.type"], m.Keys["rope.scaling.factor"] = "yarn", float32(4)
		m.Keys["rope.scaling.original_context_length"] = uint32(relativeOrigin)
	}
	granite := func(m *Relative) {
		m.Keys["logit_scale"], m.Keys["residual_scale"] = float32(4), float32(0.3)
		m.Keys["embedding_scale"], m.Keys["attention.scale"] = float32(3), float32(0.15)
	}
	sections := func(n ...int32) func(m *Relative) { return key("rope.dimension_sections", n) }

	ungated := func(m *Relative) { m.Ungated = true }
	add("arcee", "arcee", ungated, yarn, factors("rope_freqs"))
	add("apertus", "apertus", ungated, qkNorm, func(m *Relative) {
		m.OutBias = true
		m.XIELU = map[string]any{"xielu.alpha_n": []float32{0.4, -0.3}, "xielu.alpha_p": []float32{0.7, 0.2},
			"xielu.beta": []float32{0.5, 0.6}, "xielu.eps": []float32{-1e-6, -1e-3}}
	})
	add("granite", "granite", granite, tied)
	add("granite-factors", "granite", granite, factors("rope_freqs"), func(m *Relative) { m.OutBias, m.FFNBias = true, true })
	add("granite-no-positions", "granite", granite, key("rope.scaling.finetuned", false))
	add("granite-experts", "granite", granite, experts, wide, shared)
	add("granitemoe", "granitemoe", granite, experts, wide)
	add("smollm3", "smollm3", layers(4, 64), tied)
	add("phi3", "phi3", mha, window, func(m *Relative) { m.FusedQKV, m.FusedFFN = true, true })
	add("phi3-long", "phi3", tied, factors("rope_factors_short", "rope_factors_long"), key("rope.scaling.attn_factor", float32(1.2)),
		key("rope.scaling.original_context_length", uint32(relativeOrigin)), func(m *Relative) { m.FusedQKV, m.FusedFFN = true, true })
	add("phi3-short", "phi3", factors("rope_factors_short", "rope_factors_long"), key("rope.scaling.original_context_length", uint32(4096)),
		func(m *Relative) { m.FusedQKV, m.FusedFFN = true, true })
	add("gemma", "gemma", tied)
	add("gemma2", "gemma2", tied, post, window, layers(4, 64), key("attn_logit_softcapping", float32(2)),
		key("final_logit_softcapping", float32(10)))
	add("gemma2-27b", "gemma2", tied, post, window, layers(46, 32))
	add("gpt-oss", "gpt-oss", experts, yarn, window, second, biases,
		func(m *Relative) { m.OutBias, m.Sinks, m.ExpertBias = true, true, true })
	add("gpt-oss-mxfp4", "gpt-oss", experts, window, second, biases,
		func(m *Relative) { m.OutBias, m.Sinks, m.ExpertBias, m.Matrix = true, true, true, ggtype.MXFP4 })
	add("qwen2moe", "qwen2moe", experts, shared, biases, func(m *Relative) { m.SharedGate = true })
	add("qwen2moe-widths", "qwen2moe", biases, func(m *Relative) { m.Experts, m.ExpertFFN, m.Shared, m.SharedGate = 8, 48, 96, true })
	add("qwen2vl", "qwen2vl", biases, sections(2, 3, 3, 0))
	add("qwen3vl", "qwen3vl", qkNorm, tied, sections(4, 2, 2, 0))
	add("qwen3vlmoe", "qwen3vlmoe", qkNorm, experts, sections(4, 2, 2, 0))
	add("olmo2", "olmo2", postOnly, whole)
	add("olmo3", "olmo2", postOnly, whole, layers(4, 64), window, yarn)
	add("olmoe", "olmoe", mha, whole, experts, wide)
	add("glm4", "glm4", post, biases, key("rope.dimension_count", uint32(8)), func(m *Relative) { m.FusedFFN = true })
	add("glm4-sections", "glm4", post, key("rope.dimension_count", uint32(8)), sections(2, 1, 1, 0), func(m *Relative) { m.FusedFFN = true })
	add("glm4moe", "glm4moe", second, qkNorm, experts, sharedCount, choice, dense, normed, key("rope.dimension_count", uint32(8)))
	add("seed_oss", "seed_oss", second, biases)
	add("exaone4", "exaone4", postOnly, qkNorm, tied)
	add("exaone4-32b", "exaone4", postOnly, qkNorm, layers(64, 32), window)
	add("ernie4_5", "ernie4_5", tied)
	add("ernie4_5-moe", "ernie4_5-moe", experts, shared, choice, dense, key("interleave_moe_layer_step", uint32(1)))
	add("hunyuan-dense", "hunyuan-dense", qkNorm, tied, key("rope.scaling.alpha", float32(50)))
	add("hunyuan-moe", "hunyuan-moe", qkNorm, experts, wide, func(m *Relative) { m.Shared = m.FFN })
	add("dots1", "dots1", mha, qkNorm, experts, sharedCount, choice, dense, normed, sigmoid)
	add("bailingmoe2", "bailingmoe2", qkNorm, experts, choice, dense, normed, sigmoid, key("rope.dimension_count", uint32(8)),
		key("expert_shared_feed_forward_length", uint32(64)), key("expert_shared_count", uint32(1)),
		key("expert_group_count", uint32(4)), key("expert_group_used_count", uint32(2)),
		func(m *Relative) { m.Shared, m.FusedQKV = 64, true })
	add("minimax-m2", "minimax-m2", whole, experts, wide, choice, sigmoid, key("rope.dimension_count", uint32(8)))
	add("deepseek", "deepseek", experts, sharedCount, dense, key("expert_weights_scale", float32(1.5)))
	add("smallthinker", "smallthinker", layers(5, 64), experts, key("attention.sliding_window", uint32(4096)), sigmoid)
	add("llama4", "llama4", layers(4, 64), experts, key("interleave_moe_layer_step", uint32(2)),
		func(m *Relative) { m.Shared, m.Every = 32, 2 })
	add("bailingmoe", "bailingmoe", experts, sharedCount, normed)
	add("exaone", "exaone", factors("rope_freqs"))
	add("exaone-moe", "exaone-moe", layers(4, 64), qkNorm, window, experts, shared, choice, dense, normed, sigmoid)
	add("granite_swa", "granite_swa", granite, layers(4, 64), window, key("attention.sliding_window_pattern", []bool{true, true, false, true}),
		key("attention.rope_pattern", []uint32{1, 1, 0, 1}), func(m *Relative) { m.Sinks = true })
	add("hunyuan_vl", "hunyuan_vl", qkNorm, sections(2, 3, 3, 0))
	add("maincoder", "maincoder", qkNorm, tied)
	add("mellum", "mellum", layers(4, 64), qkNorm, experts, window, yarn)
	add("mimo2", "mimo2", layers(3, 96), experts, choice, window, yarn, key("attention.value_scale", float32(0.6)),
		key("attention.sliding_window_pattern", []bool{false, true, true}), key("rope.freq_base_swa", float32(5000)),
		key("rope.dimension_count", uint32(8)), func(m *Relative) { m.Dense, m.Sinks = 1, true })
	add("minicpm", "minicpm", tied)
	add("minicpm-experts", "minicpm", experts, wide, key("logit_scale", float32(2)), key("residual_scale", float32(0.5)),
		key("embedding_scale", float32(2)))
	add("pangu-embedded", "pangu-embedded", biases, func(m *Relative) { m.OutBias = true })
	return out
}

// Build returns the model as a file, with a tokenizer that nobody knows.
func (m Relative) Build() *Builder {
	b, r := m.metadata(), rand.New(rand.NewPCG(31, 32))
	b.AddRandom(r, "token_embd.weight", ggtype.F32, relativeWidth, RelativeVocab)
	b.AddRandom(r, "output_norm.weight", ggtype.F32, relativeWidth)
	if !m.Tied {
		b.AddRandom(r, "output.weight", ggtype.F32, relativeWidth, RelativeVocab)
	}
	for _, name := range m.Factors {
		n := relativeHead / 2
		if d, ok := m.Keys["rope.dimension_count"].(uint32); ok {
			n = int(d) / 2
		}
		b.AddRandom(r, name+".weight", ggtype.F32, n)
	}
	for i := range m.Layers {
		add := func(name string, t ggtype.Type, shape ...int) {
			name = fmt.Sprintf("blk.%d.%s", i, name)
			if t == ggtype.MXFP4 {
				b.addMXFP4(r, name, shape...)
			} else {
				b.AddRandom(r, name, t, shape...)
			}
		}
		m.norms(add)
		m.attention(add)
		if m.Experts > 0 && i >= m.Dense && (m.Every == 0 || (i+1)%m.Every == 0) {
			m.experts(add)
		} else {
			m.network(add)
		}
	}
	return b
}

// addMXFP4 adds a tensor of random codes, each block of 32 with a small random power of two.
func (b *Builder) addMXFP4(r *rand.Rand, name string, shape ...int) {
	const blockBytes = 17
	dims := make([]uint64, len(shape))
	for i, d := range shape {
		dims[i] = uint64(d)
	}
	data := make([]byte, Size(ggtype.MXFP4, dims))
	for i := range data {
		data[i] = byte(r.Uint32())
		if i%blockBytes == 0 {
			data[i] = byte(122 + r.IntN(3)) // 2^-5 … 2^-3
		}
	}
	b.AddTensor(name, ggtype.MXFP4, dims, data)
}

func (m Relative) metadata() *Builder {
	b, a := &Builder{}, m.Arch+"."
	b.AddKV("general.architecture", m.Arch).AddKV("tokenizer.ggml.model", "test")
	tokens := make([]string, RelativeVocab)
	for i := range tokens {
		tokens[i] = fmt.Sprint("t", i)
	}
	b.AddKV("tokenizer.ggml.tokens", tokens).AddKV(a+"vocab_size", uint32(RelativeVocab))
	b.AddKV(a+"block_count", uint32(m.Layers)).AddKV(a+"context_length", uint32(512))
	b.AddKV(a+"embedding_length", uint32(relativeWidth)).AddKV(a+"feed_forward_length", uint32(m.FFN))
	b.AddKV(a+"attention.head_count", uint32(relativeHeads)).AddKV(a+"attention.head_count_kv", uint32(m.KVHeads))
	b.AddKV(a+"attention.layer_norm_rms_epsilon", float32(1e-5))
	if m.Experts > 0 {
		b.AddKV(a+"expert_count", uint32(m.Experts)).AddKV(a+"expert_used_count", uint32(relativeUsed))
	}
	for _, k := range slices.Sorted(maps.Keys(m.Keys)) {
		b.AddKV(a+k, m.Keys[k])
	}
	for _, k := range slices.Sorted(maps.Keys(m.XIELU)) {
		b.AddKV(k, m.XIELU[k])
	}
	return b
}

type adder = func(name string, t ggtype.Type, shape ...int)

func (m Relative) norms(add adder) {
	if !m.NoPreNorm {
		add("attn_norm.weight", ggtype.F32, relativeWidth)
		add(m.FFNNorm+".weight", ggtype.F32, relativeWidth)
	}
	if m.PostNorm {
		add("post_attention_norm.weight", ggtype.F32, relativeWidth)
		add("post_ffw_norm.weight", ggtype.F32, relativeWidth)
	}
}

func (m Relative) attention(add adder) {
	const w = relativeWidth
	q, kv := relativeHeads*relativeHead, m.KVHeads*relativeHead
	if m.FusedQKV {
		add("attn_qkv.weight", ggtype.F32, w, q+2*kv)
	} else {
		add("attn_q.weight", ggtype.F32, w, q)
		add("attn_k.weight", ggtype.F32, w, kv)
		add("attn_v.weight", ggtype.F32, w, kv)
	}
	add("attn_output.weight", ggtype.F32, q, w)
	if m.QKVBias {
		add("attn_q.bias", ggtype.F32, q)
		add("attn_k.bias", ggtype.F32, kv)
		add("attn_v.bias", ggtype.F32, kv)
	}
	if m.OutBias {
		add("attn_output.bias", ggtype.F32, w)
	}
	if m.Sinks {
		add("attn_sinks.weight", ggtype.F32, relativeHeads)
	}
	if m.QKNorm {
		add("attn_q_norm.weight", ggtype.F32, relativeHead)
		add("attn_k_norm.weight", ggtype.F32, relativeHead)
	}
	if m.WholeNorm {
		add("attn_q_norm.weight", ggtype.F32, q)
		add("attn_k_norm.weight", ggtype.F32, kv)
	}
}

func (m Relative) network(add adder) {
	const w = relativeWidth
	if m.FusedFFN {
		add("ffn_up.weight", ggtype.F32, w, 2*m.FFN)
	} else {
		if !m.Ungated {
			add("ffn_gate.weight", ggtype.F32, w, m.FFN)
		}
		add("ffn_up.weight", ggtype.F32, w, m.FFN)
	}
	add("ffn_down.weight", ggtype.F32, m.FFN, w)
	if m.FFNBias {
		add("ffn_gate.bias", ggtype.F32, m.FFN)
		add("ffn_up.bias", ggtype.F32, m.FFN)
		add("ffn_down.bias", ggtype.F32, w)
	}
}

func (m Relative) experts(add adder) {
	const w = relativeWidth
	n, ff := m.Experts, m.ExpertFFN
	add("ffn_gate_inp.weight", ggtype.F32, w, n)
	add("ffn_gate_exps.weight", m.Matrix, w, ff, n)
	add("ffn_up_exps.weight", m.Matrix, w, ff, n)
	add("ffn_down_exps.weight", m.Matrix, ff, w, n)
	if m.ChoiceBias {
		add("exp_probs_b.bias", ggtype.F32, n)
	}
	if m.ExpertBias {
		add("ffn_gate_inp.bias", ggtype.F32, n)
		add("ffn_gate_exps.bias", ggtype.F32, ff, n)
		add("ffn_up_exps.bias", ggtype.F32, ff, n)
		add("ffn_down_exps.bias", ggtype.F32, w, n)
	}
	if m.Shared > 0 {
		add("ffn_gate_shexp.weight", ggtype.F32, w, m.Shared)
		add("ffn_up_shexp.weight", ggtype.F32, w, m.Shared)
		add("ffn_down_shexp.weight", ggtype.F32, m.Shared, w)
	}
	if m.SharedGate {
		add("ffn_gate_inp_shexp.weight", ggtype.F32, w)
	}
}
