package engine

import (
	"fmt"

	"github.com/latentgo/latentgo/engine/internal/convert"
	"github.com/latentgo/latentgo/engine/internal/model"
	"github.com/latentgo/latentgo/internal/attention"
)

// CacheType is a type of cached values.
type CacheType int

// The types of cached values.
const (
	// CacheDefault is what the model was loaded for: Options.Cache, or CacheCalibrated for a file that Convert wrote with
	// it; otherwise CacheF16.
	CacheDefault CacheType = iota
	// CacheF16 stores half floats.
	CacheF16
	// CacheQ8 stores blocks of 32 signed bytes with a half float as scale, 34 bytes instead of 64, and computes scores
	// with integer products. Biases of keys are left out before, and such keys and their values rotated, so that they
	// lose next to nothing. Latents lose about as much as weights do in Q8_0.
	CacheQ8
	// CacheQ4 stores codes of 4 bits with a half float as scale of a rotated key or value: 27 % of what CacheF16 takes
	// for heads of 64 values. The newest 32 to 63 tokens have 8 bits; with what Truncate goes back to they take as much
	// as 83 tokens do in CacheF16, and Truncate is as with a compressed model. Of a model's own latent attention it
	// stores latents in 4 bits and what RoPE rotates in 8, 28 % of 64+512 values. Rows that a conversion has compressed
	// (Options.MLA) can't have it, nor can those that an indexer picks from: NewSession fails with ErrUnsupported.
	CacheQ4
	// CacheCalibrated stores codes of as many bits as each part of a key or value is worth, which text has shown when
	// the model was loaded: see Options.Cache. The newest tokens and the first four have 8 bits.
	CacheCalibrated
)

// Cache says how sessions cache keys and values. The zero value is CacheF16.
type Cache struct {
	Type CacheType
	// Share is how large a cache of CacheCalibrated is, all bytes of a session of 4,096 tokens, as a share of what
	// CacheF16 takes: 0.07 … 0.5. What is kept to go back to the end of the last prompt, 64 tokens in 8 bits, comes
	// on top.
	Share float64
	// MaxKL, if positive, makes Share the most that is taken: the smallest cache is made whose divergence KL(original ‖ it),
	// mean in nats on text held back from the calibration, stays below. Conversion.Form tells which that is.
	MaxKL float64
	// TokenBytes, instead of all of these, is how many bytes a token takes at most, all layers together: Load makes of it
	// what ParseCache makes of that share of CacheF16.
	TokenBytes int
}

// ParseCache reads "f16" (also ""), "q8" or "q4"; or a share of what f16 takes, such as "14%", which is what loses least
// among the types that take no more: q8 from 53 % on, q4 from 28 % on, calibrated codes below; or "auto:0.01", a
// calibrated cache with that MaxKL; or bytes per token, such as "3000B" or "3KiB".
func ParseCache(s string) (Cache, error) {
	if n, ok := convert.ParseBytes(s); ok {
		return Cache{TokenBytes: n}, nil
	}
	f, err := attention.ParseForm(s)
	return cacheOf(f), err
}

func cacheOf(f attention.Form) Cache {
	return Cache{Type: CacheType(f.Format) + CacheF16, Share: f.Share, MaxKL: f.MaxKL}
}

// of returns the cache for a model: TokenBytes as a share.
func (c Cache) of(s *model.Spec) (Cache, error) {
	plain := convert.PlainBytes(s)
	switch {
	case c.TokenBytes == 0:
		return c, nil
	case plain == 0:
		return c, fmt.Errorf("a cache of %v per token: no layer has keys and values: %w", c, ErrUnsupported)
	}
	f := attention.FormOf(100 * float64(c.TokenBytes) / float64(plain))
	if err := f.Check(); err != nil {
		return c, fmt.Errorf("%d of %d bytes per token: %w", c.TokenBytes, plain, err)
	}
	return cacheOf(f), nil
}

func (c Cache) form() attention.Form {
	return attention.Form{Format: attention.Format(max(c.Type, CacheF16) - CacheF16), Share: c.Share, MaxKL: c.MaxKL}
}

// String returns what ParseCache reads.
func (c Cache) String() string {
	if c.TokenBytes != 0 {
		return fmt.Sprintf("%dB", c.TokenBytes)
	}
	return c.form().String()
}

func (c Cache) check() error {
	switch {
	case c == Cache{}, c == Cache{TokenBytes: max(c.TokenBytes, 1)}:
		return nil
	case c.TokenBytes != 0:
		return fmt.Errorf("a cache of %d bytes per token: want a positive number, and nothing else beside it", c.TokenBytes)
	case c.Type < CacheF16 || c.Type > CacheCalibrated:
		return fmt.Errorf("cache type %d: there are CacheF16, CacheQ8, CacheQ4 and CacheCalibrated", int(c.Type))
	}
	return c.form().Check()
}

// String returns the name that ParseCache reads, "default" or "calibrated".
func (c CacheType) String() string {
	if c == CacheDefault {
		return "default"
	}
	return attention.Format(c - CacheF16).String()
}

// format returns what a session of m has that asks for c.
func (m *Model) format(c CacheType) (attention.Format, error) {
	switch {
	case c < CacheDefault || c > CacheCalibrated:
		return 0, Cache{Type: c}.check()
	case c != CacheDefault:
	case m.opt.Cache.Type != CacheDefault:
		c = m.opt.Cache.Type
	case m.net.CheckCache(attention.Calibrated) == nil:
		c = CacheCalibrated
	default:
		c = CacheF16
	}
	f := attention.Format(c - CacheF16)
	return f, m.net.CheckCache(f)
}
