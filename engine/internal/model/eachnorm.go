package model

import (
	"slices"

	"github.com/latentgo/latentgo/attn"
)

// EachHeadNorm says that query and key heads are normed, without bias, each with weights of its own.
type EachHeadNorm uint8

// The norms.
const (
	NoHeadNorm    EachHeadNorm = iota
	HeadLayerNorm              // StableLM 2 12B, Command R+
	HeadRMSNorm                // PLaMo 2
	HeadGain                   // of queries one weight per head, of keys none (Talkie)
)

// eachHeadNorm are the norms of query and key heads.
type eachHeadNorm struct {
	q, k []normWeights // per head
}

func (s EachHeadNorm) load(ld *Loader, name func(string) string, g attn.Geometry) *eachHeadNorm {
	if s == NoHeadNorm {
		return nil
	}
	if s == HeadGain {
		return ld.headGains(name, g)
	}
	mean := s == HeadLayerNorm
	return &eachHeadNorm{
		q: ld.headNorms(name("attn_q_norm.weight"), g.Heads, g.KeySize, mean),
		k: ld.headNorms(name("attn_k_norm.weight"), g.KVHeads, g.KeySize, mean),
	}
}

// headGains loads RMS norms with one weight for each query head.
func (ld *Loader) headGains(name func(string) string, g attn.Geometry) *eachHeadNorm {
	gains := ld.floats(name("attn_q_norm.weight"), 1, g.Heads)
	n := &eachHeadNorm{q: make([]normWeights, g.Heads), k: make([]normWeights, g.KVHeads)}
	for h, f := range gains {
		n.q[h] = normWeights{weight: slices.Repeat([]float32{f}, g.KeySize), eps: ld.spec.Eps}
	}
	for h := range n.k {
		n.k[h] = normWeights{weight: ones(g.KeySize), eps: ld.spec.Eps}
	}
	return n
}

// headNorms loads the norms of heads of so many values, [heads, size].
func (ld *Loader) headNorms(name string, heads, size int, mean bool) []normWeights {
	all := ld.floats(name, size, heads)
	out := make([]normWeights, heads)
	for h := range out {
		if ld.err == nil {
			out[h] = normWeights{weight: all[h*size:][:size], mean: mean, eps: ld.spec.Eps}
		}
	}
	return out
}

func (n *eachHeadNorm) queries(q []float32) {
	d := len(q) / len(n.q)
	for h := range n.q {
		head := q[h*d:][:d]
		n.q[h].apply(head, head)
	}
}

func (n *eachHeadNorm) key(g int, k []float32) { n.k[g].apply(k, k) }

// clamp limits x to ±most; 0 does nothing.
func clamp(x []float32, most float32) {
	if most == 0 {
		return
	}
	for i, v := range x {
		x[i] = min(max(v, -most), most)
	}
}
