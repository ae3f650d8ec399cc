package encode

import (
	"bytes"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/latentgo/latentgo/internal/ggtype"
	"github.com/latentgo/latentgo/internal/kernel"
)

// searched are the types with a search, and the most error that normally distributed weights may have, relative to
// them. llama.cpp's own encoders have about as much: see docs/experiments.md.
var searched = map[ggtype.Type]float64{
	ggtype.Q2_K: 0.30, ggtype.Q3_K: 0.17, ggtype.Q4_K: 0.075, ggtype.Q5_K: 0.038, ggtype.Q6_K: 0.0195,
	ggtype.IQ4_NL: 0.082, ggtype.IQ4_XS: 0.081, ggtype.MXFP4: 0.125,
	ggtype.IQ3_S: 0.18, ggtype.IQ3_XXS: 0.24, ggtype.IQ2_S: 0.38, ggtype.IQ2_XS: 0.42, ggtype.IQ2_XXS: 0.48,
	ggtype.IQ1_S: 0.60, ggtype.IQ1_M: 0.60,
}

// relative returns the root of the mean squared error of x in type t, over that of its squares.
func relative(t *testing.T, typ ggtype.Type, x, importance, weights []float32) float64 {
	t.Helper()
	return relativeBy(t, Full, typ, x, importance, weights)
}

// relativeBy is relative where magnitudes count so.
func relativeBy(t *testing.T, m Magnitude, typ ggtype.Type, x, importance, weights []float32) float64 {
	t.Helper()
	b, y := make([]byte, typ.RowBytes(len(x))), make([]float32, len(x))
	if err := RowBy(m, b, typ, x, importance); err != nil {
		t.Fatal(err)
	}
	if err := kernel.Dequantize(y, typ, b); err != nil {
		t.Fatal(err)
	}
	var e, s float64
	for i, v := range x {
		w := 1.0
		if weights != nil {
			w = float64(weights[i])
		}
		d := float64(v - y[i])
		e, s = e+w*d*d, s+w*float64(v)*float64(v)
	}
	return math.Sqrt(e / s)
}

func TestErrors(t *testing.T) {
	x := normal(1 << 14)
	for typ, most := range searched {
		if got := relative(t, typ, x, nil, nil); got > most || got < most/2 {
			t.Errorf("%v: error %.4f of the weights, expected up to %.4f", typ, got, most)
		}
	}
}

// Without importance, the errors of Q3_K are weighed by the squares of weights. The search must not fit a group's scale to the
// few largest ones so closely that the others get worse: among weights of Student's distribution there are many large ones.
func TestLargeWeights(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 9))
	x := make([]float32, 1<<16)
	for i := range x {
		squares := 0.0
		for range 5 {
			v := r.NormFloat64()
			squares += v * v
		}
		x[i] = float32(r.NormFloat64() / math.Sqrt(squares/5))
	}
	if got := relative(t, ggtype.Q3_K, x, nil, nil); got > 0.179 {
		t.Errorf("error %.4f of the weights", got)
	}
}

// Scaling all weights scales the result: no absolute size matters. Half floats round differently only where they are
// subnormal.
func TestScales(t *testing.T) {
	x := normal(1 << 12)
	for typ := range searched {
		want := relative(t, typ, x, nil, nil)
		for _, factor := range []float32{64, 1.0 / 64} {
			y := make([]float32, len(x))
			for i, v := range x {
				y[i] = factor * v
			}
			if got := relative(t, typ, y, nil, nil); math.Abs(got-want) > 0.03*want {
				t.Errorf("%v times %v: error %.4f, was %.4f", typ, factor, got, want)
			}
		}
	}
}

// With importance, what is important has less error than without, in every type that makes use of it.
func TestImportance(t *testing.T) {
	x, w := normal(1<<14), make([]float32, 1<<14)
	for i := range w {
		if w[i] = 0.01; i%5 == 0 {
			w[i] = 1
		}
	}
	types := []ggtype.Type{ggtype.Q4_0, ggtype.Q4_1, ggtype.Q5_0, ggtype.Q5_1, ggtype.Q2_K, ggtype.Q3_K, ggtype.Q4_K, ggtype.Q5_K, ggtype.IQ4_NL, ggtype.IQ4_XS}
	for _, typ := range types {
		with, without := relative(t, typ, x, w, w), relative(t, typ, x, nil, w)
		if with > 0.95*without {
			t.Errorf("%v: error %.4f with importance, %.4f without", typ, with, without)
		}
	}
	none := make([]float32, len(x)) // columns that no activation reaches
	for _, typ := range types {
		if got := relative(t, typ, x, none, nil); got > 0.5 {
			t.Errorf("%v without any importance: error %.4f", typ, got)
		}
	}
}

// The less magnitudes count, the smaller errors are as importance counts them.
func TestRowBy(t *testing.T) {
	x, w := normal(1<<14), make([]float32, 1<<14)
	for i := range w {
		w[i] = x[len(x)-1-i] * x[len(x)-1-i]
	}
	for _, typ := range []ggtype.Type{ggtype.IQ2_XXS, ggtype.IQ2_XS, ggtype.IQ2_S, ggtype.IQ3_XXS, ggtype.IQ3_S, ggtype.Q4_K, ggtype.Q4_0} {
		full, root, none := relativeBy(t, Full, typ, x, w, w), relativeBy(t, Root, typ, x, w, w), relativeBy(t, None, typ, x, w, w)
		if root >= full || none >= root {
			t.Errorf("%v: errors %.4f, %.4f with the root, %.4f without magnitudes", typ, full, root, none)
		}
	}
}

// Blocks of zeros, of a constant, of one outlier, of tiny and of huge values come back as nearly as a half float can.
func TestEdges(t *testing.T) {
	edges := map[string]func(i int) float32{
		"zeros":     func(int) float32 { return 0 },
		"constant":  func(int) float32 { return 0.25 },
		"negative":  func(int) float32 { return -0.25 },
		"outlier":   func(i int) float32 { return float32(i/77%2) * float32(1-i%77/76) },
		"tiny":      func(i int) float32 { return float32(i-128) * 1e-30 },
		"subnormal": func(i int) float32 { return float32(i-128) * math.SmallestNonzeroFloat32 },
		"large":     func(i int) float32 { return float32(i-128) * 100 },
	}
	for name, f := range edges {
		x := make([]float32, 2*block)
		size := float32(0)
		for i := range x {
			x[i] = f(i % block)
			size = max(size, abs(x[i]))
		}
		for typ := ggtype.F32; typ <= ggtype.Q2_0; typ++ {
			if !Can(typ) || slices.Contains(trained, typ) {
				continue
			}
			b, y := make([]byte, typ.RowBytes(len(x))), make([]float32, len(x))
			if err := Row(b, typ, x, nil); err != nil {
				t.Fatal(err)
			}
			if err := kernel.Dequantize(y, typ, b); err != nil {
				t.Fatal(err)
			}
			most := 0.4*size + 1e-7
			if typ.RowBytes(block) < 100 { // about 3 bits or fewer leave some weights far off
				most = 0.9*size + 1e-7
			}
			for i := range x {
				if d := abs(x[i] - y[i]); !(d <= most) {
					t.Errorf("%v, %s: weight %d is %v, was %v", typ, name, i, y[i], x[i])
					break
				}
			}
		}
	}
}

// trained are the types for models that were trained for them: other weights they leave far off.
var trained = []ggtype.Type{ggtype.TQ1_0, ggtype.TQ2_0, ggtype.Q1_0, ggtype.Q2_0}

// Weights of one magnitude survive exactly, and the others of a block get their sign.
func TestSigns(t *testing.T) {
	x := make([]float32, 2*block)
	for i := range x {
		x[i] = float32((i*7+i/3)%2*2-1) * 0.5
	}
	if got := relative(t, ggtype.Q1_0, x, nil, nil); got != 0 {
		t.Errorf("error %v", got)
	}
	y, b := make([]float32, 128), make([]byte, 18)
	copy(y, []float32{-3, 1, 0, 4})
	if err := Row(b, ggtype.Q1_0, y, nil); err != nil {
		t.Fatal(err)
	}
	if want := append([]byte{0, 0x2c, 0xfe}, bytes.Repeat([]byte{0xff}, 15)...); !bytes.Equal(b, want) { // 8/128 = 2^-4
		t.Errorf("%x, wanted %x", b, want)
	}
}

// Codes of -1, 0 and 1 survive exactly, whatever the scale.
func TestTernary(t *testing.T) {
	x := make([]float32, 2*block)
	for i := range x {
		x[i] = float32((i*7+i/3)%3-1) * 0.5
	}
	for _, typ := range []ggtype.Type{ggtype.TQ1_0, ggtype.TQ2_0, ggtype.Q2_0} {
		if got := relative(t, typ, x, nil, nil); got != 0 {
			t.Errorf("%v: error %v", typ, got)
		}
	}
}

// Values that MXFP4 has come back as they were: a model that was trained in it loses nothing.
func TestMXFP4Exact(t *testing.T) {
	x := make([]float32, 8*32)
	for i := range x {
		x[i] = fp4Values[(i*5+i/8)%8] * float32(1-i/7%2*2) * float32(math.Ldexp(1, i/32-9))
	}
	if got := relative(t, ggtype.MXFP4, x, nil, nil); got != 0 {
		t.Errorf("error %v", got)
	}
}

func TestRowErrors(t *testing.T) {
	buf, x := make([]byte, 4096), make([]float32, block)
	if err := Row(buf, ggtype.I32, x, nil); !errors.Is(err, kernel.ErrType) {
		t.Errorf("I32: %v", err)
	}
	if err := Row(buf, ggtype.Q4_K, x[:255], nil); !errors.Is(err, kernel.ErrShape) {
		t.Errorf("part of a block: %v", err)
	}
	if err := Row(buf[:143], ggtype.Q4_K, x, nil); !errors.Is(err, kernel.ErrShape) {
		t.Errorf("short destination: %v", err)
	}
	if err := Row(buf, ggtype.Q4_K, x, x[:32]); !errors.Is(err, kernel.ErrShape) {
		t.Errorf("short importance: %v", err)
	}
	for _, bad := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		x[100] = float32(bad)
		for typ := range searched {
			if err := Row(buf, typ, x, nil); !errors.Is(err, kernel.ErrValue) {
				t.Errorf("%v with %v: %v", typ, bad, err)
			}
		}
	}
}

// Importance of 1 everywhere is allowed to change bytes, but rows of the same weights have the same bytes each time.
func TestDeterministic(t *testing.T) {
	x := normal(1 << 12)
	for typ := range searched {
		a, b := make([]byte, typ.RowBytes(len(x))), make([]byte, typ.RowBytes(len(x)))
		if err := errors.Join(Row(a, typ, x, nil), Row(b, typ, x, nil)); err != nil || !bytes.Equal(a, b) {
			t.Errorf("%v: %v", typ, err)
		}
	}
}

// FuzzRow feeds every encoder weights and importance of any bits: an error, or blocks that decode to finite numbers of
// about the size of the weights.
func FuzzRow(f *testing.F) {
	f.Add([]byte{0, 0, 128, 63, 255, 255, 127, 127, 1, 0, 0, 0}, uint8(12))
	f.Add(bytes.Repeat([]byte{0x33, 0x11, 0x80, 0x3f, 0x77}, 50), uint8(20))
	for typ := ggtype.F32; typ <= ggtype.Q2_0; typ++ { // tables of lattices, which a slow machine would count as a hang
		if Can(typ) {
			if err := Row(make([]byte, typ.RowBytes(block)), typ, make([]float32, block), nil); err != nil {
				f.Fatal(err)
			}
		}
	}
	f.Fuzz(func(t *testing.T, raw []byte, n uint8) {
		typ := ggtype.Type(n)
		if !Can(typ) || len(raw) < 4 {
			return
		}
		x, w := make([]float32, block), make([]float32, block)
		for i := range x {
			at := 4 * i % (len(raw) - 3)
			x[i] = math.Float32frombits(uint32(raw[at]) | uint32(raw[at+1])<<8 | uint32(raw[at+2])<<16 | uint32(raw[at+3])<<24)
			w[i] = abs(x[i])
		}
		b, y := make([]byte, typ.RowBytes(block)), make([]float32, block)
		for _, importance := range [][]float32{nil, w} {
			if err := Row(b, typ, x, importance); err != nil {
				continue
			}
			if err := kernel.Dequantize(y, typ, b); err != nil {
				t.Fatal(err)
			}
		}
	})
}
