package engine

import (
	"math"
	"runtime"
	"testing"
)

// No more threads compute than there are processors, whatever is asked for.
func TestThreadsAreCutToTheProcessors(t *testing.T) {
	path := tinyLlama().build().Write(t)
	for _, procs := range []int{1, min(2, runtime.NumCPU()), 4 * runtime.NumCPU()} {
		func() {
			defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(procs))
			for _, asked := range []int{1, procs, procs + 1, 256, math.MaxInt} {
				before := runtime.NumGoroutine()
				m, err := Load(path, &Options{Threads: asked})
				if err != nil {
					t.Fatal(err)
				}
				defer m.Close()
				want := min(asked, procs, runtime.NumCPU())
				if got := m.Info().Threads; got != want {
					t.Errorf("%d threads asked for on %d processors: %d", asked, procs, got)
				}
				if got := runtime.NumGoroutine() - before; got > want-1 {
					t.Errorf("%d threads: %d goroutines", want, got)
				}
				lastLogits(t, newSession(t, m, nil), randomIDs(9, 80))
			}
		}()
	}
}
