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
	CacheF16 = CacheType(attention.F16)
	// CacheQ8 stores blocks of 32 signed bytes with a half float as scale, 34 bytes instead of 64, and computes scores
	// with integer products. Biases of keys are left out before, and such keys and their values rotated, so that they
	// lose next to nothing. Latents lose about as much as weights do in Q8_0.
	CacheQ8 = CacheType(attention.Q8)
	// CacheQ4 stores codes of 4 bits with a half float as scale of a rotated key or value: 27 % of what CacheF16 takes
	// for heads of 64 values. The newest 32 to 63 tokens stay half floats, which takes as much as 160 tokens do in
	// CacheF16, and Truncate is as with a compressed model. Latent attention, a model's own or that of a conversion,
	// can't have it: NewSession fails with ErrUnsupported.
	CacheQ4 = CacheType(attention.Q4)
)

// ParseCacheType reads "f16" (also ""), "q8" or "q4"; or a share of what f16 takes per token, such as "28%", which is
// the type that loses least among those that take no more: q8 from 53 % on, q4 from 28 % on.
func ParseCacheType(s string) (CacheType, error) {
	f, err := attention.ParseFormat(s)
	return CacheType(f), err
}

// String returns the name that ParseCacheType reads.
func (c CacheType) String() string { return attention.Format(c).String() }

func (c CacheType) format() (attention.Format, error) {
	if c < CacheF16 || c > CacheQ4 {
		return 0, fmt.Errorf("cache type %d: there are CacheF16, CacheQ8 and CacheQ4", int(c))
	}
	return attention.Format(c), nil
}
