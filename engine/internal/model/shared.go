package model

import (
	"fmt"

	"github.com/latentgo/latentgo/internal/attention"
)

// Layers that attend to the keys and values of an earlier layer, as Gemma 3n and 4 have them behind their middle. They
// have queries of their own and no state: segment.state is that of the other layer, which has appended the rows of the
// pass when they come.

// SharedFrom reports whether a later layer attends to the keys and values of layer i.
func (s *Spec) SharedFrom(i int) bool {
	for j := range s.Layers {
		if a := s.attention(j); a != nil && a.Shares > 0 && j-a.Shares == i {
			return true
		}
	}
	return false
}

// FirstSharing returns the first layer that attends to the keys and values of another, how many layers there are if
// none does.
func (s *Spec) FirstSharing() int {
	for i := range s.Layers {
		if a := s.attention(i); a != nil && a.Shares > 0 {
			return i
		}
	}
	return len(s.Layers)
}

// dropKeysValues leaves out what the file may have for keys and values that are never computed.
func (a *projections) dropKeysValues(ld *Loader, name func(string) string) {
	ld.ignore(name("attn_k"), name("attn_v"), name("attn_k_norm"))
	a.k, a.v, a.kBias, a.vBias = Linear{}, Linear{}, nil, nil
}

// copyKeys makes values of keys where there is one matrix for both. It ends with a barrier then.
func (a *projections) copyKeys(p *pass, w *worker) {
	if !a.spec.KeyValues || a.k.Matrix == nil || a.v.Matrix != nil {
		return
	}
	lo, hi := w.Share(len(p.pos) * a.k.Rows)
	copy(p.v[lo:hi], p.k[lo:hi])
	w.Barrier()
}

// checkShared says why sequences in a format can't have a layer with the keys and values of another. Prompts over
// codes work on the keys and values that the layer itself has just computed.
func (a *gqa) checkShared(f CacheFormat) error {
	if f >= attention.Q4 && a.spec.Shares > 0 {
		return fmt.Errorf("codes of keys and values that layers share")
	}
	if f >= attention.Q4 && a.blocks != nil {
		return fmt.Errorf("codes of keys and values that are picked by blocks")
	}
	return nil
}
