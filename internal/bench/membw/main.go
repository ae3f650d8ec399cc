// Command membw measures how fast all threads together read memory: what no decode step can beat, since it reads every
// weight once.
//
//	go run ./internal/bench/membw [-t 2] [-mb 512] [-r 5]
//
// Each thread scans a block of its own, far larger than the caches, with the standard library's byte search, which
// reads 32 bytes at a time on amd64 and 16 on arm64. It prints {"threads": 2, "gb_per_s": {"best": …, "median": …}}; a
// GB is 10⁹ bytes.
package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"runtime"
	"slices"
	"sync"
	"time"
)

// result is what the program prints.
type result struct {
	Threads int  `json:"threads"`
	Rate    rate `json:"gb_per_s"`
}

// rate sums up the repetitions.
type rate struct {
	Best   float64 `json:"best"`
	Median float64 `json:"median"`
}

// main measures and prints.
func main() {
	threads := flag.Int("t", runtime.GOMAXPROCS(0), "threads")
	mb := flag.Int("mb", 512, "megabytes per thread")
	reps := flag.Int("r", 5, "repetitions")
	flag.Parse()
	if *threads < 1 || *mb < 1 || *reps < 1 {
		_, _ = fmt.Fprintln(os.Stderr, "membw: -t, -mb and -r must be positive")
		os.Exit(2)
	}
	res := result{Threads: *threads, Rate: measure(blocks(*threads, *mb<<20), *reps)}
	if err := json.NewEncoder(os.Stdout).Encode(res); err != nil {
		os.Exit(1)
	}
}

// blocks returns n blocks of size bytes, all ones: every page is real, and no byte is what scan looks for.
func blocks(n, size int) [][]byte {
	list := make([][]byte, n)
	for i := range list {
		list[i] = bytes.Repeat([]byte{1}, size)
	}
	return list
}

// measure reads all blocks at once, reps times.
func measure(list [][]byte, reps int) rate {
	total := 0
	for _, b := range list {
		total += len(b)
	}
	rates := make([]float64, reps)
	for i := range rates {
		rates[i] = float64(total) / scanAll(list).Seconds() / 1e9
	}
	slices.Sort(rates)
	return rate{Best: rates[reps-1], Median: (rates[(reps-1)/2] + rates[reps/2]) / 2}
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
