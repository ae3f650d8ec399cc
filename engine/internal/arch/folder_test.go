package arch_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/latentgo/latentgo/engine/internal/model"
	"github.com/latentgo/latentgo/internal/attention"
)

// A table of the models in a folder: NAME.gguf, llama.cpp's logits NAME.logits.f32 and the tokens ids.json, in the format
// of ../shared/vectors/arch: the models that llama.cpp's test-llama-archs writes with any seed, for instance. Errors are
// of all tokens at once, of pieces of 17 and one by one, then of plain attention against its exact latent form.
//
//	LATENTGO_VECTORS=DIR go test ./engine/internal/arch -run TestTable -v
func TestTableOfFolder(t *testing.T) {
	dir := os.Getenv("LATENTGO_VECTORS")
	if dir == "" {
		t.Skip("LATENTGO_VECTORS is not set")
	}
	var ids []int32
	readJSON(t, filepath.Join(dir, "ids.json"), &ids)
	files, _ := filepath.Glob(filepath.Join(dir, "*.logits.f32"))
	fmt.Printf("%-24s %-16s %10s %10s %10s %10s\n", "file", "architecture", "at once", "by 17", "by 1", "exact MLA")
	all, close5, close4 := 0, 0, 0
	var refused []string
	for _, f := range files {
		name := strings.TrimSuffix(filepath.Base(f), ".logits.f32")
		path := filepath.Join(dir, name+".gguf")
		m, err := tryLoad(t, path, model.Options{Threads: 2})
		if errors.Is(err, model.ErrUnsupported) {
			refused = append(refused, name)
			fmt.Printf("%-24s refused: %v\n", name, err)
			continue
		}
		if err != nil {
			t.Error(err)
			continue
		}
		e := folderErrors(t, m, path, ids, readFloats(t, f))
		fmt.Printf("%-24s %-16s %10.1e %10.1e %10.1e %10.1e\n", name, m.Spec().Arch, e[0], e[1], e[2], e[3])
		worst := slices.Max(e[:3])
		if all++; worst < 1e-5 {
			close5++
		}
		if worst < 1e-4 {
			close4++
		} else {
			t.Errorf("%s: error %.2g", name, worst)
		}
		if !(e[3] < 1e-9) {
			t.Errorf("%s: plain attention: error %.2g", name, e[3])
		}
		t.Run(name, func(t *testing.T) { together(t, m, attention.F16) })
		m.Close()
	}
	fmt.Printf("%d files, %d within 1e-5, %d within 1e-4; %d refused: %s\n", all, close5, close4, len(refused), strings.Join(refused, " "))
}

// folderErrors returns the errors of a line of the table.
func folderErrors(t *testing.T, m *model.Model, path string, ids []int32, want []float32) (e [4]float64) {
	t.Helper()
	for i, step := range []int{len(ids), 17, 1} {
		e[i] = nmse(logits(t, m, ids, step), want)
	}
	plain := open(t, path, model.Options{Threads: 2, PlainGQA: true})
	defer plain.Close()
	e[3] = nmse(logits(t, plain, ids, 9), logits(t, m, ids, 9))
	return e
}
