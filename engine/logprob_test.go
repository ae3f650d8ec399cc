package engine

import (
	"math"
	"slices"
	"testing"
)

// Each drawn token tells its probability as the model gave it, whatever the sampler did; nobody pays who does not ask.
func TestLogProbs(t *testing.T) {
	m := byteModel(t, Options{})
	s := newSession(t, m, nil)
	opt := &GenerateOptions{MaxTokens: 12, LogProbs: true, IgnoreEOG: true, Sampling: biased()}
	var got []float32
	for p, err := range s.Generate(t.Context(), start, opt) {
		if err != nil {
			t.Fatal(err)
		}
		if p.Token >= 0 {
			got = append(got, p.LogProb)
		} else if p.LogProb != 0 {
			t.Errorf("a piece without a token has the log-probability %g", p.LogProb)
		}
	}
	ids := slices.Clone(s.Tokens())
	for i, logits := range allLogits(t, m, ids)[len(start)-1 : len(ids)-1] {
		sum := 0.0
		for _, l := range logits {
			sum += math.Exp(float64(l))
		}
		want := float64(logits[ids[len(start)+i]]) - math.Log(sum)
		if math.Abs(float64(got[i])-want) > 0.05 || got[i] > 0 {
			t.Errorf("token %d: %g, want %g", i, got[i], want)
		}
	}
	for p := range s.Generate(t.Context(), start, &GenerateOptions{MaxTokens: 2}) {
		if p.LogProb != 0 {
			t.Errorf("%+v without LogProbs", p)
		}
	}
}

// Stats tell the seed that repeats an answer, and the stop string that ended it.
func TestStatsSeedAndStop(t *testing.T) {
	m := byteModel(t, Options{})
	s := newSession(t, m, nil)
	random := m.Sampling()
	random.Seed = -1
	opt := GenerateOptions{MaxTokens: 30, Sampling: &random}
	first := generate(t.Context(), s, start, opt, 0)
	if s.Stats().Seed < 0 || s.Stats().Stop != "" {
		t.Errorf("%+v", s.Stats())
	}
	random.Seed = s.Stats().Seed
	if again := generate(t.Context(), newSession(t, m, nil), start, opt, 0); !slices.Equal(again.ids, first.ids) || random.Seed < 0 {
		t.Errorf("seed %d gives %v, gave %v", random.Seed, again.ids, first.ids)
	}
	text := generate(t.Context(), s, start, GenerateOptions{MaxTokens: 30}, 0).text
	stop := text[4:6]
	generate(t.Context(), s, start, GenerateOptions{MaxTokens: 30, Stop: []string{"never", stop}}, 0)
	if st := s.Stats(); st.Reason != ReasonStop || st.Stop != stop {
		t.Errorf("%+v, want the stop string %q", st, stop)
	}
	generate(t.Context(), s, start, GenerateOptions{MaxTokens: 1, Stop: []string{"never"}}, 0)
	if st := s.Stats(); st.Stop != "" {
		t.Errorf("%+v", st)
	}
}
