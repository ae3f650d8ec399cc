package engine

import (
	"fmt"

	"github.com/latentgo/latentgo/internal/attention"
)

// CacheType is a type of cached values.
type CacheType int

// The types of cached values.
const (
	// CacheF16 stores half floats.
	CacheF16 CacheType = iota
	// CacheQ8 stores blocks of 32 signed bytes with a half float as scale, 34 bytes instead of 64, and computes scores
	// with integer products. Keys, values and latents lose about as much as weights do in Q8_0.
	CacheQ8
)

// ParseCacheType reads "f16" (also "") or "q8".
func ParseCacheType(s string) (CacheType, error) {
	switch s {
	case "", "f16":
		return CacheF16, nil
	case "q8":
		return CacheQ8, nil
	}
	return 0, fmt.Errorf(`cache type %q is neither "f16" nor "q8"`, s)
}

// String returns what ParseCacheType reads.
func (c CacheType) String() string {
	if c == CacheQ8 {
		return "q8"
	}
	return "f16"
}

func (c CacheType) format() (attention.Format, error) {
	switch c {
	case CacheF16:
		return attention.F16, nil
	case CacheQ8:
		return attention.Q8, nil
	}
	return 0, fmt.Errorf("cache type %d: there are CacheF16 and CacheQ8", int(c))
}
