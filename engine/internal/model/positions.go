package model

import (
	"fmt"
	"math"
)

// Learned position embeddings (GPT-2) are added to those of tokens; ALiBi (arXiv 2108.12409) lowers the scores of
// tokens by their distance instead.

// positionTable is the tensor of learned position embeddings, [context, width].
const positionTable = "position_embd.weight"

// Embed writes what the residual stream of a token at position pos starts with to dst [width]: its embedding with all
// that the spec does to it. scratch [width] is overwritten.
func (m *Model) Embed(dst, scratch []float32, id int32, pos int) {
	m.embed.Row(dst, int(id))
	if f := m.spec.EmbedScale; f != 0 {
		scale(dst, f)
	}
	for i, v := range m.typeEmbed {
		dst[i] += v
	}
	if m.positions != nil {
		m.positions.Row(scratch, pos)
		for i, v := range scratch {
			dst[i] += v
		}
	}
	if m.embedNorm != nil {
		m.embedNorm.apply(dst, dst)
	}
}

// CheckLength refuses a sequence of so many tokens when there are not as many positions. The error wraps ErrInvalid.
func (m *Model) CheckLength(end int) error {
	if m.positions == nil || end <= m.positions.Rows {
		return nil
	}
	const format = "a sequence of %d tokens: the model has position embeddings (tensor %q) for %d: %w"
	return fmt.Errorf(format, end, positionTable, m.positions.Rows, ErrInvalid)
}

// ALiBiSlopes returns by how much each of the heads lowers a score per token of distance, for a model whose largest
// bias, which sets the steepest slope, is most: powers of 2^(-most/n), n the largest power of two of heads there is,
// and for the heads behind them the odd powers of 2^(-most/2n).
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
