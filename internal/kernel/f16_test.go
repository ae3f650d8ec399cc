package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/x448/float16"

	"github.com/latentgo/latentgo/internal/cpu"
)

// halves returns every half float there is.
func halves() []uint16 {
	all := make([]uint16, 1<<16)
	for i := range all {
		all[i] = uint16(i)
	}
	return all
}

// TestF16ToF32 converts all half floats and compares with the float16 library.
func TestF16ToF32(t *testing.T) {
	forLevels(t, func(t *testing.T) {
		src := halves()
		dst := make([]float32, len(src))
		F16ToF32(dst, src)
		for i, h := range src {
			want := float16.Frombits(h).Float32()
			if got := dst[i]; math.Float32bits(got) != math.Float32bits(want) && !(got != got && want != want) {
				t.Fatalf("%#04x: got %v, want %v", h, got, want)
			}
		}
	})
}

// roundings returns each half float and, between it and the next one, the floats below, at and above the middle.
func roundings() []float32 {
	var x []float32
	for _, h := range halves() {
		f := float16.Frombits(h).Float32()
		b := math.Float32bits(f)
		x = append(x, f)
		for _, d := range []uint32{1, 0xfff, 0x1000, 0x1001, 0x1fff} {
			x = append(x, math.Float32frombits(b+d))
		}
	}
	for e := uint32(80); e < 120; e++ { // magnitudes that become subnormal or zero
		x = append(x, math.Float32frombits(e<<23), math.Float32frombits(e<<23|1), math.Float32frombits(e<<23|0x400000))
	}
	return x
}

// TestF32ToF16 compares the rounding at and around every tie with the float16 library.
func TestF32ToF16(t *testing.T) {
	forLevels(t, func(t *testing.T) {
		src := roundings()
		dst := make([]uint16, len(src))
		F32ToF16(dst, src)
		for i, f := range src {
			got, want := float16.Frombits(dst[i]), float16.Fromfloat32(f)
			if got != want && !(got.IsNaN() && want.IsNaN()) {
				t.Fatalf("%v (%#08x): got %#04x, want %#04x", f, math.Float32bits(f), got.Bits(), want.Bits())
			}
		}
	})
}

// TestF16Lengths converts every length around the unrolled loops, at fences and with a canary behind the result.
func TestF16Lengths(t *testing.T) {
	forLevels(t, func(t *testing.T) {
		for n := range 300 {
			for _, after := range []bool{false, true} {
				h, f := atFence[uint16](t, n, after), atFence[float32](t, n, after)
				for i := range h {
					h[i] = uint16(i * 77 & 0x3fff)
				}
				F16ToF32(f, h)
				back := make([]uint16, n+1)
				back[n] = 0xabcd
				F32ToF16(back[:n], f)
				for i := range h {
					if back[i] != h[i] || f[i] != halfToFloat(h[i]) {
						t.Fatalf("n=%d: element %d: %#04x to %v to %#04x", n, i, h[i], f[i], back[i])
					}
				}
				if back[n] != 0xabcd {
					t.Fatalf("n=%d: wrote behind the end", n)
				}
			}
		}
	})
}

func TestF16Panics(t *testing.T) {
	mustPanic(t, map[string]func(){
		"to float": func() { F16ToF32(make([]float32, 3), make([]uint16, 4)) },
		"to half":  func() { F32ToF16(make([]uint16, 3), make([]float32, 4)) },
	})
}

func BenchmarkF16(b *testing.B) {
	const n = 4096
	f, h := make([]float32, n), make([]uint16, n)
	rng := rand.New(rand.NewPCG(1, 1))
	for i := range f {
		f[i] = rng.Float32()
	}
	for _, l := range cpu.Levels() {
		for name, run := range map[string]func(){"to": func() { F32ToF16(h, f) }, "from": func() { F16ToF32(f, h) }} {
			b.Run(fmt.Sprintf("%s/%v", name, l), func(b *testing.B) {
				defer cpu.Force(l)()
				b.SetBytes(6 * n)
				for b.Loop() {
					run()
				}
			})
		}
	}
}
