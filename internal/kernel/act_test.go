package kernel

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/x448/float16"
)

// ggmlRow is one row of act.bin: what ggml makes of 256 activations.
type ggmlRow struct{ q80, q81, q8k []byte }

func ggmlRows(t *testing.T) (x []float32, rows []ggmlRow) {
	const q80, q81, q8k = 8 * 34, 8 * 36, 292
	floats, blocks := vector(t, "act.bin", 4*256, q80+q81+q8k)
	for b := blocks; len(b) > 0; b = b[q80+q81+q8k:] {
		rows = append(rows, ggmlRow{b[:q80], b[q80:][:q81], b[q80+q81:][:q8k]})
	}
	return floatsOf(floats), rows
}

// equal8 compares int8 values with bytes and reports the first difference.
func equal8(t *testing.T, what string, row int, got []int8, want []byte) {
	t.Helper()
	for i, w := range want {
		if got[i] != int8(w) {
			t.Fatalf("%s, row %d, value %d: %d, ggml has %d", what, row, i, got[i], int8(w))
		}
	}
}

// TestQuantizeGGML: the codes are ggml's bit for bit, its half-float scales are ours rounded.
func TestQuantizeGGML(t *testing.T) {
	x, rows := ggmlRows(t)
	forLevels(t, func(t *testing.T) {
		var a Act
		a.Reset(x, len(rows), 256)
		a.Quantize(ActQ8, 0, len(rows))
		a.Quantize(ActQ8K, 0, len(rows))
		for r, want := range rows {
			for b := range 8 {
				i, w0, w1 := r*8+b, want.q80[b*34:], want.q81[b*36:]
				equal8(t, "q8_0", r, a.q8[i*32:], w0[2:34])
				equal8(t, "q8_1", r, a.q8[i*32:], w1[4:36])
				if got := float16.Fromfloat32(a.d[i]).Bits(); got != binary.LittleEndian.Uint16(w0) {
					t.Errorf("row %d block %d: d %#x, ggml %#x", r, b, got, binary.LittleEndian.Uint16(w0))
				}
				if got, w := float16.Fromfloat32(a.s[i]).Float32(), half(w1[2:]); got != w {
					t.Errorf("row %d block %d: s %v, ggml %v", r, b, got, w)
				}
			}
			equal8(t, "q8_K", r, a.k8[r*256:], want.q8k[4:260])
			if w := floatsOf(want.q8k[:4])[0]; a.kd[r] != w {
				t.Errorf("row %d: d %v, ggml %v", r, a.kd[r], w)
			}
			for g := range 16 {
				if w := int16(binary.LittleEndian.Uint16(want.q8k[260+2*g:])); a.bsums[r*16+g] != w {
					t.Errorf("row %d group %d: sum %d, ggml %d", r, g, a.bsums[r*16+g], w)
				}
			}
		}
	})
}

// TestQuantizeLevelsAgree: every level makes the same bits, at the edges too.
func TestQuantizeLevelsAgree(t *testing.T) {
	rng := rand.New(rand.NewPCG(11, 11))
	for _, cols := range []int{256, 512, 1280, 576 * 4} {
		x := activations(rng, 3*cols, true)
		var want Act
		want.Reset(x, 3, cols)
		quantQ8(want.q8, want.d, want.s, x)
		quantQ8K(want.k8, want.kd, want.bsums, x)
		forLevels(t, func(t *testing.T) {
			var a Act
			a.Reset(x, 3, cols)
			a.Quantize(ActQ8, 0, 3)
			a.Quantize(ActQ8K, 0, 3)
			for i := range x {
				b, k := i/q8Block, i/kBlock
				if a.q8[i] != want.q8[i] || !sameBits(a.d[b], want.d[b]) || !sameBits(a.s[b], want.s[b]) {
					t.Fatalf("q8 value %d of block with %v: %d·%v (sum %v), generic %d·%v (%v)", i, x[i], a.q8[i], a.d[b], a.s[b], want.q8[i], want.d[b], want.s[b])
				}
				if a.k8[i] != want.k8[i] || !sameBits(a.kd[k], want.kd[k]) || a.bsums[i/kGroup] != want.bsums[i/kGroup] {
					t.Fatalf("q8k value %d of block with %v: %d·%v, generic %d·%v", i, x[i], a.k8[i], a.kd[k], want.k8[i], want.kd[k])
				}
			}
		})
	}
}

// TestQuantizeError bounds every quantised value by half a step, and checks the sums against the values.
func TestQuantizeError(t *testing.T) {
	forLevels(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(12, 12))
		var a Act
		a.Reset(activations(rng, 9*1024, true), 9, 1024)
		for _, f := range []ActType{ActQ8, ActQ8K} {
			a.Quantize(f, 0, 9)
			for i, q := range a.quantised(f) {
				if d := math.Abs(q - float64(a.x[i])); d > a.halfStep(f, i) {
					t.Fatalf("type %d value %d: %v is off by %v, half a step is %v", f, i, a.x[i], d, a.halfStep(f, i))
				}
			}
		}
		for b, s := range a.s {
			sum := int32(0)
			for _, q := range a.q8[b*q8Block:][:q8Block] {
				sum += int32(q)
			}
			if s != a.d[b]*float32(sum) {
				t.Fatalf("block %d: s %v, %v times %d", b, s, a.d[b], sum)
			}
		}
	})
}

// TestQuantizeTiny: blocks too small to have a scale become zero, those just above keep their values.
func TestQuantizeTiny(t *testing.T) {
	forLevels(t, func(t *testing.T) {
		for _, v := range []float32{math.SmallestNonzeroFloat32, -1e-40, tiny, -tiny} {
			x := make([]float32, 256)
			x[5] = v
			var a Act
			a.Reset(x, 1, 256)
			a.Quantize(ActQ8, 0, 1)
			a.Quantize(ActQ8K, 0, 1)
			if a.d[0] != 0 || a.s[0] != 0 || a.kd[0] != 0 || a.q8[5] != 0 || a.k8[5] != 0 {
				t.Errorf("%v: %v·%d, %v·%d", v, a.d[0], a.q8[5], a.kd[0], a.k8[5])
			}
		}
		x := make([]float32, 256)
		x[9] = -math.Nextafter32(tiny, 1)
		var a Act
		a.Reset(x, 1, 256)
		a.Quantize(ActQ8, 0, 1)
		a.Quantize(ActQ8K, 0, 1)
		if a.q8[9] != -127 || a.k8[9] != -127 || !(a.d[0] > 0) || !(a.kd[0] > 0) {
			t.Errorf("%v: %v·%d, %v·%d", x[9], a.d[0], a.q8[9], a.kd[0], a.k8[9])
		}
	})
}

// TestQuantizeWorkers quantises rows from several goroutines, as the engine does, and gets the bits of one.
func TestQuantizeWorkers(t *testing.T) {
	const n, cols = 37, 512
	x := activations(rand.New(rand.NewPCG(13, 13)), n*cols, true)
	var one, many Act
	one.Reset(x, n, cols)
	one.Quantize(ActQ8, 0, n)
	many.Reset(x, n, cols)
	var wg sync.WaitGroup
	for lo := 0; lo < n; lo += 5 {
		wg.Go(func() { many.Quantize(ActQ8, lo, min(n, lo+5)) })
	}
	wg.Wait()
	if !many.ready(ActQ8) || many.ready(ActQ8K) {
		t.Error("forms are marked wrongly")
	}
	for i := range one.q8 {
		if one.q8[i] != many.q8[i] || one.d[i/32] != many.d[i/32] {
			t.Fatalf("value %d differs", i)
		}
	}
}

// TestActReuse: a batch after a larger one keeps nothing of it.
func TestActReuse(t *testing.T) {
	rng := rand.New(rand.NewPCG(14, 14))
	var a Act
	a.Reset(activations(rng, 8*512, false), 8, 512)
	a.Quantize(ActQ8, 0, 8)
	for _, s := range [][2]int{{1, 512}, {3, 256}, {2, 96}, {0, 64}, {5, 33}} {
		n, cols := s[0], s[1]
		a.Reset(activations(rng, n*cols, false), n, cols)
		if n > 0 && a.ready(ActQ8) {
			t.Errorf("%d rows of %d are ready before they are quantised", n, cols)
		}
		if cols%q8Block == 0 {
			a.Quantize(ActQ8, 0, n)
			if len(a.q8) != n*cols || len(a.d) != n*cols/32 || len(a.s) != n*cols/32 {
				t.Errorf("%d rows of %d: %d codes, %d scales", n, cols, len(a.q8), len(a.d))
			}
		}
	}
}

func BenchmarkQuantize(b *testing.B) {
	for _, f := range []ActType{ActQ8, ActQ8K} {
		b.Run([]string{"", "Q8", "Q8K"}[f], func(b *testing.B) {
			var a Act
			a.Reset(activations(rand.New(rand.NewPCG(15, 15)), 2048, false), 1, 2048)
			b.SetBytes(4 * 2048)
			for b.Loop() {
				a.Quantize(f, 0, 1)
			}
		})
	}
}
