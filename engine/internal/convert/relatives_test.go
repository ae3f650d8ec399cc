package convert

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/latentgo/latentgo/engine/internal/convert/internal/converttest"
	"github.com/latentgo/latentgo/engine/internal/model"
	"github.com/latentgo/latentgo/internal/attention"
	"github.com/latentgo/latentgo/internal/ggtype"
	"github.com/latentgo/latentgo/internal/gguftest"
)

// obstacles are what stands in the way of compressing some of the architectures, by the model's name.
var obstacles = map[string]string{
	"smallthinker": "before attention",
	"bloom":        "ALiBi", "mpt": "ALiBi", "jais": "ALiBi", "refact": "ALiBi", "baichuan-13b": "ALiBi",
}

// A conversion that leaves nothing out changes nothing, whatever architectures add to grouped-query attention, and what
// it can't express it refuses by name.
func TestRelativesAtFullRank(t *testing.T) {
	for name, d := range gguftest.RelativeVariants() {
		if d.Layers > 8 && testing.Short() || d.Matrix == ggtype.MXFP4 { // of which activations are rounded: little changes grow
			continue
		}
		t.Run(name, func(t *testing.T) { checkFullRank(t, d.Build(), obstacles[name], d.Layers > 8, d.Experts > 0) })
	}
}

// So it is under layer norms, biases, partial RoPE and learned positions, with a feed-forward network in parallel too.
func TestClassicsAtFullRank(t *testing.T) {
	for name, c := range gguftest.ClassicVariants() {
		if c.Layers > 8 && testing.Short() {
			continue
		}
		t.Run(name, func(t *testing.T) { checkFullRank(t, c.Build(), obstacles[name], c.Layers > 8, c.Experts > 0) })
	}
}

// So it is with norms of values, keys that are values too, heads of several sizes and experts beside a network.
func TestGemma4AtFullRank(t *testing.T) {
	for name, experts := range map[string]bool{"gemma4-dense": false, "gemma4-e": false, "gemma4-own": false, "gemma4-experts": true} {
		t.Run(name, func(t *testing.T) { checkFullRank(t, gguftest.SketchVariants()[name].Build(), "", false, experts) })
	}
	t.Run("bitnet", func(t *testing.T) { checkFullRank(t, gguftest.SketchVariants()["bitnet"].Build(), "", false, false) })
	checkFullRank(t, gguftest.SketchVariants()["gemma3n"].Build(), "several vectors", false, false)
}

// checkFullRank compares a model of random tokens with what conversions that leave nothing out make of it, or has it
// refused for the obstacle named.
func checkFullRank(t *testing.T, b *gguftest.Builder, obstacle string, deep, experts bool) {
	t.Helper()
	f, s := converttest.Open(t, b)
	ids := gguftest.RandomIDs(60, s.Vocab) // GPT-2 has no more positions
	_, err := plan(s, Form{Percent: 50}, nil, false)
	if obstacle != "" {
		if !errors.Is(err, model.ErrUnsupported) || !strings.Contains(err.Error(), obstacle) {
			t.Errorf("want an error about %q, got %v", obstacle, err)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	allowed, limit := 0, 5e-5
	if deep { // the rounding of half floats adds up
		limit = 1e-3
	}
	if experts { // rounding may choose another one of nearly equal experts, and repairs follow it
		allowed, limit = len(ids)/2, 1e-3
	}
	want := converttest.Logits(t, converttest.Load(t, f, s, nil), ids, converttest.All)
	for kind, p := range map[string][]model.CompressedShape{
		"rows": fullRank(s, 1), "rows of heads": fullRank(s, 2), "recent tokens": recentPlan(s, 1, 2, 96),
	} {
		if kind == "rows of heads" && !slices.ContainsFunc(p, func(c model.CompressedShape) bool { return c.L > 0 }) {
			continue // one key/value head for all
		}
		m := compressTo(t, f, s, p, false)
		for how, step := range map[string]int{"prefill": converttest.All, "decode": converttest.One} {
			got := converttest.Logits(t, m, ids, step)
			if n := differing(got, want, limit); n > allowed {
				t.Errorf("%s: %s: %d of %d tokens have other logits, error %.2g", kind, how, n, len(ids), converttest.NMSE(got, want))
			}
		}
	}
}

// differing counts the tokens whose logits have an error above limit.
func differing(got, want [][]float32, limit float64) int {
	n := 0
	for i := range want {
		if !(converttest.NMSE(got[i:i+1], want[i:i+1]) < limit) {
			n++
		}
	}
	return n
}

// Compressed tokens are the same to prompts, pieces of prompts and decode steps, under soft caps, sinks, windows and
// layers without positions too.
func TestRelativesSeeCompressedTokensAlike(t *testing.T) {
	ids := gguftest.RandomIDs(330, gguftest.RelativeVocab)
	for _, name := range []string{"gemma2", "gpt-oss", "granite", "hunyuan-dense", "olmo3", "smollm3"} {
		f, s := converttest.Open(t, gguftest.RelativeVariants()[name].Build())
		plan := recentPlan(s, 1, 2, 32)
		for i := range plan {
			plan[i].L, plan[i].Keys = 24, 20
		}
		m := compressTo(t, f, s, plan, false)
		want := converttest.Logits(t, m, ids, converttest.All)
		for _, piece := range []int{1, 7, 90} {
			if n := differing(converttest.Logits(t, m, ids, piece), want, 5e-5); n > 3 {
				t.Errorf("%s: pieces of %d tokens: %d of %d tokens have other logits", name, piece, n, len(ids))
			}
		}
	}
}

// With LongRoPE a sequence's context decides how positions are seen, of compressed tokens too: with the factors of short
// and long contexts exchanged, long sequences get the logits of short ones, and the other way.
func TestLongRopeOfCompressedTokens(t *testing.T) {
	d := gguftest.RelativeVariants()["phi3-long"]
	f, s := converttest.Open(t, d.Build())
	d.Factors = []string{d.Factors[1], d.Factors[0]}
	exchanged, _ := converttest.Open(t, d.Build())
	windows := gguftest.Windows(5, 60, s.Vocab)
	c, err := newLayerwise(t.Context(), converttest.Load(t, f, s, nil), recentPlan(s, 1, 4, 32), windows, nil, false)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.run(t.Context(), func(int, int) {}); err != nil {
		t.Fatal(err)
	}
	m, other := converttest.Load(t, f, c.spec, c.made), converttest.Load(t, exchanged, c.spec, c.made)
	ids := gguftest.RandomIDs(330, s.Vocab)
	short, long := s.Ropes[0].OrigContext, s.Ropes[0].OrigContext+1
	logits := func(m *model.Model, context, step int) [][]float32 {
		seq := m.NewSequence(attention.F16, 0)
		seq.SetContext(context)
		return converttest.LogitsIn(t, m, seq, ids, step)
	}
	want := map[int][][]float32{short: logits(m, short, converttest.All), long: logits(m, long, converttest.All)}
	if e := converttest.NMSE(want[short], want[long]); !(e > 1e-3) {
		t.Fatalf("the context changes nothing: %.2g", e)
	}
	for context, as := range map[int]int{short: long, long: short} {
		for _, piece := range []int{converttest.All, 1, 7, 90} {
			if e := converttest.NMSE(logits(other, context, piece), want[as]); !(e < 1e-5) {
				t.Errorf("pieces of %d tokens in a context of %d differ by %.2g", piece, context, e)
			}
		}
	}
}
