package model

import (
	"fmt"
	"slices"

	"github.com/latentgo/latentgo/internal/attention"
)

// maxMarks is how many marks a sequence keeps, the newest.
const maxMarks = 4

// recurrent is the State of a mixer that sums up the past in a fixed number of values. What a token has changed can't
// be taken back, so a pass reads the values before it and writes those after it elsewhere: the values before a failed
// pass are still there, and a mark only has to keep them. Going back is possible to the start of the last pass and to
// marks.
type recurrent struct {
	size     int        // values
	held     []snapshot // ascending positions; the last is that of the newest pass
	spare    [][]float32
	from, to []float32 // of the pass under way; the same where the sequence begins
	pending  bool      // to is in held and its pass may still fail
}

// snapshot are the values before the token at pos.
type snapshot struct {
	pos    int
	marked bool
	values []float32
}

func newRecurrent(size int) *recurrent { return &recurrent{size: size} }

// Grow implements State.
func (r *recurrent) Grow(int) {}

// Advance implements State: from are the values before pos, to is where those after n more tokens go.
func (r *recurrent) Advance(pos, n int) {
	r.drop(func(s snapshot) bool { return s.pos > pos || s.pos < pos && !s.marked })
	r.to = r.take()
	if pos == 0 {
		clear(r.to)
		r.from = r.to
	} else {
		r.from = r.held[len(r.held)-1].values
	}
	r.held, r.pending = append(r.held, snapshot{pos: pos + n, values: r.to}), true
}

// take returns room for values.
func (r *recurrent) take() []float32 {
	n := len(r.spare)
	if n == 0 {
		return make([]float32, r.size)
	}
	v := r.spare[n-1]
	r.spare = r.spare[:n-1]
	return v
}

// drop takes snapshots out and keeps their room.
func (r *recurrent) drop(out func(snapshot) bool) {
	kept := r.held[:0]
	for _, s := range r.held {
		if out(s) {
			r.spare = append(r.spare, s.values)
		} else {
			kept = append(kept, s)
		}
	}
	clear(r.held[len(kept):])
	r.held = kept
}

// find returns the index of the snapshot at pos, or -1.
func (r *recurrent) find(pos int) int {
	return slices.IndexFunc(r.held, func(s snapshot) bool { return s.pos == pos })
}

// Truncate implements State.
func (r *recurrent) Truncate(pos int) {
	r.pending = false
	r.drop(func(s snapshot) bool { return s.pos > pos })
}

// Covers implements State.
func (r *recurrent) Covers(pos int) bool { return pos == 0 || r.find(pos) >= 0 }

// Mark implements State.
func (r *recurrent) Mark(pos int) {
	i := r.find(pos)
	if i < 0 || r.held[i].marked {
		return
	}
	r.held[i].marked = true
	marks := 0
	for j := len(r.held) - 1; j >= 0; j-- {
		if r.held[j].marked {
			marks++
			r.held[j].marked = marks <= maxMarks
		}
	}
}

// Marked implements State.
func (r *recurrent) Marked(pos int) bool { return r.Covers(pos) }

// Restore implements State: the next pass starts at pos, whose values are there.
func (r *recurrent) Restore(pos int) { r.Truncate(pos) }

// Forget implements State.
func (r *recurrent) Forget() {
	if n := len(r.held); r.pending {
		r.spare, r.held = append(r.spare, r.held[n-1].values), slices.Delete(r.held, n-1, n)
	}
	r.pending = false
}

// Bytes implements State.
func (r *recurrent) Bytes() int { return 4 * r.size * (len(r.held) + len(r.spare)) }

// recurrentSize is what such a state of so many values takes: those before and after a pass. Marks come on top.
func recurrentSize(values int) CacheSize { return CacheSize{Fixed: 2 * 4 * values} }

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
