package engine

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/latentgo/latentgo/gguf"
)

// Models that are dropped without Close leave neither goroutines nor mapped files behind; their sessions keep them.
func TestDroppedModelsAreReleased(t *testing.T) {
	path := filepath.Join(t.TempDir(), "dropped-model.gguf")
	if err := os.WriteFile(path, tinyLlama().build().Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	before := runtime.NumGoroutine()
	var kept []*Session
	for i := range 10 {
		m, err := Load(path, &Options{Threads: 2})
		if err != nil {
			t.Fatal(err)
		}
		s := newSession(t, m, nil)
		lastLogits(t, s, randomIDs(5, 80))
		if m.Info().Threads > 1 && runtime.NumGoroutine() <= before {
			t.Fatal("the models have no goroutines: nothing is tested")
		}
		if i == 5 {
			kept = append(kept, s)
		}
	}
	released := func(goroutines, maps int) {
		t.Helper()
		for deadline := time.Now().Add(20 * time.Second); runtime.NumGoroutine() > goroutines || mapped(path) > maps; time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("%d goroutines, want %d; %d mapped files, want %d", runtime.NumGoroutine(), goroutines, mapped(path), maps)
			}
			runtime.GC()
		}
	}
	released(before+1, 1)
	lastLogits(t, kept[0], randomIDs(5, 80))
	runtime.KeepAlive(kept)
	kept = nil
	released(before, 0)
}

// mapped counts the mappings of a file, where the system tells: 0 elsewhere.
func mapped(path string) int {
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		return 0
	}
	return bytes.Count(maps, []byte(path))
}

// A file that was lent stays open: its holder may still read tensors.
func TestFileOfADroppedModel(t *testing.T) {
	lend := func() *gguf.File {
		m, err := Load(tinyLlama().build().Write(t), nil)
		if err != nil {
			t.Fatal(err)
		}
		return m.File()
	}
	f := lend()
	defer f.Close()
	data, err := f.Tensors()[0].Bytes()
	if err != nil {
		t.Fatal(err)
	}
	want := bytes.Clone(data)
	for range 10 {
		runtime.GC()
		time.Sleep(time.Millisecond)
	}
	if err := f.Guard(func() error {
		if !bytes.Equal(data, want) {
			t.Error("the data changed")
		}
		return nil
	}); err != nil {
		t.Error(err)
	}
}
