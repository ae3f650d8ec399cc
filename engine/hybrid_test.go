package engine

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/latentgo/latentgo/internal/ggtype"
	"github.com/latentgo/latentgo/internal/gguftest"
)

// eachHybrid runs a test with a small model of each architecture whose states can't take tokens back.
func eachHybrid(t *testing.T, test func(t *testing.T, m *Model, limit float64)) {
	for name, h := range gguftest.HybridVariants() {
		t.Run(name, func(t *testing.T) {
			limit := 1e-6
			if h.Matrix != ggtype.F32 {
				limit = 1e-3
			}
			test(t, loadFile(t, h.Build().Write(t), Options{}), limit)
		})
	}
}

// Going back gives what a new session gives: to the start of the last pass and to the ends of prompts at once,
// elsewhere by evaluating again from the nearest of them.
func TestHybridsGoBack(t *testing.T) {
	eachHybrid(t, func(t *testing.T, m *Model, limit float64) {
		ids := gguftest.RandomIDs(200, gguftest.HybridVocab)
		want := allLogits(t, m, ids)
		s := newSession(t, m, nil)
		eval := func(n int) { t.Helper(); goOn(t, s, ids, n, want, limit) }
		back := func(to, from int) { t.Helper(); goBack(t, s, to, from) }
		eval(80)
		eval(1)
		eval(1)
		back(81, 81) // before the last token
		eval(1)
		eval(40)
		eval(1)
		back(122, 122) // the end of the last prompt
		eval(1)
		back(120, 80) // the prompt before
		eval(10)
		eval(1)
		back(80, 80)
		eval(30)
		back(50, 0)
		eval(10)
		for range 6 { // marks are not kept for ever
			eval(5)
		}
		back(61, 0)
		eval(1)
		back(0, 0)
		eval(130)
	})
}

// An evaluation that is cancelled leaves the states as they were, whenever it ends.
func TestHybridsCancelled(t *testing.T) {
	eachHybrid(t, func(t *testing.T, m *Model, _ float64) {
		ids := gguftest.RandomIDs(400, gguftest.HybridVocab)
		s := newSession(t, m, nil)
		lastLogits(t, s, ids[:30])
		want := append([]float32(nil), lastLogits(t, s, ids[30:39])...)
		s.Truncate(30)
		start := time.Now()
		lastLogits(t, s, ids[39:])
		span := time.Since(start)
		cancelled := 0
		for i := range 40 {
			s.Truncate(30)
			ctx, cancel := context.WithTimeout(t.Context(), span*time.Duration(i%16)/16)
			_, err := s.Eval(ctx, ids[39:])
			if cancel(); errors.Is(err, context.DeadlineExceeded) {
				cancelled++
			} else if err != nil {
				t.Fatal(err)
			}
			s.Truncate(30)
			if e := nmse([][]float32{lastLogits(t, s, ids[30:39])}, [][]float32{want}); e != 0 {
				t.Fatalf("round %d, after %d cancellations: logits differ by %.2g", i, cancelled, e)
			}
		}
	})
}

// A decode step allocates nothing, and a session says how much its states take.
func TestHybridsDecode(t *testing.T) {
	eachHybrid(t, func(t *testing.T, m *Model, _ float64) {
		s := newSession(t, m, nil)
		lastLogits(t, s, gguftest.RandomIDs(20, gguftest.HybridVocab))
		id := []int32{7}
		step := func() {
			if _, err := s.Eval(context.Background(), id); err != nil {
				t.Fatal(err)
			}
		}
		step()
		step()
		if n := testing.AllocsPerRun(50, step); n != 0 {
			t.Errorf("%v allocations per token", n)
		}
		if in := m.Info(); in.RecentBytes == 0 || s.CacheBytes() < in.RecentBytes {
			t.Errorf("states of %d bytes, of which %d of fixed size", s.CacheBytes(), in.RecentBytes)
		}
	})
}

// A hybrid whose attention is compressed is written, read, and goes back like any other; what has no attention says so.
func TestHybridsConvert(t *testing.T) {
	variants := gguftest.HybridVariants()
	out, report := convertTo(t, variants["qwen35"].Build().Write(t), quick(MLA{Percent: 50}))
	if !strings.HasPrefix(report.MLA, "compressed") || report.CacheAfter >= report.CacheBefore {
		t.Errorf("%+v", report)
	}
	m := loadFile(t, out, Options{})
	ids := gguftest.RandomIDs(200, gguftest.HybridVocab)
	want := allLogits(t, m, ids)
	s := newSession(t, m, nil)
	lastLogits(t, s, ids[:150])
	for at := 150; at < 200; at++ {
		lastLogits(t, s, ids[at:at+1])
	}
	for _, c := range []struct{ to, from int }{{199, 199}, {170, 150}, {100, 0}} {
		goBack(t, s, c.to, c.from)
		got := lastLogits(t, s, ids[c.to:c.to+1])
		if e := nmse([][]float32{got}, want[c.to:c.to+1]); !(e < 1e-4) {
			t.Errorf("back to %d: logits differ by %.2g", c.to, e)
		}
	}
	for name, word := range map[string]string{"mamba2": "no attention", "falcon-h1": "beside another mixer"} {
		_, err := Load(variants[name].Build().Write(t), &Options{MLA: MLA{L: 24}, Convert: quick(MLA{})})
		if !errors.Is(err, ErrUnsupported) || !strings.Contains(err.Error(), word) {
			t.Errorf("%s: %v", name, err)
		}
	}
	o := quick(MLA{R: 8, L: 24})
	o.Compat = CompatLlama
	if _, err := Convert(t.Context(), variants["qwen35"].Build().Write(t), out+"2", o); err == nil {
		t.Error("a hybrid was written for llama.cpp as deepseek2")
	} else {
		t.Log(err)
	}
}
