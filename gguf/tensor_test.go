package gguf

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/latentgo/latentgo/internal/ggtype"
	"github.com/latentgo/latentgo/internal/gguftest"
)

// addEveryType adds a tensor of each type with random bytes and returns those by name.
func addEveryType(b *gguftest.Builder, bigEndian bool) map[string][]byte {
	rng := rand.New(rand.NewPCG(1, 2))
	want := map[string][]byte{}
	for typ := range ggtype.Type(64) {
		block, size := typ.Block()
		if block == 0 || bigEndian && typ == ggtype.IQ2_XXS {
			continue
		}
		data := make([]byte, size*2*3)
		for i := range data {
			data[i] = byte(rng.Uint32())
		}
		want[typ.String()] = data
		b.AddTensor(typ.String(), typ, []uint64{uint64(2 * block), 3}, data)
	}
	return want
}

// Bytes gives little-endian data for every type, version, byte order and alignment, mapped or not.
func TestTensorBytes(t *testing.T) {
	for name, form := range forms {
		for _, alignment := range []uint32{0, 1, 64, 4096} {
			b := form
			b.Alignment = alignment
			b.AddKV("general.architecture", "test")
			want := addEveryType(&b, b.BigEndian)
			mapped, err := Open(b.Write(t))
			if err != nil {
				t.Fatal(err)
			}
			if mapped.Mapped() == b.BigEndian {
				t.Errorf("%s: mapped: %v", name, mapped.Mapped())
			}
			checkTensors(t, mapped, want)
			checkTensors(t, openBytes(t, &b), want)
			if err := mapped.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func checkTensors(t *testing.T, f *File, want map[string][]byte) {
	t.Helper()
	if len(f.Tensors()) != len(want) {
		t.Fatalf("%d tensors, want %d", len(f.Tensors()), len(want))
	}
	for _, x := range f.Tensors() {
		got, err := x.Bytes()
		if err != nil || !bytes.Equal(got, want[x.Name]) {
			t.Errorf("%s: %v", x.Name, err)
		}
		block, size := x.Type.Block()
		if x.Elements() != uint64(block)*6 || x.Size() != uint64(size)*6 || x.Offset%uint64(f.Alignment()) != 0 {
			t.Errorf("%s: %d elements, %d bytes, at %d", x.Name, x.Elements(), x.Size(), x.Offset)
		}
		if cap(got) != len(got) {
			t.Errorf("%s: room to append over the next tensor", x.Name)
		}
	}
}

func TestTensorLookup(t *testing.T) {
	f := openBytes(t, new(gguftest.Builder).AddTensor("a", ggtype.F32, []uint64{4, 3, 2, 1}, nil).AddTensor("b", ggtype.Q8_0, []uint64{64, 3}, nil))
	x, err := f.Tensor("b")
	if err != nil || x != f.Tensors()[1] || x.Type != ggtype.Q8_0 || !reflect.DeepEqual(x.Shape, []uint64{64, 3}) || x.Elements() != 192 {
		t.Errorf("got %v, %v", x, err)
	}
	_, err = f.Tensor("c")
	if !errors.Is(err, ErrNoTensor) || err.Error() != `gguf: test.gguf: tensor "c": no such tensor` {
		t.Errorf("got %v", err)
	}
}

func TestBigEndianWithoutForm(t *testing.T) {
	file := new(gguftest.Builder).AddTensor("x", ggtype.IQ2_XXS, []uint64{256}, nil)
	f := openBytes(t, file)
	f.parts[0].order = binary.BigEndian
	if _, err := f.Tensors()[0].Bytes(); !errors.Is(err, ErrUnsupported) || !strings.Contains(err.Error(), `tensor "x"`) {
		t.Errorf("got %v", err)
	}
}

// A file with gaps between tensors, or tensors in another order than their data, is valid.
func TestTensorsOutOfOrder(t *testing.T) {
	file := head(2, 0, "late", uint32(1), dims(4), f32, uint64(96), "early", uint32(1), dims(4), f32, uint64(0))
	file = append(file, make([]byte, 128-len(file))...)
	file = append(file, bytes.Repeat([]byte{1}, 96)...)
	file = append(file, bytes.Repeat([]byte{2}, 16)...)
	f, err := OpenReaderAt("gaps", bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	late, _ := f.Tensors()[0].Bytes()
	early, _ := f.Tensors()[1].Bytes()
	if late[0] != 2 || late[15] != 2 || early[0] != 1 || early[15] != 1 {
		t.Errorf("late %v early %v", late, early)
	}
}

// Where the system refuses to map, tensors are read: same data.
func TestWithoutMapping(t *testing.T) {
	defer func(old func(*os.File, int) ([]byte, func() error, error)) { mapMemory = old }(mapMemory)
	mapMemory = func(*os.File, int) ([]byte, func() error, error) { return nil, nil, errors.ErrUnsupported }
	b := new(gguftest.Builder)
	want := addEveryType(b, false)
	f, err := Open(b.Write(t))
	if err != nil {
		t.Fatal(err)
	}
	if f.Mapped() {
		t.Error("mapped after all")
	}
	checkTensors(t, f, want)
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Tensors()[0].Bytes(); !errors.Is(err, ErrClosed) {
		t.Errorf("got %v, want ErrClosed", err)
	}
}

// Neither a mapped file nor one without tensors keeps a file descriptor.
func TestNoDescriptorKept(t *testing.T) {
	for _, b := range []*gguftest.Builder{new(gguftest.Builder).AddKV("k", "v"), new(gguftest.Builder).AddTensor("x", ggtype.I8, []uint64{9}, nil)} {
		before := openFiles(t)
		f, err := Open(b.Write(t))
		if err != nil {
			t.Fatal(err)
		}
		if after := openFiles(t); f.Mapped() && after != before {
			t.Errorf("%d descriptors kept", after-before)
		}
		f.Close()
	}
}

func TestClose(t *testing.T) {
	path := new(gguftest.Builder).AddKV("k", "v").AddTensor("x", ggtype.F32, []uint64{4}, nil).Write(t)
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := f.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	}
	if _, err := f.Tensors()[0].Bytes(); !errors.Is(err, ErrClosed) {
		t.Errorf("got %v, want ErrClosed", err)
	}
	if s, err := f.String("k"); s != "v" || err != nil {
		t.Errorf("metadata after Close: %q, %v", s, err)
	}
}

func TestOpenErrors(t *testing.T) {
	if _, err := Open(t.TempDir()); !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), "not a regular file") {
		t.Errorf("folder: %v", err)
	}
	if _, err := Open("no/such/file.gguf"); !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), "no/such/file.gguf") {
		t.Errorf("missing: %v", err)
	}
	if _, err := Open(os.DevNull); !errors.Is(err, ErrFormat) {
		t.Errorf("device: %v", err)
	}
}

// Size, Name and Parts of a plain file.
func TestFileFacts(t *testing.T) {
	b := new(gguftest.Builder).AddTensor("x", ggtype.F32, []uint64{4}, nil)
	path := b.Write(t)
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if f.Name() != path || f.Parts() != 1 || f.Size() != int64(len(b.Bytes())) || f.Alignment() != 32 {
		t.Errorf("%s: %d parts, %d bytes, alignment %d", f.Name(), f.Parts(), f.Size(), f.Alignment())
	}
}
