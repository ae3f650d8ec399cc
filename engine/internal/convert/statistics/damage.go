package statistics

import (
	"context"
	"sync"

	"github.com/latentgo/latentgo/engine/internal/convert/activation"
	"github.com/latentgo/latentgo/engine/internal/model"
)

// Damage returns what a layer's attention loses by its conversion, before any repair, in the windows held back: the
// squared difference of its output from the original's on stream y, as a share of the residual stream behind it; a mean
// over the tokens that see compressed ones, or all where windows are too short for that. It is 0 when nothing is held
// back. Streams stay where they are.
func (k *Walk) Damage(ctx context.Context, original, converted *model.Layer) (float64, error) {
	d := &damage{width: k.width, from: k.firstDamaged(converted), norm: original.Spec.PostNorm}
	exact, narrow := k.sequence(original), k.sequence(converted)
	err := k.each(ctx, func(p piece) error {
		if !p.held {
			return nil
		}
		d.begin(p)
		err := k.probe(p, exact, &model.Probe{
			Layer: original, From: model.StageInput, To: model.StageMixed, Load: p.y.Load, Mixed: d.keep,
		})
		if err != nil {
			return err
		}
		return k.probe(p, narrow, &model.Probe{
			Layer: converted, From: model.StageInput, To: model.StageMixed, Load: p.y.Load, Mixed: d.compare,
		})
	})
	if err != nil || d.tokens == 0 {
		return 0, err
	}
	return d.sum / float64(d.tokens), nil
}

// firstDamaged returns the first position of a window that sees compressed tokens, 0 when windows are shorter.
func (k *Walk) firstDamaged(l *model.Layer) int {
	const step = 32 // recent tokens are that many more at most
	a, ok := l.Spec.Mixer.(model.Attention)
	if !ok || a.Compressed == nil || a.Compressed.Recent == 0 {
		return 0
	}
	from := a.Compressed.Recent + step
	for _, w := range k.windows[len(k.windows)-k.held:] {
		if len(w) > from {
			return from
		}
	}
	return 0
}

// damage adds up what pieces of text say.
type damage struct {
	width, from int
	norm        bool // a norm follows: the share is that of the attention's own output
	pos         int  // of the piece
	want        activation.F16
	mu          sync.Mutex
	sum         float64
	tokens      int
}

func (d *damage) begin(p piece) {
	d.pos = p.pos
	if n := len(p.ids); d.want.Len() < n {
		d.want = activation.NewF16(n, d.width)
	}
}

// keep keeps what the original gives.
func (d *damage) keep(o, _ []float32, lo, hi int) {
	own := append([]float32(nil), o[lo*d.width:hi*d.width]...) // Save rounds what it gets
	d.want.Rows(lo, hi-lo).Save(own, 0, hi-lo)
}

// compare adds up how far o is from it; x is the stream that o will be added to.
func (d *damage) compare(o, x []float32, lo, hi int) {
	want := make([]float32, (hi-lo)*d.width)
	d.want.Rows(lo, hi-lo).Load(want, 0, hi-lo)
	sum, tokens := 0.0, 0
	for t := max(lo, d.from-d.pos); t < hi; t++ {
		e := share(o[t*d.width:][:d.width], want[(t-lo)*d.width:][:d.width], x[t*d.width:][:d.width], d.norm)
		sum, tokens = sum+e, tokens+1
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.sum, d.tokens = d.sum+sum, d.tokens+tokens
}

// share returns how far o is from what it should be, squared, over the stream behind it, or with a norm over itself.
func share(o, want, x []float32, norm bool) float64 {
	size, far := float32(0), float32(0)
	for j, v := range want {
		if !norm {
			v += x[j]
		}
		size += v * v
		e := o[j] - want[j]
		far += e * e
	}
	return float64(far) / max(float64(size), 1e-30)
}
