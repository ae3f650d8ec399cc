package huggingface

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/latentgo/latentgo/engine"
	"github.com/latentgo/latentgo/gguf"
	"github.com/latentgo/latentgo/gguf/lora"
	"github.com/latentgo/latentgo/gguf/lora/merged"
	"github.com/latentgo/latentgo/internal/hubtest"
)

// adapted is an adapter of testdata/lora, as lora.py makes it.
type adapted struct {
	Config json.RawMessage
	Scale  float32
	Hashes map[string]string // SHA-256, the first 16 digits, of the tensors that llama.cpp's script makes
	logits []float32         // of llama.cpp or PEFT, for tokens 10 to 21 or the last, with the adapter times Scale
	dir    fstest.MapFS
}

// adapterNames are the models that have one.
// The first two are lora.py's, the others, whose matrices stand together in the
// folder or are experts', peft_judge.py's.
var adapterNames = []string{"SmolLM2-135M-Instruct", "qwen3", "phi3-mini", "pythia-70m", "mixtral-8x7b", "qwen3moe"}

func readAdapted(t testing.TB, name string) (a adapted) {
	t.Helper()
	path := "testdata/lora/" + name
	raw, err := os.ReadFile(path + ".json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, &a); err != nil {
		t.Fatal(err)
	}
	a.dir = hubtest.Adapter(t, path+".json")
	if raw, err = os.ReadFile(path + ".f32"); err != nil {
		t.Fatal(err)
	}
	a.logits = make([]float32, len(raw)/4)
	for i := range a.logits {
		a.logits[i] = math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:]))
	}
	return a
}

// baseFile writes a model as a file of float32 weights.
func baseFile(t testing.TB, name string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "base.gguf")
	data := writeAll(t, hubtest.Read(t, "testdata/"+name+".json").Folder(t), name, &Options{Weights: F32})
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// openAdapted opens a model and its adapter.
func openAdapted(t testing.TB, a adapted, path string) *lora.Adapter {
	t.Helper()
	base, err := gguf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer base.Close()
	f, err := OpenAdapter(a.dir, "adapter", base)
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range f.Tensors() {
		b, err := x.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		if sum := sha256.Sum256(b); len(a.Hashes) > 0 && hex.EncodeToString(sum[:8]) != a.Hashes[x.Name] {
			t.Errorf("tensor %s differs from the script's", x.Name)
		}
	}
	if len(a.Hashes) > 0 && len(f.Tensors()) != len(a.Hashes) {
		t.Errorf("%d tensors, the script has %d", len(f.Tensors()), len(a.Hashes))
	}
	low, err := lora.Read(f)
	if err != nil {
		t.Fatal(err)
	}
	return low
}

// logitsOf evaluates tokens 10 to 21, all at once or one by one.
func logitsOf(t testing.TB, path string, single bool, adapters ...engine.Adapter) []float32 {
	t.Helper()
	m, err := engine.Load(path, &engine.Options{Threads: 2, Adapters: adapters})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	s, err := m.NewSession(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var ids []int32
	for i := range int32(12) {
		ids = append(ids, 10+i)
	}
	var last []float32
	if !single {
		last, err = s.Eval(context.Background(), ids)
	}
	for i := 0; single && i < len(ids) && err == nil; i++ {
		last, err = s.Eval(context.Background(), ids[i:i+1])
	}
	if err != nil {
		t.Fatal(err)
	}
	return append([]float32{}, last...)
}

// farthest returns the largest difference, over the largest value.
func farthest(a, b []float32) float64 {
	d, most := 0.0, 0.0
	for i := range b {
		d, most = max(d, math.Abs(float64(a[i]-b[i]))), max(most, math.Abs(float64(b[i])))
	}
	return d / most
}

// TestAdapters: a model with an adapter has llama.cpp's or PEFT's logits, whether the adapter is added or merged.
func TestAdapters(t *testing.T) {
	for _, name := range adapterNames {
		most := 2e-3
		if name == "phi3-mini" {
			most = 5e-3 // without an adapter, transformers' logits differ by 3e-3 from those here: rotation for long contexts
		}
		a := readAdapted(t, name)
		path := baseFile(t, name)
		low := openAdapted(t, a, path)
		scaled := lora.Scaled{Adapter: low, Scale: a.Scale}
		plain := logitsOf(t, path, false)
		want := a.logits[len(a.logits)-len(plain):]
		if d := farthest(plain, want); d < 0.01 {
			t.Errorf("%s: the adapter changes nothing", name)
		}
		for _, single := range []bool{false, true} {
			if d := farthest(logitsOf(t, path, single, scaled), want); d > most {
				t.Errorf("%s: added, one by one %v: %g from the judge", name, single, d)
			}
		}
		half := lora.Scaled{Adapter: low, Scale: a.Scale / 2}
		if d := farthest(logitsOf(t, path, false, half, half), want); d > most {
			t.Errorf("%s: two halves: %g from the judge", name, d)
		}
		if d := farthest(logitsOf(t, path, false, lora.Scaled{Adapter: low}), plain); d != 0 {
			t.Errorf("%s: none of it: %g from the model", name, d)
		}
		base, err := gguf.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		with, err := merged.New(base, scaled)
		if err != nil {
			t.Fatal(err)
		}
		w := new(gguf.Writer)
		into := filepath.Join(t.TempDir(), "merged.gguf")
		if err := errors.Join(w.AddFile(with), w.WriteFile(t.Context(), into, nil), base.Close()); err != nil {
			t.Fatal(err)
		}
		if d := farthest(logitsOf(t, into, false), want); d > most {
			t.Errorf("%s: merged: %g from the judge", name, d)
		}
	}
}

// TestAdapterRefused: adapters that can't be used, and what the errors say.
func TestAdapterRefused(t *testing.T) {
	path := baseFile(t, "qwen3")
	base, err := gguf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer base.Close()
	for _, tt := range []struct {
		old, text string
		kind      error
		want      string
	}{
		{`"LORA"`, `"IA3"`, ErrUnsupported, `type "IA3"`},
		{`"use_dora": false`, `"use_dora": true`, ErrUnsupported, "use_dora"},
		{`"r": 4`, `"r": 0`, ErrFolder, "no r and lora_alpha"},
		{`"r": 4`, `"alpha_pattern": {"a": 1}, "r": 4`, ErrUnsupported, "alpha of its own"},
	} {
		a := readAdapted(t, "qwen3")
		replaceIn(t, a.dir, "adapter_config.json", tt.old, tt.text)
		if _, err := OpenAdapter(a.dir, "x", base); !errors.Is(err, tt.kind) || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v", tt.text, err)
		}
	}
	a := readAdapted(t, "qwen3")
	replaceIn(t, a.dir, adapterFile, "self_attn.q_proj.lora_A.weight", "self_attn.q_proj.lora_X.weight")
	if _, err := OpenAdapter(a.dir, "x", base); !errors.Is(err, ErrUnsupported) {
		t.Error(err)
	}
	// Of another model.
	other := openAdapted(t, readAdapted(t, "SmolLM2-135M-Instruct"), baseFile(t, "SmolLM2-135M-Instruct"))
	_, err = engine.Load(path, &engine.Options{Adapters: []engine.Adapter{{Adapter: other, Scale: 1}}})
	if !errors.Is(err, lora.ErrModel) {
		t.Error(err)
	}
	if _, err := merged.New(base, lora.Scaled{Adapter: other, Scale: 1}); !errors.Is(err, lora.ErrModel) {
		t.Error(err)
	}
	if _, err := lora.Read(base); !errors.Is(err, lora.ErrFormat) {
		t.Error(err)
	}
	mla, err := engine.ParseMLA("50%")
	if err != nil {
		t.Fatal(err)
	}
	own := openAdapted(t, readAdapted(t, "qwen3"), path)
	_, err = engine.Load(path, &engine.Options{MLA: mla, Adapters: []engine.Adapter{{Adapter: own, Scale: 1}}})
	if !errors.Is(err, engine.ErrUnsupported) || !strings.Contains(err.Error(), "merge them first") {
		t.Error(err)
	}
	own.Pairs[0].Tensor = "blk.0.attn_norm.weight"
	if _, err = engine.Load(path, &engine.Options{Adapters: []engine.Adapter{{Adapter: own, Scale: 1}}}); !errors.Is(err, lora.ErrModel) {
		t.Error(err)
	}
}

// TestAdapterExperts: what is wrong with matrices for experts is told with their names.
func TestAdapterExperts(t *testing.T) {
	for _, tt := range []struct{ model, old, text, want string }{
		{"qwen3moe", "layers.0.mlp.experts.1.gate_proj", "layers.0.mlp.experts.7.gate_proj", `"model.layers.0.mlp.experts.7.gate_proj": not a valid model folder`},
		{"qwen3moe", "layers.0.mlp.experts.1.gate_proj", "layers.0.mlp.experts.1.side_proj", `"model.layers.0.mlp.experts.1.side_proj"`},
		{"mixtral-8x7b", "layers.0.mlp.experts.base_layer", "layers.0.mlp.routers.base_layer", `"model.layers.0.mlp.routers.base_layer"`},
	} {
		base, err := gguf.Open(baseFile(t, tt.model))
		if err != nil {
			t.Fatal(err)
		}
		a := readAdapted(t, tt.model)
		data := strings.ReplaceAll(string(a.dir[adapterFile].Data), tt.old, tt.text)
		a.dir[adapterFile] = &fstest.MapFile{Data: []byte(data)}
		if _, err := OpenAdapter(a.dir, "x", base); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v", tt.text, err)
		}
		_ = base.Close()
	}
}

// TestAdapterOrder: an adapter's rows are reordered as the model's are, and what is no reordering is refused.
func TestAdapterOrder(t *testing.T) {
	model := func(name string) *model {
		base, err := gguf.Open(baseFile(t, name))
		if err != nil {
			t.Fatal(err)
		}
		defer base.Close()
		m, err := modelOf(base)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	// Of GLM-4.1V the first 8 of 16 values of a head rotate.
	m, rows := model("glm-4.1v"), make([]float32, 64)
	for i := range rows {
		rows[i] = float32(i)
	}
	if err := m.become("model.layers.0.self_attn.q_proj.weight", constant(rows).reshape(64, 1)); err != nil {
		t.Fatal(err)
	}
	got, err := m.out[0].all()
	want := []float32{16, 18, 20, 22, 17, 19, 21, 23, 24, 25}
	if err != nil || !slices.Equal(got[16:26], want) {
		t.Errorf("%v, wanted %v, %v", got[16:26], want, err)
	}
	for name, module := range map[string]string{"bitnet": "model.layers.0.self_attn.q_proj", "ling-lite": "lm_head", "qwen3.5": "model.layers.0.linear_attn.out_proj"} {
		if err := model(name).adaptable(module); !errors.Is(err, ErrUnsupported) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzAdapter(f *testing.F) {
	a := readAdapted(f, "qwen3")
	path := baseFile(f, "qwen3")
	base, err := gguf.Open(path)
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = base.Close() })
	f.Add([]byte(a.Config), a.dir[adapterFile].Data)
	f.Fuzz(func(t *testing.T, cfg, data []byte) {
		file, err := OpenAdapter(fstest.MapFS{"adapter_config.json": {Data: cfg}, adapterFile: {Data: data}}, "x", base)
		if err == nil {
			_, _ = lora.Read(file)
		}
	})
}
