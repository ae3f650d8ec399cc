package gguftest

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"

	"github.com/latentgo/latentgo/internal/ggtype"
)

// Hybrid describes a small random model of one of the architectures whose layers sum up the past in a state of fixed
// size. The same description gives the same bytes.
type Hybrid struct {
	Arch   string
	Mixers string // a letter per layer, see hybridMixers
	Keys   map[string]any
	Matrix ggtype.Type
	Head   int          // size of attention heads
	parts  []hybridPart // of every layer
}

// hybridPart adds tensors of layer i.
type hybridPart func(t *hybridTensors, i int)

// hybridTensors adds tensors to a file.
type hybridTensors struct {
	b      *Builder
	r      *rand.Rand
	matrix ggtype.Type
	head   int
}

// Shape of all these models.
const (
	HybridVocab  = 32
	hybridWidth  = 32
	hybridHeads  = 4
	hybridKV     = 2
	hybridFFN    = 64
	hybridLatent = 16 // values that experts of low rank work on
	hybridInner  = 64 // of state space mixers
	hybridState  = 16
	hybridConv   = 4
	hybridGroups = 2
	hybridRank   = 4
)

func (t *hybridTensors) matrixOf(i int, name string, shape ...int) {
	t.b.AddRandom(t.r, fmt.Sprintf("blk.%d.%s.weight", i, name), t.matrix, shape...)
}

func (t *hybridTensors) vector(i int, name string, shape ...int) {
	t.b.AddRandom(t.r, fmt.Sprintf("blk.%d.%s", i, name), ggtype.F32, shape...)
}

// negative adds what a state's decay is computed from.
func (t *hybridTensors) negative(i int, name string, shape ...int) {
	n, dims := 1, []uint64{}
	for _, d := range shape {
		n, dims = n*d, append(dims, uint64(d))
	}
	w := &Writer{Order: t.b.order()}
	for range n {
		w.Put(-0.05 - 0.5*t.r.Float32())
	}
	t.b.AddTensor(fmt.Sprintf("blk.%d.%s", i, name), ggtype.F32, dims, w.Buf)
}

// hybridMixers are the tensors of each kind of mixer by its letter.
var hybridMixers = map[rune]hybridPart{
	'a': func(t *hybridTensors, i int) { t.attention(i, 1, true) },
	'p': func(t *hybridTensors, i int) { t.attention(i, 1, false) }, // without norms
	'g': func(t *hybridTensors, i int) { t.attention(i, 2, true) },  // gated
	'c': func(t *hybridTensors, i int) {
		t.matrixOf(i, "shortconv.in_proj", hybridWidth, 3*hybridWidth)
		t.vector(i, "shortconv.conv.weight", 3, hybridWidth)
		t.matrixOf(i, "shortconv.out_proj", hybridWidth, hybridWidth)
	},
	'd': func(t *hybridTensors, i int) {
		t.deltaNet(i, true)
		t.matrixOf(i, "ssm_beta", hybridWidth, 4)
		t.matrixOf(i, "ssm_alpha", hybridWidth, 4)
	},
	'n': func(t *hybridTensors, i int) { t.deltaNet(i, true); t.matrixOf(i, "ssm_ba", hybridWidth, 8) },
	'o': func(t *hybridTensors, i int) { t.deltaNet(i, false); t.matrixOf(i, "ssm_ba", hybridWidth, 8) }, // as first written
	's': (*hybridTensors).mamba2,
	'b': func(t *hybridTensors, i int) { t.mamba2(i); t.attention(i, 1, false) },
	'm': func(t *hybridTensors, i int) { t.mamba(i, false) },
	'j': func(t *hybridTensors, i int) { t.mamba(i, true) },
	'-': func(*hybridTensors, int) {},
}

func (t *hybridTensors) attention(i, perQuery int, norms bool) {
	t.matrixOf(i, "attn_q", hybridWidth, perQuery*hybridHeads*t.head)
	t.matrixOf(i, "attn_k", hybridWidth, hybridKV*t.head)
	t.matrixOf(i, "attn_v", hybridWidth, hybridKV*t.head)
	t.matrixOf(i, "attn_output", hybridHeads*t.head, hybridWidth)
	if norms {
		t.vector(i, "attn_q_norm.weight", t.head)
		t.vector(i, "attn_k_norm.weight", t.head)
	}
}

// deltaNet has 2 key heads and 4 value heads.
func (t *hybridTensors) deltaNet(i int, split bool) {
	const keys, values = 2 * hybridState, 4 * hybridState
	if split {
		t.matrixOf(i, "attn_qkv", hybridWidth, 2*keys+values)
		t.matrixOf(i, "attn_gate", hybridWidth, values)
	} else {
		t.matrixOf(i, "ssm_in", hybridWidth, 2*keys+2*values)
	}
	t.vector(i, "ssm_conv1d.weight", hybridConv, 2*keys+values)
	t.vector(i, "ssm_dt.bias", 4)
	t.negative(i, "ssm_a", 4)
	t.vector(i, "ssm_norm.weight", hybridState)
	t.matrixOf(i, "ssm_out", values, hybridWidth)
}

func (t *hybridTensors) mamba2(i int) {
	const heads, channels = 4, hybridInner + 2*hybridGroups*hybridState
	t.matrixOf(i, "ssm_in", hybridWidth, hybridInner+channels+heads)
	t.vector(i, "ssm_conv1d.weight", hybridConv, channels)
	t.vector(i, "ssm_conv1d.bias", channels)
	t.vector(i, "ssm_dt.bias", heads)
	t.negative(i, "ssm_a", 1, heads)
	t.vector(i, "ssm_d", 1, heads)
	t.vector(i, "ssm_norm.weight", hybridInner/hybridGroups, hybridGroups)
	t.matrixOf(i, "ssm_out", hybridInner, hybridWidth)
}

func (t *hybridTensors) mamba(i int, norms bool) {
	t.matrixOf(i, "ssm_in", hybridWidth, 2*hybridInner)
	t.vector(i, "ssm_conv1d.weight", hybridConv, hybridInner)
	t.vector(i, "ssm_conv1d.bias", hybridInner)
	t.matrixOf(i, "ssm_x", hybridInner, hybridRank+2*hybridState)
	t.vector(i, "ssm_dt.weight", hybridRank, hybridInner)
	t.vector(i, "ssm_dt.bias", hybridInner)
	t.negative(i, "ssm_a", hybridState, hybridInner)
	t.vector(i, "ssm_d", hybridInner)
	t.matrixOf(i, "ssm_out", hybridInner, hybridWidth)
	if norms {
		t.vector(i, "ssm_dt_norm.weight", hybridRank)
		t.vector(i, "ssm_b_norm.weight", hybridState)
		t.vector(i, "ssm_c_norm.weight", hybridState)
	}
}

// Build returns the model as a file, with a tokenizer that nobody knows.
func (h Hybrid) Build() *Builder {
	t := &hybridTensors{b: h.metadata(), r: rand.New(rand.NewPCG(41, 42)), matrix: h.Matrix, head: h.Head}
	t.b.AddRandom(t.r, "token_embd.weight", ggtype.F32, hybridWidth, HybridVocab)
	norm := "output_norm.weight"
	if h.Arch == "lfm2" || h.Arch == "lfm2moe" {
		norm = "token_embd_norm.weight"
	}
	t.b.AddRandom(t.r, norm, ggtype.F32, hybridWidth)
	for i, kind := range h.Mixers {
		t.vector(i, "attn_norm.weight", hybridWidth)
		hybridMixers[kind](t, i)
		for _, part := range h.parts {
			part(t, i)
		}
	}
	return t.b
}

func (h Hybrid) metadata() *Builder {
	b, n := &Builder{}, len(h.Mixers)
	set := func(k string, v any) { b.Set(h.Arch+"."+k, v) }
	b.AddKV("general.architecture", h.Arch)
	tokens := make([]string, HybridVocab)
	for i := range tokens {
		tokens[i] = fmt.Sprint("tok_", i)
	}
	b.AddKV("tokenizer.ggml.model", "test").AddKV("tokenizer.ggml.tokens", tokens)
	for k, v := range map[string]int{
		"block_count": n, "context_length": 512, "embedding_length": hybridWidth, "feed_forward_length": hybridFFN,
		"attention.head_count": hybridHeads, "attention.key_length": h.Head, "attention.value_length": h.Head,
		"ssm.inner_size": hybridInner, "ssm.state_size": hybridState, "ssm.conv_kernel": hybridConv, "ssm.time_step_rank": 4,
		"ssm.group_count": hybridGroups, "shortconv.l_cache": 3, "rope.dimension_count": h.Head,
	} {
		h.set(k, uint32(v))
	}
	kv := make([]uint32, n)
	for i, kind := range h.Mixers {
		if kind == 'a' || kind == 'p' {
			kv[i] = hybridKV
		}
	}
	h.set("attention.head_count_kv", kv)
	h.set("attention.layer_norm_rms_epsilon", float32(1e-5))
	h.set("attention.layer_norm_epsilon", float32(1e-5))
	h.set("rope.freq_base", float32(10000))
	for _, k := range slices.Sorted(maps.Keys(h.Keys)) {
		set(k, h.Keys[k])
	}
	return b
}

// set sets a key unless it is set already.
func (h *Hybrid) set(k string, v any) {
	if _, ok := h.Keys[k]; !ok {
		h.Keys[k] = v
	}
}
