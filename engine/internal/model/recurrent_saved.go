package model

import (
	"fmt"
	"slices"

	"github.com/latentgo/latentgo/internal/attention"
)

// Growth implements State: the size is fixed.
func (r *recurrent) Growth(int, int) int { return 0 }

// Fork implements State. Nothing is shared: a pass writes all values.
func (r *recurrent) Fork(n int) State {
	f := newRecurrent(r.size)
	for _, s := range r.held {
		if s.pos <= n {
			s.values = slices.Clone(s.values)
			f.held = append(f.held, s)
		}
	}
	return f
}

// Release implements State.
func (r *recurrent) Release() { *r = recurrent{size: r.size} }

// Save implements State: the values behind n tokens. Marks are not kept.
func (r *recurrent) Save(n int) attention.Saved {
	if i := r.find(n); i >= 0 {
		return attention.Saved{Numbers: []int64{1}, Parts: [][]byte{attention.BytesOfFloats(r.held[i].values)}}
	}
	return attention.Saved{Numbers: []int64{0}} // of no tokens, or they have to be evaluated again
}

// Unsaved implements State.
func (r *recurrent) Unsaved(n int, numbers []int64) (parts [][]byte, err error) {
	if len(numbers) != 1 || numbers[0] < 0 || numbers[0] > 1 {
		return nil, fmt.Errorf("%v in place of the number of a layer's states", numbers)
	}
	if numbers[0] == 0 {
		return nil, nil
	}
	values := make([]float32, r.size)
	r.held = []snapshot{{pos: n, values: values}}
	return [][]byte{attention.BytesOfFloats(values)}, nil
}

func (b *both) shareable() bool { return b.first.shareable() && b.second.shareable() }

// Growth implements State.
func (b *bothStates) Growth(pos, n int) int { return b[0].Growth(pos, n) + b[1].Growth(pos, n) }

// Fork implements State.
func (b *bothStates) Fork(n int) State { return &bothStates{b[0].Fork(n), b[1].Fork(n)} }

// Release implements State.
func (b *bothStates) Release() { b.each(State.Release) }

// Save implements State: the numbers of the first, how many these are, those of the second.
func (b *bothStates) Save(n int) attention.Saved {
	x, y := b[0].Save(n), b[1].Save(n)
	numbers := append([]int64{int64(len(x.Numbers))}, x.Numbers...)
	return attention.Saved{Numbers: append(numbers, y.Numbers...), Parts: append(slices.Clone(x.Parts), y.Parts...)}
}

// Unsaved implements State.
func (b *bothStates) Unsaved(n int, numbers []int64) (parts [][]byte, err error) {
	if len(numbers) == 0 || numbers[0] < 0 || numbers[0] > int64(len(numbers)-1) {
		return nil, fmt.Errorf("%v in place of the numbers of a layer's states", numbers)
	}
	at := 1 + int(numbers[0])
	if parts, err = b[0].Unsaved(n, numbers[1:at]); err != nil {
		return nil, err
	}
	more, err := b[1].Unsaved(n, numbers[at:])
	return append(slices.Clone(parts), more...), err
}

// Rows of mixers that sum up the past are computed by chunks of a prompt: they depend on where it is cut.

func (m *deltaNet) shareable() bool { return false }

func (m *mamba) shareable() bool { return false }

func (m *mamba2) shareable() bool { return false }

func (m *shortConv) shareable() bool { return false }
