package attention

import "strconv"

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

// FormatOf returns the format that loses least among those that take no more than a share, in percent, of what F16 does
// per token: Calibrated, where no other does.
func FormatOf(share float64) Format {
	for i, f := range formats {
		if share >= f.share {
			return Format(i)
		}
	}
	return Calibrated
}
