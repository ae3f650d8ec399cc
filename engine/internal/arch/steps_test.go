package arch_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"testing"

	"github.com/latentgo/latentgo/engine/internal/model"
	"github.com/latentgo/latentgo/internal/attention"
	"github.com/latentgo/latentgo/internal/testenv"
)

// Several steps of a sequence in one pass, guesses that turn out wrong among them, have the bits of one step after the
// other.
func TestStepsInOnePassGiveTheSameBits(t *testing.T) {
	shared := testenv.Shared(t, vectors)
	for _, name := range known {
		for _, f := range []attention.Format{attention.F16, attention.Q8} {
			for _, threads := range []int{1, 2} {
				t.Run(fmt.Sprintf("%s/%v/%d", name, f, threads), func(t *testing.T) {
					m := open(t, filepath.Join(shared, name+".gguf"), model.Options{Threads: threads})
					if !m.Shareable() {
						seq := m.NewSequence(f, 0)
						if err := m.Run([]model.Rows{{Seq: seq, Tokens: []int32{1, 2}, Kind: model.Step}}, nil); err == nil {
							t.Error("steps of one sequence are accepted")
						}
						return
					}
					want := stepsBy(t, m, f, []int{1, 1, 1, 1, 1, 1, 1, 1, 1})
					for _, cut := range [][]int{{9}, {4, 5}, {1, 2, 6}, {2, 1, 1, 5}} {
						if got := stepsBy(t, m, f, cut); !slices.Equal(got, want) {
							t.Errorf("steps by %v: other bits", cut)
						}
					}
				})
			}
		}
	}
}

// stepsBy evaluates a prompt and then as many steps as cut says in each pass, with as many wrong guesses behind them, and
// returns the logits after each step.
func stepsBy(t *testing.T, m *model.Model, f attention.Format, cut []int) (out []float32) {
	t.Helper()
	vocab, seq := m.Vocab(), m.NewSequence(f, 0)
	token := func(i int) int32 { return int32((i*31 + i*i*5 + 3) % vocab) }
	text := func(from, n int) (ids []int32) {
		for i := range n {
			ids = append(ids, token(from+i))
		}
		return ids
	}
	if err := m.Run([]model.Rows{{Seq: seq, Tokens: text(0, 61), Kind: model.Prompt}}, nil); err != nil {
		t.Fatal(err)
	}
	for i, n := range cut {
		wrong := len(cut) - 1 - i // none in the last pass
		if len(cut) == 9 {
			wrong = 0
		}
		ids := append(text(seq.Len(), n), text(5, wrong)...)
		if err := m.Run([]model.Rows{{Seq: seq, Tokens: ids, Kind: model.Step}}, nil); err != nil {
			t.Fatal(err)
		}
		logits := make([]float32, n*vocab)
		var outs [][]float32
		var rows []int
		for r := range n {
			outs, rows = append(outs, logits[r*vocab:][:vocab]), append(rows, r)
		}
		if err := m.StepLogits(outs, rows); err != nil {
			t.Fatal(err)
		}
		out = append(out, logits...)
		seq.Truncate(seq.Len() - wrong)
	}
	return out
}
