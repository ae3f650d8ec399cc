package main

import (
	"context"
	"errors"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/latentgo/latentgo/cmd/chat/internal/chart"
	"github.com/latentgo/latentgo/engine"
	"github.com/latentgo/latentgo/internal/testenv"
)

// softmax is the textbook's.
func softmax(x []float32) []float64 {
	sum := 0.0
	p := make([]float64, len(x))
	for i, v := range x {
		p[i] = math.Exp(float64(v))
		sum += p[i]
	}
	for i := range p {
		p[i] /= sum
	}
	return p
}

// Scores are those of the definitions, whatever constant a model's logits are shifted by.
func TestScore(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	const vocab = 1000
	for range 20 {
		a, b := make([]float32, vocab), make([]float32, vocab)
		for i := range a {
			a[i] = 4 * float32(r.NormFloat64())
			b[i] = a[i] + float32(r.NormFloat64())
		}
		next := int32(r.IntN(vocab))
		p, q := softmax(a), softmax(b)
		kl := 0.0
		for i := range p {
			kl += p[i] * math.Log(p[i]/q[i])
		}
		for i := range b {
			b[i] += 50
		}
		c := &comparer{buf: make([]float32, vocab)}
		ref := &prediction{p: make([]float32, vocab)}
		first, second, same := new(side), new(side), new(side)
		c.score(true, first, ref, a, next)
		c.score(false, second, ref, b, next)
		c.score(false, same, ref, a, next)
		if math.Abs(first.nll+math.Log(p[next])) > 1e-4 || math.Abs(second.nll+math.Log(q[next])) > 1e-4 {
			t.Errorf("log-likelihoods %v, %v; want %v, %v", -first.nll, -second.nll, math.Log(p[next]), math.Log(q[next]))
		}
		if math.Abs(second.kl[0]-kl) > 1e-4*(1+kl) {
			t.Errorf("divergence %v, want %v", second.kl[0], kl)
		}
		if same.kl[0] > 1e-6 || same.agree != 1 {
			t.Errorf("from itself: divergence %v, agreement %d", same.kl[0], same.agree)
		}
	}
}

func TestMeanAndPercentile(t *testing.T) {
	x := make([]float64, 200)
	for i := range x {
		x[(i*37)%200] = float64(i)
	}
	if mean, p := meanAndPercentile(x, 0.99); mean != 99.5 || p != 197 {
		t.Errorf("mean %v, 99th percentile %v", mean, p)
	}
	if mean, p := meanAndPercentile([]float64{3}, 0.99); mean != 3 || p != 3 {
		t.Errorf("of one value: %v, %v", mean, p)
	}
	if mean, p := meanAndPercentile(nil, 0.99); mean != 0 || p != 0 {
		t.Errorf("of none: %v, %v", mean, p)
	}
}

// The figures of TransMLA's own code that pictures are drawn with can be read.
func TestTransMLACurve(t *testing.T) {
	curves, err := chart.ReadCurves([]string{filepath.Join("..", "..", "internal", "bench", "transmla.csv")})
	if err != nil || len(curves) != 1 || len(curves[0].Points) != 5 {
		t.Errorf("%v, %v", curves, err)
	}
}

// A signal ends a conversion while a model loads, and nothing is left in the cache.
func TestInterruptedConversion(t *testing.T) {
	model := testenv.Shared(t, "vectors/arch/llama-dense.gguf")
	dir := t.TempDir()
	t.Setenv("LATENTGO_CACHE", dir)
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	a := &app{ctx: ctx, out: &errWriter{w: io.Discard}, stderr: io.Discard, stopSignals: func() {}}
	m, err := a.loadFile(model, &engine.Options{MLA: engine.MLA{Percent: 50}, Threads: 1, Convert: &engine.ConvertOptions{Tokens: 1e6}})
	if m != nil || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v, %v", m, err)
	}
	if names, _ := os.ReadDir(filepath.Join(dir, "converted")); len(names) != 0 {
		t.Errorf("left behind: %v", names)
	}
}

// Bars follow the stages; warnings are shown without a terminal, too.
func TestConvertBar(t *testing.T) {
	var out, errs writes
	a := &app{ctx: context.Background(), out: &errWriter{w: &out}, stderr: &errs}
	b := newConvertBar(a)
	for _, stage := range []string{engine.StageText, engine.StageLayers, engine.StageSave} {
		b.report(engine.Progress{Stage: stage, Done: 1, Total: 2})
	}
	b.report(engine.Progress{Warning: "the disk is slow"})
	b.clear()
	b.report(engine.Progress{Warning: "after the end"})
	if string(errs) != "chat: the disk is slow\n" || len(out) != 0 {
		t.Errorf("written: %q, %q", errs, out)
	}
}

// writes collects what is written.
type writes []byte

func (w *writes) Write(b []byte) (int, error) {
	*w = append(*w, b...)
	return len(b), nil
}
