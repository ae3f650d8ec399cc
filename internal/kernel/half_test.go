package kernel

import (
	"math"
	"testing"

	"github.com/x448/float16"
)

// TestHalf compares all half floats with package float16.
func TestHalf(t *testing.T) {
	for h := range 1 << 16 {
		if got, want := halfToFloat(uint16(h)), float16.Frombits(uint16(h)).Float32(); !sameBits(got, want) {
			t.Fatalf("%#04x: %v, want %v", h, got, want)
		}
	}
}

// TestBfloat takes every bfloat16 there and back, and the ties between neighbours.
func TestBfloat(t *testing.T) {
	for h := range 1 << 16 {
		f := bfloatToFloat(uint16(h))
		if f != f {
			if back := bfloatToFloat(floatToBfloat(f)); back == back {
				t.Fatalf("%#04x: NaN became %v", h, back)
			}
			continue
		}
		b := math.Float32bits(f)
		up := uint16(h + 1)
		even := uint16(h) + uint16(h)&1
		for d, want := range map[uint32]uint16{0: uint16(h), 1: uint16(h), 0x7fff: uint16(h), 0x8000: even, 0x8001: up, 0xffff: up} {
			if b&0x7f800000 == 0x7f800000 && d > 0 {
				continue
			}
			if got := floatToBfloat(math.Float32frombits(b + d)); got != want {
				t.Fatalf("%#08x: %#04x, want %#04x", b+d, got, want)
			}
		}
	}
}

// TestE8M0 checks the exponent bytes: 2^(e-128), subnormal for the first two.
func TestE8M0(t *testing.T) {
	for e := range 256 {
		if got, want := float64(e8m0Half(byte(e))), math.Ldexp(1, e-128); got != want {
			t.Errorf("%d: %v, want %v", e, got, want)
		}
	}
}

// TestDecodeHalves decodes all half floats and all bfloat16 in bulk, at every length around the groups of four.
func TestDecodeHalves(t *testing.T) { forLevels(t, testDecodeHalves) }

func testDecodeHalves(t *testing.T) {
	w := make([]byte, 2<<16)
	for h := range 1 << 16 {
		w[2*h], w[2*h+1] = byte(h), byte(h>>8)
	}
	for _, offset := range []int{0, 1, 2, 3} {
		for _, n := range []int{0, 1, 3, 4, 5, 7, 8, 9, 47, 1<<16 - offset} {
			f := make([]float32, n+1)
			f[n] = canary
			decodeHalves(f[:n], w[2*offset:])
			for i, v := range f[:n] {
				if want := halfToFloat(uint16(offset + i)); !sameBits(v, want) {
					t.Fatalf("half %#04x: %v, want %v", offset+i, v, want)
				}
			}
			decodeBfloats(f[:n], w[2*offset:])
			for i, v := range f[:n] {
				if want := bfloatToFloat(uint16(offset + i)); !sameBits(v, want) {
					t.Fatalf("bfloat %#04x: %v, want %v", offset+i, v, want)
				}
			}
			if f[n] != canary {
				t.Fatalf("%d values: wrote behind the end", n)
			}
		}
	}
}
