package model

import (
	"fmt"
	"math"
)

// maxText is the longest text in tokens that an encoder takes, however large its context is.
const maxText = 8192

// Pooling says how rows of the residual stream, one per token, become one vector. The values are those of llama.cpp's
// files.
type Pooling uint8

// The ways of pooling.
const (
	PoolNone  Pooling = iota // they stay apart
	PoolMean                 // their mean
	PoolFirst                // the first
	PoolLast                 // the last
	PoolRank                 // a score of the first, by a classification head
)

// pooling reads how a model pools; files may leave it open.
func (r *Reader) pooling() Pooling {
	const key, open = "pooling_type", math.MaxUint32
	switch n := r.Uint(key, uint64(PoolNone)); {
	case n == open:
		return PoolNone
	case n > uint64(PoolRank):
		r.Refuse("key %q: pooling %d", r.key(key), n)
		return PoolNone
	default:
		return Pooling(n)
	}
}

// tokenType loads the embedding that all tokens of a single text add to theirs.
func (ld *Loader) tokenType(m *Model) {
	const name = "token_types.weight"
	if !ld.has(name) {
		return
	}
	t, err := ld.tensor(name)
	if err != nil || len(t.Shape) == 0 || t.Shape[0] != uint64(ld.spec.Width) {
		ld.fail(t, fmt.Errorf("shape %v is not [%d, token types]: %w", t.Shape, ld.spec.Width, ErrInvalid))
		return
	}
	n := 1
	if len(t.Shape) > 1 {
		n = int(min(t.Shape[1], MaxWidth))
	}
	if all := ld.floats(name, ld.spec.Width, n); ld.err == nil {
		m.typeEmbed = all[:ld.spec.Width:ld.spec.Width]
	}
}

// Pool writes the vector of the text in rows from … from+n-1 of the last pass to dst [width], as the spec's Pooling
// says; it is not normalised. PoolNone has none, and PoolRank a score instead (Score): both are errors that wrap
// ErrUnsupported.
func (m *Model) Pool(dst []float32, from, n int) error {
	switch m.spec.Pooling {
	case PoolMean:
		m.mean(dst, from, n)
	case PoolFirst:
		m.Hidden(dst, from, 1)
	case PoolLast:
		m.Hidden(dst, from+n-1, 1)
	default:
		return fmt.Errorf("%s: pooling %d does not give one vector: %w", m.file.Name(), m.spec.Pooling, ErrUnsupported)
	}
	return nil
}

// mean writes the mean of rows from … from+n-1 of the last pass's result to dst [width].
func (m *Model) mean(dst []float32, from, n int) {
	row, sum := make([]float32, m.spec.Width), make([]float64, m.spec.Width)
	for t := range n {
		m.Hidden(row, from+t, 1)
		for i, v := range row {
			sum[i] += float64(v)
		}
	}
	for i, v := range sum {
		dst[i] = float32(v / float64(n))
	}
}
