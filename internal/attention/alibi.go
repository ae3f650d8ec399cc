package attention

import "github.com/latentgo/latentgo/attn"

// NewALiBi is NewGQA, or NewMLA for the exact form, with scores that fall with distance (ALiBi, arXiv 2108.12409): each
// query head's by its slope for every token between. There must be a slope for each.
func NewALiBi(g attn.Geometry, slopes []float32, exact bool) (*Layer, error) {
	build := NewGQA
	if exact {
		build = NewMLA
	}
	l, err := build(g)
	if err != nil {
		return nil, err
	}
	l.slopes = slopes[:g.Heads]
	return l, nil
}

// lower lowers query head h's scores of positions from from on for the token at pos.
func (l *Layer) lower(scores []float32, h, from, pos int) {
	slope := l.slopes[h]
	for i := range scores {
		scores[i] -= slope * float32(max(from+i-pos, pos-from-i))
	}
}
