package model

import (
	"fmt"

	"github.com/latentgo/latentgo/attn"
	"github.com/latentgo/latentgo/gguf"
	"github.com/latentgo/latentgo/internal/attention"
)

// Tensors of frequency divisors: of Llama 3 files, and LongRoPE's.
const (
	ropeFactors      = "rope_freqs.weight"
	ropeFactorsShort = "rope_factors_short.weight"
	ropeFactorsLong  = "rope_factors_long.weight"
)

// factorTensors names the tensors of frequency divisors that the file may have.
func (s *Spec) factorTensors() []string {
	var out []string
	if s.RopeFactors {
		out = append(out, ropeFactors)
	}
	if s.LongRope {
		out = append(out, ropeFactorsShort, ropeFactorsLong)
	}
	return out
}

// planRopes computes the spec's position embeddings.
func planRopes(f *gguf.File, s *Spec) ([]ropePlan, error) {
	plans := make([]ropePlan, len(s.Ropes))
	for i, c := range s.Ropes {
		long := c
		var far []float32
		if i == 0 {
			ld := &Loader{f: f, spec: s, asked: map[string]bool{}}
			far = ld.factors(&c)
			if ld.err != nil {
				return nil, ld.err
			}
		}
		var err error
		plans[i].rope, err = attn.NewRope(c)
		if long.Factors = far; err == nil && far != nil {
			plans[i].long, err = attn.NewRope(long)
		}
		if err == nil && s.usesRecent() {
			err = plans[i].planBlocks(s.BlockRopePhase)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w: %w", f.Name(), err, ErrInvalid)
		}
	}
	return plans, nil
}

// HasLongRope reports whether the file has LongRoPE's tensors.
func (r *Reader) HasLongRope() bool {
	return r.HasTensor(ropeFactorsShort) || r.HasTensor(ropeFactorsLong)
}

// factors loads the divisors of the first position embedding, and returns those of its form for long contexts where the
// file has another.
func (ld *Loader) factors(c *attn.RopeConfig) (far []float32) {
	if ld.spec.RopeFactors {
		c.Factors = ld.vector(ropeFactors, max(c.Dims, ld.spec.FactorDims)/2, false)
	}
	if !ld.spec.LongRope || c.Factors != nil {
		return nil // llama.cpp prefers them, too
	}
	short, long := ld.has(ropeFactorsShort), ld.has(ropeFactorsLong)
	if ld.err == nil && short != long {
		ld.err = fmt.Errorf("%s: one of the tensors %q and %q is missing: %w", ld.f.Name(), ropeFactorsShort, ropeFactorsLong, ErrInvalid)
	}
	if short {
		c.Factors = ld.vector(ropeFactorsShort, c.Dims/2, true)
		far = ld.vector(ropeFactorsLong, c.Dims/2, true)
	}
	return far
}

// of returns the embedding of a sequence.
func (r *ropePlan) of(s *Sequence) *attn.Rope {
	if s.long && r.long != nil {
		return r.long
	}
	return r.rope
}

// planBlocks computes the form by blocks of positions, for sequences with a long context too.
func (r *ropePlan) planBlocks(phase float64) (err error) {
	if r.long == nil {
		r.block, err = attention.NewBlockRope(r.rope, phase)
		return err
	}
	if r.block, err = attention.NewBlockRope(r.rope, phase, r.long); err == nil {
		r.longBlock = r.block.For(r.long)
	}
	return err
}

// blocksOf returns that form of a sequence.
func (r *ropePlan) blocksOf(s *Sequence) *attention.BlockRope {
	if s.long && r.longBlock != nil {
		return r.longBlock
	}
	return r.block
}
