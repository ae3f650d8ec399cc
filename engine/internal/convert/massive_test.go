package convert

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/latentgo/latentgo/engine/internal/convert/calibration"
	"github.com/latentgo/latentgo/engine/internal/convert/internal/converttest"
	"github.com/latentgo/latentgo/internal/gguftest"
)

// biased is a small model with biases; those of keys are times as large in the pairs that rotate slowest.
func biased(times float32) *gguftest.Builder {
	m := gguftest.TinyLlama()
	m.Arch, m.Bias = "qwen2", true
	b := m.Build().Set("qwen2.rope.freq_base", float32(1e8))
	for i := range m.Layers {
		b.Edit(fmt.Sprintf("blk.%d.attn_k.bias", i), func(x []float32) {
			for j := range x {
				if pair := j % (m.Size / 2); pair >= 5 {
					x[j] *= times
				}
			}
		})
	}
	return b
}

// lossOf converts a model and returns the error of its logits behind the first compressed tokens.
func lossOf(t *testing.T, b *gguftest.Builder) (nmse float64, r *Result) {
	t.Helper()
	path, ids := b.Write(t), gguftest.RandomIDs(300, 80)
	f, s := converttest.OpenFile(t, path)
	want := converttest.Logits(t, converttest.Load(t, f, s, nil), ids, converttest.All)[100:]
	_, r = runTo(t, request(t, path, Options{Form: half, Tokens: 3072}))
	return converttest.NMSE(converttest.Logits(t, r.Model, ids, converttest.All)[100:], want), r
}

// Keys that are the same in all tokens but for a hundredth lose no more than others: their means are carried beside the
// rows.
func TestMassiveKeyBias(t *testing.T) {
	plain, _ := lossOf(t, biased(1))
	massive, r := lossOf(t, biased(200))
	if !(massive < 2*plain) || len(r.Info.Exact) > 0 {
		t.Errorf("error %.2g, %.2g with massive biases; layers %v are exact", plain, massive, r.Info.Exact)
	}
	ids := gguftest.RandomIDs(300, 80)
	all := converttest.Logits(t, r.Model, ids, converttest.All)
	if e := converttest.NMSE(converttest.Logits(t, r.Model, ids, converttest.One), all); !(e < 1e-2*massive+1e-4) {
		t.Errorf("decode differs from prefill: %.2g", e)
	}
}

// fragile is a model whose values are noise of which nothing can be left out; but only in layer 0 do they matter.
func fragile() *gguftest.Builder {
	return gguftest.TinyLlama().Build().Edit("blk.1.attn_output.weight", func(x []float32) {
		for i := range x {
			x[i] *= 0.05
		}
	})
}

// A layer that compression would break stays exact, which is told, written down, and known to who finds the conversion
// in the cache.
func TestBrokenLayerStaysExact(t *testing.T) {
	dir := cacheHere(t)
	path := fragile().Write(t)
	edit := func(o *Options) { o.Tokens = 3072 }
	first, converted, warnings := cached(t, path, half, edit)
	if !converted || !slices.Equal(first.Info.Exact, []int{0}) || len(warnings) != 1 || !strings.Contains(warnings[0], "layer 0 stays exact") {
		t.Fatalf("exact layers %v, warnings %q", first.Info.Exact, warnings)
	}
	if s := first.Model.Spec(); s.Compressed(0) || !s.Compressed(1) {
		t.Errorf("the model is %s", Describe(s))
	}
	again, converted, _ := cached(t, path, half, edit)
	if converted || len(cacheFiles(t, dir)) != 1 || !reflect.DeepEqual(again.Info, first.Info) || again.Model.Spec().Compressed(0) {
		t.Errorf("from the cache of %v: converted is %v, %+v", cacheFiles(t, dir), converted, again.Info)
	}
	out, _ := runTo(t, request(t, path, Options{Form: half, Tokens: 3072}))
	f, s := converttest.OpenFile(t, out)
	if info := ReadInfo(f); !slices.Equal(info.Exact, []int{0}) || s.Compressed(0) || !s.Compressed(1) {
		t.Errorf("the file tells of %v and is %s", info.Exact, Describe(s))
	}
}

// A result that is too far from the original is an error that says what to do.
func TestJudge(t *testing.T) {
	near := gguftest.TinyLlama().Build()
	far := gguftest.TinyLlama().Build().Edit("blk.0.ffn_down.weight", func(x []float32) {
		for i := range x {
			x[i] *= -30
		}
	})
	m, other := converttest.Plain(t, near), converttest.Plain(t, far)
	held := gguftest.Windows(2, 60, 80)
	ref, err := calibration.Measure(t.Context(), m, held, func(int, int) {})
	if err != nil {
		t.Fatal(err)
	}
	var warnings []string
	judged := func(llama bool, bad bool) (*conversion, error) {
		r := request(t, near.Write(t), Options{Form: half, Llama: llama})
		c := &conversion{Request: r, held: ref, text: &calibration.Text{Held: held}, damage: []float64{0.01, 0.04}}
		c.info.Before = ref.Perplexity
		c.fn = func(p Progress) {
			if p.Warning != "" {
				warnings = append(warnings, p.Warning)
			}
		}
		if bad {
			return c, c.judge(t.Context(), other)
		}
		return c, c.judge(t.Context(), m)
	}
	if c, err := judged(false, false); err != nil || c.info.Divergence > 1e-3 || len(warnings) > 0 {
		t.Errorf("the original itself: %v, divergence %v, warnings %q", err, c.info.Divergence, warnings)
	}
	c, err := judged(false, true)
	if !errors.Is(err, ErrDamaged) || c.info.Divergence < maxDivergence {
		t.Fatalf("another model: %v, divergence %v", err, c.info.Divergence)
	}
	for _, want := range []string{"larger share", "calibration text", "1 (0.04), 0 (0.01)"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q does not say %q", err, want)
		}
	}
}
