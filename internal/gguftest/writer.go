package gguftest

import (
	"encoding/binary"
	"fmt"
	"math"
	"reflect"
)

// Writer appends the format's primitives to Buf. Tests of the reader use it to make files that are wrong.
type Writer struct {
	Order binary.AppendByteOrder // nil: little-endian
	Buf   []byte
}

// Put appends each argument: numbers and bools in their width, a string with its length, a []byte and a []uint64 bare.
func (w *Writer) Put(args ...any) *Writer {
	for _, a := range args {
		switch a := a.(type) {
		case []byte:
			w.Buf = append(w.Buf, a...)
		case []uint64:
			for _, x := range a {
				w.Put(x)
			}
		case string:
			w.Put(uint64(len(a)), []byte(a))
		default:
			w.number(a)
		}
	}
	return w
}

// number appends a number or a bool in its own width.
func (w *Writer) number(a any) {
	if w.Order == nil {
		w.Order = binary.LittleEndian
	}
	switch v := reflect.ValueOf(a); v.Kind() {
	case reflect.Bool:
		b := byte(0)
		if v.Bool() {
			b = 1
		}
		w.Buf = append(w.Buf, b)
	case reflect.Float32:
		w.Buf = w.Order.AppendUint32(w.Buf, math.Float32bits(a.(float32)))
	case reflect.Float64:
		w.Buf = w.Order.AppendUint64(w.Buf, math.Float64bits(v.Float()))
	case reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		w.integer(uint64(v.Int()), v.Type().Size())
	default:
		w.integer(v.Uint(), v.Type().Size())
	}
}

// integer appends the low size bytes of x.
func (w *Writer) integer(x uint64, size uintptr) {
	switch size {
	case 1:
		w.Buf = append(w.Buf, byte(x))
	case 2:
		w.Buf = w.Order.AppendUint16(w.Buf, uint16(x))
	case 4:
		w.Buf = w.Order.AppendUint32(w.Buf, uint32(x))
	default:
		w.Buf = w.Order.AppendUint64(w.Buf, x)
	}
}

// Value appends the kind of x and x itself, an array with the kind of its elements and their count.
func (w *Writer) Value(x any) {
	w.Put(kindOf(reflect.TypeOf(x)))
	w.payload(x)
}

// payload appends x without its kind.
func (w *Writer) payload(x any) {
	v := reflect.ValueOf(x)
	if v.Kind() != reflect.Slice {
		w.Put(x)
		return
	}
	w.Put(kindOf(v.Type().Elem()), uint64(v.Len()))
	for i := range v.Len() {
		w.payload(v.Index(i).Interface())
	}
}

// kindOf returns the format's number for a Go type. Elements of []any are arrays.
func kindOf(t reflect.Type) uint32 {
	switch t.Kind() {
	case reflect.Uint8:
		return 0
	case reflect.Int8:
		return 1
	case reflect.Uint16:
		return 2
	case reflect.Int16:
		return 3
	case reflect.Uint32:
		return 4
	case reflect.Int32:
		return 5
	case reflect.Float32:
		return 6
	case reflect.Bool:
		return 7
	case reflect.String:
		return 8
	case reflect.Slice, reflect.Interface:
		return 9
	case reflect.Uint64:
		return 10
	case reflect.Int64:
		return 11
	case reflect.Float64:
		return 12
	}
	panic(fmt.Sprintf("gguftest: no kind for %v", t))
}
