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
	F16 Format = iota // half floats
	Q8                // blocks of 32 int8 with a half float as scale, 34 bytes
	Q4                // codes of 4 bits with a half float as scale of a key or value, of a layer in that form: see In
)

// formats are the names, and the shares in percent of F16 that they are called by.
var formats = []struct {
	name  string
	share float64
}{F16: {"f16", 100}, Q8: {"q8", 53}, Q4: {"q4", 28}}

// String returns the name.
func (f Format) String() string {
	if int(f) < len(formats) {
		return formats[f].name
	}
	return strconv.Itoa(int(f))
}

// ParseFormat reads a name, "" for F16, or a share such as "28%": the format that loses least among those that take no
// more of what F16 does per token.
func ParseFormat(s string) (Format, error) {
	share, err := strconv.ParseFloat(strings.TrimSuffix(s, "%"), 64)
	isShare := err == nil && strings.HasSuffix(s, "%")
	for i, f := range formats {
		if s == f.name || s == "" || isShare && share >= f.share {
			return Format(i), nil
		}
	}
	if isShare {
		return 0, fmt.Errorf("cache type %q: the smallest is q4, %v%%", s, formats[Q4].share)
	}
	return 0, fmt.Errorf(`cache type %q is none of "f16", "q8", "q4" and a share such as "28%%"`, s)
}
