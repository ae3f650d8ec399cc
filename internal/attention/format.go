package attention

import (
	"fmt"
	"strconv"
	"strings"
)

// Format is how cached values are stored.
type Format uint8

// The formats.
const (
	F16        Format = iota // half floats
	Q8                       // blocks of 32 int8 with a half float as scale, 34 bytes
	Q4                       // codes of 4 bits with a half float as scale of a key or value, of a layer in that form: see In
	Calibrated               // codes of as many bits as each component is worth, of a layer that has a Code
)

// formats are the names, and the shares in percent of F16 that they are called by.
var formats = []struct {
	name  string
	share float64
}{F16: {"f16", 100}, Q8: {"q8", 53}, Q4: {"q4", 28}, Calibrated: {"calibrated", 0}}

// String returns the name.
func (f Format) String() string {
	if int(f) < len(formats) {
		return formats[f].name
	}
	return strconv.Itoa(int(f))
}

// Form is a format, and with Calibrated the share of what F16 takes; with MaxKL, that at most.
type Form struct {
	Format Format
	Share  float64
	MaxKL  float64 // nats: the smallest share whose divergence stays below; 0 is none
}

// The least and the most of a share: below, codes say nothing; above, 8 bits lose as little without calibration.
const (
	LeastShare = 0.07
	MostShare  = 0.5
)

// FormOf returns the form that loses least among those that take no more than a share, in percent, of what F16 does per
// token: Calibrated, where no other does.
func FormOf(share float64) Form {
	for i, f := range formats[:Calibrated] {
		if share >= f.share {
			return Form{Format: Format(i)}
		}
	}
	return Form{Format: Calibrated, Share: share / 100}
}

// ParseForm reads a format's name, "" for F16, a share such as "14%", the format that loses least among those that take
// no more, or "auto:0.01" for the smallest share that loses no more nats.
func ParseForm(s string) (Form, error) {
	if s == "" {
		return Form{}, nil
	}
	if nats, auto := strings.CutPrefix(s, "auto:"); auto {
		most, err := strconv.ParseFloat(nats, 64)
		f := Form{Calibrated, MostShare, most}
		if err != nil || f.Check() != nil || most == 0 {
			return Form{}, fmt.Errorf(`cache %q: want a divergence in nats, such as "auto:0.01"`, s)
		}
		return f, nil
	}
	if share, err := strconv.ParseFloat(strings.TrimSuffix(s, "%"), 64); err == nil && strings.HasSuffix(s, "%") {
		f := FormOf(share)
		return f, f.Check()
	}
	for f := F16; f < Calibrated; f++ {
		if f.String() == s {
			return Form{Format: f}, nil
		}
	}
	return Form{}, fmt.Errorf(`cache %q is none of "f16", "q8", "q4", a share such as "28%%" or "14%%", bytes per token such as "3KiB", and a divergence such as "auto:0.01"`, s)
}

// String returns what ParseForm reads.
func (f Form) String() string {
	if f.MaxKL > 0 {
		return fmt.Sprintf("auto:%v", f.MaxKL)
	}
	if f.Share > 0 {
		return fmt.Sprintf("%.4g%%", 100*f.Share)
	}
	return f.Format.String()
}

// Check says what is wrong with a form.
func (f Form) Check() error {
	switch {
	case (f.Share != 0) != (f.Format == Calibrated):
		return fmt.Errorf("cache type %v with a share of %v: calibrated codes have one, no others", f.Format, f.Share)
	case f.MaxKL != 0 && !(f.MaxKL > 0 && f.MaxKL < 10 && f.Share > 0):
		return fmt.Errorf("a cache with a divergence of %v nats: want a positive number, and calibrated codes", f.MaxKL)
	case f.Share != 0 && !(f.Share >= LeastShare && f.Share <= MostShare):
		return fmt.Errorf("a cache of %.4g %%: calibrated codes take %v to %v %%", 100*f.Share, 100*LeastShare, 100*MostShare)
	}
	return nil
}
