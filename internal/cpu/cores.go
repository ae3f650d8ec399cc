package cpu

import (
	"encoding/binary"
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

// relationProcessorCore is a record of Windows about a core.
const relationProcessorCore = 0

// fastCores counts the cores of the highest class in what Windows' GetLogicalProcessorInformationEx gives; 0 for what
// it can't read. A record is u32 relationship, u32 size, u8 flags, u8 efficiency class (the higher the faster), …
func fastCores(list []byte) (n int) {
	best := byte(0)
	for len(list) >= 10 {
		size := binary.LittleEndian.Uint32(list[4:])
		if size < 10 || uint64(size) > uint64(len(list)) {
			return 0
		}
		if binary.LittleEndian.Uint32(list) == relationProcessorCore {
			switch class := list[9]; {
			case n == 0 || class > best:
				best, n = class, 1
			case class == best:
				n++
			}
		}
		list = list[size:]
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
