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
	// with integer products. Keys and values are rotated before, and biases of keys left out, so that they lose next to
	// nothing; latents lose about as much as weights do in Q8_0.
	CacheQ8
	// CacheQ4 stores codes of 4 bits with a half float as scale of a key or value, rotated as with CacheQ8: 27 % of what
	// CacheF16 takes for heads of 64 values. The newest 32 to 63 tokens stay half floats. Latent attention, a model's
	// own or that of a conversion, can't have it: NewSession fails with ErrUnsupported.
	CacheQ4
)

var cacheTypes = [...]struct {
	name   string
	format attention.Format
}{CacheF16: {"f16", attention.F16}, CacheQ8: {"q8", attention.Q8}, CacheQ4: {"q4", attention.Q4}}

// ParseCacheType reads "f16" (also ""), "q8" or "q4".
func ParseCacheType(s string) (CacheType, error) {
	for c, t := range cacheTypes {
		if s == t.name {
			return CacheType(c), nil
		}
	}
	if s == "" {
		return CacheF16, nil
	}
	return 0, fmt.Errorf(`cache type %q is none of "f16", "q8" and "q4"`, s)
}

func (c CacheType) known() bool { return c >= 0 && int(c) < len(cacheTypes) }

// String returns what ParseCacheType reads.
func (c CacheType) String() string {
	if !c.known() {
		return fmt.Sprintf("CacheType(%d)", int(c))
	}
	return cacheTypes[c].name
}

func (c CacheType) format() (attention.Format, error) {
	if !c.known() {
		return 0, fmt.Errorf("cache type %d: there are CacheF16, CacheQ8 and CacheQ4", int(c))
	}
	return cacheTypes[c].format, nil
}
