package gguf

import "strconv"

// Kind is the type of a metadata value, numbered as in the file.
type Kind uint32

// The kinds of the format.
const (
	KindUint8   Kind = 0
	KindInt8    Kind = 1
	KindUint16  Kind = 2
	KindInt16   Kind = 3
	KindUint32  Kind = 4
	KindInt32   Kind = 5
	KindFloat32 Kind = 6
	KindBool    Kind = 7
	KindString  Kind = 8
	KindArray   Kind = 9
	KindUint64  Kind = 10
	KindInt64   Kind = 11
	KindFloat64 Kind = 12
)

// kinds holds names and the fewest bytes that one value takes (exactly that many but for strings and arrays).
var kinds = [...]struct {
	name string
	size uint64
}{
	KindUint8: {"u8", 1}, KindInt8: {"i8", 1}, KindUint16: {"u16", 2}, KindInt16: {"i16", 2},
	KindUint32: {"u32", 4}, KindInt32: {"i32", 4}, KindFloat32: {"f32", 4}, KindBool: {"bool", 1},
	KindString: {"str", 8}, KindArray: {"arr", 12},
	KindUint64: {"u64", 8}, KindInt64: {"i64", 8}, KindFloat64: {"f64", 8},
}

// known reports whether k is a kind of the format.
func (k Kind) known() bool { return uint64(k) < uint64(len(kinds)) }

// minSize returns the fewest bytes of a value of a known kind.
func (k Kind) minSize() uint64 { return kinds[k].size }

// String returns llama.cpp's short name: u8, i8, …, f64, bool, str, arr; "kind(N)" for an unknown kind.
func (k Kind) String() string {
	if !k.known() {
		return "kind(" + strconv.FormatUint(uint64(k), 10) + ")"
	}
	return kinds[k].name
}
