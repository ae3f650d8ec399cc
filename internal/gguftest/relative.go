package gguftest

import (
	"cmp"
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
	SharedFused                        bool // gates and up-projections of that network are one tensor
	Tied                               bool
	Matrix                             ggtype.Type    // of experts
	Factors                            []string       // tensors that divide the frequencies
	Keys                               map[string]any // below "<architecture>."
	XIELU                              map[string]any // keys of activations
	OutputNorm                         string         // of the norm at the end, without ".weight"; "" means output_norm
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

// Build returns the model as a file, with a tokenizer that nobody knows.
func (m Relative) Build() *Builder {
	b, r := m.metadata(), rand.New(rand.NewPCG(31, 32))
	b.AddRandom(r, "token_embd.weight", ggtype.F32, relativeWidth, RelativeVocab)
	b.AddRandom(r, cmp.Or(m.OutputNorm, "output_norm")+".weight", ggtype.F32, relativeWidth)
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
	switch {
	case m.Shared > 0 && m.SharedFused:
		add("ffn_up_shexp.weight", ggtype.F32, w, 2*m.Shared)
	case m.Shared > 0:
		add("ffn_gate_shexp.weight", ggtype.F32, w, m.Shared)
		add("ffn_up_shexp.weight", ggtype.F32, w, m.Shared)
	}
	if m.Shared > 0 {
		add("ffn_down_shexp.weight", ggtype.F32, m.Shared, w)
	}
	if m.SharedGate {
		add("ffn_gate_inp_shexp.weight", ggtype.F32, w)
	}
}
