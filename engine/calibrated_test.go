package engine

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/latentgo/latentgo/internal/gguftest"
	"github.com/latentgo/latentgo/internal/testenv"
)

// logitsAfter returns the logits of a session with a cache after a text beyond what it keeps in half floats.
func logitsAfter(t *testing.T, m *Model, c CacheType) []float32 {
	t.Helper()
	ids, err := m.Encode(strings.Repeat("The river runs past the old mill, and nobody remembers who built it. ", 20), false, false)
	if err != nil {
		t.Fatal(err)
	}
	s := newSession(t, m, &SessionOptions{Cache: c})
	defer s.Close()
	logits, err := s.Eval(t.Context(), ids)
	if err != nil {
		t.Fatal(err)
	}
	return slices.Clone(logits)
}

// A calibrated cache takes the share that was asked for, all bytes of a session of 4,096 tokens, and loses the less the
// larger it is; Convert writes what Load makes.
func TestCalibratedCache(t *testing.T) {
	path := testenv.Model(t)
	text, err := os.ReadFile("../RATIONALE.md")
	if err != nil {
		t.Fatal(err)
	}
	m := loadFile(t, path, Options{})
	want, loss := logitsAfter(t, m, CacheF16), 0.0
	for _, share := range []float64{0.28, 0.12} {
		out := filepath.Join(t.TempDir(), "coded.gguf")
		r, err := Convert(t.Context(), path, out, &ConvertOptions{
			Cache: Cache{Type: CacheCalibrated, Share: share}, Tokens: 512, Calibration: string(text), Threads: m.opt.Threads,
		})
		if err != nil {
			t.Fatal(err)
		}
		coded := loadFile(t, out, Options{})
		e := nmse([][]float32{logitsAfter(t, coded, CacheDefault)}, [][]float32{want})
		if e <= loss || e > share {
			t.Errorf("%v: logits are wrong by %.3g of their energy, before by %.3g", share, e, loss)
		}
		loss = e
		if !slices.Equal(logitsAfter(t, coded, CacheF16), want) {
			t.Errorf("%v: with half floats it is not the model", share)
		}
		s := newSession(t, coded, nil)
		if err := s.EvalAll(t.Context(), gguftest.RandomIDs(512, 1000), func(int, []float32) error { return nil }); err != nil {
			t.Fatal(err)
		}
		const plain = 2 * 30 * 3 * 128
		if got := float64(s.CacheBytes()+(4096-512)*s.TokenBytes()) / (4096 * plain); got > share || got < 0.95*share {
			t.Errorf("%v: a session of 4,096 tokens takes %.4f", share, got)
		}
		c := coded.Conversion()
		if r.CacheBefore != plain || r.CacheAfter != s.TokenBytes() || c == nil || c.Form != r.Form || c.Calibration != GivenText || !(c.Divergence > 0) {
			t.Errorf("%v: %+v, %+v", share, r, c)
		}
	}
}

// Convert writes what Load makes.
func TestCalibratedFile(t *testing.T) {
	in, out := gguftest.TinyLlama().Build().Write(t), filepath.Join(t.TempDir(), "coded.gguf")
	opt := quick(MLA{})
	opt.Cache = Cache{Type: CacheCalibrated, Share: 0.3}
	if _, err := Convert(t.Context(), in, out, opt); err != nil {
		t.Fatal(err)
	}
	ids := gguftest.RandomIDs(200, 80)
	made := allLogits(t, loadFile(t, in, Options{Cache: opt.Cache, Convert: opt, Threads: 1}), ids)
	written := allLogits(t, loadFile(t, out, Options{}), ids)
	if exact := allLogits(t, loadFile(t, in, Options{}), ids); nmse(made, exact) == 0 || nmse(written, made) != 0 {
		t.Errorf("codes change %v, the written file %v", nmse(made, exact), nmse(written, made))
	}
}

// The smallest cache is chosen that loses no more than is allowed.
func TestSmallestCache(t *testing.T) {
	path := gguftest.TinyLlama().Build().Write(t)
	c, err := ParseCache("auto:0.004")
	if err != nil {
		t.Fatal(err)
	}
	made := loadFile(t, path, Options{Cache: c, Convert: quick(MLA{})}).Conversion()
	share := 0.0
	if _, err := fmt.Sscanf(made.Form, "cache %f%% (cache auto:0.004)", &share); err != nil {
		t.Fatalf("%q: %v", made.Form, err)
	}
	if share < 7 || share > 20 || made.Divergence > 0.004 {
		t.Errorf("%v %% lose %v", share, made.Divergence)
	}
	_, err = Load(path, &Options{Cache: Cache{Type: CacheCalibrated, Share: 0.1, MaxKL: 1e-9}, Convert: quick(MLA{})})
	if !errors.Is(err, ErrDamaged) {
		t.Errorf("nothing is good enough: %v", err)
	}
}

// Bytes per token are what the share of the model's is.
func TestCacheOfBytes(t *testing.T) {
	path := gguftest.TinyLlama().Build().Write(t)
	plain := loadFile(t, path, Options{}).Info().CacheBytes
	for part, want := range map[int]string{1: "f16", 3: "q4", 4: "25%"} {
		c, err := ParseCache(fmt.Sprintf("%dB", plain/part))
		if err != nil || c.TokenBytes != plain/part {
			t.Fatalf("%v, %v", c, err)
		}
		m := loadFile(t, path, Options{Cache: c, Convert: quick(MLA{})})
		if got := m.opt.Cache.String(); got != want {
			t.Errorf("a %d. part of %d bytes is %s, want %s", part, plain, got, want)
		}
	}
	for _, c := range []Cache{{TokenBytes: plain / 50}, {TokenBytes: -1}, {Type: CacheQ8, TokenBytes: plain}} {
		if m, err := Load(path, &Options{Cache: c}); err == nil {
			t.Errorf("%+v is accepted", c)
			_ = m.Close()
		}
	}
}

// What can't be calibrated is an error that says why.
func TestCalibratedCacheIsRefused(t *testing.T) {
	calibrated := Cache{Type: CacheCalibrated, Share: 0.2}
	tiny := gguftest.TinyLlama().Build().Write(t)
	for name, opt := range map[string]Options{
		"compressed":  {Cache: calibrated, MLA: MLA{Percent: 50}},
		"off":         {Cache: calibrated, MLA: MLAOff},
		"small":       {Cache: Cache{Type: CacheCalibrated, Share: 0.05}},
		"large":       {Cache: Cache{Type: CacheCalibrated, Share: 0.6}},
		"no share":    {Cache: Cache{Type: CacheCalibrated}},
		"other share": {Cache: Cache{Type: CacheQ8, Share: 0.2}},
		"divergence":  {Cache: Cache{Type: CacheQ8, MaxKL: 0.1}},
		"negative":    {Cache: Cache{Type: CacheCalibrated, Share: 0.2, MaxKL: -1}},
		"unknown":     {Cache: Cache{Type: 9}},
	} {
		if m, err := Load(tiny, &opt); err == nil {
			t.Errorf("%s: no error", name)
			_ = m.Close()
		}
	}
	if _, err := tinyModel(t, Options{}).NewSession(&SessionOptions{Cache: CacheCalibrated}); !errors.Is(err, ErrUnsupported) {
		t.Errorf("nothing was calibrated: %v", err)
	}
	deep := gguftest.DeepVariants()
	for name, d := range deep {
		if _, err := Load(d.Build().Write(t), &Options{Cache: calibrated}); !errors.Is(err, ErrUnsupported) {
			t.Errorf("deepseek2 %s: %v", name, err)
		}
		break
	}
}
