package engine

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/latentgo/latentgo/internal/gguftest"
)

// Forks, sessions that went back and sessions from files go on to the bit as if nothing had been, in every architecture
// of gguftest.SketchVariants, beyond their windows.
func TestSketchesGoOn(t *testing.T) {
	ids := gguftest.RandomIDs(60, gguftest.SketchVocab)
	for name, c := range gguftest.SketchVariants() {
		if strings.Contains(name, "-q") || strings.Contains(name, "-tq") { // the same in other types
			continue
		}
		t.Run(name, func(t *testing.T) {
			m := loadFile(t, c.Build().Write(t), Options{})
			for i, cache := range []CacheType{CacheF16, CacheQ8} {
				if i > 0 && testing.Short() {
					break
				}
				s := newSession(t, m, &SessionOptions{Cache: cache})
				lastLogits(t, s, ids[:30])
				fork, err := s.Fork()
				if err != nil {
					t.Fatal(err)
				}
				want := lastLogits(t, s, ids[30:31])
				after := lastLogits(t, s, ids[31:])
				path := filepath.Join(t.TempDir(), "session")
				if err := fork.SaveFile(path, false); err != nil {
					t.Fatal(err)
				}
				loaded, err := m.LoadSessionFile(path, nil)
				if err != nil {
					t.Fatal(err)
				}
				s.Truncate(30)
				for how, o := range map[string]*Session{"fork": fork, "loaded": loaded, "gone back": s} {
					if got := lastLogits(t, o, ids[30:31]); !slices.Equal(got, want) {
						t.Errorf("%v, %s: other logits", cache, how)
					}
					if e := nmse([][]float32{lastLogits(t, o, ids[31:])}, [][]float32{after}); !(e < 1e-9) {
						t.Errorf("%v, %s: logits differ by %.2g", cache, how, e)
					}
				}
			}
		})
	}
}

// A decode step allocates nothing, behind tokens so many that windows are full and indexers pick.
func TestSketchesDecode(t *testing.T) {
	for name, c := range gguftest.SketchVariants() {
		s := newSession(t, loadFile(t, c.Build().Write(t), Options{}), nil)
		lastLogits(t, s, gguftest.RandomIDs(40, gguftest.SketchVocab))
		id := []int32{7}
		if n := testing.AllocsPerRun(20, func() {
			if _, err := s.Eval(context.Background(), id); err != nil {
				t.Fatal(err)
			}
		}); n != 0 {
			t.Errorf("%s: %v allocations per token", name, n)
		}
	}
}

// What can't be is an error that names it: 4-bit caches of keys and values that layers share, and compressed attention.
func TestSketchesRefuse(t *testing.T) {
	variants := gguftest.SketchVariants()
	m := loadFile(t, variants["gemma4-e"].Build().Write(t), Options{})
	if _, err := m.NewSession(&SessionOptions{Cache: CacheQ4}); !errors.Is(err, ErrUnsupported) || !strings.Contains(err.Error(), "share") {
		t.Errorf("4-bit caches: %v", err)
	}
	for name, word := range map[string]string{"gemma3n": "several vectors", "talkie": "embeddings"} {
		_, err := Load(variants[name].Build().Write(t), &Options{MLA: MLA{Percent: 50}, Convert: quick(MLA{})})
		if !errors.Is(err, ErrUnsupported) || !strings.Contains(err.Error(), word) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
