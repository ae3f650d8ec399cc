package engine

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/latentgo/latentgo/gguf"
	"github.com/latentgo/latentgo/internal/ggtype"
	"github.com/latentgo/latentgo/internal/gguftest"
	"github.com/latentgo/latentgo/internal/kernel"
)

// samePlan gives all layers one shape.
func samePlan(layers, r, l int) []latentShape {
	return slices.Repeat([]latentShape{{r: r, l: l, blocks: 1}}, layers)
}

// writeCompatFile writes a converted model in llama.cpp's form.
func writeCompatFile(t *testing.T, m *Model) string {
	t.Helper()
	w := new(gguf.Writer)
	if err := m.writeCompat(w, m.over, m.h.latent); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "compat.gguf")
	if err := w.WriteFile(t.Context(), path, nil); err != nil {
		t.Fatal(err)
	}
	return path
}

// compatModels are models that llama.cpp's form can express.
func compatModels() map[string]*gguftest.Builder {
	models := map[string]*gguftest.Builder{}
	for name, b := range fullRankModels() {
		if name == "llama" || name == "llama, linear scaling" || name == "llama, scale of its own" || name == "mistral3, partial rotation" {
			models[name] = b
		}
	}
	own := exactTiny("llama")
	b := own.build().AddKV("llama.rope.scaling.type", "linear").AddKV("llama.rope.scaling.attn_factor", float32(1.3))
	own.tensor(b, newRand(), "output.weight", kernel.F32, own.embed, own.voc)
	models["llama, output and magnitude of its own"] = b
	return models
}

// A file in llama.cpp's form is the compressed model: same logits from prompts and decode steps, to the rounding of half
// precision.
func TestCompatFileIsTheModel(t *testing.T) {
	ids := randomIDs(70, 90)
	for name, b := range compatModels() {
		path := b.Write(t)
		shapes := []latentShape{{r: 12, l: 28}, {r: 8, l: 32}, {r: 2, l: 8}}
		if name != "llama" {
			shapes = shapes[:1]
		}
		for _, s := range shapes {
			m := loadFile(t, path, Options{MLA: MLAOff})
			plan := samePlan(m.h.layers, s.r, s.l)
			if err := m.checkCompat(plan); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			compressTo(t, m, plan, true)
			want := allLogits(t, m, ids)
			got := loadFile(t, writeCompatFile(t, m), Options{})
			if e := nmse(allLogits(t, got, ids), want); !(e < 1e-5) {
				t.Errorf("%s, %d+%d: prefill differs by %.2g", name, s.r, s.l, e)
			}
			if e := nmse(stepLogits(t, got, ids), want); !(e < 1e-5) {
				t.Errorf("%s, %d+%d: decode differs by %.2g", name, s.r, s.l, e)
			}
		}
	}
}

// The rotated pairs may be any window or stride of the model's frequencies.
func TestCompatWindowsAndStrides(t *testing.T) {
	ids := randomIDs(70, 90)
	path := exactTiny("llama").build().Write(t)
	for _, pairs := range [][]int32{{0, 1, 2, 3}, {4, 5, 6, 7}, {1, 3, 5, 7}, {5}} {
		m := loadFile(t, path, Options{MLA: MLAOff})
		plan := samePlan(m.h.layers, 2*len(pairs), 24)
		compressTo(t, m, plan, true)
		renamePairs(m, pairs)
		if err := m.rebuild(m.over, m.h.planned(plan)); err != nil {
			t.Fatal(err)
		}
		want := allLogits(t, m, ids)
		got := loadFile(t, writeCompatFile(t, m), Options{})
		if e := nmse(allLogits(t, got, ids), want); !(e < 1e-5) {
			t.Errorf("pairs %v: logits differ by %.2g", pairs, e)
		}
	}
}

// renamePairs lets all layers' rotated pairs turn with other frequencies.
func renamePairs(m *Model, pairs []int32) {
	var data []byte
	for _, p := range pairs {
		data = binary.LittleEndian.AppendUint32(data, uint32(p))
	}
	for i := range m.h.layers {
		name := layerTensor(i, tensorPairs)
		m.over[name] = madeTensor(name, ggtype.I32, data, len(pairs), 1)
	}
}

// Quantised projections take in the rotated rows without losing more than they have lost.
func TestCompatOfQuantisedModel(t *testing.T) {
	tiny := exactTiny("llama")
	tiny.embed, tiny.matrix = 64, kernel.Q4_1
	tiny.ff = 96
	ids := randomIDs(70, tiny.voc)
	m := loadFile(t, tiny.build().Write(t), Options{MLA: MLAOff})
	compressTo(t, m, samePlan(3, 16, 24), true)
	want := allLogits(t, m, ids)
	got := loadFile(t, writeCompatFile(t, m), Options{})
	if typ := got.w.layers[0].q.Type; typ != ggtype.Q8_0 {
		t.Errorf("attn_q has type %v", typ)
	}
	if typ := got.w.layers[0].o.Type; typ != ggtype.Q4_1 {
		t.Errorf("attn_output has type %v", typ)
	}
	if e := nmse(allLogits(t, got, ids), want); !(e < 1e-2) {
		t.Errorf("logits differ by %.2g", e)
	}
}

// llama.cpp refuses files with a tensor too many or too few, or of another shape.
func TestCompatTensorsAndKeys(t *testing.T) {
	m := loadFile(t, exactTiny("llama").build().AddKV("general.name", "Tiny").Write(t), Options{MLA: MLAOff})
	compressTo(t, m, samePlan(3, 8, 20), true)
	f, err := gguf.Open(writeCompatFile(t, m))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	want := map[string][]uint64{"token_embd.weight": {48, 90}, "output_norm.weight": {48}}
	for i := range 3 {
		for name, shape := range map[string][]uint64{
			"attn_norm": {48}, "attn_q": {48, 6 * (16 + 8)}, "attn_kv_a_mqa": {48, 28}, "attn_kv_a_norm": {20},
			"attn_k_b": {16, 20, 6}, "attn_v_b": {20, 16, 6}, "attn_output": {96, 48},
			"ffn_norm": {48}, "ffn_gate": {48, 80}, "ffn_up": {48, 80}, "ffn_down": {80, 48},
		} {
			want[fmt.Sprintf("blk.%d.%s.weight", i, name)] = shape
		}
	}
	for _, tensor := range f.Tensors() {
		if !slices.Equal(tensor.Shape, want[tensor.Name]) {
			t.Errorf("%s has shape %v, want %v", tensor.Name, tensor.Shape, want[tensor.Name])
		}
		delete(want, tensor.Name)
	}
	if len(want) > 0 {
		t.Errorf("missing: %v", want)
	}
	for key, n := range map[string]uint64{
		"head_count": 6, "head_count_kv": 1, "key_length": 28, "value_length": 20, "key_length_mla": 24, "value_length_mla": 16,
		"kv_lora_rank": 20, "q_lora_rank": 0,
	} {
		if got, err := f.Uint("deepseek2.attention." + key); err != nil || got != n {
			t.Errorf("%s is %d, want %d: %v", key, got, n, err)
		}
	}
	for key, n := range map[string]uint64{
		"block_count": 3, "leading_dense_block_count": 3, "expert_feed_forward_length": 0, "expert_shared_count": 0, "rope.dimension_count": 8,
	} {
		if got, err := f.Uint("deepseek2." + key); err != nil || got != n {
			t.Errorf("%s is %d, want %d: %v", key, got, n, err)
		}
	}
	if s, _ := f.String("general.name"); s != "Tiny" {
		t.Errorf("the name became %q", s)
	}
	if f.Has("deepseek2.expert_count") || slices.ContainsFunc(f.Keys(), func(k string) bool { return strings.HasPrefix(k, "llama.") }) {
		t.Errorf("keys %v", f.Keys())
	}
}

// The norm of latents stays linear for the largest latent that any input can give.
func TestLatentScaleBoundsTheNorm(t *testing.T) {
	m := loadFile(t, exactTiny("llama").build().Write(t), Options{MLA: MLAOff})
	compressTo(t, m, samePlan(3, 8, 20), true)
	x := &exporter{m: m, s: m.h.latent[0]}
	for i := range m.w.layers {
		l := &m.w.layers[i]
		b := x.latentScale(l.lat.enc, l.attnNorm)
		if f, _ := math.Frexp(b); f != 0.5 {
			t.Errorf("layer %d: scale %v is not a power of two", i, b)
		}
		enc := dense(l.lat.enc)
		part := mat.DenseCopyOf(enc.Slice(8, 28, 0, 48))
		for j, w := range l.attnNorm {
			for r := range 20 {
				part.Set(r, j, part.At(r, j)*float64(w))
			}
		}
		mean := math.Pow(mat.Norm(part, 2), 2) * 48 / 20 // of c², for the input that the latent answers most
		eps := float64(m.h.eps)
		if e := 1 - math.Sqrt(eps/(eps+b*b*mean)); !(e <= latentError) || e == 0 {
			t.Errorf("layer %d: scale %v changes latents by %v", i, b, e)
		}
	}
	zero, err := kernel.NewMatrix(ggtype.F32, 28, 48, make([]byte, 4*28*48))
	if err != nil {
		t.Fatal(err)
	}
	if b := x.latentScale(linear{zero, 1}, m.w.layers[0].attnNorm); b != 1 {
		t.Errorf("latents that are always 0 are scaled by %v", b)
	}
}

// Rows whose components were chosen freely can't be written, which is found out before anything is.
func TestCompatWantsOneProgression(t *testing.T) {
	m := loadFile(t, exactTiny("llama").build().Write(t), Options{MLA: MLAOff})
	compressTo(t, m, samePlan(3, 6, 20), true)
	for _, pairs := range [][]int32{{0, 1, 3}, {2, 1, 0}, {1, 1, 1}} {
		renamePairs(m, pairs)
		if err := m.writeCompat(new(gguf.Writer), m.over, m.h.latent); !errors.Is(err, ErrUnsupported) || !strings.Contains(err.Error(), "progression") {
			t.Errorf("pairs %v: %v", pairs, err)
		}
	}
}

// What llama.cpp's form can't express is named before any work is done, and nothing is written.
func TestCompatObstacles(t *testing.T) {
	add := func(name string, n int) func(b *gguftest.Builder) {
		return func(b *gguftest.Builder) { tiny{}.tensor(b, newRand(), name, kernel.F32, n) }
	}
	cases := map[string]*gguftest.Builder{}
	with := func(b *gguftest.Builder, change func(b *gguftest.Builder)) *gguftest.Builder { change(b); return b }
	llama := exactTiny("llama")
	cases["rope_freqs.weight"] = with(llama.build(), add("rope_freqs.weight", 8))
	cases["attn_output.bias"] = with(llama.build(), add("blk.1.attn_output.bias", 48))
	cases["biases of the feed-forward part (layer 2)"] = with(llama.build(), add("blk.2.ffn_up.bias", 80))
	cases["bias of the output"] = with(llama.build(), add("output.bias", 90))
	cases["tensors named .scale"] = with(llama.build(), add("blk.0.attn_q.scale", 1))
	full := fullRankModels()
	cases["attn_q.bias"] = full["qwen2"]
	cases["attn_q_norm"] = full["qwen3"]
	cases["sliding window"] = full["gemma3"]
	cases["YaRN"] = full["llama, yarn"]
	cases["attention.temperature_scale"] = full["mistral3"]
	cases["GELU"] = exactGemma().build()
	for what, b := range cases {
		out := filepath.Join(t.TempDir(), "out.gguf")
		_, err := Convert(t.Context(), b.Write(t), out, &ConvertOptions{MLA: MLA{R: 8, L: 24}, Compat: CompatLlama})
		if !errors.Is(err, ErrUnsupported) || !strings.Contains(err.Error(), what) {
			t.Errorf("%s: %v", what, err)
		}
		if _, err := os.Stat(out); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: a file was written", what)
		}
	}
}

// exactGemma has no sliding window, so that other properties are found.
func exactGemma() tiny {
	g := exactTiny("gemma3")
	g.qkNorm, g.postNorm = true, true
	return g
}

// Plans that the form can't express: every one with the reason.
func TestCompatPlans(t *testing.T) {
	m := loadFile(t, exactTiny("llama").build().Write(t), Options{MLA: MLAOff})
	mixed, exact := samePlan(3, 8, 20), samePlan(3, 8, 20)
	mixed[1].l = 16
	exact[2] = latentShape{}
	for what, plan := range map[string][]latentShape{
		"different sizes": mixed, "left exact": exact, "without rotated": samePlan(3, 0, 20), "at most the model's 16": samePlan(3, 18, 20),
		"2 rows per token": slices.Repeat([]latentShape{{r: 4, l: 8, blocks: 2}}, 3),
	} {
		if err := m.checkCompat(plan); !errors.Is(err, ErrUnsupported) || !strings.Contains(err.Error(), what) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if err := m.checkCompat(samePlan(3, 16, 20)); err != nil {
		t.Error(err)
	}
}

// Rotated values are not given to pairs that hardly turn: how many do depends on base and scale.
func TestCompatRope(t *testing.T) {
	for _, c := range []struct {
		dims        int
		base, scale float64
		want        int
	}{{64, 1e5, 1, 40}, {64, 1e4, 1, 50}, {128, 5e5, 1, 68}, {64, 1e5, 0.25, 32}, {64, 10, 1, 64}, {2, 1e6, 1, 2}} {
		h := &hparams{}
		h.rope.Dims, h.rope.Base, h.rope.Scale = c.dims, c.base, c.scale
		if got := h.compatRope(); got != c.want {
			t.Errorf("%d values, base %v, scale %v: %d, want %d", c.dims, c.base, c.scale, got, c.want)
		}
	}
}

// The components that a conversion with compat rotates are one per frequency, the strongest, from the highest on.
func TestCompatPairs(t *testing.T) {
	m := loadFile(t, exactTiny("llama").build().Write(t), Options{MLA: MLAOff})
	compressTo(t, m, samePlan(3, 8, 20), true)
	for i := range m.w.layers {
		if got := m.w.layers[i].lat.pairs; !slices.Equal(got, []int32{0, 1, 2, 3}) {
			t.Errorf("layer %d rotates pairs %v", i, got)
		}
	}
}
