package gguf

import (
	"encoding/binary"
	"fmt"
	"math"
	"unicode/utf8"
)

// appendString appends a string with its length.
func appendString(b []byte, s string) []byte {
	b = binary.LittleEndian.AppendUint64(b, uint64(len(s)))
	return append(b, s...)
}

// appendValue appends kind and payload of a Go value.
func appendValue(b []byte, v any, depth int) ([]byte, error) {
	if k, ok := scalarKind(v); ok {
		b = binary.LittleEndian.AppendUint32(b, uint32(k))
		return appendScalar(b, v), nil
	}
	b = binary.LittleEndian.AppendUint32(b, uint32(KindArray))
	return appendArray(b, v, depth)
}

// scalarKind returns the kind of a Go value that is no array.
func scalarKind(v any) (Kind, bool) {
	switch v.(type) {
	case uint8:
		return KindUint8, true
	case int8:
		return KindInt8, true
	case uint16:
		return KindUint16, true
	case int16:
		return KindInt16, true
	case uint32:
		return KindUint32, true
	case int32:
		return KindInt32, true
	case uint64:
		return KindUint64, true
	case int64:
		return KindInt64, true
	case float32:
		return KindFloat32, true
	case float64:
		return KindFloat64, true
	case bool:
		return KindBool, true
	case string:
		return KindString, true
	}
	return 0, false
}

// appendScalar appends the payload of a scalar.
func appendScalar(b []byte, v any) []byte {
	le := binary.LittleEndian
	switch v := v.(type) {
	case string:
		return appendString(b, v)
	case bool:
		if v {
			return append(b, 1)
		}
		return append(b, 0)
	case float32:
		return le.AppendUint32(b, math.Float32bits(v))
	case float64:
		return le.AppendUint64(b, math.Float64bits(v))
	}
	b, err := binary.Append(b, le, v)
	if err != nil {
		panic(err) // scalarKind has let only fixed-size numbers through
	}
	return b
}

// appendArray appends element kind, count and elements of a slice.
func appendArray(b []byte, v any, depth int) ([]byte, error) {
	switch v := v.(type) {
	case []uint8:
		return appendElements(b, v), nil
	case []int8:
		return appendElements(b, v), nil
	case []uint16:
		return appendElements(b, v), nil
	case []int16:
		return appendElements(b, v), nil
	case []uint32:
		return appendElements(b, v), nil
	case []int32:
		return appendElements(b, v), nil
	case []uint64:
		return appendElements(b, v), nil
	case []int64:
		return appendElements(b, v), nil
	case []float32:
		return appendElements(b, v), nil
	case []float64:
		return appendElements(b, v), nil
	case []bool:
		return appendElements(b, v), nil
	case []string:
		return appendElements(b, v), nil
	case []any:
		return appendNested(b, v, depth)
	}
	return nil, fmt.Errorf("%w: a %T has no kind in the format", ErrKind, v)
}

// appendElements appends an array of scalars.
func appendElements[T any](b []byte, v []T) []byte {
	var zero T
	k, _ := scalarKind(any(zero))
	b = binary.LittleEndian.AppendUint32(b, uint32(k))
	b = binary.LittleEndian.AppendUint64(b, uint64(len(v)))
	for _, x := range v {
		b = appendScalar(b, any(x))
	}
	return b
}

// appendNested appends an array of arrays.
func appendNested(b []byte, v []any, depth int) ([]byte, error) {
	if depth+1 >= maxNesting {
		return nil, fmt.Errorf("%w: arrays nested more than %d deep", ErrKind, maxNesting)
	}
	b = binary.LittleEndian.AppendUint32(b, uint32(KindArray))
	b = binary.LittleEndian.AppendUint64(b, uint64(len(v)))
	for _, x := range v {
		if _, ok := scalarKind(x); ok {
			return nil, fmt.Errorf("%w: a %T in an array of arrays", ErrKind, x)
		}
		var err error
		if b, err = appendArray(b, x, depth+1); err != nil {
			return nil, err
		}
	}
	return b, nil
}

// badName tells what is wrong with a key or a tensor name, "" for nothing.
func badName(s string, limit int) string {
	switch {
	case s == "":
		return "empty"
	case len(s) > limit:
		return fmt.Sprintf("%d bytes, more than %d", len(s), limit)
	case !utf8.ValidString(s):
		return "not UTF-8"
	}
	for i := range len(s) {
		if s[i] == 0 {
			return "contains NUL"
		}
	}
	return ""
}
