package convert

import (
	"math"
	"strconv"
	"strings"
)

// ParseBytes reads a size with a unit, such as "11520B" or "11.25KiB", of at least 1 byte.
func ParseBytes(s string) (int, bool) {
	for _, u := range []struct {
		name string
		size float64
	}{{"KiB", 1024}, {"KB", 1000}, {"kB", 1000}, {"MiB", 1 << 20}, {"MB", 1e6}, {"B", 1}} {
		if n, ok := strings.CutSuffix(s, u.name); ok {
			v, err := strconv.ParseFloat(n, 64)
			if v *= u.size; err != nil || !(v >= 1) || v > math.MaxInt32 {
				return 0, false
			}
			return int(v), true
		}
	}
	return 0, false
}
