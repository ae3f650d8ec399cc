package engine

import (
	"context"
	"testing"

	"github.com/latentgo/latentgo/internal/gguftest"
)

func TestStepBytes(t *testing.T) {
	m := tinyModel(t, Options{MLA: MLAOff})
	q, kv, ff := 6*16*64, 2*16*64, 96*64
	want := (80*64 + 2*(2*q+2*kv+3*ff)) / 32 * 34 // Q8_0
	for _, c := range []struct {
		cache CacheType
		token int
	}{{CacheF16, 256}, {CacheQ8, 2 * 2 * 2 * 34}} {
		s := newSession(t, m, &SessionOptions{Cache: c.cache})
		weights, cache := s.StepBytes(9)
		if weights != want || cache != 10*c.token || s.TokenBytes() != c.token {
			t.Errorf("%v: %d bytes of weights, want %d, %d of 10 cached tokens, want %d each", c.cache, weights, want, cache, c.token)
		}
	}
}

// The logits with an 8-bit cache are near those with half floats, in decode and in prefill.
func TestCacheQ8(t *testing.T) {
	for _, form := range bothForms {
		m := tinyModel(t, Options{MLA: form})
		ids := gguftest.RandomIDs(300, 80)
		want := allLogits(t, m, ids)
		s := newSession(t, m, &SessionOptions{Cache: CacheQ8})
		got, err := s.Eval(context.Background(), ids[:290])
		if err != nil {
			t.Fatal(err)
		}
		for i := 290; ; i++ {
			if e := nmse([][]float32{got}, want[i-1:i]); !(e < 1e-2) {
				t.Errorf("%v: logits after %d tokens differ: %.2g", form, i, e)
			}
			if i == len(ids) {
				break
			}
			if got, err = s.Eval(context.Background(), ids[i:i+1]); err != nil {
				t.Fatal(err)
			}
		}
		if n, most := s.CacheBytes(), 2*256*s.TokenBytes(); n != most {
			t.Errorf("%v: the cache takes %d bytes, want %d", form, n, most)
		}
	}
}

func TestDecodeWithQ8CacheDoesNotAllocate(t *testing.T) {
	m := tinyModel(t, Options{})
	s := newSession(t, m, &SessionOptions{Cache: CacheQ8})
	if _, err := s.Eval(context.Background(), gguftest.RandomIDs(20, 80)); err != nil {
		t.Fatal(err)
	}
	id := []int32{7}
	if n := testing.AllocsPerRun(50, func() {
		if _, err := s.Eval(context.Background(), id); err != nil {
			t.Fatal(err)
		}
	}); n >= 1 {
		t.Errorf("%v allocations per token", n)
	}
}

func TestParseCacheType(t *testing.T) {
	for _, c := range []CacheType{CacheF16, CacheQ8, CacheQ4} {
		if got, err := ParseCacheType(c.String()); got != c || err != nil {
			t.Errorf("%v: %v, %v", c, got, err)
		}
	}
	if _, err := ParseCacheType("q5"); err == nil {
		t.Error("q5 is accepted")
	}
	if _, err := tinyModel(t, Options{}).NewSession(&SessionOptions{Cache: 7}); err == nil {
		t.Error("cache type 7 is accepted")
	}
}
