package embed

import (
	"context"

	"github.com/latentgo/latentgo/engine/internal/model"
	"github.com/latentgo/latentgo/engine/internal/schedule"
	"github.com/latentgo/latentgo/internal/attention"
)

// What a pass takes of several texts: more tokens make it hardly faster, and each has buffers; a text's cache is as
// large as one of 32 tokens at least.
const (
	passTokens = 512
	passTexts  = 64
)

// text is one that is being evaluated.
type text struct {
	index int
	seq   *model.Sequence
	rest  []int32
	pool  *model.Pool
}

// batch evaluates texts.
type batch struct {
	m      *Model
	kind   model.Pooling
	client *schedule.Client
	ids    [][]int32   // of texts that are not open yet
	out    [][]float32 // of all
	open   []*text
	tokens int // of open texts, not evaluated yet
	hidden []float32
}

// Vectors evaluates texts, none of them empty, and returns what the rows of each become. A text's vector does not depend
// on the others.
func (m *Model) Vectors(ctx context.Context, ids [][]int32, kind model.Pooling) ([][]float32, error) {
	b := &batch{m: m, kind: kind, ids: ids, out: make([][]float32, len(ids)), client: schedule.NewClient()}
	b.client.Prompt, b.client.Whole = true, m.Net.Spec().Encoder
	b.client.Most = m.Net.BatchSize()
	defer b.release()
	for {
		if err := b.fill(); err != nil {
			return nil, err
		}
		if len(b.open) == 0 {
			return b.out, nil
		}
		n, err := b.pass(ctx)
		if err != nil {
			return nil, err
		}
		b.collect(n)
	}
}

// fill opens texts until a pass is full.
func (b *batch) fill() error {
	for len(b.ids) > 0 && (len(b.open) == 0 || b.joins(b.ids[0])) {
		ids := b.ids[0]
		t := &text{index: len(b.out) - len(b.ids), rest: ids, pool: model.NewPool(b.kind, b.m.Net.Spec().Width)}
		t.seq = b.m.Net.NewSequence(attention.F16, len(ids))
		if err := b.m.Room(t.seq.Bytes()); err != nil {
			return err
		}
		t.seq.SetContext(len(ids))
		t.seq.Count()
		b.open, b.ids, b.tokens = append(b.open, t), b.ids[1:], b.tokens+len(ids)
	}
	return nil
}

// joins reports whether another text goes into the next pass.
func (b *batch) joins(ids []int32) bool {
	limit := min(b.m.Net.BatchSize(), passTokens)
	return b.m.Net.Shareable() && len(b.open) < passTexts && b.tokens+len(ids) <= limit
}

// pass evaluates the first tokens of open texts and returns how many.
func (b *batch) pass(ctx context.Context) (int, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	c := b.client
	c.Texts = c.Texts[:0]
	for _, t := range b.open {
		c.Texts = append(c.Texts, model.Rows{Seq: t.seq, Tokens: t.rest})
	}
	if n := min(b.tokens, c.Most) * b.m.Net.Spec().Width; len(b.hidden) < n {
		b.hidden = make([]float32, n)
	}
	c.Hidden = b.hidden
	return b.m.Passes.Run(ctx, c)
}

// collect takes the rows of the n tokens that were evaluated.
func (b *batch) collect(n int) {
	b.tokens -= n
	width, rows, rest := b.m.Net.Spec().Width, b.hidden, b.open[:0]
	for _, t := range b.open {
		k := min(n, len(t.rest))
		t.pool.Add(rows[:k*width])
		rows, n, t.rest = rows[k*width:], n-k, t.rest[k:]
		if len(t.rest) > 0 {
			rest = append(rest, t)
			continue
		}
		b.out[t.index] = t.pool.Vector()
		t.seq.Release()
	}
	b.open = rest
}

// release gives the memory of what is left back.
func (b *batch) release() {
	for _, t := range b.open {
		t.seq.Release()
	}
	b.m.Passes.Leave(b.client)
}
