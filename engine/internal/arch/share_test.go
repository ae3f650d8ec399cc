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

// cuts are how a prompt of 77 tokens is cut into passes.
var cuts = [][]int{{77}, {1, 76}, {13, 31, 33}, {76, 1}, {40, 3, 2, 32}}

// What a sequence computes does not depend, to the bit, on what else is in its passes or on how its prompt is cut.
func TestSharedPassesGiveTheSameBits(t *testing.T) {
	shared := testenv.Shared(t, vectors)
	for _, name := range known {
		for _, f := range []attention.Format{attention.F16, attention.Q8, attention.Q4} {
			for _, threads := range []int{1, 2} {
				t.Run(fmt.Sprintf("%s/%v/%d", name, f, threads), func(t *testing.T) {
					m := open(t, filepath.Join(shared, name+".gguf"), model.Options{Threads: threads})
					if err := m.CheckCache(f); err != nil {
						t.Skip(err)
					}
					if !m.Shareable() {
						t.Skip("takes passes of its own")
					}
					want := sharedPasses(t, m, f, 0, []int{77})
					for _, others := range []int{0, 1, 4} {
						for _, cut := range cuts {
							if got := sharedPasses(t, m, f, others, cut); !slices.Equal(got, want) {
								t.Errorf("beside %d others, cut as %v: other bits", others, cut)
							}
						}
					}
				})
			}
		}
	}
}

// sharedPasses evaluates a prompt and some steps in passes that others share, and returns the logits of the prompt's
// end and the steps.
func sharedPasses(t *testing.T, m *model.Model, f attention.Format, others int, cut []int) []float32 {
	t.Helper()
	vocab, seq := m.Vocab(), m.NewSequence(f, 0)
	var rest []*model.Sequence
	for range others {
		rest = append(rest, m.NewSequence(f, 0))
	}
	var out []float32
	token := func(i int) int32 { return int32((i*31 + i*i*5 + 3) % vocab) }
	pass := func(kind model.Kind, n int) {
		var before, after []model.Rows
		for i, s := range rest {
			if (i+s.Len())%2 == 0 {
				before = append(before, model.Rows{Seq: s, Tokens: []int32{token(i)}, Kind: model.Step})
			} else {
				after = append(after, model.Rows{Seq: s, Tokens: []int32{token(i), token(i + 1)}, Kind: model.Prompt})
			}
		}
		mine := model.Rows{Seq: seq, Kind: kind}
		for i := range n {
			mine.Tokens = append(mine.Tokens, token(seq.Len()+i))
		}
		rows := slices.Concat(before, []model.Rows{mine}, after)
		if err := m.Run(rows, nil); err != nil {
			t.Fatal(err)
		}
		logits, last := make([]float32, vocab), len(before)+n-1
		spare := make([]float32, vocab)
		var err error
		if others%2 == 1 {
			err = m.StepLogits([][]float32{spare, logits}, []int{0, last})
		} else {
			err = m.StepLogits([][]float32{logits}, []int{last})
		}
		if err != nil {
			t.Fatal(err)
		}
		if seq.Len() >= 77 {
			out = append(out, logits...)
		}
	}
	for _, n := range cut {
		pass(model.Prompt, n)
	}
	for range 5 {
		pass(model.Step, 1)
	}
	return out
}
