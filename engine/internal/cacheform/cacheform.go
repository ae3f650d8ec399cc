// Package cacheform reads what users call forms of a cache.
package cacheform

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/latentgo/latentgo/internal/attention"
)

// Form is a format, and with Calibrated the share of what F16 takes.
type Form struct {
	Format attention.Format
	Share  float64
}

// The least and the most of a share: below, codes say nothing; above, 8 bits lose as little without calibration.
const (
	LeastShare = 0.07
	MostShare  = 0.5
)

// Parse reads a format's name, "" for F16, or a share such as "14%": the format that loses least among those that take
// no more.
func Parse(s string) (Form, error) {
	if s == "" {
		return Form{}, nil
	}
	if share, err := strconv.ParseFloat(strings.TrimSuffix(s, "%"), 64); err == nil && strings.HasSuffix(s, "%") {
		f := Form{Format: attention.FormatOf(share)}
		if f.Format == attention.Calibrated {
			f.Share = share / 100
		}
		return f, f.Check()
	}
	for f := attention.F16; f < attention.Calibrated; f++ {
		if f.String() == s {
			return Form{Format: f}, nil
		}
	}
	return Form{}, fmt.Errorf(`cache %q is none of "f16", "q8", "q4" and a share such as "28%%" or "14%%"`, s)
}

// String returns what Parse reads.
func (f Form) String() string {
	if f.Share > 0 {
		return fmt.Sprintf("%.4g%%", 100*f.Share)
	}
	return f.Format.String()
}

// Check says what is wrong with a form.
func (f Form) Check() error {
	switch {
	case (f.Share != 0) != (f.Format == attention.Calibrated):
		return fmt.Errorf("cache type %v with a share of %v: calibrated codes have one, no others", f.Format, f.Share)
	case f.Share != 0 && !(f.Share >= LeastShare && f.Share <= MostShare):
		return fmt.Errorf("a cache of %.4g %%: calibrated codes take %v to %v %%", 100*f.Share, 100*LeastShare, 100*MostShare)
	}
	return nil
}
