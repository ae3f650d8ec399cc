package imatrix

import (
	"context"
	"encoding/binary"
	"errors"
	"math"
	"testing"

	"github.com/latentgo/latentgo/gguf"
	"github.com/latentgo/latentgo/gguf/quantize"
	"github.com/latentgo/latentgo/internal/ggtype"
	"github.com/latentgo/latentgo/internal/gguftest"
)

// tiny opens a random model.
func tiny(t *testing.T) *gguf.File {
	t.Helper()
	f, err := gguf.OpenBytes("tiny", gguftest.TinyFloat("llama").Build().Bytes())
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// ids are n tokens.
func ids(n int) []int32 {
	list := make([]int32, n)
	for i := range list {
		list[i] = int32(i * 7 % 90)
	}
	return list
}

// sums returns the entry of a tensor.
func sums(t *testing.T, m *quantize.Matrix, name string) quantize.Sums {
	t.Helper()
	for _, s := range m.Sums {
		if s.Name == name {
			return s
		}
	}
	t.Fatalf("no sums for %s", name)
	return quantize.Sums{}
}

// What goes into the projections of a layer is normed: divided by the norm's weights, its squares add up to the width
// for each token.
func TestCollect(t *testing.T) {
	f := tiny(t)
	m, err := Collect(context.Background(), f, ids(50), Options{Window: 16, Threads: 2, Datasets: []string{"x"}})
	if err != nil {
		t.Fatal(err)
	}
	if m.ChunkCount != 3 || m.ChunkLen != 16 || len(m.Sums) != 3*7 {
		t.Errorf("%d chunks of %d, %d tensors", m.ChunkCount, m.ChunkLen, len(m.Sums))
	}
	for _, c := range []struct{ tensor, norm string }{
		{"blk.0.attn_q.weight", "blk.0.attn_norm.weight"}, {"blk.0.attn_v.weight", "blk.0.attn_norm.weight"},
		{"blk.2.ffn_gate.weight", "blk.2.ffn_norm.weight"}, {"blk.2.ffn_up.weight", "blk.2.ffn_norm.weight"},
	} {
		s, total := sums(t, m, c.tensor), 0.0
		for i, w := range norm(t, f, c.norm) {
			total += float64(s.Square[i]) / float64(w) / float64(w)
		}
		if want := 48.0 * float64(s.Counts[0]); s.Counts[0] != 48 || math.Abs(total-want) > 1e-2*want {
			t.Errorf("%s: %v tokens, squares add up to %v, want %v", c.tensor, s.Counts, total, want)
		}
	}
	if s := sums(t, m, "blk.1.ffn_down.weight"); len(s.Square) != 80 || s.Counts[0] != 48 {
		t.Errorf("ffn_down: %d columns, %v tokens", len(s.Square), s.Counts)
	}
}

// norm returns the weights of a norm.
func norm(t *testing.T, f *gguf.File, name string) []float32 {
	t.Helper()
	x, err := f.Tensor(name)
	if err != nil || x.Type != ggtype.F32 {
		t.Fatal(err)
	}
	b, err := x.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	w := make([]float32, len(b)/4)
	for i := range w {
		w[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
	}
	return w
}

// The first token of a window is replaced, a short text and a cancelled context are errors.
func TestOptions(t *testing.T) {
	f := tiny(t)
	with, err := Collect(context.Background(), f, ids(16), Options{Window: 16, BOS: true, Start: 5})
	if err != nil {
		t.Fatal(err)
	}
	same := ids(16)
	same[0] = 5
	without, err := Collect(context.Background(), f, same, Options{Window: 16})
	if err != nil {
		t.Fatal(err)
	}
	a, b := sums(t, with, "blk.0.attn_q.weight"), sums(t, without, "blk.0.attn_q.weight")
	for i := range a.Square {
		if a.Square[i] != b.Square[i] {
			t.Fatalf("column %d: %v and %v", i, a.Square[i], b.Square[i])
		}
	}
	if _, err := Collect(context.Background(), f, ids(15), Options{Window: 16}); err == nil {
		t.Error("a text shorter than a window")
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Collect(ctx, f, ids(64), Options{Window: 16}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}
