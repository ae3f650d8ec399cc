package arch_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/latentgo/latentgo/engine/internal/model"
	"github.com/latentgo/latentgo/internal/attention"
	"github.com/latentgo/latentgo/internal/gguftest"
)

// tableLimit is above every error in the table: of the models whose matrices are rounded most.
const tableLimit = 6e-3

// A table of all vectors in the repository: what differs from llama.cpp's logits, and what attention in its exact
// latent form differs from plain attention. It repeats other tests, so it has to be asked for, with a pattern of names:
//
//	LATENTGO_TABLE=. go test ./engine/internal/arch -run TestTable -v
//
// With LLAMA_BIN, the folder of llama-bench, it also tells how many times llama.cpp's decode speed the engine has with
// two threads on these tiny models, which is mostly what a pass costs besides products.
func TestTable(t *testing.T) {
	if os.Getenv("LATENTGO_TABLE") == "" {
		t.Skip("LATENTGO_TABLE is not set")
	}
	wanted, err := regexp.Compile(os.Getenv("LATENTGO_TABLE"))
	if err != nil {
		t.Fatal(err)
	}
	bench := os.Getenv("LLAMA_BIN")
	fmt.Printf("%-24s %-16s %10s %10s %8s\n", "vector", "architecture", "error", "exact MLA", "decode")
	for _, v := range tableVectors() {
		if !wanted.MatchString(v.folder + "/" + v.name) {
			continue
		}
		path := v.build().Write(t)
		m, plain := open(t, path, model.Options{Threads: 2}), open(t, path, model.Options{Threads: 2, PlainGQA: true})
		got, want := v.evaluate(t, m), readFloats(t, filepath.Join("../../testdata", v.folder, v.name+".f32"))
		e, exact := nmse(lastLogits(got, want), want), nmse(got, v.evaluate(t, plain))
		if !(e < tableLimit) || !(exact < 1e-9) {
			t.Errorf("%s/%s: errors %.2g and %.2g", v.folder, v.name, e, exact)
		}
		ratio := ""
		if bench != "" && !m.Spec().Encoder {
			ratio = fmt.Sprintf("%.2f", decodeSpeed(t, m)/llamaSpeed(t, bench, path))
		}
		fmt.Printf("%-24s %-16s %10.1e %10.1e %8s\n", v.name, m.Spec().Arch, e, exact, ratio)
		m.Close()
		plain.Close()
	}
}

// tableVector is one of them.
type tableVector struct {
	folder, name string
	vocab        int
	tokens       int
	build        func() *gguftest.Builder
}

// tableVectors returns all by folder and name.
func tableVectors() (out []tableVector) {
	for name, m := range gguftest.ClassicVariants() {
		out = append(out, tableVector{"classic", name, m.Vocab, 28, m.Build})
	}
	for name, m := range gguftest.DeepVariants() {
		out = append(out, tableVector{"deepseek2", name, m.Vocab, 28, m.Build})
	}
	for name, m := range gguftest.EncoderVariants() {
		out = append(out, tableVector{"encoders", name, m.Vocab, 28, m.Build})
	}
	for name, m := range gguftest.HybridVariants() {
		out = append(out, tableVector{"hybrids", name, gguftest.HybridVocab, hybridTokens, m.Build})
	}
	for name, m := range gguftest.RelativeVariants() {
		out = append(out, tableVector{"relatives", name, gguftest.RelativeVocab, relativeTokens, m.Build})
	}
	for name, s := range gguftest.SketchVariants() {
		out = append(out, tableVector{"sketches", name, gguftest.SketchVocab, gguftest.SketchTokens(name), s.Build})
	}
	slices.SortFunc(out, func(a, b tableVector) int { return cmp.Compare(a.folder+a.name, b.folder+b.name) })
	return out
}

// evaluate returns what a vector has: logits after each token, or an encoder's rows.
func (v *tableVector) evaluate(t *testing.T, m *model.Model) []float32 {
	ids := gguftest.RandomIDs(v.tokens, v.vocab)
	switch {
	case m.Spec().Encoder:
		return encoded(t, m, ids)[0]
	case v.folder == "relatives", v.folder == "sketches":
		return logitsIn(t, m, ids, len(ids))
	}
	return logits(t, m, ids, len(ids))
}

// decodeSpeed returns decode steps per second.
func decodeSpeed(t *testing.T, m *model.Model) float64 {
	const steps = 32
	seq := m.NewSequence(attention.F16, 0)
	out := make([]float32, m.Vocab())
	var start time.Time
	for i := range steps + 8 {
		if i == 8 {
			start = time.Now()
		}
		if err := m.Run([]model.Rows{{Seq: seq, Tokens: []int32{int32(i % m.Vocab())}}}, nil); err != nil {
			t.Fatal(err)
		}
		if err := m.Logits(out, 0, 1); err != nil {
			t.Fatal(err)
		}
	}
	return steps / time.Since(start).Seconds()
}

// llamaSpeed returns llama.cpp's.
func llamaSpeed(t *testing.T, bin, path string) float64 {
	out, err := exec.Command(filepath.Join(bin, "llama-bench"), "-m", path, "-p", "0", "-n", "32", "-t", "2", "-r", "2", "-o", "json").Output()
	if err != nil {
		t.Fatal(err)
	}
	var runs []struct {
		Speed float64 `json:"avg_ts"`
	}
	if err := json.Unmarshal(out, &runs); err != nil || len(runs) == 0 {
		t.Fatalf("llama-bench: %v: %.200s", err, out)
	}
	return runs[0].Speed
}
