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
	PoolNone  Pooling = iota // they stay apart, or the file does not say
	PoolMean                 // their mean
	PoolFirst                // the first
	PoolLast                 // the last
	PoolRank                 // a score of one of them, by a classification head
)

// poolingKey names how a model pools.
const poolingKey = "pooling_type"

// pooling reads how a model pools; files may leave it open.
func (r *Reader) pooling() Pooling {
	const open = math.MaxUint32
	if n := r.Uint(poolingKey, uint64(PoolNone)); n != open {
		return Pooling(min(n, math.MaxUint8))
	}
	return PoolNone
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

// Pool is a vector that rows become, which come in order and in portions of any size.
type Pool struct {
	kind Pooling
	rows int
	sum  []float64
	row  []float32
}

// NewPool returns a pool for rows of a width; kind is PoolMean, PoolFirst or PoolLast.
func NewPool(kind Pooling, width int) *Pool {
	p := &Pool{kind: kind, row: make([]float32, width)}
	if kind == PoolMean {
		p.sum = make([]float64, width)
	}
	return p
}

// Add takes the next rows [n, width].
func (p *Pool) Add(rows []float32) {
	width := len(p.row)
	switch {
	case len(rows) == 0:
		return
	case p.kind == PoolFirst && p.rows == 0:
		copy(p.row, rows)
	case p.kind == PoolLast:
		copy(p.row, rows[len(rows)-width:])
	case p.kind == PoolMean:
		for i, v := range rows {
			p.sum[i%width] += float64(v)
		}
	}
	p.rows += len(rows) / width
}

// Vector returns what the rows so far, at least one, became: [width], the pool's own.
func (p *Pool) Vector() []float32 {
	for i, v := range p.sum {
		p.row[i] = float32(v / float64(p.rows))
	}
	return p.row
}
