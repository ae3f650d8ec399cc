package gguf

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/latentgo/latentgo/internal/ggtype"
	"github.com/latentgo/latentgo/internal/gguftest"
)

// raw makes a little-endian file from its primitives; see gguftest.Writer.Put.
func raw(args ...any) []byte { return new(gguftest.Writer).Put(args...).Buf }

// head starts a version 3 file with so many tensors and keys.
func head(tensors, keys uint64, rest ...any) []byte {
	return append(raw([]byte("GGUF"), uint32(3), tensors, keys), raw(rest...)...)
}

// oneKey makes a file with one key; pad makes room behind it.
func oneKey(rest ...any) []byte { return append(head(0, 1, rest...), make([]byte, 64)...) }

// oneTensor makes a file with one tensor entry and 256 bytes of data.
func oneTensor(rest ...any) []byte { return append(head(1, 0, rest...), make([]byte, 256)...) }

const u8, u32, u64, boolean, str, arr = uint32(0), uint32(4), uint32(10), uint32(7), uint32(8), uint32(9)

type reject struct {
	name   string
	file   []byte
	item   string // what the error says it was reading
	offset int64
	reason string
}

var rejectStart = []reject{
	{"empty", nil, "header", 0, "empty file"},
	{"three bytes", []byte("GGU"), "header", 0, "magic needs 4 bytes, the file has 3 left"},
	{"wrong magic", raw([]byte("GGML"), uint32(3), uint64(0), uint64(0)), "header", 0, `magic is "GGML"`},
	{"byte-swapped magic", raw([]byte("FUGG"), uint32(3), uint64(0), uint64(0)), "header", 0, "byte-swapped"},
	{"magic only", []byte("GGUF"), "header", 4, "version needs 4 bytes"},
	{"version 0", raw([]byte("GGUF"), uint32(0), uint64(0), uint64(0)), "header", 4, "version 0, expected 2 or 3"},
	{"version 1", raw([]byte("GGUF"), uint32(1), uint64(0), uint64(0)), "header", 4, "version 1, expected 2 or 3"},
	{"version 4", raw([]byte("GGUF"), uint32(4), uint64(0), uint64(0)), "header", 4, "version 4, expected 2 or 3"},
	{"version 4 big-endian", raw([]byte("GGUF\x00\x00\x00\x04"), uint64(0), uint64(0)), "header", 4, "version 4, expected 2 or 3"},
	{"version 2^32-1", raw([]byte("GGUF"), ^uint32(0), uint64(0), uint64(0)), "header", 4, "version 4294967295"},
	{"byte-swapped counts", raw([]byte("GGUF\x00\x00\x00\x03"), uint64(0), uint64(1), make([]byte, 64)), "header", 16, "72057594037927936 keys do not fit into the 64 bytes"},
	{"no counts", raw([]byte("GGUF"), uint32(3)), "header", 8, "tensor count needs 8 bytes"},
	{"no key count", raw([]byte("GGUF"), uint32(3), uint64(0)), "header", 16, "key count needs 8 bytes"},
	{"too many keys", head(0, 5, make([]byte, 64)), "header", 16, "5 keys do not fit into the 64 bytes"},
	{"2^64-1 keys", head(0, ^uint64(0), make([]byte, 64)), "header", 16, "18446744073709551615 keys do not fit"},
	{"too many tensors", head(2, 0, make([]byte, 49)), "header", 8, "2 tensors do not fit into the 49 bytes"},
	{"too many tensors beside keys", head(1, 3, make([]byte, 66)), "header", 8, "1 tensors do not fit"},
	{"2^63 tensors", head(1<<63, 0, make([]byte, 64)), "header", 8, "9223372036854775808 tensors do not fit"},
	{"key count over limit", head(0, 1<<16+1, make([]byte, 14<<16+14)), "header", 16, "65537 keys, more than 65536"},
}

var rejectKeys = []reject{
	{"key length past end", oneKey(uint64(1000), []byte("k")), "key 0", 24, "key of 1000 bytes, the file has 65 left"},
	{"key length 2^63", oneKey(uint64(1<<63), []byte("k")), "key 0", 24, "key of 9223372036854775808 bytes"},
	{"key length 2^64-1", oneKey(^uint64(0), []byte("k")), "key 0", 24, "key of 18446744073709551615 bytes"},
	{"empty key", oneKey("", u8, uint8(1)), "key 0", 24, "key is empty"},
	{"over-long key", oneKey(strings.Repeat("k", 1<<16), u8, uint8(1)), "key 0", 24, "key of 65536 bytes, more than 65535"},
	{"NUL in key", oneKey("a\x00b", u8, uint8(1)), "key 0", 24, `key "a\x00b" contains NUL`},
	{"key not UTF-8", oneKey("a\xffb", u8, uint8(1)), "key 0", 24, `key "a\xffb" is not UTF-8`},
	{"duplicate key", head(0, 2, "k", u8, uint8(1), "k", u8, uint8(1), make([]byte, 9)), `key 1 "k"`, 38, "duplicate key"},
	{"unknown kind", oneKey("k", uint32(13)), `key 0 "k"`, 33, "unknown kind 13"},
	{"kind 2^32-1", oneKey("k", ^uint32(0)), `key 0 "k"`, 33, "unknown kind 4294967295"},
	{"bool 2", oneKey("k", boolean, uint8(2)), `key 0 "k"`, 37, "bool is 2, expected 0 or 1"},
	{"bool 255 in array", oneKey("k", arr, boolean, uint64(3), []byte{0, 1, 255}), `key 0 "k"`, 51, "bool is 255"},
	{"string past end", oneKey("k", str, uint64(100)), `key 0 "k"`, 37, "string of 100 bytes, the file has 64 left"},
	{"string 2^62", oneKey("k", str, uint64(1<<62)), `key 0 "k"`, 37, "string of 4611686018427387904 bytes"},
	{"value past end", head(0, 1, "key", u64, []byte{1}), `key 0 "key"`, 39, "value needs 8 bytes, the file has 1 left"},
	{"array of unknown kind", oneKey("k", arr, uint32(13), uint64(0)), `key 0 "k"`, 37, "unknown array kind 13"},
	{"array past end", oneKey("k", arr, u32, uint64(17)), `key 0 "k"`, 41, "array of 17 u32, the file has 64 bytes left"},
	{"array count × size overflows", oneKey("k", arr, u64, uint64(1<<61)), `key 0 "k"`, 41, "array of 2305843009213693952 u64"},
	{"array count 2^64-1", oneKey("k", arr, u8, ^uint64(0)), `key 0 "k"`, 41, "array of 18446744073709551615 u8"},
	{"strings past end", oneKey("k", arr, str, uint64(9)), `key 0 "k"`, 41, "array of 9 str"},
	{"string in array past end", oneKey("k", arr, str, uint64(2), "x", uint64(99)), `key 0 "k"`, 58, "string 1 of 99 bytes, the file has 64 left"},
	{"string in array 2^64-1", oneKey("k", arr, str, uint64(1), ^uint64(0)), `key 0 "k"`, 49, "string 0 of 18446744073709551615 bytes"},
	{"nested too deep", oneKey("k", arr, arr, uint64(1), arr, uint64(1), arr, uint64(1), arr, uint64(1), u8, uint64(0)), `key 0 "k"`, 85, "nested deeper than 4"},
	{"nested past end", oneKey("k", arr, arr, uint64(1), u32, uint64(99)), `key 0 "k"`, 53, "array of 99 u32"},
	{"nested count too large", oneKey("k", arr, arr, uint64(6)), `key 0 "k"`, 41, "array of 6 arr"},
	{"alignment 0", oneKey("general.alignment", u32, uint32(0)), `key 0 "general.alignment"`, 53, "alignment 0 is not a power of two"},
	{"alignment 48", oneKey("general.alignment", u32, uint32(48)), `key 0 "general.alignment"`, 53, "alignment 48 is not a power of two"},
	{"alignment u64", oneKey("general.alignment", u64, uint64(32)), `key 0 "general.alignment"`, 53, "alignment is of kind u64, expected u32"},
	{"alignment array", oneKey("general.alignment", arr, u32, uint64(1), uint32(32)), `key 0 "general.alignment"`, 65, "alignment is of kind arr, expected u32"},
	{"truncated second key", head(0, 2, "a", u8, uint8(1), "b", u32, uint8(0), uint8(0)), `key 1 "b"`, 51, "value needs 4 bytes"},
}

func dims(d ...uint64) []uint64 { return d }

const f32, q40 = uint32(0), uint32(2)

var rejectTensors = []reject{
	{"empty name", oneTensor("", uint32(1), dims(4), f32, uint64(0)), "tensor 0", 24, "tensor name is empty"},
	{"over-long name", oneTensor(strings.Repeat("t", 128), uint32(1), dims(4), f32, uint64(0)), "tensor 0", 24, "tensor name of 128 bytes, more than 127"},
	{"NUL in name", oneTensor("t\x00", uint32(1), dims(4), f32, uint64(0)), "tensor 0", 24, "contains NUL"},
	{"name not UTF-8", oneTensor("\xc3(", uint32(1), dims(4), f32, uint64(0)), "tensor 0", 24, "not UTF-8"},
	{"name past end", oneTensor(uint64(1 << 40)), "tensor 0", 24, "tensor name of 1099511627776 bytes"},
	{"5 dimensions", oneTensor("t", uint32(5), dims(1, 1, 1, 1, 1), f32, uint64(0)), `tensor 0 "t"`, 33, "5 dimensions"},
	{"2^32-1 dimensions", oneTensor("t", ^uint32(0)), `tensor 0 "t"`, 33, "4294967295 dimensions"},
	{"empty, but a dimension overflows", oneTensor("t", uint32(2), dims(0, 1<<63), f32, uint64(0)), `tensor 0 "t"`, 45, "dimension 1 is 9223372036854775808"},
	{"empty, but the rest overflows", oneTensor("t", uint32(3), dims(1<<40, 1<<40, 0), f32, uint64(0)), `tensor 0 "t"`, 33, "overflows"},
	{"empty, row not whole blocks", oneTensor("t", uint32(2), dims(33, 0), q40, uint64(0)), `tensor 0 "t"`, 33, "row of 33 weights"},
	{"empty, past the end", oneTensor("t", uint32(1), dims(0), f32, uint64(288)), `tensor 0 "t"`, 64, "past the end of the file at 313"},
	{"scalar of a block type", oneTensor("t", uint32(0), q40, uint64(0)), `tensor 0 "t"`, 33, "row of 1 weights"},
	{"overlap with an empty tensor between", head(3, 0, "a", uint32(1), dims(12), f32, uint64(0), "e", uint32(1), dims(0), f32, uint64(32), "b", uint32(1), dims(4), f32, uint64(32), make([]byte, 128)), `tensor "b"`, 160, `data overlaps tensor "a"`},
	{"elements overflow", oneTensor("t", uint32(3), dims(1<<32, 1<<31, 2), f32, uint64(0)), `tensor 0 "t"`, 33, "overflows"},
	{"elements above 2^63", oneTensor("t", uint32(1), dims(1<<63), f32, uint64(0)), `tensor 0 "t"`, 37, "overflows"},
	{"bytes overflow", oneTensor("t", uint32(1), dims(1<<62), f32, uint64(0)), `tensor 0 "t"`, 33, "larger than the file"},
	{"unknown type", oneTensor("t", uint32(1), dims(32), uint32(43), uint64(0)), `tensor 0 "t"`, 45, "unknown or removed tensor type 43"},
	{"type 2^32-1", oneTensor("t", uint32(1), dims(32), ^uint32(0), uint64(0)), `tensor 0 "t"`, 45, "tensor type 4294967295"},
	{"removed type Q4_2", oneTensor("t", uint32(1), dims(32), uint32(4), uint64(0)), `tensor 0 "t"`, 45, "removed tensor type 4"},
	{"removed type Q4_0_8_8", oneTensor("t", uint32(1), dims(32), uint32(33), uint64(0)), `tensor 0 "t"`, 45, "removed tensor type 33"},
	{"removed type IQ4_NL_4_4", oneTensor("t", uint32(1), dims(32), uint32(36), uint64(0)), `tensor 0 "t"`, 45, "removed tensor type 36"},
	{"row not whole blocks", oneTensor("t", uint32(2), dims(33, 32), q40, uint64(0)), `tensor 0 "t"`, 33, "row of 33 weights is not a multiple of the 32 of a Q4_0 block"},
	{"offset misaligned", oneTensor("t", uint32(1), dims(4), f32, uint64(4)), `tensor 0 "t"`, 49, "data offset 4 is not a multiple of the alignment 32"},
	{"offset overflows", oneTensor("t", uint32(1), dims(4), f32, ^uint64(31)), `tensor 0 "t"`, 64, "past the end of the file"},
	{"offset 2^63", oneTensor("t", uint32(1), dims(4), f32, uint64(1<<63)), `tensor 0 "t"`, 64, "past the end of the file"},
	{"data past end", oneTensor("t", uint32(1), dims(4), f32, uint64(256)), `tensor 0 "t"`, 64, "past the end of the file at 313"},
	{"data longer than file", oneTensor("t", uint32(1), dims(1000), f32, uint64(0)), `tensor 0 "t"`, 33, "larger than the file of 313 bytes"},
	{"no data at all", head(1, 0, "t", uint32(1), dims(4), f32, uint64(0)), `tensor 0 "t"`, 64, "past the end of the file at 57"},
	{"duplicate name", head(2, 0, "t", uint32(1), dims(4), f32, uint64(0), "t", uint32(1), dims(4), f32, uint64(32), make([]byte, 128)), `tensor 1 "t"`, 57, "duplicate tensor name"},
	{"overlap", head(2, 0, "a", uint32(1), dims(12), f32, uint64(0), "b", uint32(1), dims(4), f32, uint64(32), make([]byte, 128)), `tensor "b"`, 128, `data overlaps tensor "a", which ends at 144`},
	{"same data twice", head(2, 0, "a", uint32(1), dims(4), f32, uint64(32), "b", uint32(1), dims(8), f32, uint64(32), make([]byte, 128)), `tensor "b"`, 128, `data overlaps tensor "a"`},
	{"missing entry", head(2, 0, "a", uint32(1), dims(4), f32, uint64(0), make([]byte, 40)), "tensor 1", 57, "tensor name is empty"},
}

// Each malformed header is refused, with file, item, offset and reason in the message.
func TestReject(t *testing.T) {
	for _, group := range [][]reject{rejectStart, rejectKeys, rejectTensors} {
		for _, c := range group {
			t.Run(c.name, func(t *testing.T) {
				_, err := OpenReaderAt("evil.gguf", bytes.NewReader(c.file), int64(len(c.file)))
				checkFormatError(t, err, c.item, c.offset, c.reason)
			})
		}
	}
}

func checkFormatError(t *testing.T, err error, item string, offset int64, reason string) {
	t.Helper()
	var e *FormatError
	if !errors.As(err, &e) || !errors.Is(err, ErrFormat) {
		t.Fatalf("got %v, want a FormatError", err)
	}
	if e.File != "evil.gguf" || e.Item != item || e.Offset != offset || !strings.Contains(e.Reason, reason) {
		t.Errorf("got  %v\nwant item %q at offset %d: …%s…", err, item, offset, reason)
	}
	if s := err.Error(); !strings.HasPrefix(s, "gguf: evil.gguf: "+item) || !strings.Contains(s, reason) {
		t.Errorf("message %q", s)
	}
}

// zeros is a file that starts with some bytes and goes on with zeros.
type zeros []byte

func (z zeros) ReadAt(b []byte, off int64) (int, error) {
	clear(b)
	if off < int64(len(z)) {
		copy(b, z[off:])
	}
	return len(b), nil
}

// Limits that bite only in files that are too large to write: the size is claimed, and nothing near it is allocated.
func TestRejectHuge(t *testing.T) {
	for _, c := range []reject{
		{"string over limit", head(0, 1, "k", str, uint64(1<<30+1)), `key 0 "k"`, 37, "string of 1073741825 bytes, more than 1073741824"},
		{"array over limit", head(0, 1, "k", arr, u8, uint64(1<<30+1)), `key 0 "k"`, 41, "array of 1073741825 elements, more than 1073741824"},
		{"tensors over limit", head(1<<20+1, 0), "header", 8, "1048577 tensors, more than 1048576"},
		{"keys over limit", head(0, 1<<40), "header", 16, "1099511627776 keys, more than 65536"},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := allocated()
			_, err := OpenReaderAt("evil.gguf", zeros(c.file), 1<<50)
			checkFormatError(t, err, c.item, c.offset, c.reason)
			if n := allocated() - before; n > 2*firstRead {
				t.Errorf("%d bytes allocated", n)
			}
		})
	}
}

// A reader that ends before the size it was opened with, or fails, is reported as such and not as a bad format.
func TestReaderShorterThanSize(t *testing.T) {
	file := new(gguftest.Builder).AddKV("k", "value").AddTensor("t", ggtype.F32, []uint64{8}, nil).Bytes()
	if _, err := OpenReaderAt("short.gguf", bytes.NewReader(file[:30]), int64(len(file))); !errors.Is(err, ErrShrunk) {
		t.Errorf("header: got %v, want ErrShrunk", err)
	}
	f, err := OpenReaderAt("short.gguf", &cutReader{file, len(file)}, int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	f.parts[0].r = &cutReader{file, len(file) - 1}
	if _, err = f.Tensors()[0].Bytes(); !errors.Is(err, ErrShrunk) || !strings.Contains(err.Error(), `short.gguf: tensor "t" at offset`) {
		t.Errorf("tensor: got %v, want ErrShrunk with names", err)
	}
}

type cutReader struct {
	file []byte
	size int
}

func (r *cutReader) ReadAt(b []byte, off int64) (int, error) {
	if n := copy(b, r.file[min(int(off), r.size):r.size]); n < len(b) {
		return n, io.EOF
	}
	return len(b), nil
}
