package gguf

import (
	"fmt"
	"math"
)

// Keys returns all keys in file order.
func (f *File) Keys() []string {
	entries := f.parts[0].entries
	keys := make([]string, len(entries))
	for i, e := range entries {
		keys[i] = e.key
	}
	return keys
}

// Has reports whether the file has a key.
func (f *File) Has(key string) bool {
	_, ok := f.parts[0].index[key]
	return ok
}

// Value returns the value of a key, of whatever kind; false if there is none.
func (f *File) Value(key string) (Value, bool) {
	h := f.parts[0].header
	i, ok := h.index[key]
	if !ok {
		return Value{}, false
	}
	e := h.entries[i]
	return Value{kind: e.kind, elem: e.elem, count: e.count, raw: h.raw[e.start:e.end:e.end], order: h.order}, true
}

// lookup returns a value with a decoder at its start. Errors: ErrNoKey, or ErrKind if a scalar is wanted and the
// value is an array or the other way round, or if want does not hold for the (elements') kind.
func (f *File) lookup(key string, array bool, want func(Kind) bool, name string) (Value, decoder, error) {
	v, ok := f.Value(key)
	if !ok {
		return v, decoder{}, f.keyError(key, ErrNoKey, "")
	}
	if array != (v.kind == KindArray) || !want(v.Elem()) {
		return v, decoder{}, f.keyError(key, ErrKind, fmt.Sprintf("is %s, not %s", v.describe(), name))
	}
	return v, decoder{v.raw, v.order}, nil
}

// describe names the kind of a value for error messages: "u32", "arr of 3 str".
func (v Value) describe() string {
	if v.kind == KindArray {
		return fmt.Sprintf("arr of %d %v", v.count, v.elem)
	}
	return v.kind.String()
}

// What the getters accept: an integer of any width stands for any other, as writers disagree about them.

func isString(k Kind) bool  { return k == KindString }
func isBool(k Kind) bool    { return k == KindBool }
func isInteger(k Kind) bool { return isNumber(k) && k != KindFloat32 && k != KindFloat64 }
func isNumber(k Kind) bool  { return k != KindString && k != KindBool && k != KindArray }

// String returns a string. Its bytes are those of the file, UTF-8 or not. Errors: ErrNoKey, ErrKind.
func (f *File) String(key string) (string, error) {
	v, _, err := f.lookup(key, false, isString, "a string")
	return view(v.raw), err
}

// Uint returns an integer of any kind that is not negative. Errors: ErrNoKey, ErrKind.
func (f *File) Uint(key string) (uint64, error) {
	v, d, err := f.lookup(key, false, isInteger, "an integer")
	if err != nil {
		return 0, err
	}
	x := d.bits(v.kind)
	if v.kind != KindUint64 && int64(x) < 0 {
		return 0, f.keyError(key, ErrKind, fmt.Sprintf("%d is negative", int64(x)))
	}
	return x, nil
}

// Int returns an integer of any kind. Errors: ErrNoKey, ErrKind (also for a u64 above the largest int64).
func (f *File) Int(key string) (int64, error) {
	v, d, err := f.lookup(key, false, isInteger, "an integer")
	if err != nil {
		return 0, err
	}
	return f.signed(key, v.kind, d.bits(v.kind))
}

// signed returns the bits of an integer of kind k as int64.
func (f *File) signed(key string, k Kind, x uint64) (int64, error) {
	if k == KindUint64 && x > math.MaxInt64 {
		return 0, f.keyError(key, ErrKind, fmt.Sprintf("%d is too large", x))
	}
	return int64(x), nil
}

// Float returns a number of any kind, NaN and infinities included; large integers lose digits. Errors: ErrNoKey,
// ErrKind.
func (f *File) Float(key string) (float64, error) {
	v, d, err := f.lookup(key, false, isNumber, "a number")
	if err != nil {
		return 0, err
	}
	return d.float(v.kind), nil
}

// Bool returns a bool. Errors: ErrNoKey, ErrKind.
func (f *File) Bool(key string) (bool, error) {
	v, d, err := f.lookup(key, false, isBool, "a bool")
	if err != nil {
		return false, err
	}
	return d.bits(v.kind) != 0, nil
}

// Strings returns an array of strings as a fresh slice; the strings share the file's header. Errors: ErrNoKey, ErrKind.
func (f *File) Strings(key string) ([]string, error) {
	v, d, err := f.lookup(key, true, isString, "an array of strings")
	if err != nil {
		return nil, err
	}
	return d.strs(v.count), nil
}

// Ints returns an array of integers of any kind as a fresh slice. Errors: ErrNoKey, ErrKind (also for a u64 above the
// largest int64).
func (f *File) Ints(key string) ([]int64, error) {
	v, d, err := f.lookup(key, true, isInteger, "an array of integers")
	if err != nil {
		return nil, err
	}
	out := make([]int64, v.count)
	for i := range out {
		if out[i], err = f.signed(key, v.elem, d.bits(v.elem)); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// Floats returns an array of numbers of any kind as a fresh slice, rounded to float32. Errors: ErrNoKey, ErrKind.
func (f *File) Floats(key string) ([]float32, error) {
	v, d, err := f.lookup(key, true, isNumber, "an array of numbers")
	if err != nil {
		return nil, err
	}
	return floats[float32](&d, v.elem, v.count), nil
}

// Bools returns an array of bools as a fresh slice. Errors: ErrNoKey, ErrKind.
func (f *File) Bools(key string) ([]bool, error) {
	v, d, err := f.lookup(key, true, isBool, "an array of bools")
	if err != nil {
		return nil, err
	}
	return d.bools(v.count), nil
}
