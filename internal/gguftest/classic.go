package gguftest

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"

	"github.com/latentgo/latentgo/internal/ggtype"
)

// Classic describes a small random model of one of the architectures whose blocks differ in norms, flow and positions,
// by what its files have.
type Classic struct {
	Arch                            string
	Layers, Heads, KVHeads, Context int
	FFN, Vocab                      int
	Norms                           []string // "output_norm", and of layers "attn_norm" …
	NormBias                        bool
	Fused, QKVBias, OutBias         bool // one matrix for queries, keys and values; biases of these; of attn_output
	Gated, FFNBias                  bool // a gate in the feed-forward network; its biases
	DownBias                        bool // ffn_down has one in any case
	GateBiasless                    bool // but the gate has none
	WideUp                          bool // gates in the matrix of ffn_up
	WholeNorm                       bool // a norm for all query heads, and one for all key heads
	QKNorm                          bool // a norm for each query and key head
	TokenTypes                      bool
	Experts                         int            // instead of a dense network; 2 are used
	Positions, Tied, LogitBias      bool           // learned position embeddings; no output of its own; a bias of it
	Keys                            map[string]any // below "<architecture>."
}

// classicHead is the size of a head.
const classicHead = 16

// classic returns a model that a description changes.
func classic(arch string, change func(m *Classic)) Classic {
	m := Classic{
		Arch: arch, Layers: 2, Heads: 4, KVHeads: 4, Context: 64, FFN: 96, Vocab: 48,
		Norms: []string{"output_norm", "attn_norm", "ffn_norm"}, Keys: map[string]any{},
	}
	change(&m)
	return m
}

// gptLike has layer norms, a network without a gate, and biases everywhere.
func gptLike(m *Classic) { m.NormBias, m.QKVBias, m.OutBias, m.FFNBias = true, true, true, true }

// gated is Llama's network.
func gated(m *Classic) { m.Gated = true }

// ClassicVariants are models of all these architectures by name, those that llama.cpp's logits in
// engine/testdata/classic belong to.
func ClassicVariants() map[string]Classic {
	out := map[string]Classic{}
	add := func(name, arch string, changes ...func(m *Classic)) {
		out[name] = classic(arch, func(m *Classic) {
			for _, f := range changes {
				f(m)
			}
		})
	}
	fused := func(m *Classic) { m.Fused = true }
	grouped := func(m *Classic) { m.KVHeads = 2 }
	tied := func(m *Classic) { m.Tied = true }
	key := func(k string, v any) func(m *Classic) { return func(m *Classic) { m.Keys[k] = v } }
	norms := func(names ...string) func(m *Classic) { return func(m *Classic) { m.Norms = names } }
	one := norms("output_norm", "attn_norm")
	partial := key("rope.dimension_count", uint32(8))

	add("starcoder2", "starcoder2", gptLike, grouped, tied)
	add("codeshell", "codeshell", gptLike, grouped, fused)
	add("starcoder", "starcoder", gptLike, fused, func(m *Classic) { m.KVHeads, m.Positions = 1, true })
	add("gpt2", "gpt2", gptLike, fused, tied, func(m *Classic) { m.Positions = true })
	add("gptneox", "gptneox", gptLike, fused, partial, key("use_parallel_residual", true))
	add("gptneox-sequential", "gptneox", gptLike, fused, partial, key("use_parallel_residual", false))
	add("phi2", "phi2", gptLike, one, partial, func(m *Classic) { m.LogitBias = true })
	add("falcon-7b", "falcon", fused, one, tied, func(m *Classic) { m.NormBias, m.KVHeads = true, 1 })
	add("falcon-40b", "falcon", fused, grouped, norms("output_norm", "attn_norm", "attn_norm_2"), func(m *Classic) { m.NormBias = true })
	add("mpt", "mpt", fused, tied, key("attention.max_alibi_bias", float32(8)), key("attention.clamp_kqv", float32(0.7)),
		func(m *Classic) { m.Heads, m.KVHeads = 3, 3 })
	add("mpt-positions", "mpt", gptLike, fused, tied, func(m *Classic) { m.Positions = true })
	add("bloom", "bloom", gptLike, fused, tied, norms("output_norm", "token_embd_norm", "attn_norm", "ffn_norm"))
	add("refact", "refact", gated, tied, func(m *Classic) { m.KVHeads = 1 })
	add("command-r", "command-r", gated, one, grouped, tied, key("logit_scale", float32(0.125)))
	add("command-r-plus", "command-r", gated, one, grouped, tied, key("logit_scale", float32(0.5)),
		func(m *Classic) { m.QKNorm, m.Layers, m.FFN = true, 64, 32 })
	add("cohere2", "cohere2", gated, one, grouped, tied, key("logit_scale", float32(0.25)), key("attention.sliding_window", uint32(8)),
		func(m *Classic) { m.Layers = 4 })
	add("nemotron", "nemotron", grouped, partial, func(m *Classic) { m.NormBias = true })
	add("nemotron-biases", "nemotron", gptLike, grouped)
	add("olmo", "olmo", gated, norms(), tied)
	add("olmo-clamped", "olmo", gated, norms(), key("attention.clamp_kqv", float32(0.5)))
	add("orion", "orion", gated, func(m *Classic) { m.NormBias = true })
	add("xverse", "xverse", gated)
	add("internlm2", "internlm2", gated, grouped)
	add("baichuan-7b", "baichuan", gated, func(m *Classic) { m.Layers, m.FFN = 32, 32 })
	add("baichuan-13b", "baichuan", gated, func(m *Classic) { m.Layers, m.FFN = 40, 32 })
	add("qwen", "qwen", gated, fused, func(m *Classic) { m.QKVBias = true })
	add("jais", "jais", gptLike, gated, fused, key("attention.max_alibi_bias", float32(8)))
	add("jais2", "jais2", gptLike, grouped, tied)
	add("stablelm", "stablelm", gated, partial, func(m *Classic) { m.NormBias, m.QKVBias = true, true })
	add("stablelm-normed", "stablelm", gated, grouped, partial, func(m *Classic) { m.NormBias, m.QKNorm = true, true })
	add("stablelm-12b", "stablelm", gated, one, grouped, partial, func(m *Classic) { m.NormBias, m.QKNorm = true, true })
	add("chatglm", "chatglm", grouped, partial, func(m *Classic) { m.QKVBias, m.WideUp = true, true })
	add("phimoe", "phimoe", grouped, func(m *Classic) {
		m.NormBias, m.QKVBias, m.OutBias, m.LogitBias, m.Experts = true, true, true, true, 4
	})
	add("dbrx", "dbrx", fused, grouped, norms("output_norm", "attn_norm", "attn_output_norm"),
		key("attention.clamp_kqv", float32(0.8)), func(m *Classic) { m.Experts = 4 })
	return out
}

// EncoderVariants are models that turn texts into vectors, those that llama.cpp's rows in engine/testdata/encoders
// belong to.
func EncoderVariants() map[string]Classic {
	bert := func(arch string, changes ...func(m *Classic)) Classic {
		return classic(arch, func(m *Classic) {
			m.Norms = []string{"token_embd_norm", "attn_output_norm", "layer_output_norm"}
			m.NormBias, m.TokenTypes, m.Tied = true, true, true
			m.Keys["attention.causal"] = false
			for _, f := range changes {
				f(m)
			}
		})
	}
	code := func(m *Classic) { m.WholeNorm, m.WideUp, m.FFNBias, m.DownBias = true, true, false, true }
	modern := func(window uint32) func(m *Classic) {
		return func(m *Classic) {
			m.Norms, m.NormBias, m.TokenTypes = []string{"output_norm", "token_embd_norm", "attn_norm", "ffn_norm"}, false, false
			m.Fused, m.WideUp, m.Layers = true, true, 4
			m.Keys["rope.freq_base"], m.Keys["rope.freq_base_swa"] = float32(160000), float32(10000)
			m.Keys["attention.sliding_window"] = window
		}
	}
	return map[string]Classic{
		"bert":         bert("bert", gptLike, func(m *Classic) { m.Positions = true }),
		"bert-fused":   bert("bert", gptLike, func(m *Classic) { m.Positions, m.Fused, m.Heads, m.KVHeads = true, true, 3, 3 }),
		"nomic-bert":   bert("nomic-bert", gated, func(m *Classic) { m.Fused = true }),
		"jina-bert":    bert("jina-bert-v2", gptLike, gated, func(m *Classic) { m.GateBiasless = true }),
		"jina-bert-v3": bert("jina-bert-v3", gptLike, func(m *Classic) { m.Fused = true }),
		"nomic-bert-moe": bert("nomic-bert-moe", gptLike, func(m *Classic) {
			m.Fused, m.Experts, m.Layers = true, 4, 4
			m.Keys["moe_every_n_layers"] = uint32(2)
		}),
		"jina-bert-code": bert("jina-bert-v2", gptLike, code),
		"jina-bert-normed": bert("jina-bert-v2", gptLike, code, func(m *Classic) {
			m.Norms = []string{"token_embd_norm", "attn_output_norm", "attn_norm_2", "layer_output_norm"}
		}),
		"modern-bert":        bert("modern-bert", modern(8)),
		"modern-bert-global": bert("modern-bert", modern(0)),
		"modern-bert-scaled": bert("modern-bert", modern(8), func(m *Classic) {
			delete(m.Keys, "rope.freq_base_swa")
			m.Keys["rope.scaling.factor"], m.Keys["rope.freq_base"] = float32(4), float32(160000)
		}),
	}
}

// Build returns the model as a file, with a tokenizer that nobody knows.
func (m Classic) Build() *Builder {
	b := &Builder{}
	r := rand.New(rand.NewPCG(21, 22))
	a := m.Arch + "."
	size := classicHead
	b.AddKV("general.architecture", m.Arch).AddKV("tokenizer.ggml.model", "test")
	tokens := make([]string, m.Vocab)
	for i := range tokens {
		tokens[i] = fmt.Sprint("t", i)
	}
	b.AddKV("tokenizer.ggml.tokens", tokens)
	b.AddKV(a+"vocab_size", uint32(m.Vocab))
	b.AddKV(a+"block_count", uint32(m.Layers)).AddKV(a+"context_length", uint32(m.Context))
	b.AddKV(a+"embedding_length", uint32(m.width())).AddKV(a+"feed_forward_length", uint32(m.ffnKey()))
	b.AddKV(a+"attention.head_count", uint32(m.Heads)).AddKV(a+"attention.head_count_kv", uint32(m.KVHeads))
	b.AddKV(a+"attention.layer_norm_epsilon", float32(1e-5)).AddKV(a+"attention.layer_norm_rms_epsilon", float32(1e-5))
	if m.Experts > 0 {
		b.AddKV(a+"expert_count", uint32(m.Experts)).AddKV(a+"expert_used_count", uint32(2))
	}
	if _, ok := m.Keys["rope.dimension_count"]; !ok {
		b.AddKV(a+"rope.dimension_count", uint32(size))
	}
	for _, k := range slices.Sorted(maps.Keys(m.Keys)) {
		b.AddKV(a+k, m.Keys[k])
	}
	b.AddRandom(r, "token_embd.weight", ggtype.F32, m.width(), m.Vocab)
	if m.Positions {
		b.AddRandom(r, "position_embd.weight", ggtype.F32, m.width(), m.Context)
	}
	if !m.Tied {
		b.AddRandom(r, "output.weight", ggtype.F32, m.width(), m.Vocab)
	}
	if m.LogitBias {
		b.AddRandom(r, "output.bias", ggtype.F32, m.Vocab)
	}
	m.norms(b, r, "", "output_norm", "token_embd_norm")
	if m.TokenTypes {
		b.AddKV("tokenizer.ggml.token_type_count", uint32(2))
		b.AddRandom(r, "token_types.weight", ggtype.F32, m.width(), 2)
	}
	for i := range m.Layers {
		m.layer(b, r, fmt.Sprintf("blk.%d.", i))
	}
	return b
}

// width is that of all heads together.
func (m Classic) width() int { return m.Heads * classicHead }

// ffnKey is the width of the network as the architecture's files give it.
func (m Classic) ffnKey() int {
	if m.Arch == "qwen" {
		return 2 * m.FFN
	}
	return m.FFN
}

// norms adds those norms of the model that are among names.
func (m Classic) norms(b *Builder, r *rand.Rand, p string, names ...string) {
	for _, n := range m.Norms {
		for _, name := range names {
			if n == name {
				b.AddRandom(r, p+n+".weight", ggtype.F32, m.width())
				if m.NormBias {
					m.bias(b, r, p+n+".bias", m.width())
				}
			}
		}
	}
}

// bias adds a vector of small numbers.
func (m Classic) bias(b *Builder, r *rand.Rand, name string, n int) {
	b.AddRandom(r, name, ggtype.F32, n, 1)
	b.tensors[len(b.tensors)-1].shape = []uint64{uint64(n)}
}

// layer adds the tensors of the layer whose names start with p.
func (m Classic) layer(b *Builder, r *rand.Rand, p string) {
	width, kv := m.width(), m.KVHeads*classicHead
	matrix := func(name string, in, out int, bias bool) {
		b.AddRandom(r, p+name+".weight", ggtype.F32, in, out)
		if bias {
			m.bias(b, r, p+name+".bias", out)
		}
	}
	m.norms(b, r, p, "attn_norm", "attn_norm_2", "ffn_norm", "attn_output_norm", "layer_output_norm")
	if m.Fused {
		matrix("attn_qkv", width, width+2*kv, m.QKVBias)
	} else {
		matrix("attn_q", width, width, m.QKVBias)
		matrix("attn_k", width, kv, m.QKVBias)
		matrix("attn_v", width, kv, m.QKVBias)
	}
	if m.WholeNorm {
		for _, n := range []string{"attn_q_norm", "attn_k_norm"} {
			b.AddRandom(r, p+n+".weight", ggtype.F32, width)
			m.bias(b, r, p+n+".bias", width)
		}
	}
	if m.QKNorm {
		b.AddRandom(r, p+"attn_q_norm.weight", ggtype.F32, classicHead, m.Heads)
		b.AddRandom(r, p+"attn_k_norm.weight", ggtype.F32, classicHead, m.KVHeads)
	}
	matrix("attn_output", width, width, m.OutBias)
	m.network(b, r, p, matrix)
}

// network adds the feed-forward network, or the experts.
func (m Classic) network(b *Builder, r *rand.Rand, p string, matrix func(name string, in, out int, bias bool)) {
	width := m.width()
	if m.Experts > 0 && m.Arch == "nomic-bert-moe" {
		if p == "blk.1." || p == "blk.3." {
			matrix("ffn_gate_inp", width, m.Experts, false)
			b.AddRandom(r, p+"ffn_up_exps.weight", ggtype.F32, width, m.FFN, m.Experts)
			b.AddRandom(r, p+"ffn_down_exps.weight", ggtype.F32, m.FFN, width, m.Experts)
			return
		}
	} else if m.Experts > 0 {
		matrix("ffn_gate_inp", width, m.Experts, false)
		b.AddRandom(r, p+"ffn_gate_exps.weight", ggtype.F32, width, m.FFN, m.Experts)
		b.AddRandom(r, p+"ffn_up_exps.weight", ggtype.F32, width, m.FFN, m.Experts)
		b.AddRandom(r, p+"ffn_down_exps.weight", ggtype.F32, m.FFN, width, m.Experts)
		return
	}
	if m.Gated {
		matrix("ffn_gate", width, m.FFN, m.FFNBias && !m.GateBiasless)
	}
	up := m.FFN
	if m.WideUp {
		up *= 2
	}
	matrix("ffn_up", width, up, m.FFNBias)
	matrix("ffn_down", m.FFN, width, m.FFNBias || m.DownBias)
}

// RankVariants are encoders with classification heads, those that llama.cpp's scores in engine/testdata/encoders belong
// to.
func RankVariants() map[string]*Builder {
	out := map[string]*Builder{}
	for name, tensors := range map[string]map[string][]int{
		"bert":        {"cls": {64, 64}, "cls.output": {64, 2}},
		"bert-fused":  {"cls.output": {48, 1}},
		"jina-bert":   {"cls": {64, 1}},
		"modern-bert": {"cls": {64, 64}, "cls.output": {64, 3}},
	} {
		m := EncoderVariants()[name]
		b, r := m.Build(), NewRand()
		b.AddKV(m.Arch+".pooling_type", uint32(4))
		for _, t := range slices.Sorted(maps.Keys(tensors)) {
			shape := tensors[t]
			b.AddRandom(r, t+".weight", ggtype.F32, shape...)
			if t != "cls" || m.Arch != "modern-bert" {
				m.bias(b, r, t+".bias", shape[1])
			}
			if n := shape[1]; n > 1 && t == "cls.output" {
				labels := []string{"a", "b", "c"}
				b.AddKV(m.Arch+".classifier.output_labels", labels[:n])
			}
		}
		if m.Arch == "modern-bert" {
			b.AddRandom(r, "cls.norm.weight", ggtype.F32, 64)
		}
		out["rank-"+name] = b
	}
	return out
}
