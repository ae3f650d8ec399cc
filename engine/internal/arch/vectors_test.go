package arch_test

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/latentgo/latentgo/engine/internal/arch"
	"github.com/latentgo/latentgo/engine/internal/model"
	"github.com/latentgo/latentgo/gguf"
	"github.com/latentgo/latentgo/internal/attention"
	"github.com/latentgo/latentgo/internal/gguftest"
	"github.com/latentgo/latentgo/internal/testenv"
)

// vectors is the folder of shared files with llama.cpp's logits of small random models, see ../shared/README.md.
const vectors = "vectors/arch"

// known are the vectors of architectures that run.
var known = []string{
	"deepseek2-moe", "gemma2-dense", "gemma3-dense", "gpt-oss-moe", "granite-dense", "llama-dense", "llama-moe", "mistral3-dense",
	"olmo2-dense", "phi3-dense", "qwen2-dense", "qwen3-dense", "qwen3moe-moe", "smollm3-dense",
}

// Logits are llama.cpp's, whether the tokens come one by one, in pieces or all at once.
func TestVectors(t *testing.T) {
	var ids []int32
	shared := testenv.Shared(t, vectors)
	b, err := os.ReadFile(filepath.Join(shared, "ids.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &ids); err != nil {
		t.Fatal(err)
	}
	for _, name := range known {
		t.Run(name, func(t *testing.T) {
			want := readFloats(t, filepath.Join(shared, name+".logits.f32"))
			m := open(t, filepath.Join(shared, name+".gguf"), model.Options{Threads: 2})
			for _, step := range []int{len(ids), 17, 1} {
				if e := nmse(logits(t, m, ids, step), want); !(e < 1e-5) {
					t.Errorf("%d tokens at a time: error %.2g", step, e)
				}
			}
		})
	}
}

// A file of an architecture that is not known says so, and one that can't be what it is.
func TestUnknown(t *testing.T) {
	for name, want := range map[string]string{"rwkv": "not known", "llada-moe": "diffusion"} {
		b := (&gguftest.Builder{}).Set("general.architecture", name)
		_, err := arch.Read(openGGUF(t, b.Write(t)))
		if !errors.Is(err, model.ErrUnsupported) || !strings.Contains(err.Error(), `"`+name+`"`) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func openGGUF(t *testing.T, path string) *gguf.File {
	t.Helper()
	f, err := gguf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// spec opens the file that b makes and reads its spec.
func spec(t *testing.T, b *gguftest.Builder) (*gguf.File, *model.Spec) {
	t.Helper()
	f := openGGUF(t, b.Write(t))
	s, err := arch.Read(f)
	if err != nil {
		t.Fatal(err)
	}
	return f, s
}

func open(t *testing.T, path string, o model.Options) *model.Model {
	t.Helper()
	m, err := tryLoad(t, path, o)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// tryLoad reads and loads a model that may be refused.
func tryLoad(t *testing.T, path string, o model.Options) (*model.Model, error) {
	t.Helper()
	f := openGGUF(t, path)
	s, err := arch.Read(f)
	if err != nil {
		return nil, err
	}
	m, err := model.Load(f, s, o)
	if err == nil {
		t.Cleanup(m.Close)
	}
	return m, err
}

// loadBuilt is tryLoad of the file that b makes.
func loadBuilt(t *testing.T, b *gguftest.Builder) (*model.Model, error) {
	t.Helper()
	return tryLoad(t, b.Write(t), model.Options{Threads: 1})
}

// logits evaluates ids, so many at a time, and returns the logits after each.
func logits(t *testing.T, m *model.Model, ids []int32, step int) []float32 {
	t.Helper()
	return logitsOf(t, m, m.NewSequence(attention.F16, 0), ids, step)
}

func logitsOf(t *testing.T, m *model.Model, seq *model.Sequence, ids []int32, step int) []float32 {
	t.Helper()
	var out []float32
	for len(ids) > 0 {
		n := min(step, len(ids))
		if err := m.Run([]model.Rows{{Seq: seq, Tokens: ids[:n]}}, nil); err != nil {
			t.Fatal(err)
		}
		part := make([]float32, n*m.Vocab())
		if err := m.Logits(part, 0, n); err != nil {
			t.Fatal(err)
		}
		out, ids = append(out, part...), ids[n:]
	}
	return out
}

func readFloats(t *testing.T, path string) []float32 {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var out []float32
	for ; len(b) > 0; b = b[4:] {
		out = append(out, math.Float32frombits(binary.LittleEndian.Uint32(b)))
	}
	return out
}

// nmse is the mean squared error of got over the mean square of want.
func nmse(got, want []float32) float64 {
	num, den := 0.0, 0.0
	for i, w := range want {
		d := float64(got[i]) - float64(w)
		num, den = num+d*d, den+float64(w)*float64(w)
	}
	return num / den
}
