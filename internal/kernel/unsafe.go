package kernel

import (
	"encoding/binary"
	"unsafe"
)

// asFloats returns little-endian float32 bytes as floats without a copy, false where the host has another byte order or
// b is not aligned to four bytes. This file has the package's only uses of unsafe outside of its tests and assembly.
func asFloats(b []byte) ([]float32, bool) {
	if len(b) < 4 || binary.NativeEndian.Uint16([]byte{1, 0}) != 1 {
		return nil, false
	}
	p := unsafe.Pointer(unsafe.SliceData(b))
	if uintptr(p)%4 != 0 {
		return nil, false
	}
	return unsafe.Slice((*float32)(p), len(b)/4), true
}

// asBytes returns x as bytes, in the host's order, without a copy.
func asBytes[T int8 | int16 | float32](x []T) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(x))), len(x)*int(unsafe.Sizeof(*new(T))))
}
