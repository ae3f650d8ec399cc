package convert

import (
	"context"
	"fmt"

	"github.com/latentgo/latentgo/engine/internal/convert/codes"
	"github.com/latentgo/latentgo/engine/internal/convert/tensors"
	"github.com/latentgo/latentgo/engine/internal/model"
	"github.com/latentgo/latentgo/internal/attention"
)

// checkCodes says why the model's cache can't have calibrated codes; nil if it can.
func (c *conversion) checkCodes() error {
	what := "no grouped-query attention"
	if c.Spec.Encoder {
		what = "an encoder, which caches nothing from text to text"
	}
	for _, l := range c.Spec.Layers {
		if a, ok := l.Mixer.(model.Attention); ok && !c.Spec.Encoder {
			if what = codes.Codable(a); what == "" {
				return nil
			}
		}
	}
	return fmt.Errorf("cache of %v: architecture %s has %s: %w", c.Options.form(), c.Spec.Arch, what, model.ErrUnsupported)
}

// codes makes the tensors of calibrated codes.
func (c *conversion) codes(ctx context.Context, m *model.Model) (tensors.Map, error) {
	return codes.Make(ctx, m, c.text.Windows(), c.Options.Share, c.of(StageLayers))
}

// form is what was asked for.
func (o *Options) form() string {
	if o.Share > 0 {
		return fmt.Sprintf("cache %.4g%%", 100*o.Share)
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
