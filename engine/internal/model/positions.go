package model

import (
	"fmt"
	"math"
)

// Learned position embeddings (GPT-2) are added to those of tokens; ALiBi (arXiv 2108.12409) lowers the scores of tokens by
// their distance instead.

// positionTable is the tensor of learned position embeddings, [context, width].
const positionTable = "position_embd.weight"

// addPosition adds the learned embedding of position pos to a row of the residual stream.
func (m *Model) addPosition(x, scratch []float32, pos int) {
	if m.positions == nil {
		return
	}
	m.positions.Row(scratch, pos)
	for i, v := range scratch {
		x[i] += v
	}
}

// checkPositions refuses tokens behind the last position that has an embedding.
func (m *Model) checkPositions(end int) error {
	if m.positions == nil || end <= m.positions.Rows {
		return nil
	}
	const format = "a sequence of %d tokens: the model has position embeddings (tensor %q) for %d: %w"
	return fmt.Errorf(format, end, positionTable, m.positions.Rows, ErrInvalid)
}

// ALiBiSlopes returns by how much each of the heads lowers a score per token of distance, for a model whose largest bias,
// which sets the steepest slope, is most: powers of 2^(-most/n), n the largest power of two of heads there is, and for the
// heads behind them the odd powers of 2^(-most/2n).
func ALiBiSlopes(heads int, most float32) []float32 {
	n := 1
	for 2*n <= heads {
		n *= 2
	}
	out := make([]float32, heads)
	for h := range out {
		steps := float64(h + 1)
		if h >= n {
			steps = float64(2*(h-n)+1) / 2
		}
		out[h] = float32(math.Exp2(-float64(most) / float64(n) * steps))
	}
	return out
}
