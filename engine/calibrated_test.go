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
	for name, d := range map[string]*gguftest.Builder{
		"llama": gguftest.TinyLlama().Build(), "deepseek2": gguftest.DeepDense().Build(),
		"norms after RoPE":  gguftest.RelativeVariants()["hunyuan-dense"].Build(),
		"norms after heads": gguftest.SketchVariants()["bitnet"].Build(),
	} {
		in, out := d.Write(t), filepath.Join(t.TempDir(), "coded.gguf")
		opt := quick(MLA{})
		opt.Cache = Cache{Type: CacheCalibrated, Share: 0.3}
		if _, err := Convert(t.Context(), in, out, opt); err != nil {
			t.Fatal(err)
		}
		ids := gguftest.RandomIDs(200, 40)
		made := allLogits(t, loadFile(t, in, Options{Cache: opt.Cache, Convert: opt, Threads: 1}), ids)
		written := allLogits(t, loadFile(t, out, Options{}), ids)
		if exact := allLogits(t, loadFile(t, in, Options{}), ids); !(nmse(made, exact) > 0 && nmse(made, exact) < 0.1) || nmse(written, made) != 0 {
			t.Errorf("%s: codes change %v, the written file %v", name, nmse(made, exact), nmse(written, made))
		}
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
	for name, word := range map[string]string{"deepseek32": "indexer", "bert": "encoder"} {
		path := ""
		if name == "bert" {
			path = gguftest.EncoderVariants()[name].Build().Write(t)
		} else {
			path = gguftest.SketchVariants()[name].Build().Write(t)
		}
		if _, err := Load(path, &Options{Cache: calibrated}); !errors.Is(err, ErrUnsupported) || !strings.Contains(err.Error(), word) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Caches of few bits that a model can't have are errors that say why.
func TestCodesAreRefused(t *testing.T) {
	for name, word := range map[string]string{"deepseek32": "indexer", "deepseek4": "pools"} {
		m := loadFile(t, gguftest.SketchVariants()[name].Build().Write(t), Options{})
		if _, err := m.NewSession(&SessionOptions{Cache: CacheQ4}); !errors.Is(err, ErrUnsupported) || !strings.Contains(err.Error(), word) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Codes of latent attention's rows lose the less the larger they are, without calibration and with it; a calibration
// that is kept makes the same.
func TestCodesOfRows(t *testing.T) {
	path := gguftest.DeepDense().Build().Write(t)
	ids := gguftest.RandomIDs(300, 80)
	exact := allLogits(t, loadFile(t, path, Options{Threads: 1}), ids)
	plain := loadFile(t, path, Options{}).Info().CacheBytes
	opt := quick(MLA{})
	t.Setenv("LATENTGO_CACHE", t.TempDir())
	opt.NoCache = false
	q8, last := 0.0, 0.0
	for _, c := range []Cache{{Type: CacheQ8}, {Type: CacheQ4}, {Type: CacheCalibrated, Share: 0.5}, {Type: CacheCalibrated, Share: 0.3}, {Type: CacheCalibrated, Share: 0.2}} {
		m := loadFile(t, path, Options{Cache: c, Convert: opt, Threads: 1})
		e := nmse(allLogits(t, m, ids), exact)
		switch {
		case c.Type == CacheQ8:
			q8 = e
		case c.Type == CacheCalibrated && e <= last, e <= q8, e > 0.1:
			t.Errorf("%v: logits are wrong by %.3g of their energy, in a larger one by %.3g, in q8 by %.3g", c, e, last, q8)
		case c.Type == CacheCalibrated:
			last = e
		}
		if again := loadFile(t, path, Options{Cache: c, Convert: opt, Threads: 1}); nmse(allLogits(t, again, ids), exact) != e {
			t.Errorf("%v: loaded again it is another", c)
		}
		if got := float64(newSession(t, m, nil).TokenBytes()) / float64(plain); got > max(c.Share, 0.65) { // of 16 rotated values q8 makes a block of 32

			t.Errorf("%v: %.3g of the bytes", c, got)
		}
	}
}
