package sample

import (
	"encoding/json"
	"maps"
	"math"
	"os"
	"slices"
	"strconv"
	"testing"
)

// llamaCase is one case of testdata/llamacpp.json, which llamacpp.py beside it writes.
type llamaCase struct {
	Name    string
	Params  json.RawMessage
	Logits  []*float64
	History []int32
	Out     map[string]float64
	Pieces  []string
	Encode  map[string][]int32
}

// off is everything off at temperature 1: what the cases' parameters are laid over.
func off() Params {
	return Params{Seed: 1, Temperature: 1, DynatempExponent: 1, TopP: 1, TypicalP: 1, RepeatLastN: 64, RepeatPenalty: 1,
		DryBase: 1.75, DryAllowedLength: 2, DryPenaltyLastN: 64, DrySequenceBreakers: []string{}, XTCThreshold: 0.1, MirostatTau: 5, MirostatEta: 0.1}
}

func (c *llamaCase) logits() []float32 {
	out := make([]float32, len(c.Logits))
	for i, l := range c.Logits {
		out[i] = negInf
		if l != nil {
			out[i] = float32(*l)
		}
	}
	return out
}

// TestLlamaCpp holds the candidates and probabilities that each stage, and whole chains in any order, leave against
// llama.cpp's own (which computes in float32).
func TestLlamaCpp(t *testing.T) {
	data, err := os.ReadFile("testdata/llamacpp.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []llamaCase
	if err := json.Unmarshal(data, &cases); err != nil {
		t.Fatal(err)
	}
	for i, c := range cases {
		t.Run(c.Name+"/"+strconv.Itoa(i), func(t *testing.T) { c.run(t) })
	}
}

func (c *llamaCase) run(t *testing.T) {
	p := off()
	if err := json.Unmarshal(c.Params, &p); err != nil {
		t.Fatal(err)
	}
	ch, err := New(p, Options{Vocab: pieces(c.Pieces), Encode: func(s string) []int32 { return c.Encode[s] }})
	if err != nil {
		t.Fatal(err)
	}
	ch.Accept(c.History...)
	got := survivors(ch, c.logits())
	for id, p := range c.Out {
		if q, ok := got[id]; !ok || math.Abs(p-q) > 2e-5 {
			t.Errorf("token %s: probability %g, llama.cpp has %g (%s)", id, q, p, c.Params)
		}
	}
	if len(got) != len(c.Out) {
		t.Errorf("candidates %v, llama.cpp has %v (%s)", keys(got), keys(c.Out), c.Params)
	}
}

// survivors runs a chain and returns the final candidates' probabilities.
func survivors(ch *Chain, logits []float32) map[string]float64 {
	ch.Sample(logits)
	out := make(map[string]float64)
	for _, cand := range ch.candidates.list {
		out[strconv.Itoa(int(cand.id))] = cand.p
	}
	return out
}

func keys(m map[string]float64) []string { return slices.Sorted(maps.Keys(m)) }

// pieces is a vocabulary of texts.
type pieces []string

func (v pieces) Size() int { return len(v) }

func (v pieces) AppendPiece(dst []byte, id int32, _ bool) []byte { return append(dst, v[id]...) }
