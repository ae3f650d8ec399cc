package arch_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/latentgo/latentgo/engine/internal/model"
	"github.com/latentgo/latentgo/internal/attention"
)

// The other side of internal/bench/variants.py: for each model of the folder LATENTGO_VARIANTS a line of JSON, with the
// error of all tokens at once and one by one against llama.cpp's logits where there are some, or why it is refused.
func TestVariantsOfFolder(t *testing.T) {
	dir := os.Getenv("LATENTGO_VARIANTS")
	if dir == "" {
		t.Skip("LATENTGO_VARIANTS is not set")
	}
	var names []string
	var ids []int32
	readJSON(t, filepath.Join(dir, "names.json"), &names)
	readJSON(t, filepath.Join(dir, "ids.json"), &ids)
	for _, name := range names {
		fmt.Println("BEGIN " + name)
		out := map[string]any{"name": name}
		if e, err := variantErrors(t, filepath.Join(dir, name), ids); err != nil {
			out["error"] = err.Error()
		} else {
			out["errors"] = e
		}
		b, _ := json.Marshal(out)
		fmt.Printf("%s\n", b)
	}
}

func readJSON(t *testing.T, path string, v any) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(b, v)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func variantErrors(t *testing.T, path string, ids []int32) ([]float64, error) {
	m, err := tryLoad(t, path+".gguf", model.Options{Threads: 1})
	if err != nil {
		return nil, err
	}
	defer m.Close()
	var want []float32
	if _, err := os.Stat(path + ".logits.f32"); err == nil {
		want = readFloats(t, path+".logits.f32")
	}
	if m.Spec().Encoder {
		got := encoded(t, m, ids)[0]
		return []float64{finite(nmse(got, want)), medianError(got, want, len(ids))}, nil
	}
	var out []float64
	for _, step := range []int{len(ids), 1} {
		seq := m.NewSequence(attention.F16, 0)
		seq.SetContext(256)
		got := logitsOf(t, m, seq, ids, step)
		if want != nil && len(want) != len(got) {
			return nil, fmt.Errorf("%d logits, want %d", len(got), len(want))
		}
		out = append(out, finite(nmse(got, want)), medianError(got, want, len(ids)))
	}
	return out, nil
}

// medianError is the error of half the tokens: less than that of all where few of them took other experts.
func medianError(got, want []float32, n int) float64 {
	if want == nil {
		return 0
	}
	out, size := make([]float64, n), len(got)/n
	for i := range out {
		out[i] = finite(nmse(got[i*size:][:size], want[i*size:][:size]))
	}
	slices.Sort(out)
	return out[n/2]
}

// finite makes a number of what JSON can't say.
func finite(x float64) float64 {
	if !(x < 1e30) {
		return 1e30
	}
	return x
}
