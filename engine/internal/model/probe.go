package model

import "github.com/latentgo/latentgo/internal/pool"

// Stage is a point in a layer at which a probe begins or ends.
type Stage uint8

// The stages, in order.
const (
	StageInput     Stage = iota // the residual stream comes in
	StageProjected              // queries, keys and values are there, with biases and norms, not rotated
	StageHeads                  // outputs of the attention heads are there
	StageMixed                  // attention has been added to the residual stream
	StageHidden                 // hidden values of the feed-forward network are there
	StageOutput                 // the feed-forward network has been added
)

// Probe runs a part of one layer on activations instead of tokens, and shows what it computes. All functions are called
// by every worker at the same time, with the rows lo … hi-1 that are its own; nil ones are left out. Where a function
// gets all n rows, all have been written, and it may share out work among the workers, barriers included.
type Probe struct {
	Layer *Layer
	Rows  []Rows // two or more rows in all; of their tokens only the number counts, unless layers add embeddings of them
	From  Stage  // StageInput, StageHeads or StageMixed
	To    Stage  // above From

	// Load writes rows of the residual stream at From: x [rows, width]. LoadHeads, at StageHeads, outputs of heads.
	Load      func(x []float32, lo, hi int)
	LoadHeads func(heads []float32, lo, hi int)
	// Save gets the residual stream at To (StageMixed, StageOutput), and may change it.
	Save func(x []float32, lo, hi int)

	// Projected gets queries [n, heads·d], scaled, and [keys of all heads | values of all heads] of n rows, not
	// rotated; of latent attention queries for rows, [n, heads·(R+L)], and the rows.
	Projected func(w *pool.Worker, q, kv []float32, n int)
	// Heads gets the heads' outputs [n, heads·v]; first its own rows, in a call of their own.
	HeadRows func(heads []float32, lo, hi int)
	Heads    func(w *pool.Worker, heads []float32, n int)
	// Mixed gets what W_O gives, o [rows, width], and the residual stream x that it will be added to; Fed the same of
	// W_down.
	Mixed func(o, x []float32, lo, hi int)
	Fed   func(o, x []float32, lo, hi int)
	// Hidden gets the hidden values of a gated network [n, ff].
	Hidden func(w *pool.Worker, hidden []float32, n int)

	kv []float32
}

func (b *Probe) begins(s Stage) bool { return b == nil || b.From <= s }

// ends reports whether a probe goes no further than s.
func (b *Probe) ends(s Stage) bool { return b != nil && b.To <= s }

// probeLayer is one worker's share of a probe.
func (p *pass) probeLayer(w *worker) {
	b := p.probe
	if b.Layer.embedding != nil && b.To == StageOutput {
		p.embed(w)
		p.embedLayers(w)
	}
	if b.Load != nil {
		b.Load(w.x, w.lo, w.hi)
	}
	if b.From == StageHeads {
		b.LoadHeads(w.heads, w.lo, w.hi)
	}
	p.layer(w, b.Layer)
	if b.Save != nil {
		b.Save(w.x, w.lo, w.hi)
	}
	w.Barrier()
}

// headsDone shows the heads' outputs.
func (b *Probe) headsDone(p *pass, w *worker) {
	if b == nil || b.From == StageHeads {
		return
	}
	if b.HeadRows != nil {
		b.HeadRows(w.heads, w.lo, w.hi)
	}
	if b.Heads != nil {
		w.Barrier()
		b.Heads(w.Worker, w.heads, len(p.pos))
	}
}

func (b *Probe) mixed(p *pass, w *worker) {
	if b != nil && b.Mixed != nil {
		b.Mixed(p.o, w.x, w.lo, w.hi)
	}
}

func (b *Probe) fed(p *pass, w *worker) {
	if b != nil && b.Fed != nil {
		b.Fed(p.o, w.x, w.lo, w.hi)
	}
}

func (b *Probe) hidden(p *pass, w *worker, hidden []float32) {
	if b != nil && b.Hidden != nil {
		b.Hidden(w.Worker, hidden, len(p.pos))
	}
}
