package engine

import (
	"fmt"
	"math"

	"github.com/latentgo/latentgo/internal/attention"
	"github.com/latentgo/latentgo/internal/kernel"
)

// DeepSeek's own multi-head latent attention (arXiv 2405.04434). A layer computes from its normed input h, with r rotated
// values, n values per key without position and a latent of L values,
//
//	[c | k_pe] = W_kv_a · h              latent = norm(c)           cached row = [rope(k_pe) | latent]
//	[q_nope | q_pe] of all heads = W_q · h, or W_q_b · norm(W_q_a · h)
//	k_head = [K_head · latent | rope(k_pe)]                         v_head = V_head · latent
//
// which is what a compressed layer is (see latent), with one block, as many key/value heads as query heads, and the rotated
// part of a query a part of it instead of a projection.

// mlaShape is the shape of DeepSeek's attention.
type mlaShape struct {
	q, l  int  // rank of the queries, 0 for one matrix; L
	split bool // K and V come apart, as attn_k_b and attn_v_b; in older files they are one, attn_kv_b
}

// mla reads the shape; keys and values of a head then have the sizes that they have when they are expanded.
func (r *reader) mla(h *hparams) {
	h.mla.q = r.size("attention.q_lora_rank", 0, 0, maxWidth)
	h.mla.l = r.size("attention.kv_lora_rank", -1, 1, maxWidth)
	const key, value = "attention.key_length_mla", "attention.value_length_mla"
	if h.mla.split = r.size(key, 0, 0, maxWidth) > 0; h.mla.split {
		h.keySize = r.size(key, -1, 1, maxWidth)
		h.valueSize = r.size(value, -1, 1, maxWidth)
	}
}

// mlaRope checks the rotated size and corrects the scale of the scores, which is that of the whole key times the square of
// the magnitude that YaRN gives to queries and keys: 1 + 0.1·m·ln(factor), 0.1·m being what these files have as multiplier.
// Like llama.cpp it does so for linear scaling, too.
func (r *reader) mlaRope(h *hparams) {
	if h.rope.Dims >= h.keySize {
		r.fail("rope.dimension_count", "%d leaves nothing of a key of %d", h.rope.Dims, h.keySize)
		return
	}
	log := math.Log(1 / h.rope.Scale)
	m := float64(h.rope.Magnitude) * (1 + r.float(keyLogMul, 0)*log)
	if !h.rope.Yarn {
		m *= 1 + 0.1*log
	}
	h.scale = float32(m * m / math.Sqrt(float64(h.keySize)))
	if s := float64(h.scale); s == 0 || math.IsNaN(s) || math.IsInf(s, 0) {
		r.fail("rope.scaling.factor", "scores would be multiplied by %v", s)
	}
	if h.tempScale != 0 {
		h.tempFloor = r.size("attention.temperature_length", -1, 1, math.MaxInt32)
	}
}

// native is what a layer with DeepSeek's own attention has beside what compressed layers have.
type native struct {
	qA     linear // [rank, width] and what follows from it; nil when the queries have one matrix
	qNorm  []float32
	kvNorm []float32 // [L]
	forms  []kernel.ActType
}

// mla loads the attention of layer i.
func (ld *loader) mla(l *layer, i int, h *hparams, name func(string) string) {
	l.geo.KVHeads = l.geo.Heads
	g, s, r := l.geo, h.mla, h.rope.Dims
	d := &native{}
	m := &latent{r: r, l: s.l, blocks: 1, keys: s.l, native: d}
	l.lat = m
	l.attnNorm = ld.vector(name("attn_norm.weight"), h.embed, true)
	ld.mlaQueries(l, h, name)
	m.enc = ld.linear(name("attn_kv_a_mqa"), s.l+r, h.embed, false)
	d.kvNorm = ld.vector(name("attn_kv_a_norm.weight"), s.l, true)
	l.o = ld.linear(name("attn_output"), h.embed, g.Heads*g.ValueSize, true)
	if s.split {
		m.query = ld.matrices(name("attn_k_b.weight"), g.Heads, s.l, g.KeySize-r)
		m.value = ld.matrices(name("attn_v_b.weight"), g.Heads, g.ValueSize, s.l)
	} else {
		n := g.KeySize - r + g.ValueSize
		kv := ld.matrix(name("attn_kv_b.weight"), g.Heads*n, s.l)
		for at := 0; ld.err == nil && at < kv.Rows; at += n {
			m.key = append(m.key, slice(kv, at, g.KeySize-r))
			m.value = append(m.value, slice(kv, at+g.KeySize-r, g.ValueSize))
		}
	}
	if ld.err == nil {
		ld.mlaForms(l, i)
	}
}

// mlaQueries loads the projection of the queries, one matrix or two with a norm between.
func (ld *loader) mlaQueries(l *layer, h *hparams, name func(string) string) {
	d, n, rank := l.lat.native, l.geo.Heads*l.geo.KeySize, h.mla.q
	if rank == 0 || ld.has(name("attn_q.weight")) {
		l.q = ld.linear(name("attn_q"), n, h.embed, false)
		return
	}
	d.qA = ld.linear(name("attn_q_a"), rank, h.embed, false)
	d.qNorm = ld.vector(name("attn_q_a_norm.weight"), rank, true)
	if l.q = ld.linear(name("attn_q_b"), n, rank, false); ld.err == nil {
		d.forms = forms(l.q)
	}
}

// mlaForms completes the layer: the transposed matrices, attention over the cache and over what is expanded from it.
func (ld *loader) mlaForms(l *layer, i int) {
	m, g := l.lat, l.geo
	if m.key == nil {
		m.key = transposedAll(m.query)
	} else {
		m.query = transposedAll(m.key)
	}
	var err error
	if l.attn, err = attention.NewLatent(g.Heads, 1, m.r, m.l, g.Window); err == nil {
		m.wide, err = attention.NewGQA(g)
	}
	if err != nil {
		ld.err = fmt.Errorf("%s: layer %d: %w", ld.f.Name(), i, err)
	}
}

// transposedAll returns the transposed matrices.
func transposedAll(ms []*kernel.Matrix) []*kernel.Matrix {
	out := make([]*kernel.Matrix, len(ms))
	for i, m := range ms {
		out[i] = transposed(m, 0, m.Rows)
	}
	return out
}
