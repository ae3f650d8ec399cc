// Package converttest helps tests of conversions: small models, their logits, and errors between them.
package converttest

import (
	"testing"

	"github.com/latentgo/latentgo/engine/internal/arch"
	"github.com/latentgo/latentgo/engine/internal/model"
	"github.com/latentgo/latentgo/gguf"
	"github.com/latentgo/latentgo/internal/attention"
	"github.com/latentgo/latentgo/internal/gguftest"
)

// Open opens the file that b makes and reads its spec.
func Open(t testing.TB, b *gguftest.Builder) (*gguf.File, *model.Spec) {
	t.Helper()
	return OpenFile(t, b.Write(t))
}

// OpenFile opens a file and reads its spec.
func OpenFile(t testing.TB, path string) (*gguf.File, *model.Spec) {
	t.Helper()
	f, err := gguf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	s, err := arch.Read(f)
	if err != nil {
		t.Fatal(err)
	}
	return f, s
}

// Load loads a model of two workers.
func Load(t testing.TB, f *gguf.File, s *model.Spec, made map[string]*model.Tensor) *model.Model {
	t.Helper()
	return LoadThreads(t, f, s, made, 2)
}

// LoadThreads loads a model.
func LoadThreads(t testing.TB, f *gguf.File, s *model.Spec, made map[string]*model.Tensor, threads int) *model.Model {
	t.Helper()
	m, err := model.Load(f, s, model.Options{Threads: threads, Tensors: made, PlainGQA: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	return m
}

// Plain loads the model that b makes.
func Plain(t testing.TB, b *gguftest.Builder) *model.Model {
	t.Helper()
	f, s := Open(t, b)
	return Load(t, f, s, nil)
}

// Logits evaluates ids, so many at a time, and returns the logits after each.
func Logits(t testing.TB, m *model.Model, ids []int32, step int) [][]float32 {
	t.Helper()
	return LogitsIn(t, m, m.NewSequence(attention.F16, 0), ids, step)
}

// LogitsIn is Logits in a sequence.
func LogitsIn(t testing.TB, m *model.Model, seq *model.Sequence, ids []int32, step int) [][]float32 {
	t.Helper()
	var out [][]float32
	vocab := m.Vocab()
	for len(ids) > 0 {
		n := min(step, len(ids), m.BatchSize())
		if err := m.Run([]model.Rows{{Seq: seq, Tokens: ids[:n]}}, nil); err != nil {
			t.Fatal(err)
		}
		part := make([]float32, n*vocab)
		if err := m.Logits(part, 0, n); err != nil {
			t.Fatal(err)
		}
		for i := range n {
			out = append(out, part[i*vocab:][:vocab])
		}
		ids = ids[n:]
	}
	return out
}

// All is the step that evaluates a prompt as a whole, One that of decode steps.
const (
	All = 1 << 20
	One = 1
)

// NMSE is the mean squared error of got over the mean square of want.
func NMSE(got, want [][]float32) float64 {
	num, den := 0.0, 0.0
	for i := range want {
		for j, w := range want[i] {
			d := float64(got[i][j]) - float64(w)
			num += d * d
			den += float64(w) * float64(w)
		}
	}
	return num / den
}
