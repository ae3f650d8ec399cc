package engine

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/latentgo/latentgo/gguf"
)

// A compressed model as llama.cpp reads it: architecture deepseek2, DeepSeek's own latent attention (see native). A
// compressed layer of one block is such a layer when its rotated pairs have frequencies in a geometric progression, the same
// in all layers, and rows come straight from the layer's input. With E the encoder, Q the query and V the value matrices of
// transmla.Compressed, R, L, n = d and v their sizes:
//
//	attn_q          per head [W_q | Q₁…R·W_q]        {width, heads·(n+R)}
//	attn_k_b        per head Q_R+1…R+L               {n, L, heads}
//	attn_v_b        per head V                       {L, v, heads}
//	attn_kv_a_mqa   [b·E_R+1…R+L ; E₁…R]             {width, L+R}
//	attn_kv_a_norm  √eps / b                         {L}
//
// The norm of latents can't be left out, but it is linear to rounding when b is so small that eps outweighs their mean
// square. Then attn_kv_a_mqa must be F32 (or BF16): its rows are too small for half precision. Scores there have the scale
// (1 + 0.1·ln factor)²/√(n+R); the rest of the model's scale is in Q.

// compatArch is the architecture's name.
const compatArch = "deepseek2"

// compatPairs returns which RoPE pairs r rotated values have: the highest frequencies. A window without them cannot tell
// neighbouring tokens apart, and a wider stride leaves them out: of the energy of SmolLM2's scores that is lost without RoPE,
// 24 pairs from the top give back 90 %, the same number with gaps, or closer together than the model's, at most 75 %.
func compatPairs(r int) []int {
	pairs := make([]int, r/2)
	for i := range pairs {
		pairs[i] = i
	}
	return pairs
}

// compatRope returns how many rotated values a row gets at most when nobody names a number: pairs that turn by less than a
// radian within 1,024 tokens are as good in the latent, which values can use, too.
func (h *hparams) compatRope() int {
	n := 2
	for n < h.rope.Dims && h.rope.Scale*math.Pow(h.rope.Base, -float64(n)/float64(h.rope.Dims))*1024 >= 1 {
		n += 2
	}
	return n
}

// writeCompat adds metadata and tensors of the compressed model to w in llama.cpp's form: those that compress made with
// compat set, and for the rest the model's own. The model must stay open until w is written, and must have passed
// checkCompat for the same plan.
func (m *Model) writeCompat(w *gguf.Writer, made map[string]*tensor, plan []latentShape) error {
	x := &exporter{m: m, w: w, ld: &loader{f: m.file, over: made}, s: plan[0]}
	if err := x.progression(); err != nil {
		return err
	}
	if err := x.metadata(); err != nil {
		return err
	}
	x.copy("token_embd.weight")
	for i := range plan {
		x.layer(i)
	}
	x.copy("output_norm.weight")
	if x.ld.has("output.weight") {
		x.copy("output.weight")
	}
	return x.ld.err
}

// exporter writes one model.
type exporter struct {
	m  *Model
	w  *gguf.Writer
	ld *loader // keeps the first error
	s  latentShape

	base, factor float64 // of RoPE
	scale        float64 // of queries, beside what llama.cpp multiplies scores by
}

// progression finds base and factor of the rotated pairs' frequencies, θ_j = base^(-2j/R)/factor, and the queries' scale.
func (x *exporter) progression() error {
	h := x.m.h
	first := x.pairs(0)
	stride := 1
	if len(first) > 1 {
		stride = int(first[1] - first[0])
	}
	for i := range h.layers {
		for j, p := range x.pairs(i) {
			if x.ld.err == nil && (stride < 1 || int(p) != int(first[0])+j*stride) {
				return fmt.Errorf("%s: layer %d: rotated pair %d has RoPE pair %d: not a progression that all layers share, convert with compat: %w",
					x.m.file.Name(), i, j, p, ErrUnsupported)
			}
		}
	}
	if x.ld.err != nil {
		return x.ld.err
	}
	dims := float64(h.rope.Dims)
	x.base = math.Pow(h.rope.Base, float64(x.s.r*stride)/dims)
	x.factor = math.Pow(h.rope.Base, 2*float64(first[0])/dims)
	if h.rope.Scale != 0 {
		x.factor /= h.rope.Scale
	}
	mag := 1 + 0.1*math.Log(x.factor)
	x.scale = float64(h.scale) * math.Sqrt(float64(h.keySize+x.s.r)) / (mag * mag)
	return nil
}

// pairs returns the RoPE pairs of a layer's rotated values.
func (x *exporter) pairs(i int) []int32 {
	return x.ld.pairs(layerTensor(i, tensorPairs), x.s, x.m.h.rope.Dims/2)
}

func layerTensor(i int, name string) string { return fmt.Sprintf("blk.%d.%s", i, name) }

// metadata keeps what is about the model and its tokenizer and describes the new form.
func (x *exporter) metadata() error {
	err := x.w.CopyMetadata(x.m.file, func(key string) bool {
		return strings.HasPrefix(key, "general.") && key != "general.alignment" || strings.HasPrefix(key, "tokenizer.")
	})
	if err != nil {
		return err
	}
	if err := x.w.Set("general.architecture", compatArch); err != nil {
		return err
	}
	for _, k := range x.keys() {
		if err := x.w.Set(compatArch+"."+k.key, k.value); err != nil {
			return err
		}
	}
	return nil
}

// compatKey is a key below the architecture's name.
type compatKey struct {
	key   string
	value any
}

func (x *exporter) keys() []compatKey {
	h, s := x.m.h, x.s
	count := func(key string, n int) compatKey { return compatKey{key, uint32(n)} }
	keys := []compatKey{
		count("vocab_size", x.m.w.embed.Rows),
		count("context_length", h.context),
		count("embedding_length", h.embed),
		count("block_count", h.layers),
		count("feed_forward_length", h.ff[0]),
		count("leading_dense_block_count", h.layers),
		count("expert_feed_forward_length", 0),
		count("expert_shared_count", 0),
		count("attention.head_count", h.heads[0]),
		count("attention.head_count_kv", 1),
		count("attention.key_length", s.l+s.r),
		count("attention.value_length", s.l),
		count("attention.key_length_mla", h.keySize+s.r),
		count("attention.value_length_mla", h.valueSize),
		count("attention.kv_lora_rank", s.l),
		count("attention.q_lora_rank", 0),
		{"attention.layer_norm_rms_epsilon", h.eps},
		count("rope.dimension_count", s.r),
		{"rope.freq_base", float32(x.base)},
	}
	if x.factor != 1 {
		keys = append(keys, compatKey{"rope.scaling.type", "linear"}, compatKey{"rope.scaling.factor", float32(x.factor)})
	}
	return keys
}

// copy adds a tensor as it is.
func (x *exporter) copy(name string) {
	t, err := x.ld.tensor(name)
	if err == nil {
		err = x.w.AddTensor(t.name, t.typ, slices.Clone(t.shape), t.bytes)
	}
	x.keep(err)
}

// keep remembers the first error.
func (x *exporter) keep(err error) {
	if x.ld.err == nil && err != nil {
		x.ld.err = err
	}
}
