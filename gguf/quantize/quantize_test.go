package quantize

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/latentgo/latentgo/gguf"
	"github.com/latentgo/latentgo/internal/encode"
	"github.com/latentgo/latentgo/internal/ggtype"
	"github.com/latentgo/latentgo/internal/gguftest"
	"github.com/latentgo/latentgo/internal/kernel"
)

// tinyFile is a random model whose rows fit every type.
func tinyFile(t testing.TB) *gguf.File {
	t.Helper()
	m := gguftest.Tiny{Arch: "llama", Layers: 2, Width: 256, FFN: 256, Heads: 2, KVHeads: 1, Size: 32, Vocab: 259, Bytes: true}
	f, err := gguf.OpenBytes("tiny", m.Build().Bytes())
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// quantised returns the file that options make of f, and what was reported.
func quantised(t testing.TB, f *gguf.File, opt Options) (*gguf.File, []Result) {
	t.Helper()
	var results []Result
	opt.Report = func(r Result) { results = append(results, r) }
	p, err := NewPlan(f, opt)
	if err != nil {
		t.Fatal(err)
	}
	w := new(gguf.Writer)
	if err := errors.Join(w.CopyMetadata(f, nil), p.Add(w)); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if _, err := w.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	g, err := gguf.OpenBytes("quantised", b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	return g, results
}

func fileType(t testing.TB, name string) FileType {
	t.Helper()
	ft, err := ParseFileType(name)
	if err != nil {
		t.Fatal(err)
	}
	return ft
}

// Every mixture gives a file with the sizes and types of its plan, errors that fit the types, and the keys that say so;
// the number of threads changes no byte.
func TestPlan(t *testing.T) {
	f, even := tinyFile(t), Importance{}
	for _, x := range f.Tensors() {
		even[x.Name] = slices.Repeat([]float32{1}, int(x.Shape[0]))
	}
	for _, name := range FileTypes() {
		opt := Options{Type: fileType(t, name), Threads: 3}
		if _, err := NewPlan(f, opt); err != nil && strings.Contains(err.Error(), "needs an importance matrix") {
			opt.Importance = even
		}
		g, results := quantised(t, f, opt)
		p, err := NewPlan(f, opt)
		if err != nil {
			t.Fatal(err)
		}
		for i, c := range p.Choices() {
			x := g.Tensors()[i]
			if x.Name != c.Tensor.Name || x.Type != c.Type || x.Size() != c.Bytes() {
				t.Errorf("%s: tensor %s is %v of %d bytes, planned %v of %d", name, x.Name, x.Type, x.Size(), c.Type, c.Bytes())
			}
		}
		most := 0.4
		switch {
		case strings.HasPrefix(name, "IQ1"):
			most = 0.5
		case strings.HasPrefix(name, "TQ"), name == "Q1_0", name == "Q2_0": // for models that were trained for them
			most = 1
		}
		for _, r := range results {
			if share := r.RMSE / r.Size; !(share < most) || r.Size == 0 {
				t.Errorf("%s: %s has an error of %v", name, r.Tensor.Name, share)
			}
		}
		if n, err := g.Uint(fileTypeKey); FileType(n) != opt.Type || err != nil {
			t.Errorf("%s: %d, %v", name, n, err)
		}
		if name != "Q4_K_M" && name != "Q4_0" {
			continue
		}
		opt.Threads = 1
		again, _ := quantised(t, f, opt)
		for i, x := range again.Tensors() {
			a, _ := x.Bytes()
			b, _ := g.Tensors()[i].Bytes()
			if !bytes.Equal(a, b) {
				t.Errorf("%s: %s depends on the number of threads", name, x.Name)
			}
		}
	}
}

func TestOverrides(t *testing.T) {
	f := tinyFile(t)
	var list []Override
	for _, s := range []string{"ffn_down=q6_K", `blk\.1\.=F16`} {
		o, err := ParseOverride(s)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, o)
	}
	g, _ := quantised(t, f, Options{Type: Unchanged, Overrides: list})
	for name, want := range map[string]ggtype.Type{
		"blk.1.ffn_down.weight": ggtype.Q6_K, "blk.1.ffn_up.weight": ggtype.F16, "blk.0.ffn_up.weight": ggtype.F32, "blk.1.attn_norm.weight": ggtype.F32,
	} {
		if x, err := g.Tensor(name); err != nil || x.Type != want {
			t.Errorf("%s is %v, want %v", name, x.Type, want)
		}
	}
	if g.Has(fileTypeKey) {
		t.Error("a file type, though none was asked for")
	}
	list[0], list[1] = list[1], Override{list[1].Pattern, ggtype.Q8_0}
	if _, err := NewPlan(f, Options{Type: Unchanged, Overrides: list}); err == nil || !strings.Contains(err.Error(), "matches no tensor") {
		t.Errorf("a pattern that never counts: %v", err)
	}
}

// matrix is an importance matrix for all matrices of f, in which column 0 is all that counts.
func matrix(f *gguf.File) *Matrix {
	m := &Matrix{Datasets: []string{"text"}, ChunkCount: 3, ChunkLen: 512}
	for _, x := range f.Tensors() {
		if len(x.Shape) > 1 {
			s := Sums{Name: x.Name, Square: make([]float32, x.Shape[0]), Counts: []float32{1536}}
			s.Square[0] = 1536
			m.Sums = append(m.Sums, s)
		}
	}
	return m
}

// A matrix is read as it was written, and quantising by it makes what counts more exact.
func TestImportanceMatrix(t *testing.T) {
	f := tinyFile(t)
	path := filepath.Join(t.TempDir(), "imatrix.gguf")
	m := matrix(f)
	w, err := m.Writer()
	if err != nil {
		t.Fatal(err)
	}
	if err := w.WriteFile(context.Background(), path, nil); err != nil {
		t.Fatal(err)
	}
	back, err := ReadMatrix(path)
	if err != nil || back.ChunkCount != 3 || back.ChunkLen != 512 || len(back.Datasets) != 1 || len(back.Sums) != len(m.Sums) {
		t.Fatalf("%+v, %v", back, err)
	}
	imp, err := ReadImportance(path)
	if err != nil || imp["blk.0.ffn_up.weight"][0] != 1 || imp["blk.0.ffn_up.weight"][1] != 0 {
		t.Fatalf("%v", err)
	}
	first := func(opt Options) (e float64) {
		g, _ := quantised(t, f, opt)
		a, b := column(t, f, "blk.0.ffn_up.weight"), column(t, g, "blk.0.ffn_up.weight")
		for i := range a {
			e += math.Abs(float64(a[i] - b[i]))
		}
		return e
	}
	ft := fileType(t, "Q4_K_S")
	if with, without := first(Options{Type: ft, Importance: imp}), first(Options{Type: ft}); with > without/2 {
		t.Errorf("error of what counts: %v, without importance %v", with, without)
	}
	if _, err := NewPlan(f, Options{Type: fileType(t, "Q2_K_S"), Importance: imp}); err != nil {
		t.Errorf("Q2_K_S: %v", err)
	}
	imp["blk.0.ffn_up.weight"] = imp["blk.0.ffn_up.weight"][:255]
	if _, err := NewPlan(f, Options{Type: ft, Importance: imp}); err == nil || !strings.Contains(err.Error(), "another model") {
		t.Errorf("too few columns: %v", err)
	}
	imp["blk.0.ffn_up.weight"] = make([]float32, 256)
	imp["blk.0.ffn_up.weight"][3] = float32(math.NaN())
	if _, err := NewPlan(f, Options{Type: ft, Importance: imp}); err == nil {
		t.Error("importance of NaN")
	}
}

// column returns column 0 of an F32 or decoded tensor.
func column(t *testing.T, f *gguf.File, name string) []float32 {
	t.Helper()
	x, err := f.Tensor(name)
	if err != nil {
		t.Fatal(err)
	}
	p, err := NewPlan(f, Options{Type: fileType(t, "F32")})
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	for _, c := range p.Choices() {
		if c.Tensor == x && c.Type != x.Type {
			err = p.encode(&b, c)
		} else if c.Tensor == x {
			_, err = x.WriteTo(&b)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	var out []float32
	for at := 0; at < b.Len(); at += 4 * int(x.Shape[0]) {
		out = append(out, math.Float32frombits(binary.LittleEndian.Uint32(b.Bytes()[at:])))
	}
	return out
}

// Magnitudes of weights count less in lattice points of projections of what heads and the feed-forward network give.
func TestMagnitudes(t *testing.T) {
	for _, c := range []struct {
		name string
		typ  gguf.Type
		want encode.Magnitude
	}{
		{"blk.0.attn_output.weight", ggtype.IQ2_XXS, encode.None},
		{"blk.1.ffn_down.weight", ggtype.IQ3_S, encode.Root},
		{"blk.1.ffn_down_exps.weight", ggtype.IQ2_S, encode.Root},
		{"blk.1.ffn_down.weight", ggtype.IQ1_S, encode.Full},
		{"blk.1.ffn_down.weight", ggtype.Q2_K, encode.Full},
		{"blk.1.ffn_up.weight", ggtype.IQ2_XXS, encode.Full},
		{"blk.0.attn_v.weight", ggtype.IQ3_XXS, encode.Full},
		{"output.weight", ggtype.IQ3_XXS, encode.Full},
	} {
		if got := magnitudeOf(Choice{Tensor: &gguf.Tensor{Name: c.name}, Type: c.typ}); got != c.want {
			t.Errorf("%s in %v: %v", c.name, c.typ, got)
		}
	}
	f, imp := tinyFile(t), Importance{}
	for _, x := range f.Tensors() {
		imp[x.Name] = make([]float32, x.Shape[0])
		for i := range imp[x.Name] {
			imp[x.Name][i] = float32(i%7 + 1)
		}
	}
	g, _ := quantised(t, f, Options{Type: fileType(t, "IQ3_XXS"), Importance: imp})
	const name = "blk.0.ffn_down.weight"
	row := func(f *gguf.File) (gguf.Type, []byte) {
		x, err := f.Tensor(name)
		if err != nil {
			t.Fatal(err)
		}
		b, err := x.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		return x.Type, b[:x.Type.RowBytes(int(x.Shape[0]))]
	}
	from, source := row(f)
	typ, got := row(g)
	x, want := make([]float32, len(imp[name])), make([]byte, len(got))
	if err := errors.Join(kernel.Dequantize(x, from, source), encode.RowBy(encode.Root, want, typ, x, imp[name])); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%s in %v has other bytes than with the root of magnitudes: %v", name, typ, err)
	}
}

// Weights that no scale can express are an error that names the tensor.
func TestTooLarge(t *testing.T) {
	b := new(gguftest.Builder).AddKV("general.architecture", "llama")
	data := binary.LittleEndian.AppendUint32(nil, math.Float32bits(1e30))
	b.AddTensor("blk.0.ffn_up.weight", ggtype.F32, []uint64{256, 2}, append(data, make([]byte, 2*1024-4)...))
	f, err := gguf.OpenBytes("large", b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"Q4_K_M", "Q8_0", "Q6_K", "IQ4_XS"} {
		p, err := NewPlan(f, Options{Type: fileType(t, name)})
		if err != nil {
			t.Fatal(err)
		}
		w := new(gguf.Writer)
		if err := p.Add(w); err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		if _, err := w.WriteTo(&out); err == nil || !strings.Contains(err.Error(), "ffn_up") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// FuzzReadMatrix feeds arbitrary bytes to the reader of importance matrices: an error, or one whose means are numbers.
func FuzzReadMatrix(f *testing.F) {
	w, err := matrix(tinyFile(f)).Writer()
	if err != nil {
		f.Fatal(err)
	}
	var b bytes.Buffer
	if _, err := w.WriteTo(&b); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes()[:2048])
	small := new(gguftest.Builder).AddKV(typeKey, imatrixType).AddTensor("a.in_sum2", ggtype.F32, []uint64{4, 2}, nil).AddTensor("a.counts", ggtype.F32, []uint64{1, 2}, nil)
	f.Add(small.Bytes())
	f.Add(new(gguftest.Builder).AddKV(typeKey, imatrixType).AddTensor("a.in_sum2", ggtype.F16, []uint64{4}, nil).Bytes())
	f.Fuzz(func(t *testing.T, raw []byte) {
		path := filepath.Join(t.TempDir(), "m.gguf")
		if err := os.WriteFile(path, raw, 0o644); err != nil {
			t.Fatal(err)
		}
		imp, err := ReadImportance(path)
		if err != nil {
			return
		}
		for name, w := range imp {
			if !valid(w) {
				t.Errorf("%q: %v", name, w)
			}
		}
	})
}
