package bench

import (
	"context"
	"errors"
	"io"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/latentgo/latentgo/engine"
	"github.com/latentgo/latentgo/internal/gguftest"
)

func TestNewRate(t *testing.T) {
	if NewRate(nil) != nil {
		t.Error("a rate of nothing")
	}
	if got, want := NewRate([]float64{3, 1.005, 2}), (&Rate{3, 2, 1, []float64{3, 1, 2}}); !reflect.DeepEqual(got, want) {
		t.Errorf("odd: %+v", got)
	}
	if got := NewRate([]float64{4, 1, 2, 3.333}); got.Median != 2.67 || got.Best != 4 || got.Least != 1 {
		t.Errorf("even: %+v", got)
	}
}

func TestRandomIDs(t *testing.T) {
	for _, vocab := range []int{4, 128, 49152} {
		ids := randomIDs(500, vocab, 0)
		if slices.Min(ids) < 0 || int(slices.Max(ids)) >= vocab {
			t.Fatalf("vocabulary of %d: %v", vocab, ids)
		}
		if slices.Equal(ids, randomIDs(500, vocab, 1)) {
			t.Error("two sequences have the same tokens")
		}
	}
}

func TestCases(t *testing.T) {
	p := &Plan{Prompts: []int{8, 0}, Predict: 2, Depths: []int{0, 5}, Sequences: []int{1, 3}, Reps: 2}
	if err := p.Check(); err != nil {
		t.Fatal(err)
	}
	want := []Case{{Prompt, 8, 0, 1}, {Decode, 2, 0, 1}, {Decode, 2, 0, 3}, {Prompt, 8, 5, 1}, {Decode, 2, 5, 1}, {Decode, 2, 5, 3}}
	if got := p.Cases(); !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if got := p.Tokens(); got != 3*5+2*(2*8+2*2+2*6) {
		t.Errorf("%d tokens", got)
	}
}

// What a row says follows from the shape of the model: one product for each weight, and in attention for each cached
// value and query head.
func TestRun(t *testing.T) {
	m, err := engine.Load(gguftest.TinyLlama().Build().Write(t), &engine.Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	tokens := int64(0)
	p := &Plan{Prompts: []int{20}, Predict: 4, Depths: []int{0, 30}, Sequences: []int{1, 2}, Reps: 2}
	res, err := Run(context.Background(), m, p, "", func(n int) { tokens += int64(n) })
	if err != nil {
		t.Fatal(err)
	}
	if want := p.Tokens(); tokens != want {
		t.Errorf("%d tokens reported, %d planned", tokens, want)
	}
	if len(res.Rows) != 6 || res.Layout != Layout || res.Cache != "f16" || res.Prompt != res.Rows[0].Rate || res.Decode != res.Rows[1].Rate || res.Read != nil {
		t.Fatalf("%+v", res)
	}
	q, kv, ff := 6*16*64, 2*16*64, 96*64
	weights := 80*64 + 2*(2*q+2*kv+3*ff)
	for _, row := range res.Rows {
		mean := row.Depth + row.Tokens/2
		products := float64(weights) + 2*2*6*16*float64(mean) // 2 layers, keys and values, 6 heads of 16
		if row.Kind == Prompt {
			products -= 80 * 64 * 19. / 20
		}
		if got := row.Rate.Median * products / 1e9; math.Abs(row.GMACs-got) > 0.01 {
			t.Errorf("%v: %v GMAC/s, want %v", row.Case, row.GMACs, got)
		}
		if row.Kind == Prompt {
			continue
		}
		bytes := float64(weights)/32*34 + float64(row.Sequences*(mean+1)*res.TokenBytes)
		if got := row.Rate.Median / float64(row.Sequences) * bytes / 1e9; math.Abs(row.GBs-got) > 0.01 {
			t.Errorf("%v: %v GB/s, want %v", row.Case, row.GBs, got)
		}
	}
	res.Print(io.Discard, nil)
}

// A sequence that was measured is back at its depth for the next repetition, and says the same.
func TestSequenceGoesBack(t *testing.T) {
	m, err := engine.Load(gguftest.TinyLlama().Build().Write(t), &engine.Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	ctx := context.Background()
	r, err := NewRunner(ctx, m, 100, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var said [2][]int32
	for i := range said {
		if _, _, err := r.Once(Case{Decode, 8, 40, 2}, i == 0); err != nil {
			t.Fatal(err)
		}
		if q := r.list[1]; !slices.Equal(q.s.Tokens()[:40], q.ids[:40]) {
			t.Error("the depth's tokens changed")
		}
		said[i] = slices.Clone(r.list[1].s.Tokens())
		if _, _, err := r.Once(Case{Prompt, 10, 5, 1}, true); err != nil {
			t.Fatal(err)
		}
	}
	if len(said[0]) != 48 || !slices.Equal(said[0], said[1]) {
		t.Errorf("%v, then %v", said[0], said[1])
	}
}

func TestReadOther(t *testing.T) {
	for in, want := range map[string]string{
		"":                    "JSON",
		"7":                   "json",
		`{"layout": "other"}`: `layout is "other"`,
		`{"layout": "latentgo-bench/1", "rows": [{"kind": "decode", "tokens": 1, "sequences": 1}]}`: "no tokens_per_s",
		`[{"n_prompt": 4}]`:                    "without",
		`[{"n_prompt": 4, "samples_ts": [0]}]`: "rate of 0",
		`[{"n_prompt": 4, "samples_ts": [1]}, {"n_prompt": 4, "samples_ts": [1]}]`: "two results for prompt of 4 at depth 0",
	} {
		if _, err := ReadOther([]byte(in)); !errors.Is(err, ErrOther) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want …%s", in, err, want)
		}
	}
}
