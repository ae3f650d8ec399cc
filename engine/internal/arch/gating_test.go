package arch_test

import (
	"testing"

	"github.com/latentgo/latentgo/engine/internal/model"
	"github.com/latentgo/latentgo/internal/ggtype"
	"github.com/latentgo/latentgo/internal/gguftest"
)

// The files of one model that don't name the gating function mean another one.
func TestGatingDefault(t *testing.T) {
	for _, c := range []struct {
		layers, vocab int
		sigmoid       bool
	}{{47, 154880, true}, {48, 154880, true}, {27, 154880, false}, {47, 32, false}} {
		d := gguftest.DeepLite()
		d.Layers = c.layers
		b := d.Metadata().AddTensor("token_embd.weight", ggtype.Q4_0, []uint64{32, uint64(c.vocab)}, nil)
		_, s := spec(t, b)
		if m := s.Layers[c.layers-1].FFN.(model.Experts); m.Sigmoid != c.sigmoid {
			t.Errorf("%d layers, %d tokens: sigmoid %v", c.layers, c.vocab, m.Sigmoid)
		}
	}
}
