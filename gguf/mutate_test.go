package gguf

import (
	"bytes"
	"encoding/binary"
	"errors"
	"runtime/metrics"
	"testing"

	"github.com/latentgo/latentgo/internal/ggtype"
	"github.com/latentgo/latentgo/internal/gguftest"
)

// smallFile has every structure of the format in a few hundred bytes.
func smallFile(form gguftest.Builder) *gguftest.Builder {
	form.Alignment = 32
	form.AddKV("general.architecture", "llama").AddKV("a.u", uint64(7)).AddKV("a.b", true).AddKV("a.f", float32(1)).
		AddKV("tokenizer.ggml.tokens", []string{"<s>", "x"}).AddKV("a.i", []int32{-1, 2}).AddKV("a.n", []any{[]bool{true}})
	return form.AddTensor("blk.0.w", ggtype.Q4_0, []uint64{32, 2}, nil).AddTensor("n", ggtype.F32, []uint64{3}, nil)
}

// allocs returns the bytes allocated so far, cheaply. Small objects are counted late, in batches of some 100 KB.
func allocs() uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}

// exercise opens file and, if that is accepted, reads everything it offers. It fails the test when more was allocated
// than a small file can explain; what the rest of the process allocates meanwhile counts too, so that only the third
// time tells.
func exercise(t *testing.T, file []byte) (accepted bool) {
	t.Helper()
	limit := uint64(1<<20 + 64*len(file))
	for try := 1; ; try++ {
		before := allocs()
		accepted = openAndRead(t, file)
		switch n := allocs() - before; {
		case n <= limit || t.Failed():
			return accepted
		case try == 3:
			t.Errorf("%d bytes allocated for a file of %d", n, len(file))
			return accepted
		}
	}
}

// openAndRead is exercise once.
func openAndRead(t *testing.T, file []byte) (accepted bool) {
	t.Helper()
	f, err := OpenReaderAt("fuzz", bytes.NewReader(file), int64(len(file)))
	if err != nil {
		if !errors.Is(err, ErrFormat) && !errors.Is(err, ErrSplit) && !errors.Is(err, ErrKind) && !errors.Is(err, ErrNoKey) {
			t.Errorf("error matches no sentinel: %v", err)
		}
		return false
	}
	readAll(t, f)
	return true
}

// readAll calls everything that serves a file's content.
func readAll(t *testing.T, f *File) {
	t.Helper()
	for _, x := range f.Tensors() {
		b, err := x.Bytes()
		if uint64(len(b)) != x.Size() && !errors.Is(err, ErrUnsupported) {
			t.Errorf("tensor %q: %d bytes of %d: %v", x.Name, len(b), x.Size(), err)
		}
	}
	for _, key := range f.Keys() {
		v, ok := f.Value(key)
		if !ok || v.Any() == nil || v.String() == "" {
			t.Errorf("key %q: %v", key, v)
		}
		for _, get := range []func(string) error{
			drop1(f.String), drop1(f.Uint), drop1(f.Int), drop1(f.Float), drop1(f.Bool),
			drop1(f.Strings), drop1(f.Ints), drop1(f.Floats), drop1(f.Bools),
		} {
			if err := get(key); err != nil && !errors.Is(err, ErrKind) {
				t.Errorf("key %q: %v", key, err)
			}
		}
	}
}

func drop1[T any](get func(string) (T, error)) func(string) error {
	return func(key string) error {
		_, err := get(key)
		return err
	}
}

// Every prefix of a valid file is refused, or is whole but for padding.
func TestEveryTruncation(t *testing.T) {
	for name, form := range forms {
		file := smallFile(form).Bytes()
		for n := range file {
			if exercise(t, file[:n]) {
				t.Errorf("%s: accepted %d of %d bytes", name, n, len(file))
			}
		}
		if !exercise(t, file) {
			t.Errorf("%s: the whole file is refused", name)
		}
	}
}

// Every value of every single byte of the header: refused with an error, or accepted and then readable throughout.
func TestEveryByteChange(t *testing.T) {
	step := 1
	if testing.Short() {
		step = 17
	}
	for name, form := range forms {
		b := smallFile(form)
		file, header := b.Bytes(), len(b.Header())
		tried, accepted := 0, 0
		for i := range header {
			old := file[i]
			for x := 1; x < 256; x += step {
				file[i] = old ^ byte(x)
				tried++
				if exercise(t, file) {
					accepted++
				}
			}
			file[i] = old
		}
		t.Logf("%s: %d changes, %d accepted", name, tried, accepted)
		if accepted == 0 || accepted == tried {
			t.Errorf("%s: %d of %d accepted", name, accepted, tried)
		}
	}
}

// Every 32-bit word and every 64-bit word of the header, at any byte, replaced by a value that programs choke on.
func TestEveryWordChange(t *testing.T) {
	words := []uint64{0, 1, 1<<31 - 1, 1 << 31, 1<<32 - 1, 1 << 47, 1 << 62, 1<<63 - 1, 1 << 63, 1<<64 - 32, 1<<64 - 1}
	for _, form := range forms {
		b := smallFile(form)
		file, header := b.Bytes(), len(b.Header())
		order := binary.ByteOrder(binary.LittleEndian)
		if form.BigEndian {
			order = binary.BigEndian
		}
		for i := range header - 8 {
			for _, w := range words {
				changed := bytes.Clone(file)
				order.PutUint64(changed[i:], w)
				exercise(t, changed)
				copy(changed, file)
				order.PutUint32(changed[i:], uint32(w))
				exercise(t, changed)
			}
		}
	}
}

// Opening reads or writes nothing outside of the header and needs no data behind the last tensor.
func TestExactEnd(t *testing.T) {
	b := new(gguftest.Builder).AddTensor("x", ggtype.I8, []uint64{5}, []byte{1, 2, 3, 4, 5})
	file := b.Bytes()
	if len(file)%32 == 0 {
		t.Fatal("the test wants a file that ends without padding")
	}
	if !exercise(t, file) || exercise(t, file[:len(file)-1]) {
		t.Error("the end of the last tensor is not the end of the file")
	}
}
