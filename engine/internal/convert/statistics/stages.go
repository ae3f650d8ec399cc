package statistics

import (
	"context"

	"github.com/viterin/vek/vek32"

	"github.com/latentgo/latentgo/engine/internal/convert/activation"
	"github.com/latentgo/latentgo/engine/internal/convert/regression"
	"github.com/latentgo/latentgo/engine/internal/model"
	"github.com/latentgo/latentgo/internal/pool"
)

// driftShare is how much of the difference between the streams each repaired projection makes good for: half was better
// than none and than all of it.
const driftShare = 0.5

// Attend runs the attention of the original layer on x and the heads of the converted one on y, and gathers the
// regression of the one's output on the other's heads; nil when a norm comes between these and W_O. x becomes the stream
// behind the attention, and where the feed-forward network is in parallel, behind the layer.
func (k *Walk) Attend(ctx context.Context, original, converted *model.Layer) (*regression.Split, error) {
	p, _ := converted.Projections()
	var split *regression.Split
	if p.Sub == nil {
		split = regression.NewSplit(len(k.windows)-k.held, p.O.Cols, k.width, &k.scratch)
	}
	k.heads = activation.New(k.y.Len(), p.O.Matrix)
	rest := k.heads
	wide, narrow := k.sequence(original), k.sequence(converted)
	err := k.each(ctx, func(p piece) error {
		n, heads := len(p.ids), rest
		rest = rest.After(n)
		err := k.probe(p, wide, &model.Probe{
			Layer: original, From: model.StageInput, To: behind(original),
			Load: p.x.Load, Mixed: k.targets(p, &original.Spec), Save: p.x.Save,
		})
		if err != nil {
			return err
		}
		b := &model.Probe{
			Layer: converted, From: model.StageInput, To: model.StageHeads, Load: p.y.Load, HeadRows: heads.Save,
		}
		if split != nil && !p.held {
			e := split.For(p.pos == 0)
			b.Heads = func(w *pool.Worker, heads []float32, n int) { e.Add(w, heads, k.target, n) }
		}
		return k.probe(p, narrow, b)
	})
	if err == nil && split != nil {
		k.flush(split.Train, split.Validate)
	}
	return split, err
}

// Pass runs a layer that stays as it is on both streams.
func (k *Walk) Pass(ctx context.Context, l *model.Layer) error {
	original, converted := k.sequence(l), k.sequence(l)
	return k.each(ctx, func(p piece) error {
		b := model.Probe{Layer: l, From: model.StageInput, To: model.StageOutput, Load: p.x.Load, Save: p.x.Save}
		if err := k.probe(p, original, &b); err != nil {
			return err
		}
		b = model.Probe{Layer: l, From: model.StageInput, To: model.StageOutput, Load: p.y.Load, Save: p.y.Save}
		return k.probe(p, converted, &b)
	})
}

// targets returns a tap that sets k.target to what a repaired projection should give: o, what the original one gave,
// and a part of the drift from x to y. A norm behind the projection would change the drift's size: none then. A factor
// behind it is taken out of the drift.
func (k *Walk) targets(p piece, l *model.LayerSpec) func(o, x []float32, lo, hi int) {
	n := len(p.ids) * k.width
	k.target, k.other = resized(k.target, n), resized(k.other, n)
	share := float32(driftShare)
	if l.ResidualScale != 0 {
		share /= l.ResidualScale
	}
	return func(o, x []float32, lo, hi int) {
		from, to := lo*k.width, hi*k.width
		copy(k.target[from:to], o[from:])
		if l.PostNorm {
			return
		}
		p.y.Load(k.other, lo, hi)
		for j := from; j < to; j++ {
			k.target[j] += share * (x[j] - k.other[j])
		}
	}
}

// behind returns the stage at which a layer's attention is in the residual stream.
func behind(l *model.Layer) model.Stage {
	if l.Spec.Parallel {
		return model.StageOutput
	}
	return model.StageMixed
}

// Advance adds the converted layer's attention to y, W_O of the heads' outputs that Attend has kept, and a feed-forward
// network in parallel to it.
func (k *Walk) Advance(ctx context.Context, converted *model.Layer) error {
	rest, seq := k.heads, k.sequence(nil)
	k.heads = nil // the regression that follows needs the room
	return k.eachToken(ctx, func(p piece) error {
		heads := rest
		rest = rest.After(len(p.ids))
		return k.probe(p, seq, &model.Probe{
			Layer: converted, From: model.StageHeads, To: behind(converted),
			Load: p.y.Load, LoadHeads: heads.Load, Save: p.y.Save,
		})
	})
}

// FFN runs the original layer's feed-forward network on x, which becomes the layer's output. When its W_down is to be
// repaired, it gathers the regression of the result on the hidden values of y; nil when they are too many for one.
func (k *Walk) FFN(ctx context.Context, original *model.Layer, repair bool) (*regression.Split, error) {
	var split *regression.Split
	if f, ok := original.Gated(); ok && repair && f.Down.Cols <= maxRegression {
		split = regression.NewSplit(k.seenBatches, f.Down.Cols, k.width, &k.scratch)
	}
	seq := k.sequence(nil)
	err := k.eachToken(ctx, func(p piece) error {
		b := &model.Probe{Layer: original, From: model.StageMixed, To: model.StageOutput, Load: p.x.Load, Save: p.x.Save}
		if split != nil && !p.held {
			b.Fed = k.targets(p, &original.Spec)
		}
		if err := k.probe(p, seq, b); err != nil || split == nil || p.held {
			return err
		}
		e := split.For(p.pos == 0)
		return k.probe(p, seq, &model.Probe{
			Layer: original, From: model.StageMixed, To: model.StageHidden, Load: p.y.Load,
			Hidden: func(w *pool.Worker, hidden []float32, n int) { e.Add(w, hidden, k.target, n) },
		})
	})
	if err == nil && split != nil {
		k.flush(split.Train, split.Validate)
	}
	return split, err
}

// maxRegression is the largest number of inputs of a projection that is repaired: normal equations take memory with its
// square and time with its cube, five minutes for each layer at the 14,336 of Llama 3 8B.
const maxRegression = 8192

// AdvanceFFN adds the converted layer's feed-forward network to y. Its hidden values are computed again: to keep them
// takes more memory than all else.
func (k *Walk) AdvanceFFN(ctx context.Context, converted *model.Layer) error {
	seq := k.sequence(nil)
	return k.eachToken(ctx, func(p piece) error {
		return k.probe(p, seq, &model.Probe{
			Layer: converted, From: model.StageMixed, To: model.StageOutput, Load: p.y.Load, Save: p.y.Save,
		})
	})
}

// Follow runs a layer that stays as it is on stream y alone; x stays where it was.
func (k *Walk) Follow(ctx context.Context, l *model.Layer) error {
	seq := k.sequence(l)
	return k.each(ctx, func(p piece) error {
		return k.probe(p, seq, &model.Probe{Layer: l, From: model.StageInput, To: model.StageOutput, Load: p.y.Load, Save: p.y.Save})
	})
}

// Weakness returns the mean over the tokens of stream y of one over their squared length: what a squared error of 1 there
// is, as a share. The first token of a window, which is massive in many models, hardly counts.
func (k *Walk) Weakness() float64 {
	sum, row := 0.0, make([]float32, k.width)
	for t := range k.y.Len() {
		k.y.Rows(t, 1).Load(row, 0, 1)
		sum += 1 / max(float64(vek32.Dot(row, row)), 1e-30)
	}
	return sum / float64(max(k.y.Len(), 1))
}
