package statistics

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/latentgo/latentgo/attn/transmla"
	"github.com/latentgo/latentgo/engine/internal/convert/activation"
	"github.com/latentgo/latentgo/engine/internal/convert/internal/converttest"
	"github.com/latentgo/latentgo/engine/internal/model"
	"github.com/latentgo/latentgo/internal/gguftest"
)

// through moves a walk behind all layers of a model, which the converted layers are as well.
func through(t *testing.T, k *Walk, m *model.Model) {
	t.Helper()
	for i := range m.Spec().Layers {
		l := m.Layer(i)
		_, err := k.Attend(t.Context(), l, l)
		if err == nil {
			err = k.Advance(t.Context(), l)
		}
		if err == nil {
			_, err = k.FFN(t.Context(), l, i == 0)
		}
		if err == nil {
			err = k.AdvanceFFN(t.Context(), l)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// Behind the last layer, both streams are what the model makes of the text, for every architecture, with embeddings of
// layers as well, also in windows of several passes.
func TestStreams(t *testing.T) {
	models := gguftest.FloatVariants()
	models["gemma4-own"] = gguftest.SketchVariants()["gemma4-own"].Build()
	for name, b := range models {
		m := converttest.Plain(t, b)
		vocab := min(90, m.Vocab())
		windows := append(gguftest.Windows(8, 20, vocab), gguftest.RandomIDs(BatchTokens+101, vocab))
		k, err := New(t.Context(), m, windows, nil)
		if err != nil {
			t.Fatal(err)
		}
		through(t, k, m)
		at := 0
		for _, ids := range windows {
			want := converttest.Logits(t, m, ids, converttest.All)
			for what, x := range map[string]activation.F16{"original": k.Original(), "converted": k.Converted()} {
				if e := converttest.NMSE(logits(t, m, x.Rows(at, len(ids))), want); !(e < 1e-4) {
					t.Errorf("%s, %s: logits of a window of %d are wrong by %g of their energy", name, what, len(ids), e)
				}
			}
			at += len(ids)
		}
	}
}

// logits are those of a stream behind the last layer.
func logits(t *testing.T, m *model.Model, x activation.F16) [][]float32 {
	t.Helper()
	e, vocab, n := m.Spec().Width, m.Vocab(), x.Len()
	hidden, all := make([]float32, n*e), make([]float32, n*vocab)
	x.Load(hidden, 0, n)
	for i := range n {
		m.NormOutput(hidden[i*e:][:e], hidden[i*e:][:e])
	}
	if err := m.LogitsOf(all, hidden, n); err != nil {
		t.Fatal(err)
	}
	var out [][]float32
	for i := range n {
		out = append(out, all[i*vocab:][:vocab])
	}
	return out
}

// Moments are sums over all tokens, and samples are windows' keys, values and some of their queries, whatever the
// pieces.
func TestMoments(t *testing.T) {
	qwen2 := gguftest.TinyFloat("qwen2")
	qwen2.Bias = true
	m := converttest.Plain(t, qwen2.Build())
	windows := [][]int32{gguftest.RandomIDs(BatchTokens+33, 90), gguftest.RandomIDs(40, 90)}
	k, err := New(t.Context(), m, windows, nil)
	if err != nil {
		t.Fatal(err)
	}
	var samples []transmla.Sample
	sums, err := k.Moments(t.Context(), m.Layer(0), nil, &samples)
	if err != nil {
		t.Fatal(err)
	}
	const nz, nq = 2 * (16 + 16), 6 * 16
	var z []float32
	for i, s := range samples {
		if n := len(windows[i]); s.Tokens != n || len(s.KV) != n*nz || len(s.Queries) != n/transmla.SampleStride*nq {
			t.Fatalf("window %d of %d tokens: %d with %d values of keys and %d of queries", i, n, s.Tokens, len(s.KV), len(s.Queries))
		}
		if slices.Contains(s.Queries, 0) {
			t.Errorf("window %d: a query is missing", i)
		}
		z = append(z, s.KV...)
	}
	for _, at := range [][2]int{{5, 3}, {nz - 1, 17}, {40, 40}} {
		want := 0.0
		for r := range len(z) / nz {
			want += float64(z[r*nz+at[0]]) * float64(z[r*nz+at[1]])
		}
		if got := float64(sums.KV.Row(at[0])[at[1]]); got < want-1e-2 || got > want+1e-2 {
			t.Errorf("moment %v is %v, want %v", at, got, want)
		}
	}
	if sums.Query.Row(nq - 1)[nq-1] <= 0 {
		t.Error("no queries were summed up")
	}
}

// A context that ends ends a walk.
func TestCancelled(t *testing.T) {
	m := converttest.Plain(t, gguftest.TinyFloat("llama").Build())
	ctx, cancel := context.WithCancel(t.Context())
	k, err := New(ctx, m, gguftest.Windows(4, 30, 90), nil)
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if _, err := k.Attend(ctx, m.Layer(0), m.Layer(0)); err != context.Canceled {
		t.Errorf("got %v", err)
	}
}

// A window's pieces are the window, and none is a single token or longer than a pass.
func TestPieced(t *testing.T) {
	for _, n := range []int{2, BatchTokens, BatchTokens + 1, 2*BatchTokens + 1, 5000} {
		ids := gguftest.RandomIDs(n, 90)
		var got []int32
		for pos, piece := range pieced(ids) {
			if pos != len(got) || len(piece) < 2 || len(piece) > BatchTokens {
				t.Errorf("%d tokens: %d from %d on", n, len(piece), pos)
			}
			got = append(got, piece...)
		}
		if !slices.Equal(got, ids) {
			t.Errorf("%d tokens became %d", n, len(got))
		}
	}
}

// A window with more tokens than there are learned positions is an error.
func TestWindowsBeyondPositions(t *testing.T) {
	c := gguftest.ClassicVariants()["gpt2"]
	m := converttest.Plain(t, c.Build())
	if _, err := New(t.Context(), m, gguftest.Windows(1, c.Context+1, c.Vocab), nil); !errors.Is(err, model.ErrInvalid) {
		t.Errorf("%d tokens: %v", c.Context+1, err)
	}
}
