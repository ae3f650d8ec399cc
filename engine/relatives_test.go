package engine

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"testing"

	"github.com/latentgo/latentgo/internal/gguftest"
)

// What families add to llama's attention and experts converts to a file that computes what a conversion at load
// computes.
func TestConvertRelatives(t *testing.T) {
	for _, name := range []string{"gemma2", "gpt-oss", "granite", "olmo2", "smollm3"} {
		t.Run(name, func(t *testing.T) {
			path, ids := gguftest.RelativeVariants()[name].Build().Write(t), gguftest.RandomIDs(60, gguftest.RelativeVocab)
			form := MLA{Percent: 50}
			if name == "smollm3" { // every fourth layer has nothing to rotate
				form = MLA{R: 8, L: 24}
			}
			out, _ := convertTo(t, path, quick(form))
			fromFile := loadFile(t, out, Options{Threads: 1})
			atLoad := loadFile(t, path, Options{MLA: form, Threads: 1, Convert: quick(form)})
			if e := nmse(allLogits(t, fromFile, ids), allLogits(t, atLoad, ids)); e != 0 {
				t.Errorf("from the file and at load differ: %.2g", e)
			}
		})
	}
}

// A decode step of any family does not allocate.
func TestRelativesDoNotAllocate(t *testing.T) {
	ids := gguftest.RandomIDs(50, gguftest.RelativeVocab)
	for name, d := range gguftest.RelativeVariants() {
		if d.Layers > 8 {
			continue
		}
		s := newSession(t, loadFile(t, d.Build().Write(t), Options{Threads: 2}), nil)
		if _, err := s.Eval(context.Background(), ids); err != nil {
			t.Fatal(err)
		}
		i := 0
		if n := testing.AllocsPerRun(len(ids)-2, func() {
			if _, err := s.Eval(context.Background(), ids[i:i+1]); err != nil {
				t.Fatal(err)
			}
			i++
		}); n > 0 {
			t.Errorf("%s: %v allocations per token", name, n)
		}
	}
}

// With LongRoPE a session's context decides how positions are seen: up to the original context as in training, beyond
// it otherwise.
func TestLongRopeFollowsTheContext(t *testing.T) {
	m := loadFile(t, gguftest.RelativeVariants()["phi3-long"].Build().Write(t), Options{}) // trained to 512, originally to 16
	ids := gguftest.RandomIDs(12, gguftest.RelativeVocab)
	logits := func(context int) [][]float32 {
		var out [][]float32
		s := newSession(t, m, &SessionOptions{Context: context})
		if err := s.EvalAll(t.Context(), ids, func(_ int, l []float32) error {
			out = append(out, append([]float32(nil), l...))
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		return out
	}
	short, whole, far := logits(12), logits(16), logits(17)
	if e := nmse(short, whole); e != 0 {
		t.Errorf("contexts of 12 and 16 tokens differ by %.2g", e)
	}
	if e := nmse(short, far); !(e > 1e-3) {
		t.Errorf("contexts of 12 and 17 tokens differ by %.2g only", e)
	}
}

// A loaded session sees positions as the saved one did; a context that would see them otherwise is refused.
func TestLoadedSessionsKeepLongRope(t *testing.T) {
	m := loadFile(t, gguftest.RelativeVariants()["phi3-long"].Build().Write(t), Options{})
	ids := gguftest.RandomIDs(12, gguftest.RelativeVocab)
	s := newSession(t, m, &SessionOptions{Context: 17})
	if _, err := s.Eval(t.Context(), ids[:8]); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "session")
	if err := s.SaveFile(path, false); err != nil {
		t.Fatal(err)
	}
	l, err := m.LoadSessionFile(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	want, err1 := s.Eval(t.Context(), ids[8:])
	got, err2 := l.Eval(t.Context(), ids[8:])
	if err1 != nil || err2 != nil || !slices.Equal(got, want) {
		t.Errorf("the loaded session goes on otherwise: %v, %v", err1, err2)
	}
	if _, err := m.LoadSessionFile(path, &SessionOptions{Context: 16}); !errors.Is(err, ErrSaved) {
		t.Errorf("a context that sees positions otherwise: %v", err)
	}
}
