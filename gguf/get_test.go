package gguf

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/latentgo/latentgo/internal/gguftest"
)

// everyKind has one key of each kind and of each kind of array, named for its Go type.
var everyKind = map[string]any{
	"uint8": uint8(200), "int8": int8(-100), "uint16": uint16(60000), "int16": int16(-30000),
	"uint32": uint32(4e9), "int32": int32(-2e9), "uint64": uint64(math.MaxUint64), "int64": int64(math.MinInt64),
	"float32": float32(1.5), "float64": math.Pi, "bool": true, "string": "día\x00\xff", "empty": "",
	"[]uint8": []uint8{0, 255}, "[]int8": []int8{-128, 127}, "[]uint16": []uint16{0, 65535}, "[]int16": []int16{-32768, 32767},
	"[]uint32": []uint32{0, math.MaxUint32}, "[]int32": []int32{math.MinInt32, math.MaxInt32},
	"[]uint64": []uint64{0, math.MaxInt64}, "[]int64": []int64{math.MinInt64, math.MaxInt64},
	"[]float32": []float32{-1, 0.1, math.MaxFloat32}, "[]float64": []float64{1e300, -0.5},
	"[]bool": []bool{true, false, true}, "[]string": []string{"a", "", "日本"}, "none": []string{},
	"nested": []any{[]uint8{1, 2}, []string{"x"}, []any{[]int16{-1}, []any{}}},
}

// forms are the four variants of the format.
var forms = map[string]gguftest.Builder{
	"v3 little": {}, "v2 little": {Version: 2}, "v3 big": {BigEndian: true}, "v2 big": {Version: 2, BigEndian: true},
}

func openBytes(t testing.TB, b *gguftest.Builder) *File {
	t.Helper()
	file := b.Bytes()
	f, err := OpenReaderAt("test.gguf", bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func openEveryKind(t testing.TB, b gguftest.Builder) *File {
	t.Helper()
	for k, v := range everyKind {
		b.AddKV(k, v)
	}
	return openBytes(t, &b)
}

func TestValueAny(t *testing.T) {
	for name, form := range forms {
		f := openEveryKind(t, form)
		for key, want := range everyKind {
			v, ok := f.Value(key)
			if !ok || !f.Has(key) {
				t.Fatalf("%s: no key %q", name, key)
			}
			if got := v.Any(); !reflect.DeepEqual(got, want) {
				t.Errorf("%s: %q: got %#v want %#v", name, key, got, want)
			}
		}
	}
}

func TestVersionAndOrder(t *testing.T) {
	for name, form := range forms {
		f := openEveryKind(t, form)
		want := binary.ByteOrder(binary.LittleEndian)
		if form.BigEndian {
			want = binary.BigEndian
		}
		version := 3
		if form.Version != 0 {
			version = int(form.Version)
		}
		if f.ByteOrder() != want || f.Version() != version {
			t.Errorf("%s: version %d, order %v", name, f.Version(), f.ByteOrder())
		}
	}
}

func TestKeysInFileOrder(t *testing.T) {
	f := openBytes(t, new(gguftest.Builder).AddKV("z", "1").AddKV("a", "2").AddKV("m", "3"))
	if got := f.Keys(); !reflect.DeepEqual(got, []string{"z", "a", "m"}) {
		t.Errorf("got %q", got)
	}
}

func TestScalarGetters(t *testing.T) {
	for name, form := range forms {
		f := openEveryKind(t, form)
		check := func(what string, got any, err error, want any) {
			t.Helper()
			if err != nil || got != want {
				t.Errorf("%s: %s: got %v, %v; want %v", name, what, got, err, want)
			}
		}
		for key, want := range map[string]uint64{"uint8": 200, "uint16": 60000, "uint32": 4e9, "uint64": math.MaxUint64} {
			got, err := f.Uint(key)
			check("Uint "+key, got, err, want)
		}
		for key, want := range map[string]int64{"uint8": 200, "int8": -100, "int16": -30000, "int32": -2e9, "int64": math.MinInt64, "uint32": 4e9} {
			got, err := f.Int(key)
			check("Int "+key, got, err, want)
		}
		for key, want := range map[string]float64{"float32": 1.5, "float64": math.Pi, "int8": -100, "uint8": 200, "uint64": math.MaxUint64, "int64": math.MinInt64} {
			got, err := f.Float(key)
			check("Float "+key, got, err, want)
		}
		b, err := f.Bool("bool")
		check("Bool", b, err, true)
		s, err := f.String("string")
		check("String", s, err, "día\x00\xff")
		s, err = f.String("empty")
		check("String", s, err, "")
	}
}

func TestArrayGetters(t *testing.T) {
	for name, form := range forms {
		f := openEveryKind(t, form)
		check := func(what string, got any, err error, want any) {
			t.Helper()
			if err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("%s: %s: got %v, %v; want %v", name, what, got, err, want)
			}
		}
		for key, want := range map[string][]int64{
			"[]uint8": {0, 255}, "[]int8": {-128, 127}, "[]uint16": {0, 65535}, "[]int16": {-32768, 32767},
			"[]uint32": {0, math.MaxUint32}, "[]int32": {math.MinInt32, math.MaxInt32},
			"[]uint64": {0, math.MaxInt64}, "[]int64": {math.MinInt64, math.MaxInt64},
		} {
			got, err := f.Ints(key)
			check("Ints "+key, got, err, want)
		}
		for key, want := range map[string][]float32{"[]float32": {-1, 0.1, math.MaxFloat32}, "[]int8": {-128, 127}, "[]float64": {float32(math.Inf(1)), -0.5}} {
			got, err := f.Floats(key)
			check("Floats "+key, got, err, want)
		}
		bs, err := f.Bools("[]bool")
		check("Bools", bs, err, []bool{true, false, true})
		ss, err := f.Strings("[]string")
		check("Strings", ss, err, []string{"a", "", "日本"})
		ss, err = f.Strings("none")
		check("Strings", ss, err, []string{})
	}
}

// A getter says which file, which key, what is there and what was asked for.
func TestGetterErrors(t *testing.T) {
	f := openEveryKind(t, gguftest.Builder{})
	get := func(_ any, err error) error { return err }
	for _, c := range []struct {
		err      error
		sentinel error
		message  string
	}{
		{get(f.String("missing")), ErrNoKey, `gguf: test.gguf: key "missing": no such key`},
		{get(f.Uint("missing")), ErrNoKey, `key "missing"`},
		{get(f.Strings("missing")), ErrNoKey, `key "missing"`},
		{get(f.String("uint8")), ErrKind, `gguf: test.gguf: key "uint8": wrong kind of value: is u8, not a string`},
		{get(f.String("[]string")), ErrKind, `is arr of 3 str, not a string`},
		{get(f.Uint("string")), ErrKind, `is str, not an integer`},
		{get(f.Uint("bool")), ErrKind, `is bool, not an integer`},
		{get(f.Uint("float32")), ErrKind, `is f32, not an integer`},
		{get(f.Uint("int8")), ErrKind, `-100 is negative`},
		{get(f.Uint("int64")), ErrKind, `is negative`},
		{get(f.Int("uint64")), ErrKind, `18446744073709551615 is too large`},
		{get(f.Float("string")), ErrKind, `is str, not a number`},
		{get(f.Bool("uint8")), ErrKind, `is u8, not a bool`},
		{get(f.Strings("string")), ErrKind, `is str, not an array of strings`},
		{get(f.Strings("[]uint8")), ErrKind, `is arr of 2 u8, not an array of strings`},
		{get(f.Ints("[]float32")), ErrKind, `is arr of 3 f32, not an array of integers`},
		{get(f.Ints("nested")), ErrKind, `is arr of 3 arr, not an array of integers`},
		{get(f.Floats("[]bool")), ErrKind, `is arr of 3 bool, not an array of numbers`},
		{get(f.Bools("bool")), ErrKind, `is bool, not an array of bools`},
	} {
		if !errors.Is(c.err, c.sentinel) || !strings.Contains(c.err.Error(), c.message) {
			t.Errorf("got %v\nwant %v …%s…", c.err, c.sentinel, c.message)
		}
	}
}

func TestIntsTooLarge(t *testing.T) {
	f := openBytes(t, new(gguftest.Builder).AddKV("k", []uint64{1, 1 << 63}))
	if _, err := f.Ints("k"); !errors.Is(err, ErrKind) || !strings.Contains(err.Error(), "9223372036854775808 is too large") {
		t.Errorf("got %v", err)
	}
}

func TestValueString(t *testing.T) {
	f := openEveryKind(t, gguftest.Builder{})
	for key, want := range map[string]string{
		"uint8": "200", "float32": "1.5", "bool": "true", "string": `"día\x00\xff"`, "[]string": `str[3]{"a", "", "日本"}`,
		"[]int8": "i8[2]{-128, 127}", "none": "str[0]{}", "nested": "arr[3]{u8[2], str[1], arr[2]}",
	} {
		if v, _ := f.Value(key); v.String() != want {
			t.Errorf("%s: got %s want %s", key, v, want)
		}
	}
	f = openBytes(t, new(gguftest.Builder).AddKV("long", strings.Repeat("x", 100)).AddKV("many", make([]uint16, 9)))
	if v, _ := f.Value("long"); v.String() != `"`+strings.Repeat("x", 60)+`"…` {
		t.Errorf("long string: %s", v)
	}
	if v, _ := f.Value("many"); v.String() != "u16[9]{0, 0, 0, 0, 0, 0, 0, 0, …}" || v.Len() != 9 || v.Elem() != KindUint16 || v.Kind() != KindArray {
		t.Errorf("long array: %s", v)
	}
}

func TestKindString(t *testing.T) {
	for k, want := range map[Kind]string{KindUint8: "u8", KindString: "str", KindFloat64: "f64", 13: "kind(13)", math.MaxUint32: "kind(4294967295)"} {
		if k.String() != want {
			t.Errorf("got %s want %s", k, want)
		}
	}
}
