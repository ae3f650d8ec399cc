// Package bandwidth measures how fast threads together read memory: what no decode step can beat, since it reads every
// weight once.
//
// Each thread scans a block of its own, far larger than the caches, with the standard library's byte search, which
// reads 32 bytes at a time on amd64 and 16 on arm64.
package bandwidth

import (
	"bytes"
	"runtime"
	"sync"
	"time"

	"github.com/latentgo/latentgo/internal/hugepage"
)

// Measure lets each of so many threads read a block of size bytes, all at the same time, reps times. It returns the
// rate of each repetition, of all threads together, in GB/s; a GB is 10⁹ bytes. All arguments are at least 1.
func Measure(threads, size, reps int) []float64 {
	list := blocks(threads, size)
	rates := make([]float64, reps)
	for i := range rates {
		rates[i] = float64(threads) * float64(size) / scanAll(list).Seconds() / 1e9
	}
	return rates
}

// blocks returns n blocks of size bytes, all ones: every page is real, and no byte is what scan looks for. They lie in huge
// pages where there are any, as weights do.
func blocks(n, size int) [][]byte {
	list := make([][]byte, n)
	for i := range list {
		list[i] = hugepage.Make[byte](size)
		for j := range list[i] {
			list[i][j] = 1
		}
	}
	return list
}

// scanAll reads each block in a thread of its own and returns how long the slowest took.
func scanAll(list [][]byte) time.Duration {
	var wg sync.WaitGroup
	start := time.Now()
	for _, b := range list {
		wg.Go(func() {
			runtime.LockOSThread()
			if bytes.IndexByte(b, 0) >= 0 {
				panic("a block changed")
			}
		})
	}
	wg.Wait()
	return time.Since(start)
}
