package measure_test

import (
	"math"
	"os"
	"testing"

	"github.com/latentgo/latentgo/engine"
	"github.com/latentgo/latentgo/engine/measure"
	"github.com/latentgo/latentgo/internal/gguftest"
	"github.com/latentgo/latentgo/internal/logprob"
	"github.com/latentgo/latentgo/internal/testenv"
)

func TestPerplexity(t *testing.T) {
	m, err := engine.Load(gguftest.TinyLlama().Build().Write(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	ids := gguftest.RandomIDs(100, 80)
	sum, n := 0.0, 0
	for at := 0; at < len(ids); at += 33 {
		part := ids[at:min(at+33, len(ids))]
		s, err := m.NewSession(nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.EvalAll(t.Context(), part[:len(part)-1], func(i int, l []float32) error {
			sum, n = sum+logprob.LogSum(make([]float32, len(l)), l)-float64(l[part[i+1]]), n+1
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		s.Close()
	}
	got, err := measure.Perplexity(t.Context(), m, ids, 33)
	if want := math.Exp(sum / float64(n)); err != nil || math.Abs(got-want) > 1e-3*want {
		t.Errorf("%g, want %g; %v", got, want, err)
	}
	for _, window := range []int{1, -1} {
		if _, err := measure.Perplexity(t.Context(), m, ids, window); err == nil {
			t.Errorf("windows of %d are accepted", window)
		}
	}
}

func TestKL(t *testing.T) {
	p, q := []float32{0, 1, 2}, []float32{2, 1, 0}
	if kl := measure.KL(p, p); kl != 0 {
		t.Errorf("KL of the same is %g", kl)
	}
	want := 0.0
	for i := range p {
		a, b := math.Exp(float64(p[i])-logprob.LogSum(make([]float32, len(p)), p)), math.Exp(float64(q[i])-logprob.LogSum(make([]float32, len(q)), q))
		want += a * math.Log(a/b)
	}
	if kl := measure.KL(p, q); math.Abs(kl-want) > 1e-12 {
		t.Errorf("KL is %g, want %g", kl, want)
	}
}

// A model finds codes again that are hidden in a short text; what can't be hidden is an error.
func TestRecall(t *testing.T) {
	m, err := engine.Load(testenv.Model(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	text, err := os.ReadFile("../../RATIONALE.md")
	if err != nil {
		t.Fatal(err)
	}
	ids, err := m.Encode(string(text[:4000]), false, false)
	if err != nil {
		t.Fatal(err)
	}
	recall := func(tokens, facts int, text []int32) (measure.Recalled, error) {
		s, err := m.NewSession(&engine.SessionOptions{Context: 1000})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		return measure.Recall(t.Context(), s, m, text, tokens, facts)
	}
	r, err := recall(200, 2, ids)
	if err != nil || r.Facts != 2 || r.Tokens > 200 || r.Tokens < 190 || r.LogProb > -0.001 || r.LogProb < -2 || r.Right < 0 || r.Right > 2 {
		t.Errorf("%+v, %v", r, err)
	}
	if lost, err := recall(200, 2, ids[:20]); err == nil {
		t.Errorf("a text of 20 tokens: %+v", lost)
	}
	for _, facts := range []int{0, 25} {
		if _, err := recall(200, facts, ids); err == nil {
			t.Errorf("%d facts: no error", facts)
		}
	}
}
