package model

import (
	"fmt"
	"slices"

	"github.com/latentgo/latentgo/internal/attention"
	"github.com/latentgo/latentgo/internal/kernel"
)

// Both is two mixers side by side: both get the layer's input, and their results are added. The second has no bias.
type Both struct{ First, Second MixerSpec }

// both is a pair of mixers with their weights.
type both struct {
	first, second mixer
	layers        [2]Layer // by which the two find their states
	types         []kernel.ActType
}

func (s Both) load(ld *Loader, i int) mixer {
	b := &both{first: s.First.load(ld, i), second: s.Second.load(ld, i)}
	b.layers = [2]Layer{{Index: i, state: i}, {Index: i, state: i, part: 1}}
	if ld.err == nil {
		b.types = distinct(append(b.first.inputs(), b.second.inputs()...))
	}
	return b
}

func (b *both) inputs() []kernel.ActType { return b.types }

func (b *both) shareable() bool { return b.first.shareable() && b.second.shareable() }

func (b *both) include(e *executor) {
	b.first.include(e)
	b.second.include(e)
	e.most.both = e.width
}

func (b *both) bias() []float32 { return b.first.bias() }

func (b *both) run(p *pass, w *worker, _ *Layer) {
	b.first.run(p, w, &b.layers[0])
	lo, hi := w.Share(len(p.pos) * p.width)
	copy(p.firstMixed[lo:hi], p.o[lo:hi])
	w.Barrier()
	b.second.run(p, w, &b.layers[1])
	for i, v := range p.firstMixed[lo:hi] {
		p.o[lo+i] += v
	}
	w.Barrier()
}

func (b *both) newState(f CacheFormat, n int) State {
	return &bothStates{b.first.newState(f, n), b.second.newState(f, n)}
}

func (b *both) size(f CacheFormat) CacheSize {
	x, y := b.first.size(f), b.second.size(f)
	return CacheSize{x.Rope + y.Rope, x.Latent + y.Latent, x.Token + y.Token, x.Fixed + y.Fixed}
}

func (b *both) bytes(f CacheFormat, depth int) (weights, cache int) {
	w, c := b.first.bytes(f, depth)
	weights, cache = b.second.bytes(f, depth)
	return weights + w, cache + c
}

// bothStates is what a pair of mixers remembers.
type bothStates [2]State

// Grow implements State.
func (b *bothStates) Grow(n int) { b.each(func(s State) { s.Grow(n) }) }

// Advance implements State.
func (b *bothStates) Advance(pos, n int) { b[0].Advance(pos, n); b[1].Advance(pos, n) }

// Truncate implements State.
func (b *bothStates) Truncate(pos int) { b.each(func(s State) { s.Truncate(pos) }) }

// Covers implements State.
func (b *bothStates) Covers(pos int) bool { return b[0].Covers(pos) && b[1].Covers(pos) }

// Mark implements State.
func (b *bothStates) Mark(pos int) { b.each(func(s State) { s.Mark(pos) }) }

// Marked implements State.
func (b *bothStates) Marked(pos int) bool { return b[0].Marked(pos) && b[1].Marked(pos) }

// Restore implements State.
func (b *bothStates) Restore(pos int) { b.each(func(s State) { s.Restore(pos) }) }

// Forget implements State.
func (b *bothStates) Forget() { b.each(State.Forget) }

// Bytes implements State.
func (b *bothStates) Bytes() int { return b[0].Bytes() + b[1].Bytes() }

func (b *bothStates) each(f func(State)) {
	for _, s := range b {
		f(s)
	}
}

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
