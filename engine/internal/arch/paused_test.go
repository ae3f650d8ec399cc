package arch_test

import (
	"slices"
	"sync/atomic"
	"testing"

	"github.com/latentgo/latentgo/engine/internal/model"
	"github.com/latentgo/latentgo/internal/attention"
	"github.com/latentgo/latentgo/internal/gguftest"
)

// A pass that is paused after each of its layers, for another lane's passes, gives the bits of one that is not, and so do
// the others.
func TestPausedSketchesGiveTheSameBits(t *testing.T) {
	ids := gguftest.RandomIDs(40, gguftest.SketchVocab)
	for name, s := range gguftest.SketchVariants() {
		if quantized(name) {
			continue
		}
		t.Run(name, func(t *testing.T) {
			m := open(t, s.Build().Write(t), model.Options{Threads: 2})
			if m.Spec().Encoder {
				t.Skip("has no steps")
			}
			want, wantSteps := pausedPass(t, m, ids, false)
			got, steps := pausedPass(t, m, ids, true)
			if !slices.Equal(got, want) {
				t.Error("a paused prompt has other bits")
			}
			if !slices.Equal(steps, wantSteps[:len(steps)]) {
				t.Error("steps during pauses have other bits")
			}
		})
	}
}

// pausedPass evaluates a prompt, and steps of another sequence: while the prompt is paused, or behind it.
func pausedPass(t *testing.T, m *model.Model, ids []int32, pause bool) (prompt, steps []float32) {
	t.Helper()
	seq, other, side := m.NewSequence(attention.F16, 0), m.NewSequence(attention.F16, 0), m.NewLane()
	step := func(i int) {
		rows := []model.Rows{{Seq: other, Tokens: ids[i%len(ids):][:1], Kind: model.Step}}
		if err := side.Run(rows, nil); err != nil {
			t.Fatal(err)
		}
		steps = append(steps, logitsAfter(t, side, m.Vocab(), 0)...)
	}
	var stop atomic.Bool
	stop.Store(pause)
	if err := m.Begin([]model.Rows{{Seq: seq, Tokens: ids, Kind: model.Prompt}}); err != nil {
		t.Fatal(err)
	}
	pauses := 0
	for {
		done, err := m.Continue(&stop, 0)
		if err != nil {
			t.Fatal(err)
		}
		if done {
			break
		}
		step(pauses)
		if pauses++; pauses == len(m.Spec().Layers) {
			stop.Store(false)
		}
	}
	if pause && pauses != len(m.Spec().Layers) {
		t.Errorf("%d pauses in %d layers", pauses, len(m.Spec().Layers))
	}
	if prompt = logitsAfter(t, &m.Lane, m.Vocab(), len(ids)-1); !pause {
		for i := range m.Spec().Layers {
			step(i)
		}
	}
	return prompt, steps
}

// logitsAfter returns the logits after a row of a lane's last pass.
func logitsAfter(t *testing.T, l *model.Lane, vocab, row int) []float32 {
	t.Helper()
	out := make([]float32, vocab)
	if err := l.StepLogits([][]float32{out}, []int{row}); err != nil {
		t.Fatal(err)
	}
	return out
}
