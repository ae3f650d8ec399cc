package gguf

import "unsafe"

// view returns b as a string without copying. The header copy is never written after it was checked, and it lives on
// the garbage-collected heap, so such strings stay valid for ever; a vocabulary of 150,000 tokens costs its string
// headers only.
func view(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// from returns the n bytes of an object that start with first.
func from(first *byte, n int) []byte { return unsafe.Slice(first, n) }

// address returns where a mapping starts, to be compared with the address of a memory fault.
func address(b []byte) uintptr { return uintptr(unsafe.Pointer(unsafe.SliceData(b))) }
