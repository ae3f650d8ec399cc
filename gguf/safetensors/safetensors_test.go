package safetensors

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"strings"
	"testing"
)

// file makes a file of a header and data.
func file(header string, data ...byte) []byte {
	return append(append(binary.LittleEndian.AppendUint64(nil, uint64(len(header))), header...), data...)
}

func open(b []byte) (*File, error) { return Open("x", bytes.NewReader(b), int64(len(b))) }

func TestRead(t *testing.T) {
	f, err := open(file(`{"__metadata__":{"format":"pt"},"b":{"dtype":"BF16","shape":[2,1],"data_offsets":[4,8]},"a":{"dtype":"F32","shape":[],"data_offsets":[0,4]}}  `,
		0, 0, 0x80, 0x3f, 0x40, 0x40, 0x80, 0xbf))
	if err != nil {
		t.Fatal(err)
	}
	if f.Metadata()["format"] != "pt" || len(f.Tensors()) != 2 || f.Tensors()[0].Name != "a" || f.Tensor("c") != nil || f.Name() != "x" {
		t.Errorf("metadata %v, tensors %v", f.Metadata(), f.Tensors())
	}
	b := f.Tensor("b")
	x := make([]float32, 2)
	if err := b.Floats(x, 0); err != nil || x[0] != 3 || x[1] != -1 {
		t.Errorf("%v, %v", x, err)
	}
	if err := b.Floats(x, 1); !errors.Is(err, io.EOF) {
		t.Errorf("a read behind the end: %v", err)
	}
	if b.Elements() != 2 || b.Size() != 4 {
		t.Error(b.Elements(), b.Size())
	}
}

// TestFormats: one number in every type.
func TestFormats(t *testing.T) {
	for _, tt := range []struct {
		d    DType
		b    []byte
		want float32
	}{
		{F8E4M3, []byte{0x7e}, 448}, {F8E4M3, []byte{0x01}, 1.0 / 512}, {F8E4M3, []byte{0xb8}, -1}, {F8E4M3, []byte{0x08}, 1.0 / 64},
		{F8E5M2, []byte{0x7b}, 57344}, {F8E5M2, []byte{0xc0}, -2}, {F8E8M0, []byte{128}, 2}, {F16, []byte{0, 0xc0}, -2},
		{I8, []byte{0xff}, -1}, {U8, []byte{0xff}, 255}, {I16, []byte{0xfe, 0xff}, -2}, {U16, []byte{1, 1}, 257}, {Bool, []byte{1}, 1},
		{I32, []byte{0xfe, 0xff, 0xff, 0xff}, -2}, {U32, []byte{1, 0, 1, 0}, 65537}, {I64, []byte{0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, -2},
		{U64, []byte{0, 0, 0, 0, 1, 0, 0, 0}, 1 << 32}, {F64, []byte{0, 0, 0, 0, 0, 0, 0xf8, 0x3f}, 1.5}, {F32, []byte{0, 0, 0xc0, 0x3f}, 1.5}, {BF16, []byte{0xc0, 0x3f}, 1.5},
	} {
		if got := dtypes[tt.d].decode(tt.b); got != tt.want || tt.d.Size() != int64(len(tt.b)) {
			t.Errorf("%s %x is %v, wanted %v", tt.d, tt.b, got, tt.want)
		}
	}
	for _, x := range []float32{dtypes[F8E4M3].decode([]byte{0x7f}), dtypes[F8E8M0].decode([]byte{255})} {
		if !math.IsNaN(float64(x)) {
			t.Errorf("%v is no NaN", x)
		}
	}
}

// TestRefused: damaged files, and what their errors say.
func TestRefused(t *testing.T) {
	one := func(entry string) []byte { return file(`{"a":`+entry+`}`, 1, 2, 3, 4) }
	for _, tt := range []struct {
		text string
		data []byte
	}{
		{"no header", []byte("1234567")},
		{"a header of 255 bytes", append([]byte{255, 0, 0, 0, 0, 0, 0, 0}, "{}"...)},
		{"a header of 18446744073709551615 bytes", []byte{255, 255, 255, 255, 255, 255, 255, 255, '{', '}'}},
		{"no JSON object", file(`[]`)},
		{"ends within", file(`{"__metadata__":{}`)},
		{"behind the JSON", file(`{} x`)},
		{"a second one", file(`{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}`, 1, 2, 3, 4)},
		{`dtype "X" is not known`, one(`{"dtype":"X","shape":[1],"data_offsets":[0,4]}`)},
		{"shape [-1] overflows", one(`{"dtype":"U8","shape":[-1],"data_offsets":[0,4]}`)},
		{"overflows", one(`{"dtype":"U8","shape":[2000000000,2000000000,2000000000],"data_offsets":[0,4]}`)},
		{"more than 8", one(`{"dtype":"U8","shape":[1,1,1,1,1,1,1,1,4],"data_offsets":[0,4]}`)},
		{"has 8 bytes", one(`{"dtype":"F32","shape":[2],"data_offsets":[0,4]}`)},
		{"not where something begins", one(`{"dtype":"F32","shape":[1],"data_offsets":[4,0]}`)},
		{"not where something begins", one(`{"dtype":"F32","shape":[1]}`)},
		{"not where something begins", one(`{"dtype":"U8","shape":[],"data_offsets":[9223372036854775806,9223372036854775807]}`)},
		{"begins at byte", one(`{"dtype":"U8","shape":[2],"data_offsets":[2,4]}`)},
		{"truncated?", one(`{"dtype":"U8","shape":[2],"data_offsets":[0,2]}`)},
		{"begins at byte", file(`{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[2],"data_offsets":[2,4]}}`, 1, 2, 3, 4)},
		{`tensor "a"`, one(`{"dtype":7}`)},
		{"__metadata__", file(`{"__metadata__":{"a":1}}`)},
	} {
		if _, err := open(tt.data); !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), tt.text) {
			t.Errorf("%q: error %v, wanted one that says %q", tt.data, err, tt.text)
		}
	}
}

// TestShrunk: a file that is shorter than it was.
func TestShrunk(t *testing.T) {
	b := file(`{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}`, 1, 2, 3, 4)
	f, err := Open("x", bytes.NewReader(b[:len(b)-2]), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Tensor("a").Floats(make([]float32, 4), 0); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Error(err)
	}
}

// FuzzOpen: an error, or tensors that can be read.
func FuzzOpen(f *testing.F) {
	f.Add(file(`{"__metadata__":{"format":"pt"},"b":{"dtype":"BF16","shape":[2,1],"data_offsets":[4,8]},"a":{"dtype":"F32","shape":[],"data_offsets":[0,4]}}`, 0, 0, 0x80, 0x3f, 0x40, 0x40, 0x80, 0xbf))
	f.Add(file(`{}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := open(b)
		if err != nil {
			if !errors.Is(err, ErrFormat) {
				t.Fatal(err)
			}
			return
		}
		for _, x := range s.Tensors() {
			if err := x.Floats(make([]float32, x.Elements()), 0); err != nil {
				t.Fatal(err)
			}
		}
	})
}
