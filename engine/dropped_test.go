package engine

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/latentgo/latentgo/internal/gguftest"

	"github.com/latentgo/latentgo/gguf"
)

// Models that are dropped without Close leave neither goroutines nor mapped files behind; their sessions keep them.
func TestDroppedModelsAreReleased(t *testing.T) {
	path := filepath.Join(t.TempDir(), "dropped-model.gguf")
	if err := os.WriteFile(path, gguftest.TinyLlama().Build().Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	before := settled()
	var kept []*Session
	for i := range 10 {
		m, err := Load(path, &Options{Threads: 2})
		if err != nil {
			t.Fatal(err)
		}
		s := newSession(t, m, nil)
		lastLogits(t, s, gguftest.RandomIDs(5, 80))
		if m.Info().Threads > 1 && runtime.NumGoroutine() <= before {
			t.Fatal("the models have no goroutines: nothing is tested")
		}
		if i == 5 {
			kept = append(kept, s)
		}
	}
	released := func(goroutines, maps int) {
		t.Helper()
		for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
			n, files := runtime.NumGoroutine(), mapped(path)
			if n <= goroutines && files <= maps {
				return
			}
			if time.Now().After(deadline) {
				t.Fatalf("%d goroutines, want %d; %d mapped files, want %d", n, goroutines, files, maps)
			}
			runtime.GC()
		}
	}
	released(before+1, 1)
	lastLogits(t, kept[0], gguftest.RandomIDs(5, 80))
	runtime.KeepAlive(kept)
	kept = nil
	released(before, 0)
}

// settled returns how many goroutines there are once those of models that tests before have dropped are gone.
func settled() int {
	n := runtime.NumGoroutine()
	for same := 0; same < 10; same++ {
		runtime.GC()
		time.Sleep(5 * time.Millisecond)
		if now := runtime.NumGoroutine(); now != n {
			n, same = now, 0
		}
	}
	return n
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
		m, err := Load(gguftest.TinyLlama().Build().Write(t), nil)
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
