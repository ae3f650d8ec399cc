package attention

import (
	"fmt"

	"github.com/latentgo/latentgo/attn"
	"github.com/latentgo/latentgo/internal/kernel"
	"github.com/viterin/vek/vek32"
)

// Layer is one layer's attention in one of the two forms. It holds no weights and no state, and is safe for concurrent
// use.
type Layer struct {
	attn.Geometry
	slopes     []float32     // of ALiBi, per query head; nil without
	both       bool          // tokens attend to later ones of their segment too
	mla        *attn.Latent  // nil for GQA
	latent     bool          // one row is cached for key and value: the key is its first KeySize columns, the value its last ValueSize
	r          int           // of a latent layer: columns that are rotated
	ring       *ringShape    // what is kept of recent tokens; nil unless they are kept apart
	recent     *RecentWindow // nil unless recent and compressed tokens are seen differently
	turned     bool          // keys, values and queries are rotated: see In
	means      *keyMeans     // what rotated keys leave out, or nil
	carried    *keyMeans     // means of the layer's forms that rotate keys; see CarryBias
	code       *Code         // how a layer in the form for Calibrated keeps tokens that are not recent
	calibrated *Code         // the same, of the layer that has the form; nil for none
	expanded   *RecentWindow // of the layer whose expanded keys this one has; see NewExpanded
	softmax    Softmax
}

// Softmax says how a layer's scores become weights. The zero value is the softmax.
type Softmax struct {
	Cap   float32   // scores become Cap·tanh(score/Cap), as Gemma 2 has it; 0: they stay
	Sinks []float32 // per query head a score that takes part and has no value, as gpt-oss has it; nil: none
}

// SetSoftmax changes how scores become weights, before the layer is used.
func (l *Layer) SetSoftmax(s Softmax) { l.softmax = s }

// cap applies the soft cap to scores. With e = exp(2x) it is tanh(x) = 1 - 2/(e+1), also where e is infinite.
func (s *Softmax) cap(scores []float32) {
	c := s.Cap
	vek32.MulNumber_Inplace(scores, 2/c)
	kernel.ExpSum(scores, scores, 0)
	vek32.AddNumber_Inplace(scores, 1)
	vek32.Inv_Inplace(scores)
	vek32.MulNumber_Inplace(scores, -2*c)
	vek32.AddNumber_Inplace(scores, c)
}

// NewGQA returns plain grouped-query attention.
func NewGQA(g attn.Geometry) (*Layer, error) {
	if err := g.Check(); err != nil {
		return nil, err
	}
	return &Layer{Geometry: g}, nil
}

// NewMLA returns multi-head latent attention equal to g's grouped-query attention: the exact form, see Exact.
func NewMLA(g attn.Geometry) (*Layer, error) {
	if err := g.Check(); err != nil {
		return nil, err
	}
	return &Layer{Geometry: g, mla: attn.Exact(g)}, nil
}

// NewLatent returns attention over compressed rows. Each of the blocks caches one row per token, [r rotated | l
// latent], shared by heads/blocks query heads: they score it as a key of r+l values, and its last l values are the
// value. Queries are absorbed, outputs are weighted sums of latents: Decode and Prefill take q [heads, r+l] and give
// out [heads, l].
func NewLatent(heads, blocks, r, l, window int) (*Layer, error) {
	g := attn.Geometry{Heads: heads, KVHeads: blocks, KeySize: r + l, ValueSize: l, Window: window}
	if r < 0 || r%2 != 0 {
		return nil, fmt.Errorf("%d rotated values are not an even number", r)
	}
	if err := g.Check(); err != nil {
		return nil, err
	}
	return &Layer{Geometry: g, mla: &attn.Latent{R: blocks * r, L: blocks * l}, latent: true, r: r}, nil
}

// NewCompressed returns attention over compressed rows as NewLatent does, whose heads see recent and compressed tokens
// as window says: Decode takes q [heads, r+d], the rotated values' queries and the model's own, rotated, in the order
// of its BlockRope.
func NewCompressed(heads, blocks, r, l, window int, recent *RecentWindow) (*Layer, error) {
	a, err := NewLatent(heads, blocks, r, l, window)
	if err != nil {
		return nil, err
	}
	if n := len(recent.keys); n%blocks != 0 || heads%n != 0 || recent.a > l {
		return nil, fmt.Errorf("%d key matrices over %d of %d latent values for %d heads in %d blocks", n, recent.a, l, heads, blocks)
	}
	a.KeySize, a.recent, a.ring = r+recent.a, recent, &recent.ringShape
	return a, nil
}

// NewExpanded returns attention over keys and values of which those of compressed tokens are expanded from a layer with
// a RecentWindow's rows. A key and a value are
//
//	[ approximated, rotated by the middle of its block | R rotated | d, rotated ]    [ v, approximated | v ]
//
// of which compressed tokens have all but the last part, recent ones the last.
func (l *Layer) NewExpanded() (*Layer, error) {
	r := l.recent
	g := attn.Geometry{Heads: l.Heads, KVHeads: len(r.keys), KeySize: r.keptSize() + l.r + r.d, ValueSize: r.v, Window: l.Window}
	if err := g.Check(); err != nil {
		return nil, err
	}
	return &Layer{Geometry: g, r: l.r, expanded: r, softmax: l.softmax}, nil
}

// OwnOffset returns where in a key of a layer of expanded keys the model's own key begins.
func (l *Layer) OwnOffset() int { return l.KeySize - l.expanded.d }

// FinishQuery completes a query of a layer of expanded keys at pos: x's last d values are not rotated yet, and those
// before them are R rotated ones. rope is that of the store with the rows.
func (l *Layer) FinishQuery(rope *BlockRope, x []float32, pos int) {
	own := x[l.OwnOffset():]
	rope.Rotate(own, pos)
	copy(x[:l.expanded.keptSize()], own[2*l.expanded.rope.first:])
}

// AppendCompressed caches what is approximated of the token at pos in a store of expanded keys: x [kept + R], of which
// the first part is not rotated yet and will be, and v. Different heads or positions may go at the same time, and with
// AppendRecent. rope is that of the store with the rows.
func (s *Store) AppendCompressed(rope *BlockRope, pos, k int, x, v []float32) {
	rope.rotateKept(x[:s.layer.expanded.keptSize()], pos)
	kernel.F32ToF16(s.key(k, pos)[:len(x)], x)
	kernel.F32ToF16(s.value(k, pos)[:len(v)], v)
}

// AppendRecent caches in a store of expanded keys what Store.PutRecent keeps.
func (s *Store) AppendRecent(pos, k int, key, value []uint16) {
	copy(s.key(k, pos)[s.layer.OwnOffset():s.layer.KeySize], key)
	copy(s.value(k, pos)[s.layer.ValueSize:2*s.layer.ValueSize], value)
}

// CopyRecent is AppendRecent for a token that the ring of another store keeps.
func (s *Store) CopyRecent(from *Store, pos, k int) {
	r := from.recent
	s.AppendRecent(pos, k, r.key(k, pos), r.value(k, pos))
}

// KeepRecent is PutRecent for a token that AppendRecent has cached in a store of expanded keys.
func (s *Store) KeepRecent(wide *Store, pos, k int) {
	l := wide.layer
	s.PutRecent(pos, k, wide.key(k, pos)[l.OwnOffset():l.KeySize], wide.value(k, pos)[l.ValueSize:2*l.ValueSize], nil)
}

// headRowSize returns how many values a key/value head caches per token together.
func (l *Layer) headRowSize() int { return l.RowSize() / l.KVHeads }

// Latent returns the layer's MLA form, nil for GQA.
func (l *Layer) Latent() *attn.Latent { return l.mla }

// RowSize returns how many values the layer caches per token.
func (l *Layer) RowSize() int {
	if l.mla != nil {
		return l.mla.RowSize()
	}
	n := l.KeySize + l.ValueSize
	if l.expanded != nil {
		n += l.ValueSize
	}
	return l.KVHeads * n
}
