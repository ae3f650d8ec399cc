package gguf

import (
	"bytes"
	"runtime"
	"runtime/debug"
	"strconv"
	"testing"

	"github.com/latentgo/latentgo/internal/ggtype"
	"github.com/latentgo/latentgo/internal/gguftest"
)

// allocated returns the bytes that the process has allocated since it started.
func allocated() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.TotalAlloc
}

// The files that make the reader build the most for their size: everything it allocates, garbage included, stays below
// a fixed multiple of the file, and what it keeps below a smaller one.
func TestAllocationIsBounded(t *testing.T) {
	const maxTotal, maxKept = 12, 9
	for name, file := range greedyFiles() {
		t.Run(name, func(t *testing.T) {
			size := uint64(len(file))
			before, live := allocated(), heapInUse()
			f, err := OpenReaderAt(name, bytes.NewReader(file), int64(size))
			if err != nil {
				t.Fatal(err)
			}
			total := allocated() - before
			kept := heapInUse() - live
			t.Logf("file %d bytes; allocated %.1f times, kept %.1f times that", size, float64(total)/float64(size), float64(kept)/float64(size))
			if total > maxTotal*size || kept > maxKept*int64(size) {
				t.Errorf("allocated %d, kept %d bytes for a file of %d", total, kept, size)
			}
			runtime.KeepAlive(f)
			runtime.KeepAlive(file)
		})
	}
}

func heapInUse() int64 {
	debug.FreeOSMemory()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func greedyFiles() map[string][]byte {
	keys := new(gguftest.Builder)
	for i := range maxKeys {
		keys.AddKV(strconv.FormatInt(int64(i), 36), uint8(0))
	}
	tensors := &gguftest.Builder{Alignment: 1}
	for i := range 100_000 {
		tensors.AddTensor(strconv.FormatInt(int64(i), 36), ggtype.I8, []uint64{1, 1, 1, 1}, []byte{1})
	}
	return map[string][]byte{
		"keys":    keys.Bytes(),
		"tensors": tensors.Bytes(),
		"strings": new(gguftest.Builder).AddKV("k", make([]string, 500_000)).Bytes(),
		"nested":  new(gguftest.Builder).AddKV("k", nested(200_000)).Bytes(),
	}
}

func nested(n int) []any {
	out := make([]any, n)
	for i := range out {
		out[i] = []uint8{}
	}
	return out
}

// Opening a real vocabulary costs its bytes, not an allocation per token.
func TestFewAllocationsForVocabulary(t *testing.T) {
	tokens := make([]string, 100_000)
	for i := range tokens {
		tokens[i] = strconv.Itoa(i)
	}
	file := new(gguftest.Builder).AddKV("tokenizer.ggml.tokens", tokens).Bytes()
	n := testing.AllocsPerRun(3, func() {
		f, err := OpenReaderAt("v", bytes.NewReader(file), int64(len(file)))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := f.Strings("tokenizer.ggml.tokens"); err != nil || got[99_999] != "99999" {
			t.Fatal(err)
		}
	})
	if n > 60 {
		t.Errorf("%v allocations", n)
	}
}
