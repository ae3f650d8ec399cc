package gguf

import "math"

// scalar returns the next number or bool as the Go type of its kind.
func (d *decoder) scalar(k Kind) any {
	x := d.bits(k)
	switch k {
	case KindUint8:
		return uint8(x)
	case KindInt8:
		return int8(x)
	case KindUint16:
		return uint16(x)
	case KindInt16:
		return int16(x)
	case KindUint32:
		return uint32(x)
	case KindInt32:
		return int32(x)
	case KindInt64:
		return int64(x)
	case KindFloat32:
		return math.Float32frombits(uint32(x))
	case KindFloat64:
		return math.Float64frombits(x)
	case KindBool:
		return x != 0
	}
	return x
}

// array returns the next n values of a kind as a slice of its Go type.
func (d *decoder) array(k Kind, n int) any {
	switch k {
	case KindUint8:
		return append([]byte{}, d.take(uint64(n))...)
	case KindInt8:
		return integers[int8](d, k, n)
	case KindUint16:
		return integers[uint16](d, k, n)
	case KindInt16:
		return integers[int16](d, k, n)
	case KindUint32:
		return integers[uint32](d, k, n)
	case KindInt32:
		return integers[int32](d, k, n)
	case KindUint64:
		return integers[uint64](d, k, n)
	case KindInt64:
		return integers[int64](d, k, n)
	case KindFloat32:
		return floats[float32](d, k, n)
	case KindFloat64:
		return floats[float64](d, k, n)
	case KindBool:
		return d.bools(n)
	case KindString:
		return d.strs(n)
	}
	return d.arrays(n)
}

// integers returns the next n values of integer kind k, whose Go type is T.
func integers[T int8 | uint16 | int16 | uint32 | int32 | uint64 | int64](d *decoder, k Kind, n int) []T {
	out := make([]T, n)
	for i := range out {
		out[i] = T(d.bits(k))
	}
	return out
}

// floats returns the next n values of any numeric kind, rounded to T.
func floats[T float32 | float64](d *decoder, k Kind, n int) []T {
	out := make([]T, n)
	for i := range out {
		out[i] = T(d.float(k))
	}
	return out
}

// bools returns the next n bools.
func (d *decoder) bools(n int) []bool {
	out := make([]bool, n)
	for i, b := range d.take(uint64(n)) {
		out[i] = b != 0
	}
	return out
}

// strs returns the next n strings; only their headers are new.
func (d *decoder) strs(n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = d.str()
	}
	return out
}

// arrays returns the next n arrays, each as array would. The walk has limited their depth.
func (d *decoder) arrays(n int) []any {
	out := make([]any, n)
	for i := range out {
		elem, m := d.arrayStart()
		out[i] = d.array(elem, m)
	}
	return out
}

// arrayStart returns kind and count of the array that comes next.
func (d *decoder) arrayStart() (elem Kind, n int) {
	elem = Kind(d.order.Uint32(d.take(4)))
	return elem, int(d.order.Uint64(d.take(8)))
}

// skip steps over n values of a kind.
func (d *decoder) skip(k Kind, n int) {
	switch k {
	case KindString:
		for range n {
			d.take(d.order.Uint64(d.take(8)))
		}
	case KindArray:
		for range n {
			d.skip(d.arrayStart())
		}
	default:
		d.take(uint64(n) * k.minSize())
	}
}
