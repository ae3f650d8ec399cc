package gguf

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/latentgo/latentgo/internal/gguftest"
)

// everyValue holds each of the format's kinds alone, in arrays and in nested arrays, edges included.
var everyValue = []struct {
	key   string
	value any
}{
	{"s.u8", uint8(math.MaxUint8)}, {"s.i8", int8(math.MinInt8)}, {"s.u16", uint16(math.MaxUint16)}, {"s.i16", int16(math.MinInt16)},
	{"s.u32", uint32(math.MaxUint32)}, {"s.i32", int32(math.MinInt32)}, {"s.u64", uint64(math.MaxUint64)}, {"s.i64", int64(math.MinInt64)},
	{"s.f32", float32(math.SmallestNonzeroFloat32)}, {"s.f64", math.MaxFloat64}, {"s.true", true}, {"s.false", false},
	{"s.str", "größer\x00\n"}, {"s.empty", ""},
	{"a.u8", []uint8{0, 255}}, {"a.i8", []int8{-128, 127}}, {"a.u16", []uint16{1, 65535}}, {"a.i16", []int16{-32768}},
	{"a.u32", []uint32{7}}, {"a.i32", []int32{-7, 7}}, {"a.u64", []uint64{math.MaxUint64}}, {"a.i64", []int64{math.MinInt64}},
	{"a.f32", []float32{float32(math.Inf(-1)), 0.1}}, {"a.f64", []float64{math.Pi}}, {"a.bool", []bool{true, false}},
	{"a.str", []string{"a", "", "ß"}}, {"a.none", []string{}}, {"a.zero", []uint32{}},
	{"n.two", []any{[]int32{1, 2}, []string{"x"}, []bool{}}}, {"n.three", []any{[]any{[]uint8{1}}, []any{}}}, {"n.none", []any{}},
}

// everyWriter has each kind of value, and two tensors.
func everyWriter(t testing.TB) *Writer {
	t.Helper()
	w := new(Writer)
	for _, kv := range everyValue {
		if err := w.Set(kv.key, kv.value); err != nil {
			t.Fatal(err)
		}
	}
	addZeros(t, w, "b.weight", 8, 96)
	addZeros(t, w, "a.weight", 0, 5, 3)
	return w
}

// addZeros adds a tensor of zeros.
func addZeros(t testing.TB, w *Writer, name string, typ Type, shape ...uint64) {
	t.Helper()
	if err := w.AddTensor(name, typ, shape, func() ([]byte, error) { return make([]byte, gguftest.Size(typ, shape)), nil }); err != nil {
		t.Fatal(err)
	}
}

// written returns the file that w writes.
func written(t testing.TB, w *Writer) []byte {
	t.Helper()
	var b bytes.Buffer
	n, err := w.WriteTo(&b)
	if err != nil || n != int64(b.Len()) {
		t.Fatalf("%d bytes are said to be %d: %v", b.Len(), n, err)
	}
	return b.Bytes()
}

func reopened(t testing.TB, raw []byte) *File {
	t.Helper()
	f, err := OpenReaderAt("written", bytes.NewReader(raw), int64(len(raw)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// Every kind of value comes back as it was, in the order in which it was set; so do tensors.
func TestWriteRoundTrip(t *testing.T) {
	f := reopened(t, written(t, everyWriter(t)))
	if len(f.Keys()) != len(everyValue) {
		t.Fatalf("%d keys, want %d", len(f.Keys()), len(everyValue))
	}
	for i, kv := range everyValue {
		if f.Keys()[i] != kv.key {
			t.Errorf("key %d is %q, want %q", i, f.Keys()[i], kv.key)
		}
		v, _ := f.Value(kv.key)
		if got := v.Any(); !sameValue(got, kv.value) {
			t.Errorf("%s is %#v, want %#v", kv.key, got, kv.value)
		}
	}
	var names []string
	for _, x := range f.Tensors() {
		names = append(names, x.Name)
	}
	if !slices.Equal(names, []string{"b.weight", "a.weight"}) || !slices.Equal(f.Tensors()[1].Shape, []uint64{5, 3}) {
		t.Errorf("tensors %q, %v", names, f.Tensors()[1].Shape)
	}
}

// sameValue compares values with their types; empty slices are equal whether nil or not.
func sameValue(a, b any) bool {
	x, y := reflect.ValueOf(a), reflect.ValueOf(b)
	if x.Type() == y.Type() && x.Kind() == reflect.Slice && x.Len() == 0 && y.Len() == 0 {
		return true
	}
	if p, ok := a.([]any); ok {
		q, ok := b.([]any)
		return ok && slices.EqualFunc(p, q, sameValue)
	}
	return reflect.DeepEqual(a, b)
}

// A file written by others that follows the same rules comes back byte for byte, through the metadata and tensors of
// File.
func TestWriteIsLossless(t *testing.T) {
	b := &gguftest.Builder{}
	for _, kv := range everyValue {
		b.AddKV(kv.key, kv.value)
	}
	b.AddTensor("x", 0, []uint64{3}, []byte("123456789012")).AddTensor("y", 8, []uint64{64, 2}, nil)
	checkLossless(t, b.Bytes())
	b.Alignment = 128
	checkLossless(t, b.Bytes())
}

// checkLossless reads and writes raw.
func checkLossless(t *testing.T, raw []byte) {
	t.Helper()
	again := written(t, copied(t, reopened(t, raw)))
	if len(again) < len(raw) { // the last tensor's padding is optional
		t.Fatalf("%d bytes became %d", len(raw), len(again))
	}
	if !bytes.Equal(again[:len(raw)], raw) || len(bytes.Trim(again[len(raw):], "\x00")) != 0 {
		t.Error("bytes differ")
	}
}

// copied returns a writer with everything that f holds.
func copied(t *testing.T, f *File) *Writer {
	t.Helper()
	w := new(Writer)
	if err := w.CopyMetadata(f, nil); err != nil {
		t.Fatal(err)
	}
	for _, x := range f.Tensors() {
		if err := w.AddTensorFrom(x); err != nil {
			t.Fatal(err)
		}
	}
	return w
}

// llama.cpp's own files come back byte for byte where they are of version 3, and with the same content otherwise.
func TestWriteVectors(t *testing.T) {
	for _, path := range vectorFiles(t) {
		t.Run(filepath.Base(path), func(t *testing.T) {
			raw, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			f := reopened(t, raw)
			if f.Version() == 3 {
				checkLossless(t, raw)
				return
			}
			g := reopened(t, written(t, copied(t, f)))
			for _, key := range f.Keys() {
				a, _ := f.Value(key)
				b, _ := g.Value(key)
				if !bytes.Equal(a.raw, b.raw) && f.Version() == g.Version() {
					t.Errorf("%s differs", key)
				}
			}
			if len(f.Keys()) != len(g.Keys()) || len(f.Tensors()) != len(g.Tensors()) {
				t.Errorf("%d keys, %d tensors became %d, %d", len(f.Keys()), len(f.Tensors()), len(g.Keys()), len(g.Tensors()))
			}
		})
	}
}

// A split model becomes one file without the keys of a split; a big-endian one a little-endian one.
func TestWriteOtherForms(t *testing.T) {
	data := bytes.Repeat([]byte{1, 2, 3, 4}, 8)
	b := (&gguftest.Builder{}).AddKV("a", uint16(1)).AddTensor("x", 0, []uint64{8}, data).AddTensor("y", 0, []uint64{8}, data)
	paths := b.WriteSplit(t, filepath.Join(t.TempDir(), "model"), 2, nil)
	f, err := Open(paths[0])
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	g := reopened(t, written(t, copied(t, f)))
	if g.Has("split.count") || g.Has("split.no") || len(g.Tensors()) != 2 || g.Parts() != 1 {
		t.Errorf("keys %q, %d tensors", g.Keys(), len(g.Tensors()))
	}
	b.BigEndian = true
	h := reopened(t, written(t, copied(t, openBytes(t, b))))
	if v, err := h.Uint("a"); v != 1 || err != nil {
		t.Errorf("a is %d, %v", v, err)
	}
	for _, f := range []*File{g, h} {
		for _, x := range f.Tensors() {
			if got, err := x.Bytes(); err != nil || !bytes.Equal(got, data) {
				t.Errorf("%s is %v, %v", x.Name, got, err)
			}
		}
	}
}

// A big-endian file holds what was written, whichever pieces its data came in, and a little-endian one made of it has
// the bytes of one that was made at once; parts of a split likewise.
func TestWriteBigEndian(t *testing.T) {
	little := written(t, everyWriter(t))
	w := everyWriter(t)
	w.BigEndian = true
	big := written(t, w)
	f := reopened(t, big)
	if f.ByteOrder() != binary.BigEndian || len(big) != len(little) || bytes.Equal(big, little) {
		t.Errorf("%v, %d bytes, %d of a little-endian one", f.ByteOrder(), len(big), len(little))
	}
	if again := written(t, copied(t, f)); !bytes.Equal(again, little) {
		t.Error("written back it is another")
	}
	paths, err := w.WriteSplit(t.Context(), filepath.Join(t.TempDir(), "big"), SplitOptions{MaxTensors: 2}, nil)
	if err != nil {
		t.Fatal(err)
	}
	parts, err := Open(paths[len(paths)-1])
	if err != nil {
		t.Fatal(err)
	}
	defer parts.Close()
	if again := written(t, copied(t, parts)); parts.ByteOrder() != binary.BigEndian || !bytes.Equal(again, little) {
		t.Errorf("%v: %d parts written back are another file", parts.ByteOrder(), len(paths))
	}
	var none Writer
	none.BigEndian = true
	if err := none.AddTensor("x", 16, []uint64{256}, func() ([]byte, error) { return make([]byte, 66), nil }); err != nil {
		t.Fatal(err)
	}
	if _, err := none.WriteTo(io.Discard); !errors.Is(err, ErrUnsupported) || !strings.Contains(err.Error(), "IQ2_XXS") {
		t.Errorf("IQ2_XXS: %v", err)
	}
}

// Data lies at multiples of the alignment that the file names.
func TestWriteAlignment(t *testing.T) {
	for _, align := range []uint32{0, 1, 8, 64, 4096} {
		w := everyWriter(t)
		if align > 0 {
			if err := w.Set(alignmentKey, align); err != nil {
				t.Fatal(err)
			}
		}
		f := reopened(t, written(t, w))
		want := max(align, 1)
		if align == 0 {
			want = defaultAlignment
		}
		if f.Alignment() != int(want) {
			t.Errorf("alignment %d, want %d", f.Alignment(), want)
		}
		for _, x := range f.Tensors() {
			if x.Offset%uint64(want) != 0 {
				t.Errorf("alignment %d: %s is at %d", want, x.Name, x.Offset)
			}
		}
	}
}

// A key that is set again keeps its place; keys can be left out while copying.
func TestWriteReplaces(t *testing.T) {
	f := reopened(t, written(t, everyWriter(t)))
	w := new(Writer)
	if err := w.CopyMetadata(f, func(key string) bool { return strings.HasPrefix(key, "s.") && key != "s.i8" }); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(w.Set("s.u8", "now a string"), w.Set("z", int64(-1))); err != nil {
		t.Fatal(err)
	}
	g := reopened(t, written(t, w))
	if s, err := g.String("s.u8"); s != "now a string" || err != nil || g.Keys()[0] != "s.u8" || g.Has("s.i8") || g.Has("a.u8") || g.Keys()[len(g.Keys())-1] != "z" {
		t.Errorf("keys %q, s.u8 is %q", g.Keys(), s)
	}
}

// What the format cannot hold, or no reader would accept, is refused when it is added.
func TestWriteRefuses(t *testing.T) {
	deep := []any{[]uint8{1}}
	for range maxNesting {
		deep = []any{deep}
	}
	for _, c := range []struct {
		key   string
		value any
		is    error
	}{
		{"", uint8(1), ErrFormat}, {strings.Repeat("k", maxKeyLen+1), uint8(1), ErrFormat}, {"a\x00b", uint8(1), ErrFormat}, {"a\xff", uint8(1), ErrFormat},
		{"int", 1, ErrKind}, {"nil", nil, ErrKind}, {"struct", struct{}{}, ErrKind}, {"ints", []int{1}, ErrKind}, {"map", map[string]string{}, ErrKind},
		{"mixed", []any{uint8(1)}, ErrKind}, {"text in nested", []any{"x"}, ErrKind}, {"deep", deep, ErrKind},
		{alignmentKey, uint32(0), ErrKind}, {alignmentKey, uint32(48), ErrKind}, {alignmentKey, uint64(32), ErrKind}, {alignmentKey, "32", ErrKind},
	} {
		w := new(Writer)
		if err := w.Set(c.key, c.value); !errors.Is(err, c.is) {
			t.Errorf("%.40q = %v: %v", c.key, c.value, err)
		}
		if f := reopened(t, written(t, w)); len(f.Keys()) != 0 {
			t.Errorf("%.40q was written", c.key)
		}
	}
	none := func() ([]byte, error) { return nil, nil }
	for _, c := range []struct {
		name  string
		typ   Type
		shape []uint64
	}{
		{"", 0, dims(1)}, {strings.Repeat("n", maxNameLen+1), 0, dims(1)}, {"a\x00", 0, dims(1)}, {"\xff", 0, dims(1)},
		{"type", 4, dims(32)}, {"type", 9999, dims(32)}, {"no shape", 0, nil}, {"five", 0, dims(1, 1, 1, 1, 1)}, {"zero and huge", 0, dims(0, 1<<61)},
		{"huge", 0, dims(1<<40, 1<<40)}, {"part of a block", 8, dims(33)}, {"b.weight", 0, dims(1)},
	} {
		if err := everyWriter(t).AddTensor(c.name, c.typ, c.shape, none); !errors.Is(err, ErrFormat) {
			t.Errorf("%.40q %v %v: %v", c.name, c.typ, c.shape, err)
		}
	}
}

// limited fails after n bytes.
type limited struct{ n int }

var errFull = errors.New("full")

func (l *limited) Write(b []byte) (int, error) {
	if len(b) > l.n {
		return l.n, errFull
	}
	l.n -= len(b)
	return len(b), nil
}

// A writer that fails anywhere ends the writing with its error.
func TestWriteToFails(t *testing.T) {
	size := len(written(t, everyWriter(t)))
	for n := 0; n < size; n += 7 {
		if got, err := everyWriter(t).WriteTo(&limited{n}); !errors.Is(err, errFull) || got > int64(n) {
			t.Fatalf("room for %d of %d bytes: %d, %v", n, size, got, err)
		}
	}
}

// inFolder returns the names of all files in a folder.
func inFolder(t *testing.T, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// WriteFile writes all or nothing, and keeps what was there when it fails.
func TestWriteFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "m.gguf")
	var reports []int64
	if err := everyWriter(t).WriteFile(t.Context(), path, func(done, total int64) { reports = append(reports, done, total) }); err != nil {
		t.Fatal(err)
	}
	if want := []int64{102, 162, 162, 162}; !slices.Equal(reports, want) {
		t.Errorf("progress %v, want %v", reports, want)
	}
	good, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(good, written(t, everyWriter(t))) {
		t.Errorf("%d bytes, %v", len(good), err)
	}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	broken := everyWriter(t)
	if err := broken.AddTensor("bad", 0, dims(2), func() ([]byte, error) { return nil, io.ErrUnexpectedEOF }); err != nil {
		t.Fatal(err)
	}
	short := everyWriter(t)
	if err := short.AddTensor("short", 0, dims(2), func() ([]byte, error) { return make([]byte, 7), nil }); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		w   *Writer
		ctx context.Context
		is  error
	}{
		"cancelled": {everyWriter(t), cancelled, context.Canceled}, "data can't be read": {broken, t.Context(), io.ErrUnexpectedEOF},
		"data is short": {short, t.Context(), ErrFormat},
	} {
		if err := c.w.WriteFile(c.ctx, path, nil); !errors.Is(err, c.is) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v", name, err)
		}
		if now, err := os.ReadFile(path); err != nil || !bytes.Equal(now, good) {
			t.Errorf("%s: the old file changed: %v", name, err)
		}
		if names := inFolder(t, dir); len(names) != 1 {
			t.Errorf("%s: left behind %q", name, names)
		}
	}
}

// Where nothing can be written the error says so; a full device is one.
func TestWriteFilePlaces(t *testing.T) {
	dir := t.TempDir()
	if err := everyWriter(t).WriteFile(t.Context(), filepath.Join(dir, "missing", "m.gguf"), nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no such folder: %v", err)
	}
	if err := everyWriter(t).WriteFile(t.Context(), dir, nil); err == nil {
		t.Error("a folder was replaced")
	}
	if runtime.GOOS == "windows" {
		return
	}
	link := filepath.Join(dir, "link")
	target := filepath.Join(dir, "target")
	if err := errors.Join(os.WriteFile(target, nil, 0o600), os.Symlink("target", link)); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{target, link} {
		if err := everyWriter(t).WriteNewFile(t.Context(), path, nil); !errors.Is(err, fs.ErrExist) {
			t.Errorf("WriteNewFile to %s, which is there: %v", path, err)
		}
	}
	if err := everyWriter(t).WriteFile(t.Context(), link, nil); err != nil {
		t.Fatal(err)
	}
	if st, err := os.Lstat(link); err != nil || st.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the link was replaced: %v, %v", st, err)
	}
	if raw, err := os.ReadFile(target); err != nil || len(raw) == 0 {
		t.Errorf("the target has %d bytes: %v", len(raw), err)
	}
	if st, err := os.Stat(target); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("the target could be read by its owner only, and now by %v: %v", st.Mode(), err)
	}
	if err := everyWriter(t).WriteNewFile(t.Context(), filepath.Join(dir, "new"), nil); err != nil {
		t.Errorf("WriteNewFile: %v", err)
	}
	if _, err := os.Stat("/dev/full"); err == nil {
		if err := everyWriter(t).WriteFile(t.Context(), "/dev/full", nil); err == nil || !strings.Contains(err.Error(), "space") {
			t.Errorf("a full disk: %v", err)
		}
		if st, err := os.Stat("/dev/full"); err != nil || st.Mode().IsRegular() {
			t.Errorf("the device was replaced: %v, %v", st, err)
		}
	}
}

// The fingerprint follows the content, not the place.
func TestFingerprint(t *testing.T) {
	sum := func(w *Writer) string {
		s, err := reopened(t, written(t, w)).Fingerprint()
		if err != nil || len(s) != 64 {
			t.Fatalf("%q, %v", s, err)
		}
		return s
	}
	first := sum(everyWriter(t))
	if sum(everyWriter(t)) != first {
		t.Error("the same content has two fingerprints")
	}
	key, name, data := everyWriter(t), everyWriter(t), everyWriter(t)
	if err := key.Set("s.u8", uint8(3)); err != nil {
		t.Fatal(err)
	}
	addZeros(t, name, "c.weight", 0, 1)
	data.tensors[0].data = func(out io.Writer) error { b := make([]byte, 102); b[101] = 1; _, err := out.Write(b); return err }
	for what, w := range map[string]*Writer{"key": key, "tensor": name, "data": data} {
		if sum(w) == first {
			t.Errorf("another %s has the same fingerprint", what)
		}
	}
}
