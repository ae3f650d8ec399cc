package engine

import (
	"errors"
	"fmt"
	"testing"

	"github.com/latentgo/latentgo/engine/internal/model"
	"github.com/latentgo/latentgo/internal/attention"
	"github.com/latentgo/latentgo/internal/gguftest"
)

// passes are what five sequences evaluate in each of several passes: prompts of unequal lengths and single tokens,
// mixed; some have nothing to do in a pass. Most grow beyond the recent window of compressed layers.
var passes = [][5]int{{90, 1, 40, 0, 7}, {1, 100, 5, 62, 1}, {1, 0, 1, 1, 130}, {1, 1, 1, 1, 1}, {40, 1, 31, 33, 2}, {1, 1, 1, 1, 1}}

// Five sequences of unequal lengths in one pass get the logits that each gets alone, on every architecture and cache
// form.
func TestSequencesShareAPass(t *testing.T) {
	files := gguftest.Convertible()
	for name, d := range gguftest.DeepVariants() {
		if d.Used = d.Experts; d.Keys["expert_group_used_count"] != nil { // a choice between nearly equal experts may fall either way
			d.Keys["expert_group_used_count"] = d.Keys["expert_group_count"]
		}
		files["deepseek2 "+name] = d.Build()
	}
	for name, b := range files {
		path := b.Write(t)
		for form, opt := range cacheForms(name) {
			for _, f := range []attention.Format{attention.F16, attention.Q8, attention.Q4, attention.Calibrated} {
				t.Run(fmt.Sprintf("%s/%s/%d", name, form, f), func(t *testing.T) {
					shareAPass(t, loadForCache(t, path, opt, CacheType(f)+CacheF16).net, f)
				})
			}
		}
	}
}

// loadForCache loads a model that can have a cache; others skip the test.
func loadForCache(t *testing.T, path string, opt Options, c CacheType) *Model {
	t.Helper()
	if c == CacheCalibrated {
		if opt.MLA != MLAExact {
			t.Skip("calibrated codes are of exact attention")
		}
		opt.Cache, opt.Convert = Cache{Type: c, Share: 0.4}, quick(MLA{})
	}
	m, err := Load(path, &opt)
	if err == nil {
		t.Cleanup(func() { _ = m.Close() })
		_, err = m.format(c)
	}
	if errors.Is(err, ErrUnsupported) {
		t.Skip(err)
	} else if err != nil {
		t.Fatal(err)
	}
	return m
}

// cacheForms are the forms of attention that an architecture can have.
func cacheForms(name string) map[string]Options {
	if len(name) > 9 {
		return map[string]Options{"native": {}}
	}
	forms := map[string]Options{"exact": {}, "off": {MLA: MLAOff}, "compressed": {MLA: MLA{R: 8, L: 24}, Convert: quick(MLA{})}}
	if name == "llama" {
		o := quick(MLA{})
		o.Compat = CompatLlama
		forms["llama.cpp"] = Options{MLA: MLA{R: 8, L: 24}, Convert: o}
	}
	return forms
}

// shareAPass compares sequences that share passes with the same ones alone, pass by pass: both see recent and
// compressed tokens alike.
func shareAPass(t *testing.T, m *model.Model, f attention.Format) {
	vocab, limit := m.Vocab(), 2e-4
	if f != attention.F16 {
		limit = 1e-3 // a rounding that falls otherwise is a larger step
	}
	var together, alone [5]*model.Sequence
	for i := range together {
		together[i], alone[i] = m.NewSequence(f, 0), m.NewSequence(f, 0)
	}
	for no, pass := range passes {
		var rows []model.Rows
		total := 0
		for i, n := range pass {
			r := model.Rows{Seq: together[i]}
			for j := range n {
				r.Tokens = append(r.Tokens, int32((i*31+no*7+j*j*5+3)%vocab))
			}
			rows, total = append(rows, r), total+n
		}
		got := run(t, m, rows, total)
		for i, r := range rows {
			n := len(r.Tokens) * vocab
			if n == 0 {
				continue
			}
			r.Seq = alone[i]
			if e := nmse([][]float32{got[:n]}, [][]float32{run(t, m, []model.Rows{r}, len(r.Tokens))}); !(e < limit) {
				t.Errorf("pass %d, sequence %d of %d tokens: logits differ by %.2g", no, i, alone[i].Len(), e)
			}
			got = got[n:]
		}
	}
}

// run runs a pass of n rows and returns all logits.
func run(t *testing.T, m *model.Model, rows []model.Rows, n int) []float32 {
	t.Helper()
	if err := m.Run(rows, nil); err != nil {
		t.Fatal(err)
	}
	out := make([]float32, n*m.Vocab())
	if err := m.Logits(out, 0, n); err != nil {
		t.Fatal(err)
	}
	return out
}
