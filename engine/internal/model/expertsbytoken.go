package model

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/latentgo/latentgo/internal/ggtype"
)

// expertsByToken loads a table of the experts that each token uses [vocab, used].
func (ld *Loader) expertsByToken(name string, s *Experts) []int32 {
	t, b := ld.find(name, s.Used, ld.spec.Vocab)
	if ld.err != nil {
		return nil
	}
	if t.Type != ggtype.I32 {
		ld.fail(t, fmt.Errorf("type %v, want I32: %w", t.Type, ErrInvalid))
		return nil
	}
	out := make([]int32, s.Used*ld.spec.Vocab)
	for i := range out {
		out[i] = int32(binary.NativeEndian.Uint32(b[4*i:]))
		if e := out[i]; e < 0 || int(e) >= s.Count || slices.Contains(out[i-i%s.Used:i], e) {
			ld.fail(t, fmt.Errorf("token %d: expert %d, want %d different ones of %d: %w", i/s.Used, e, s.Used, s.Count, ErrInvalid))
			return nil
		}
	}
	return out
}
