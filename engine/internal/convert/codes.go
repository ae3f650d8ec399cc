package convert

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/latentgo/latentgo/engine/internal/convert/codes"
	"github.com/latentgo/latentgo/engine/internal/convert/tensors"
	"github.com/latentgo/latentgo/engine/internal/model"
	"github.com/latentgo/latentgo/internal/attention"
)

// checkCodes says why the model's cache can't have calibrated codes; nil if it can.
func (c *conversion) checkCodes() error {
	what := withoutCodes(c.Spec)
	if what == "" {
		return nil
	}
	return fmt.Errorf("%v: architecture %s has %s: %w", c.Options.form(), c.Spec.Arch, what, model.ErrUnsupported)
}

// withoutCodes tells what keeps a model's cache from having codes, "" for nothing.
func withoutCodes(s *model.Spec) string {
	if s.Encoder {
		return "an encoder, which caches nothing from text to text"
	}
	what, some := codes.NoAttention, false
	for _, l := range s.Layers {
		if why := codes.Refused(l.Mixer); why != "" {
			return why
		}
		switch why := codes.Codable(l.Mixer); why {
		case "":
			some = true
		case codes.NoAttention:
		default:
			what = why
		}
	}
	if some {
		return ""
	}
	return what
}

// codes makes the tensors of calibrated codes.
func (c *conversion) codes(ctx context.Context, m *model.Model) (tensors.Map, error) {
	known := c.keptCalibration()
	if known == nil {
		if err := c.provide(ctx, m); err != nil {
			return nil, err
		}
	}
	if err := c.refer(ctx, m); err != nil {
		return nil, err
	}
	if known == nil {
		var err error
		if known, err = codes.Calibrate(ctx, m, c.text.Windows(), c.of(StageLayers)); err != nil {
			return nil, err
		}
		if err := c.keepCalibration(ctx, known); err != nil {
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			c.warn("what the text has shown is not kept for caches of other shares: %v", err)
		}
	}
	if c.Options.MaxKL > 0 {
		return c.smallest(ctx, known)
	}
	return known.Tensors(c.Options.Share)
}

// autoShares are what is tried for the smallest cache that loses little enough.
var autoShares = []float64{0.07, 0.08, 0.09, 0.1, 0.12, 0.14, 0.17, 0.2, 0.24, 0.28, 0.33, 0.4, 0.5}

// smallest makes the tensors of the smallest share, up to Options.Share, whose divergence on the text held back stays
// below Options.MaxKL.
func (c *conversion) smallest(ctx context.Context, known *codes.Calibration) (best tensors.Map, err error) {
	shares := slices.DeleteFunc(slices.Clone(autoShares), func(s float64) bool { return s > c.Options.Share })
	last := 0.0
	lo, hi := 0, len(shares)
	for lo < hi {
		mid := (lo + hi) / 2
		made, err := known.Tensors(shares[mid])
		if errors.Is(err, model.ErrUnsupported) { // too small for the model
			lo = mid + 1
			continue
		}
		if err != nil {
			return nil, err
		}
		if last, err = c.divergence(ctx, made); err != nil {
			return nil, err
		}
		if last <= c.Options.MaxKL {
			best, hi = made, mid
			c.info.Form = fmt.Sprintf("cache %.4g%% (%s)", 100*shares[mid], c.Options.form())
		} else {
			lo = mid + 1
		}
	}
	if best == nil {
		return nil, fmt.Errorf("%s: at most %.4g %% of the bytes lose %.3g nats: allow more, give %s, or take q8: %w",
			c.Options.form(), 100*c.Options.Share, last, c.betterText(), ErrDamaged)
	}
	return best, nil
}

// divergence is that of the model with calibrated codes from the original, on the text held back.
func (c *conversion) divergence(ctx context.Context, made tensors.Map) (float64, error) {
	m, err := c.load(made)
	if err != nil {
		return 0, err
	}
	defer m.Close()
	_, kl, err := c.held.Compare(ctx, m, attention.Calibrated, c.of(StageAfter))
	return kl, err
}

// form is what was asked for.
func (o *Options) form() string {
	if o.Share > 0 {
		return "cache " + attention.Form{Format: attention.Calibrated, Share: o.Share, MaxKL: o.MaxKL}.String()
	}
	return o.Form.String()
}

// format is the cache's.
func (o *Options) format() model.CacheFormat {
	if o.Share > 0 {
		return attention.Calibrated
	}
	return attention.F16
}
