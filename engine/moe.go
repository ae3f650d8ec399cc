package engine

import (
	"fmt"
	"math"

	"github.com/latentgo/latentgo/internal/kernel"
)

// A mixture of experts has many feed-forward networks in a layer and runs few of them for a token:
//
//	y = Σ_{e chosen} w_e · W_down,e · (act(W_gate,e · h) ⊙ W_up,e · h)  +  the same of one that every token runs (shared experts)
//
// A router, one row per expert, gives p = softmax or sigmoid of its logits. The experts with the highest p + b are chosen, b
// a bias that the weights w = p do not have; where experts are in groups, only from the groups whose two best are highest.

// maxExperts is more than any real model's.
const maxExperts = 1 << 12

// Values of expert_gating_func.
const (
	gateDefault = 0
	gateSoftmax = 1
	gateSigmoid = 2
)

// mixture is how a model mixes experts. The zero value is a model without.
type mixture struct {
	count      int   // of experts; 0 means none
	first      int   // layers before it are dense
	used, ff   []int // per layer: experts that a token runs, and the width of one
	shared     int   // so many experts' width is the network that every token runs
	groups     int   // above 1: experts are in groups of equal size, neighbours together,
	groupsUsed int   // of which a token uses so many
	sigmoid    bool
	norm       bool    // weights are divided by their sum
	scale      float32 // and multiplied by this
}

// mixed reports whether layer i is a mixture of experts.
func (h *hparams) mixed(i int) bool { return h.experts.count > 0 && i >= h.experts.first }

// experts reads the mixture, or refuses it for an architecture that has none here; a file may say 0 of 0.
func (r *reader) experts(h *hparams) {
	if !h.arch.experts {
		r.noExperts()
		return
	}
	m := &h.experts
	m.count = r.size("expert_count", 0, 0, maxExperts)
	m.first = min(r.size("leading_dense_block_count", 0, 0, math.MaxInt32), h.layers)
	if m.count == 0 {
		if m.first < h.layers {
			r.fail("leading_dense_block_count", "%d of %d layers are dense, and there are no experts for the others", m.first, h.layers)
		}
		return
	}
	m.used = r.sizes("expert_used_count", h.layers, nil, 1, m.count)
	m.ff = r.sizes("expert_feed_forward_length", h.layers, nil, 1, maxWidth)
	m.shared = r.size("expert_shared_count", 0, 0, maxExperts)
	r.gating(h)
	if r.err == nil {
		r.groups(m)
		r.sharedWidth(h)
	}
}

// noExperts refuses mixtures.
func (r *reader) noExperts() {
	n := r.size("expert_count", 0, 0, math.MaxInt32)
	if used := r.size("expert_used_count", 0, 0, math.MaxInt32); used > n {
		r.fail("expert_used_count", "%d of %d experts", used, n)
	}
	if n > 0 {
		r.keep(fmt.Errorf("%s: mixture of experts in architecture %q: %w", r.f.Name(), r.arch, ErrUnsupported))
	}
}

// gating reads how the router's logits become weights.
func (r *reader) gating(h *hparams) {
	m := &h.experts
	switch g := r.size("expert_gating_func", gateDefault, 0, math.MaxInt32); g {
	case gateDefault:
		m.sigmoid = r.isGLM(h)
	case gateSoftmax:
	case gateSigmoid:
		m.sigmoid = true
	default:
		r.keep(fmt.Errorf("%s: key %q: gating function %d: %w", r.f.Name(), r.key("expert_gating_func"), g, ErrUnsupported))
	}
	m.norm = r.flag("expert_weights_norm")
	m.scale = float32(r.float("expert_weights_scale", 1))
	if m.scale == 0 {
		m.scale = 1
	}
}

// isGLM recognises GLM-4.7-Flash, whose first files have DeepSeek's architecture and don't name the gating function.
func (r *reader) isGLM(h *hparams) bool {
	t, err := r.f.Tensor("token_embd.weight")
	return err == nil && (h.layers == 47 || h.layers == 48) && len(t.Shape) == 2 && t.Shape[1] == 154880
}

// groups reads the groups of experts.
func (r *reader) groups(m *mixture) {
	const groups, used = "expert_group_count", "expert_group_used_count"
	m.groups = r.size(groups, 0, 0, m.count)
	if m.groups <= 1 {
		return
	}
	size := m.count / m.groups
	if m.count%m.groups != 0 || size < 2 {
		r.fail(groups, "%d experts can't be in %d groups of at least 2", m.count, m.groups)
		return
	}
	m.groupsUsed = r.size(used, -1, 1, m.groups)
	for i, n := range m.used {
		if n > m.groupsUsed*size {
			r.fail(used, "layer %d: %d experts out of %d groups of %d", i, n, m.groupsUsed, size)
		}
	}
}

// sharedWidth replaces the feed-forward width of mixed layers by that of their shared experts, 0 without any.
func (r *reader) sharedWidth(h *hparams) {
	for i := h.experts.first; i < h.layers; i++ {
		h.ff[i] = h.experts.shared * h.experts.ff[i]
		if h.ff[i] > maxWidth {
			r.fail("expert_shared_count", "%d experts of width %d", h.experts.shared, h.experts.ff[i])
		}
	}
}

// flag reads a boolean; false when the key is missing.
func (r *reader) flag(k string) bool {
	if !r.has(k) {
		return false
	}
	v, err := r.f.Bool(r.key(k))
	r.keep(err)
	return v
}

// moe is a layer's mixture of experts; what every token runs is in the layer itself.
type moe struct {
	used, ff       int
	router         linear    // [experts, width]
	bias           []float32 // [experts] added for the choice, or nil
	gate, up, down []*kernel.Matrix
	shared         bool // the layer's gate, up and down are there
}

// experts loads the feed-forward part of layer i, a mixture.
func (ld *loader) experts(l *layer, i int, h *hparams, name func(string) string) {
	n, ff := h.experts.count, h.experts.ff[i]
	m := &moe{used: h.experts.used[i], ff: ff, shared: h.ff[i] > 0}
	l.moe = m
	l.ffnNorm = ld.vector(name("ffn_norm.weight"), h.embed, true)
	l.postFFNNorm = ld.vector(name("post_ffw_norm.weight"), h.embed, h.arch.postNorm)
	m.router = ld.linear(name("ffn_gate_inp"), n, h.embed, false)
	m.bias = ld.vector(name("exp_probs_b.bias"), n, false)
	if fused := name("ffn_gate_up_exps.weight"); ld.has(fused) {
		for _, both := range ld.matrices(fused, n, 2*ff, h.embed) {
			m.gate, m.up = append(m.gate, slice(both, 0, ff)), append(m.up, slice(both, ff, ff))
		}
	} else {
		m.gate = ld.matrices(name("ffn_gate_exps.weight"), n, ff, h.embed)
		m.up = ld.matrices(name("ffn_up_exps.weight"), n, ff, h.embed)
	}
	m.down = ld.matrices(name("ffn_down_exps.weight"), n, h.embed, ff)
	if m.shared {
		l.gate = ld.linear(name("ffn_gate_shexp"), h.ff[i], h.embed, !h.arch.bareFFN)
		l.up = ld.linear(name("ffn_up_shexp"), h.ff[i], h.embed, !h.arch.bareFFN)
		l.down = ld.linear(name("ffn_down_shexp"), h.embed, h.ff[i], !h.arch.bareFFN)
	}
}

// slice returns n rows of m from row r on.
func slice(m *kernel.Matrix, r, n int) *kernel.Matrix {
	size := m.RowBytes(m.Cols)
	out, err := kernel.NewMatrix(m.Type, n, m.Cols, m.Bytes()[r*size:])
	if err != nil {
		panic(err) // the rows are m's
	}
	return out
}

// ffnInputs are the matrices that the feed-forward part multiplies the normed residual stream by.
func (l *layer) ffnInputs() []linear {
	if l.moe == nil {
		return []linear{l.gate, l.up}
	}
	in := []linear{l.moe.router, {l.moe.gate[0], 1}, {l.moe.up[0], 1}}
	if l.moe.shared {
		in = append(in, l.gate, l.up)
	}
	return in
}

// ffnOutputs are the matrices, if any, that all tokens' hidden values are multiplied by.
func (l *layer) ffnOutputs() []linear {
	if l.moe != nil && !l.moe.shared {
		return nil
	}
	return []linear{l.down}
}
