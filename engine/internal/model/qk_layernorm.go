package model

import "github.com/latentgo/latentgo/attn"

// QKLayerNorm says that queries and keys are layer-normed, without bias, each head with weights of its own (StableLM 2
// 12B, Command R+).
type QKLayerNorm bool

// qkLayerNorm are the norms of query and key heads.
type qkLayerNorm struct {
	q, k []normWeights // per head
}

func (s QKLayerNorm) load(ld *Loader, name func(string) string, g attn.Geometry) *qkLayerNorm {
	if !s {
		return nil
	}
	return &qkLayerNorm{
		q: ld.headNorms(name("attn_q_norm.weight"), g.Heads, g.KeySize),
		k: ld.headNorms(name("attn_k_norm.weight"), g.KVHeads, g.KeySize),
	}
}

// headNorms loads the layer norms of heads of so many values, [heads, size].
func (ld *Loader) headNorms(name string, heads, size int) []normWeights {
	all := ld.floats(name, size, heads)
	out := make([]normWeights, heads)
	for h := range out {
		if ld.err == nil {
			out[h] = normWeights{weight: all[h*size:][:size], mean: true, eps: ld.spec.Eps}
		}
	}
	return out
}

func (n *qkLayerNorm) queries(q []float32) {
	d := len(q) / len(n.q)
	for h := range n.q {
		head := q[h*d:][:d]
		n.q[h].apply(head, head)
	}
}

func (n *qkLayerNorm) key(g int, k []float32) { n.k[g].apply(k, k) }

// clamp limits x to ±most; 0 does nothing.
func clamp(x []float32, most float32) {
	if most == 0 {
		return
	}
	for i, v := range x {
		x[i] = min(max(v, -most), most)
	}
}
