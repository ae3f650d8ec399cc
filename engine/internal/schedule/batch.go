package schedule

import (
	"time"

	"github.com/latentgo/latentgo/engine/internal/model"
)

// batch is what a pass is made of, reused.
type batch struct {
	lane    *model.Lane
	vocab   int
	members []member
	rows    []model.Rows
	outs    [][]float32 // where logits go
	last    []int       // the rows that they follow
	took    time.Duration
}

// member is a client in a pass.
type member struct {
	c  *Client
	n  int // tokens
	at int // their first row
}

// size returns how many rows the pass has.
func (b *batch) size() int {
	if k := len(b.members); k > 0 {
		return b.members[k-1].at + b.members[k-1].n
	}
	return 0
}

// take gives a client's first n tokens a place in the pass.
func (b *batch) take(c *Client, n int) {
	at := b.size()
	b.members = append(b.members, member{c, n, at})
	b.rows = c.appendRows(b.rows, n)
	if n < len(c.Tokens) || c.Logits == nil {
		return
	}
	first := n - 1
	if !c.Prompt {
		first = 0
	}
	for i := range n - first {
		b.outs, b.last = append(b.outs, c.Logits[i*b.vocab:][:b.vocab]), append(b.last, at+first+i)
	}
}

// results fetches what the members want of the pass.
func (b *batch) results() error {
	for _, m := range b.members {
		if m.c.Hidden != nil {
			b.lane.Hidden(m.c.Hidden, m.at, m.n)
		}
	}
	return b.lane.StepLogits(b.outs, b.last)
}

// clear forgets the clients, which may be dropped.
func (b *batch) clear() {
	clear(b.members)
	clear(b.rows)
	clear(b.outs)
	b.members, b.rows, b.outs, b.last = b.members[:0], b.rows[:0], b.outs[:0], b.last[:0]
	b.took = 0
}
