package llamacpp_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/latentgo/latentgo/engine/internal/convert"
	"github.com/latentgo/latentgo/engine/internal/convert/internal/converttest"
	"github.com/latentgo/latentgo/engine/internal/convert/llamacpp"
	"github.com/latentgo/latentgo/engine/internal/convert/tensors"
	"github.com/latentgo/latentgo/engine/internal/model"
	"github.com/latentgo/latentgo/gguf"
	"github.com/latentgo/latentgo/internal/ggtype"
	"github.com/latentgo/latentgo/internal/gguftest"
)

// converted converts the model that b makes to rows of r + l values.
func converted(t *testing.T, b *gguftest.Builder, r, l int) *convert.Result {
	t.Helper()
	f, s := converttest.Open(t, b)
	res, err := convert.Run(t.Context(), &convert.Request{File: f, Spec: s, Threads: 2, Options: convert.Options{
		Form: convert.Form{R: r, L: l}, Tokens: 512, Llama: true,
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { res.Close() })
	return res
}

// written writes a converted model and loads the file.
func written(t *testing.T, m *model.Model, made tensors.Map) *model.Model {
	t.Helper()
	f, s := converttest.OpenFile(t, write(t, m, made))
	return converttest.Load(t, f, s, nil)
}

func write(t *testing.T, m *model.Model, made tensors.Map) string {
	t.Helper()
	w := new(gguf.Writer)
	if err := llamacpp.Write(w, m, tensors.Set{File: m.File(), Made: made}); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "llama.gguf")
	if err := w.WriteFile(t.Context(), path, nil); err != nil {
		t.Fatal(err)
	}
	return path
}

// expressible are models that llama.cpp's form can express.
func expressible() map[string]*gguftest.Builder {
	models := map[string]*gguftest.Builder{}
	all := gguftest.FloatVariants()
	for _, name := range []string{"llama", "llama, linear scaling", "llama, scale of its own", "mistral3, partial rotation"} {
		models[name] = all[name]
	}
	own := gguftest.TinyFloat("llama")
	b := own.Build().AddKV("llama.rope.scaling.type", "linear").AddKV("llama.rope.scaling.attn_factor", float32(1.3))
	models["llama, output and magnitude of its own"] = b.AddRandom(gguftest.NewRand(), "output.weight", ggtype.F32, own.Width, own.Vocab)
	return models
}

// A file in llama.cpp's form is the compressed model: same logits from prompts and decode steps, to the rounding of
// half precision.
func TestFileIsTheModel(t *testing.T) {
	ids := gguftest.RandomIDs(70, 90)
	for name, b := range expressible() {
		shapes := [][2]int{{12, 28}, {8, 32}, {2, 8}}
		if name != "llama" {
			shapes = shapes[:1]
		}
		for _, s := range shapes {
			res := converted(t, b, s[0], s[1])
			want := converttest.Logits(t, res.Model, ids, converttest.All)
			got := written(t, res.Model, res.Made)
			for _, step := range []int{converttest.All, converttest.One} {
				if e := converttest.NMSE(converttest.Logits(t, got, ids, step), want); !(e < 1e-5) {
					t.Errorf("%s, %d+%d, %d tokens at a time: differs by %.2g", name, s[0], s[1], step, e)
				}
			}
		}
	}
}

// The rotated pairs may be any window or stride of the model's frequencies.
func TestWindowsAndStrides(t *testing.T) {
	ids := gguftest.RandomIDs(70, 90)
	for _, pairs := range [][]int32{{0, 1, 2, 3}, {4, 5, 6, 7}, {1, 3, 5, 7}, {5}} {
		res := converted(t, gguftest.TinyFloat("llama").Build(), 2*len(pairs), 24)
		renamePairs(res, pairs)
		m := converttest.Load(t, res.Model.File(), res.Model.Spec(), res.Made)
		want := converttest.Logits(t, m, ids, converttest.All)
		if e := converttest.NMSE(converttest.Logits(t, written(t, m, res.Made), ids, converttest.All), want); !(e < 1e-5) {
			t.Errorf("pairs %v: logits differ by %.2g", pairs, e)
		}
	}
}

// renamePairs lets all layers' rotated pairs have other frequencies.
func renamePairs(res *convert.Result, pairs []int32) {
	var data []byte
	for _, p := range pairs {
		data = binary.LittleEndian.AppendUint32(data, uint32(p))
	}
	for i := range res.Model.Spec().Layers {
		res.Made.Add(model.LayerName(i, model.TensorPairs), ggtype.I32, data, len(pairs), 1)
	}
}

// Rows whose components were chosen freely can't be written, which is found out before anything is.
func TestWantsOneProgression(t *testing.T) {
	res := converted(t, gguftest.TinyFloat("llama").Build(), 6, 20)
	for _, pairs := range [][]int32{{0, 1, 3}, {2, 1, 0}, {1, 1, 1}} {
		renamePairs(res, pairs)
		err := llamacpp.Write(new(gguf.Writer), res.Model, tensors.Set{File: res.Model.File(), Made: res.Made})
		if !errors.Is(err, model.ErrUnsupported) || !strings.Contains(err.Error(), "progression") {
			t.Errorf("pairs %v: %v", pairs, err)
		}
	}
}

// Quantised projections take in the rotated rows without losing more than they have lost.
func TestQuantisedModel(t *testing.T) {
	tiny := gguftest.TinyFloat("llama")
	tiny.Width, tiny.FFN, tiny.Matrix = 64, 96, ggtype.Q4_1
	ids := gguftest.RandomIDs(70, tiny.Vocab)
	res := converted(t, tiny.Build(), 16, 24)
	want := converttest.Logits(t, res.Model, ids, converttest.All)
	got := written(t, res.Model, res.Made)
	for name, typ := range map[string]ggtype.Type{"blk.0.attn_q.weight": ggtype.Q8_0, "blk.0.attn_output.weight": ggtype.Q4_1} {
		if x, err := got.File().Tensor(name); err != nil || x.Type != typ {
			t.Errorf("%s has type %v: %v", name, x.Type, err)
		}
	}
	if e := converttest.NMSE(converttest.Logits(t, got, ids, converttest.All), want); !(e < 1e-2) {
		t.Errorf("logits differ by %.2g", e)
	}
}

// llama.cpp refuses files with a tensor too many or too few, or of another shape.
func TestTensorsAndKeys(t *testing.T) {
	res := converted(t, gguftest.TinyFloat("llama").Build().AddKV("general.name", "Tiny"), 8, 20)
	f, err := gguf.Open(write(t, res.Model, res.Made))
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

// What llama.cpp's form can't express is named, and nothing is converted.
func TestObstacles(t *testing.T) {
	with := func(name string, n int) *gguftest.Builder {
		return gguftest.TinyFloat("llama").Build().AddRandom(gguftest.NewRand(), name, ggtype.F32, n)
	}
	full := gguftest.FloatVariants()
	relative := func(name string) *gguftest.Builder { return gguftest.RelativeVariants()[name].Build() }
	for what, b := range map[string]*gguftest.Builder{
		"rope_freqs.weight": with("rope_freqs.weight", 8), "attn_output.bias": with("blk.1.attn_output.bias", 48),
		"biases of the feed-forward part (layer 2)": with("blk.2.ffn_up.bias", 80), "bias of the output": with("output.bias", 90),
		"tensors named .scale": with("blk.0.attn_q.scale", 1), `"blk.1.attn_sinks.weight"`: with("blk.1.attn_sinks.weight", 6),
		"attn_q.bias": full["qwen2"], "attn_q_norm": full["qwen3"], "sliding window": full["gemma3"], "YaRN": full["llama, yarn"],
		"attention.temperature_scale": full["mistral3"], "GELU": gguftest.TinyGemma().Build(),
		"residual_scale": relative("granite"), "logit_scale": relative("granite"), "soft-capped scores": relative("gemma2"),
		"attn_sinks": relative("gpt-oss"), "rows without rotated values": relative("smollm3"), "without norms before": relative("olmo2"),
		"one tensor (ffn_up)": relative("phi3"), "value_scale": relative("mimo2"), "attention.sliding_window": relative("exaone-moe"),
		"norms behind attention": gguftest.TinyGemma().Build(), "multiplied by a factor": gguftest.TinyGemma().Build(),
	} {
		f, s := converttest.Open(t, b)
		_, err := convert.Run(t.Context(), &convert.Request{File: f, Spec: s, Threads: 1, Options: convert.Options{
			Form: convert.Form{R: 8, L: 24}, Llama: true, Progress: func(p convert.Progress) { t.Errorf("%s: %+v", what, p) },
		}})
		if !errors.Is(err, model.ErrUnsupported) || !strings.Contains(err.Error(), what) || !strings.Contains(err.Error(), f.Name()) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// A scale of 1, or one that the architecture does not multiply by, is no obstacle.
func TestScalesThatSayNothing(t *testing.T) {
	one := []byte{0, 0, 0x80, 0x3f}
	f, s := converttest.Open(t, gguftest.TinyFloat("llama").Build().AddTensor("blk.0.attn_q.scale", ggtype.F32, []uint64{1}, one).
		AddTensor("blk.0.attn_q.input_scale", ggtype.F32, []uint64{1}, nil))
	plan := slices.Repeat([]model.CompressedShape{{R: 8, L: 20, Blocks: 1}}, 3)
	if err := llamacpp.Check(f, s.Compress(plan, 0)); err != nil {
		t.Error(err)
	}
}

// Plans that the form can't express: every one with the reason.
func TestPlans(t *testing.T) {
	f, s := converttest.Open(t, gguftest.TinyFloat("llama").Build())
	same := func(r, l int) []model.CompressedShape {
		return slices.Repeat([]model.CompressedShape{{R: r, L: l, Blocks: 1}}, 3)
	}
	mixed, exact, recent := same(8, 20), same(8, 20), same(8, 20)
	mixed[1].L, exact[2], recent[0].Recent = 16, model.CompressedShape{}, 64
	for what, plan := range map[string][]model.CompressedShape{
		"different sizes": mixed, "left exact": exact, "without rotated": same(0, 20), "at most the model's 16": same(18, 20),
		"1 row per token": slices.Repeat([]model.CompressedShape{{R: 4, L: 8, Blocks: 2}}, 3), "recent tokens": recent,
	} {
		if err := llamacpp.Check(f, s.Compress(plan, 0)); !errors.Is(err, model.ErrUnsupported) || !strings.Contains(err.Error(), what) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if err := llamacpp.Check(f, s.Compress(same(16, 20), 0)); err != nil {
		t.Error(err)
	}
}

// The components that a conversion for llama.cpp rotates are one per frequency, from the highest on.
func TestPairs(t *testing.T) {
	res := converted(t, gguftest.TinyFloat("llama").Build(), 8, 20)
	set := tensors.Set{File: res.Model.File(), Made: res.Made}
	for i := range 3 {
		if got, err := set.Ints(model.LayerName(i, model.TensorPairs)); err != nil || !slices.Equal(got, []int32{0, 1, 2, 3}) {
			t.Errorf("layer %d rotates pairs %v: %v", i, got, err)
		}
	}
}
