package ggtype

import (
	"bytes"
	"slices"
	"testing"
)

func TestRemovedAndUnknownTypes(t *testing.T) {
	for _, n := range []Type{4, 5, 31, 32, 33, 36, 37, 38, 43, 1 << 31, 1<<32 - 1} {
		if n.Known() || n.RowBytes(256) != 0 {
			t.Errorf("type %d must be unknown", uint32(n))
		}
		if e, b := n.Block(); e != 0 || b != 0 {
			t.Errorf("type %d has a block of %d in %d bytes", uint32(n), e, b)
		}
		if n.SwapBytes(make([]byte, 8)) {
			t.Errorf("type %d must not swap", uint32(n))
		}
	}
	if got := Type(99).String(); got != "type(99)" {
		t.Errorf("name of an unknown type: %q", got)
	}
}

func TestRowBytes(t *testing.T) {
	for typ, want := range map[Type]int{F32: 1024, F16: 512, Q4_0: 144, Q4_1: 160, Q8_0: 272, Q4_K: 144, Q6_K: 210, MXFP4: 136, NVFP4: 144, Q1_0: 36, Q2_0: 72} {
		if got := typ.RowBytes(256); got != want {
			t.Errorf("%v: a row of 256 takes %d bytes, want %d", typ, got, want)
		}
	}
}

// Every swap is its own inverse, touches only what the table lists and keeps the fields apart and inside the block.
func TestSwapBytesInverse(t *testing.T) {
	for i := range layouts {
		typ := Type(i)
		_, size := typ.Block()
		if size == 0 || typ == IQ2_XXS {
			continue
		}
		data := make([]byte, 3*size)
		for j := range data {
			data[j] = byte(j*7 + 1)
		}
		orig := bytes.Clone(data)
		typ.SwapBytes(data)
		if len(swapFields[typ]) > 0 == bytes.Equal(orig, data) {
			t.Errorf("%v: swapped or not, against the table", typ)
		}
		typ.SwapBytes(data)
		if !bytes.Equal(orig, data) {
			t.Errorf("%v: two swaps are not the identity", typ)
		}
	}
}

// The block layouts of llama.cpp's own byte-order converter, written out by hand.
func TestSwapBytesLayouts(t *testing.T) {
	for _, c := range []struct {
		typ  Type
		size int
		want map[int]int // byte position → position it comes from
	}{
		{F32, 4, map[int]int{0: 3, 1: 2, 2: 1, 3: 0}},
		{BF16, 2, map[int]int{0: 1, 1: 0}},
		{F64, 8, map[int]int{0: 7, 1: 6, 2: 5, 3: 4, 4: 3, 5: 2, 6: 1, 7: 0}},
		{Q1_0, 18, map[int]int{0: 1, 1: 0}},
		{Q4_0, 18, map[int]int{0: 1, 1: 0}},
		{Q8_0, 34, map[int]int{0: 1, 1: 0}},
		{Q4_K, 144, map[int]int{0: 1, 1: 0, 2: 3, 3: 2}},
		{Q6_K, 210, map[int]int{208: 209, 209: 208}},
		{TQ2_0, 66, map[int]int{64: 65, 65: 64}},
		{MXFP4, 17, nil},
		{NVFP4, 36, nil},
		{I8, 1, nil},
		{Q5_0, 22, map[int]int{0: 1, 1: 0, 2: 5, 3: 4, 4: 3, 5: 2}},
	} {
		in, want := make([]byte, c.size), make([]byte, c.size)
		for i := range in {
			in[i], want[i] = byte(i), byte(i)
		}
		for to, from := range c.want {
			want[to] = byte(from)
		}
		c.typ.SwapBytes(in)
		if !slices.Equal(in, want) {
			t.Errorf("%v: got %v want %v", c.typ, in, want)
		}
	}
}

func TestSwapBytesPartialBlock(t *testing.T) {
	data := []byte{1, 2, 3, 4, 5, 6}
	F32.SwapBytes(data)
	if want := []byte{4, 3, 2, 1, 5, 6}; !bytes.Equal(data, want) {
		t.Errorf("got %v want %v", data, want)
	}
	if IQ2_XXS.SwapBytes(make([]byte, 66)) {
		t.Error("IQ2_XXS has no big-endian form")
	}
}
