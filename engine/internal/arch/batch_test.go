package arch_test

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/latentgo/latentgo/engine/internal/model"
	"github.com/latentgo/latentgo/internal/attention"
	"github.com/latentgo/latentgo/internal/testenv"
)

// steps are what five sequences evaluate in each of several passes: prompts of unequal lengths and single tokens,
// mixed, some sequences idle for a pass.
var steps = [][5]int{{3, 1, 40, 0, 7}, {1, 1, 5, 22, 1}, {1, 0, 1, 1, 30}, {1, 1, 1, 1, 1}, {9, 1, 1, 1, 2}}

// Five sequences in one pass get the logits that each gets alone.
func TestSequencesInOnePass(t *testing.T) {
	shared := testenv.Shared(t, vectors)
	for _, name := range known {
		for _, f := range []attention.Format{attention.F16, attention.Q8, attention.Q4} {
			for _, threads := range []int{1, 3} {
				t.Run(fmt.Sprintf("%s/%v/%d", name, f, threads), func(t *testing.T) {
					m := open(t, filepath.Join(shared, name+".gguf"), model.Options{Threads: threads})
					if err := m.CheckCache(f); err != nil {
						t.Skip(err)
					}
					together(t, m, f)
				})
			}
		}
	}
}

func together(t *testing.T, m *model.Model, f attention.Format) {
	vocab := m.Vocab()
	var rows [5]model.Rows
	var text [5][]int32
	var got [5][]float32
	for i := range rows {
		rows[i].Seq = m.NewSequence(f, 0)
	}
	for no, step := range steps {
		n := 0
		var pass []model.Rows
		for i, k := range step {
			rows[i].Tokens = nil
			for j := range k {
				rows[i].Tokens = append(rows[i].Tokens, int32((i*31+no*7+j*j*5+3)%vocab))
			}
			text[i] = append(text[i], rows[i].Tokens...)
			pass, n = append(pass, rows[i]), n+k
		}
		if err := m.Run(pass, nil); err != nil {
			t.Fatal(err)
		}
		all := make([]float32, n*vocab)
		if err := m.Logits(all, 0, n); err != nil {
			t.Fatal(err)
		}
		for i, k := range step {
			got[i], all = append(got[i], all[:k*vocab]...), all[k*vocab:]
		}
	}
	for i := range rows {
		want := logitsOf(t, m, m.NewSequence(f, 0), text[i], len(text[i]))
		if e := nmse(got[i], want); !(e < 2e-4) || len(got[i]) != len(want) {
			t.Errorf("%s, %v: sequence %d of %d tokens: error %.2g", m.Spec().Arch, f, i, len(text[i]), e)
		}
	}
}
