package cpu

import (
	"os"
	"path/filepath"
	"runtime"
)

// Processors returns how many threads can run at once: what affinity masks, containers' CPU quotas and GOMAXPROCS
// leave.
func Processors() int { return min(runtime.GOMAXPROCS(0), runtime.NumCPU()) }

// Threads returns how many threads should compute: one for each physical core that the process may use. Two on one core
// would share its vector units, and one spinning at a barrier would slow the other down.
//
// Processors is the upper bound, and the answer where the system does not tell what a core is.
func Threads() int {
	n := Processors()
	if cores := physicalCores(); cores > 0 {
		return min(n, cores)
	}
	return n
}

// siblingsPattern names the files in which Linux lists each processor's neighbours on the same core.
const siblingsPattern = "/sys/devices/system/cpu/cpu[0-9]*/topology/thread_siblings_list"

// countCores returns how many different cores the files that match the pattern tell of, 0 if there are none.
func countCores(pattern string) int {
	files, err := filepath.Glob(pattern)
	if err != nil {
		return 0
	}
	cores := map[string]bool{}
	for _, f := range files {
		if b, err := os.ReadFile(f); err == nil {
			cores[string(b)] = true
		}
	}
	return len(cores)
}
