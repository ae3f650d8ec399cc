package engine

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"math"
	"os"
	"slices"
	"testing"

	"github.com/latentgo/latentgo/internal/gguftest"
)

// byteModel is a random model that speaks bytes: its texts are full of cut characters.
func byteModel(t testing.TB, opt Options) *Model {
	t.Helper()
	m := gguftest.TinyLlama()
	m.Bytes, m.Vocab = true, 259
	return loadFile(t, m.Build().Write(t), opt)
}

func loadFile(t testing.TB, path string, opt Options) *Model {
	t.Helper()
	if opt.Threads == 0 {
		opt.Threads = 2
	}
	_, measured := t.(*testing.B)
	opt.NoHugePages = !measured // tests count allocations and goroutines
	m, err := Load(path, &opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	<-m.Settled()
	return m
}

// compressedModel is a random model whose layers cache 24 latent values per token.
func compressedModel(t testing.TB) *Model {
	t.Helper()
	path := gguftest.TinyFloat("llama").Build().Write(t)
	return loadFile(t, path, Options{MLA: MLA{L: 24}, Convert: quick(MLA{})})
}

func newSession(t testing.TB, m *Model, opt *SessionOptions) *Session {
	t.Helper()
	s, err := m.NewSession(opt)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// allLogits evaluates ids in an empty session and returns the logits after each.
func allLogits(t testing.TB, m *Model, ids []int32) [][]float32 {
	t.Helper()
	var out [][]float32
	s := newSession(t, m, &SessionOptions{Context: len(ids)})
	defer s.Close()
	if err := s.EvalAll(context.Background(), ids, func(_ int, l []float32) error {
		out = append(out, append([]float32(nil), l...))
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return out
}

// nmse is the mean squared error of got over the mean square of want.
func nmse(got, want [][]float32) float64 {
	num, den := 0.0, 0.0
	for i := range want {
		for j, w := range want[i] {
			d := float64(got[i][j]) - float64(w)
			num += d * d
			den += float64(w) * float64(w)
		}
	}
	return num / den
}

func readJSON(t testing.TB, path string, v any) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(b, v)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// readLogits reads little-endian float32 rows.
func readLogits(t testing.TB, path string, rows int) [][]float32 {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	out := make([][]float32, rows)
	for i := range out {
		part := b[i*len(b)/rows : (i+1)*len(b)/rows]
		for ; len(part) > 0; part = part[4:] {
			out[i] = append(out[i], math.Float32frombits(binary.LittleEndian.Uint32(part)))
		}
	}
	return out
}

// cachesOf are the types of cache that an architecture is tried with: codes with those that differ most.
func cachesOf(name string) []CacheType {
	if slices.Contains([]string{"llama", "qwen2", "gemma3", "deepseek2"}, name) {
		return []CacheType{CacheF16, CacheQ8, CacheQ4, CacheCalibrated}
	}
	return []CacheType{CacheF16, CacheQ8}
}
