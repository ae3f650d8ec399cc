package model

import (
	"github.com/latentgo/latentgo/attn"
	"github.com/latentgo/latentgo/internal/kernel"
)

// What conversions read of a layer's weights.

// Projections are the matrices of a layer's grouped-query attention.
type Projections struct {
	attn.Geometry
	Rope         int    // index of its position embedding
	Q, K, V, O   Linear // K and V are nil in a compressed layer of llama.cpp's form
	KBias, VBias []float32
	Norm         []float32 // before them, nil without
	Sub          []float32 // of the norm between the heads and O, nil without
}

// Projections returns those of a layer of grouped-query attention, exact or compressed; ok is false for other mixers.
func (l *Layer) Projections() (p Projections, ok bool) {
	switch a := l.mixer.(type) {
	case *gqa:
		return l.projectionsOf(&a.projections, &a.output), true
	case *compressed:
		return l.projectionsOf(&a.projections, &a.output), true
	}
	return Projections{}, false
}

func (l *Layer) projectionsOf(a *projections, o *output) Projections {
	return Projections{
		Geometry: a.spec.Geometry, Rope: a.spec.Rope,
		Q: a.q, K: a.k, V: a.v, O: o.o, KBias: a.kBias, VBias: a.vBias, Norm: l.norm.weights(), Sub: o.sub.weights(),
	}
}

// RowProjections are what is known of a layer of latent attention, as DeepSeek's models have it, whose rows can be coded.
type RowProjections struct {
	attn.Geometry // of the heads that attend to rows: one block, keys of R+L values, values of L
	R             int
	Rope          int              // index of the position embedding
	Value         []*kernel.Matrix // per query head [v, L]
	O             Linear           // [width, heads·v]
}

// RowProjections returns them; ok is false for other mixers, and where an indexer picks rows.
func (l *Layer) RowProjections() (p RowProjections, ok bool) {
	m, ok := l.mixer.(*mla)
	if !ok {
		return p, false
	}
	g, ok := m.spec.RowGeometry()
	return RowProjections{Geometry: g, R: m.r, Rope: m.spec.Rope, Value: m.value, O: m.o}, ok
}

// RowGeometry returns the shape of the heads that attend to rows, ok as RowProjections.
func (s MLA) RowGeometry() (g attn.Geometry, ok bool) {
	return attn.Geometry{Heads: s.Heads, KVHeads: 1, KeySize: s.R + s.L, ValueSize: s.L, Window: s.Window}, s.Index == (Indexer{})
}

// Gated are the matrices of a layer's gated feed-forward network.
type Gated struct {
	Gate, Up, Down Linear
	Norm           []float32 // before it, nil without
}

// Gated returns those of a layer without experts.
func (l *Layer) Gated() (g Gated, ok bool) {
	f, ok := l.ffn.(*gatedFFN)
	if !ok {
		return Gated{}, false
	}
	return Gated{Gate: f.gate, Up: f.up, Down: f.down, Norm: l.ffnNorm.weights()}, true
}

// Norm writes x / rms(x) · weight to dst, which may be x.
func Norm(dst, x, weight []float32, eps float32) { norm(dst, x, weight, eps) }

// Output returns the matrix of logits, [vocab, width]; the embedding's when tied.
func (m *Model) Output() Linear { return m.output }

// OutputBias returns the bias of logits, or nil.
func (m *Model) OutputBias() []float32 { return m.bias }

// OutputNorm returns the weight of the norm before the output.
func (m *Model) OutputNorm() []float32 { return m.norm.weights() }

// NormOutput norms one row of the residual stream behind the last layer as the output wants it; dst may be x.
func (m *Model) NormOutput(dst, x []float32) {
	if m.norm == nil {
		copy(dst, x)
		return
	}
	m.norm.apply(dst, x)
}

// EmbedRow writes the embedding of a token, without what Embed adds.
func (m *Model) EmbedRow(dst []float32, id int32) { m.embed.Row(dst, int(id)) }
