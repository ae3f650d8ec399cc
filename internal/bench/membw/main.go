// Command membw measures how fast all threads together read memory, see package bandwidth:
//
//	go run ./internal/bench/membw [-t 2] [-mb 512] [-r 5]
//
// It prints {"threads": 2, "gb_per_s": {"best": …, "median": …}}; a GB is 10⁹ bytes.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"runtime"
	"slices"

	"github.com/latentgo/latentgo/internal/bandwidth"
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
	rates := bandwidth.Measure(*threads, *mb<<20, *reps)
	slices.Sort(rates)
	n := len(rates)
	res := result{Threads: *threads, Rate: rate{Best: rates[n-1], Median: (rates[(n-1)/2] + rates[n/2]) / 2}}
	if err := json.NewEncoder(os.Stdout).Encode(res); err != nil {
		os.Exit(1)
	}
}
