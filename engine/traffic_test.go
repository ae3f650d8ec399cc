package engine

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/latentgo/latentgo/internal/gguftest"
	"github.com/latentgo/latentgo/internal/testenv"
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

func TestDecodeWithSmallCacheDoesNotAllocate(t *testing.T) {
	for _, c := range []CacheType{CacheQ8, CacheQ4} {
		s := newSession(t, tinyModel(t, Options{}), &SessionOptions{Cache: c})
		if _, err := s.Eval(context.Background(), gguftest.RandomIDs(100, 80)); err != nil {
			t.Fatal(err)
		}
		id := []int32{7}
		if n := testing.AllocsPerRun(50, func() { // codes become due on the way
			if _, err := s.Eval(context.Background(), id); err != nil {
				t.Fatal(err)
			}
		}); n >= 1 {
			t.Errorf("%v: %v allocations per token", c, n)
		}
	}
}

// A cache in 4-bit codes is near the exact one on a real model, takes what it says, and is refused where rows are
// latents.
func TestCacheQ4(t *testing.T) {
	if _, err := compressedModel(t).NewSession(&SessionOptions{Cache: CacheQ4}); !errors.Is(err, ErrUnsupported) {
		t.Errorf("a compressed model: %v", err)
	}
	m := loadFile(t, testenv.Model(t), Options{})
	ids, err := m.Encode(strings.Repeat("The river runs past the old mill, and nobody remembers who built it. ", 20), false, false)
	if err != nil {
		t.Fatal(err)
	}
	var logits [2][]float32
	for i, c := range []CacheType{CacheF16, CacheQ4} {
		s := newSession(t, m, &SessionOptions{Cache: c})
		if logits[i], err = s.Eval(t.Context(), ids[:len(ids)-1]); err != nil {
			t.Fatal(err)
		}
		if logits[i], err = s.Eval(t.Context(), ids[len(ids)-1:]); err != nil {
			t.Fatal(err)
		}
		logits[i] = slices.Clone(logits[i])
		if want := 30 * 3 * 68; c == CacheQ4 && s.TokenBytes() != want {
			t.Errorf("%d bytes per token, want %d", s.TokenBytes(), want)
		}
	}
	if e := nmse(logits[1:], logits[:1]); !(e < 0.02) {
		t.Errorf("logits differ by %.2g", e)
	}
}

func TestParseCache(t *testing.T) {
	calibrated := Cache{Type: CacheCalibrated, Share: 0.14}
	for _, c := range []Cache{{Type: CacheF16}, {Type: CacheQ8}, {Type: CacheQ4}, calibrated, {Type: CacheCalibrated, Share: 0.5, MaxKL: 0.01}} {
		if got, err := ParseCache(c.String()); got != c || err != nil {
			t.Errorf("%v: %v, %v", c, got, err)
		}
	}
	if got, err := ParseCache(Cache{}.String()); got.Type != CacheF16 || err != nil {
		t.Errorf("the zero value is %q: %v, %v", Cache{}.String(), got, err)
	}
	for share, want := range map[string]CacheType{
		"100%": CacheF16, "120%": CacheF16, "99%": CacheQ8, "53%": CacheQ8, "52%": CacheQ4, "28%": CacheQ4, "27%": CacheCalibrated, "7%": CacheCalibrated,
	} {
		if got, err := ParseCache(share); got.Type != want || err != nil {
			t.Errorf("%s: %v, %v", share, got, err)
		}
	}
	for _, bad := range []string{"q5", "6%", "-1%", "NaN%", "%", "28", "q4%", "calibrated", "default", "auto:", "auto:0", "auto:x", "auto:-1"} {
		if _, err := ParseCache(bad); err == nil {
			t.Errorf("%s is accepted", bad)
		}
	}
	if _, err := tinyModel(t, Options{}).NewSession(&SessionOptions{Cache: 7}); err == nil {
		t.Error("cache type 7 is accepted")
	}
}
