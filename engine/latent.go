package engine

import (
	"encoding/binary"
	"fmt"

	"github.com/latentgo/latentgo/attn"
	"github.com/latentgo/latentgo/gguf"
	"github.com/latentgo/latentgo/internal/attention"
	"github.com/latentgo/latentgo/internal/ggtype"
	"github.com/latentgo/latentgo/internal/kernel"
)

// latent is what a compressed layer has in place of key and value projections (transmla.Compressed). Its cache holds, per
// block of key/value heads, one row [R rotated | L latent] per token.
type latent struct {
	r, l, blocks int
	keys         int // of the latent values, how many keys are made of: the first

	enc     linear           // [blocks·(R+L), width]: rows from the layer's input, when that is possible
	encBias []float32        // or nil
	encKV   []*kernel.Matrix // otherwise: per block [R+L, heads·(d+v)], rows from its keys and values
	pairs   []int32          // [blocks·R/2] RoPE pair of each rotated pair
	// One per key/value head, or one per query head:
	query  []*kernel.Matrix        // [R+L, d]: a query head's query for rows
	key    []*kernel.Matrix        // [d, L]: the latent part of query transposed, a head's key from the latent
	value  []*kernel.Matrix        // [v, L]: its value from the latent
	sight  *attention.RecentWindow // how near and far tokens are seen differently; then key is nil
	native *native                 // what DeepSeek's own form has beside; nil for a compressed layer
	wide   *attention.Layer        // attention over keys [R rotated | d] and values expanded from the latent, for prefill
}

// Names of a compressed model's metadata; the arrays have one number per layer.
const (
	keyLatentVersion = "latentgo.version"
	keyLatentRope    = "latentgo.mla.rope_size"   // R, 0 for a layer that was left exact
	keyLatentSize    = "latentgo.mla.latent_size" // L
	keyLatentBlocks  = "latentgo.mla.block_count"
	keyLatentKeys    = "latentgo.mla.key_size"   // of the latent values, how many keys are made of
	keyLatentNear    = "latentgo.mla.near_size"  // tokens that are seen as the model sees them, a multiple of 32; 0: none
	keyLatentPhase   = "latentgo.mla.turn_phase" // one number for all layers, see attention.BlockRope
)

// Names of a compressed layer's tensors, after "blk.N.".
const (
	tensorEncKV = "attn_latent_kv.weight" // [heads·(d+v), R+L, blocks], fastest dimension first as all here
	tensorPairs = "attn_latent_pairs"     // [R/2, blocks], I32
	tensorQuery = "attn_latent_q.weight"  // [d, R+key size, key/value heads]
	tensorValue = "attn_latent_v.weight"  // [L, v, key/value heads]

	// Of a form for llama.cpp, before it is written, in place of tensorEncKV:
	tensorEnc     = "attn_latent.weight" // [width, blocks·(R+L)]
	tensorEncBias = "attn_latent.bias"   // [blocks·(R+L)]
)

// latentShape is the row of one compressed layer; L = 0 for an exact one.
type latentShape struct {
	r, l, blocks int
	key, near    int // near = 0: keys are made of all L values, key is 0
}

// keys returns of how many latent values keys are made.
func (s latentShape) keys() int {
	if s.near == 0 {
		return s.l
	}
	return s.key
}

// latents reads the shapes of a compressed model's layers, nil for any other.
func (h *hparams) latents(f *gguf.File) error {
	if !f.Has(keyLatentVersion) {
		return nil
	}
	if v, err := f.Uint(keyLatentVersion); err != nil || v != latentVersion {
		return fmt.Errorf("%s: key %q: version %d of the compressed form, this program reads %d; convert the original again: %w",
			f.Name(), keyLatentVersion, v, latentVersion, ErrUnsupported)
	}
	h.latent = make([]latentShape, h.layers)
	for _, k := range []string{keyLatentRope, keyLatentSize, keyLatentBlocks, keyLatentKeys, keyLatentNear} {
		list, err := f.Ints(k)
		if err != nil {
			return err
		}
		if len(list) != h.layers {
			return fmt.Errorf("%s: key %q: %d values for %d layers: %w", f.Name(), k, len(list), h.layers, ErrInvalid)
		}
		for i, v := range list {
			if v < 0 || v > maxWidth {
				return fmt.Errorf("%s: key %q: layer %d: %d is outside 0 … %d: %w", f.Name(), k, i, v, maxWidth, ErrInvalid)
			}
			switch k {
			case keyLatentRope:
				h.latent[i].r = int(v)
			case keyLatentSize:
				h.latent[i].l = int(v)
			case keyLatentKeys:
				h.latent[i].key = int(v)
			case keyLatentNear:
				h.latent[i].near = int(v)
			default:
				h.latent[i].blocks = int(v)
			}
		}
	}
	if err := h.phases(f); err != nil {
		return err
	}
	return h.checkLatents(f)
}

// latentVersion is the version of the compressed form.
const latentVersion = 3

func (h *hparams) checkLatents(f *gguf.File) error {
	for i, s := range h.latent {
		g := h.kvHeads[i]
		if s.l == 0 {
			continue
		}
		if s.blocks == 0 || g%s.blocks != 0 || s.r%2 != 0 || s.blocks*(s.r+s.l) > g*(h.keySize+h.valueSize) {
			return fmt.Errorf("%s: key %q: layer %d: %d blocks of %d+%d values for %d key/value heads: %w",
				f.Name(), keyLatentSize, i, s.blocks, s.r, s.l, g, ErrInvalid)
		}
		if s.near != 0 && (s.key < 1 || s.key > s.l) {
			return fmt.Errorf("%s: key %q: layer %d: %d of %d latent values: %w", f.Name(), keyLatentKeys, i, s.key, s.l, ErrInvalid)
		}
		if s.near%32 != 0 || s.near > maxNear {
			return fmt.Errorf("%s: key %q: layer %d: %d tokens, want a multiple of 32 up to %d: %w", f.Name(), keyLatentNear, i, s.near, maxNear, ErrInvalid)
		}
	}
	return nil
}

// compressed reports whether layer i caches compressed rows.
func (h *hparams) compressed(i int) bool { return h.latent != nil && h.latent[i].l != 0 }

// latent loads a compressed layer's own tensors. Rows come from keys and values as the model computes them; straight from the layer's
// input in a form for llama.cpp, before it is written.
func (ld *loader) latent(l *layer, i int, h *hparams, name func(string) string) *latent {
	g, s := l.geo, h.latent[i]
	row := s.r + s.l
	m := &latent{r: s.r, l: s.l, blocks: s.blocks, keys: s.keys()}
	if s.near == 0 && ld.has(name(tensorEnc)) {
		m.enc = linear{ld.matrix(name(tensorEnc), s.blocks*row, h.embed), 1}
		m.encBias = ld.vector(name(tensorEncBias), s.blocks*row, false)
	} else {
		m.encKV = ld.matrices(name(tensorEncKV), s.blocks, row, g.KVHeads/s.blocks*(g.KeySize+g.ValueSize))
	}
	m.pairs = ld.pairs(name(tensorPairs), s, h.rope.Dims/2)
	m.query = ld.perHead(name(tensorQuery), g, s.r+s.keys(), g.KeySize)
	m.value = ld.perHead(name(tensorValue), g, g.ValueSize, s.l)
	if ld.err != nil {
		return m
	}
	if s.near > 0 {
		if ld.err = m.checkPerKey(g); ld.err == nil {
			ld.err = m.reach(l, s, h.turns[l.rope])
		}
		if ld.err != nil {
			ld.err = fmt.Errorf("%s: layer %d: %w", ld.f.Name(), i, ld.err)
		}
		return m
	}
	for _, q := range m.query {
		m.key = append(m.key, transposed(q, s.r, s.l))
	}
	var err error
	if l.attn, err = attention.NewLatent(g.Heads, s.blocks, s.r, s.l, g.Window); err == nil {
		m.wide, err = attention.NewGQA(attn.Geometry{
			Heads: g.Heads, KVHeads: max(len(m.query), len(m.value)), KeySize: s.r + g.KeySize, ValueSize: g.ValueSize, Window: g.Window,
		})
	}
	if err != nil && ld.err == nil {
		ld.err = fmt.Errorf("%s: layer %d: %w", ld.f.Name(), i, err)
	}
	return m
}

// maxNear bounds the ring of near tokens.
const maxNear = 4096

// checkPerKey makes sure that there is one matrix for each key/value head.
func (m *latent) checkPerKey(g attn.Geometry) error {
	if len(m.query) != g.KVHeads || len(m.value) != g.KVHeads {
		return fmt.Errorf("%q and %q have %d and %d matrices for %d key/value heads: %w", tensorQuery, tensorValue, len(m.query), len(m.value), g.KVHeads, ErrInvalid)
	}
	return nil
}

// row returns the values of one block's row.
func (m *latent) row() int { return m.r + m.l }

// matrices loads n matrices [rows, cols] that one tensor holds.
func (ld *loader) matrices(name string, n, rows, cols int) []*kernel.Matrix {
	t, b := ld.find(name, cols, rows, n)
	out := make([]*kernel.Matrix, n)
	for i := range out {
		if ld.err != nil {
			return nil
		}
		size := len(b) / n
		m, err := kernel.NewMatrix(t.typ, rows, cols, b[i*size:(i+1)*size])
		ld.fail(t, err)
		out[i] = m
	}
	return out
}

// perHead loads matrices [rows, cols] of which a tensor has one for each key/value head, or for each query head.
func (ld *loader) perHead(name string, g attn.Geometry, rows, cols int) []*kernel.Matrix {
	n := g.KVHeads
	if t, err := ld.tensor(name); err == nil && len(t.shape) == 3 && t.shape[2] == uint64(g.Heads) {
		n = g.Heads
	}
	return ld.matrices(name, n, rows, cols)
}

// pairs loads the RoPE pairs of a layer's rotated values.
func (ld *loader) pairs(name string, s latentShape, limit int) []int32 {
	if s.r == 0 {
		return nil
	}
	t, b := ld.find(name, s.r/2, s.blocks)
	if ld.err != nil {
		return nil
	}
	if t.typ != ggtype.I32 {
		ld.fail(t, fmt.Errorf("type %v, want I32: %w", t.typ, ErrInvalid))
		return nil
	}
	out := make([]int32, s.r/2*s.blocks)
	for i := range out {
		out[i] = int32(binary.LittleEndian.Uint32(b[4*i:]))
		if out[i] < 0 || int(out[i]) >= limit {
			ld.fail(t, fmt.Errorf("entry %d is %d, there are %d RoPE pairs: %w", i, out[i], limit, ErrInvalid))
		}
	}
	return out
}

// transposed returns rows from … from+n-1 of m as the columns of a matrix in half precision.
func transposed(m *kernel.Matrix, from, n int) *kernel.Matrix {
	row := make([]float32, m.Cols)
	t := make([]float32, n*m.Cols)
	for r := range n {
		m.Row(row, from+r)
		for c, v := range row {
			t[c*n+r] = v
		}
	}
	data := make([]byte, 2*len(t))
	half := make([]uint16, len(t))
	kernel.F32ToF16(half, t)
	for i, v := range half {
		binary.LittleEndian.PutUint16(data[2*i:], v)
	}
	out, err := kernel.NewMatrix(ggtype.F16, m.Cols, n, data)
	if err != nil {
		panic(err) // the shape is right by construction
	}
	return out
}
