package model

import (
	"math"

	"github.com/latentgo/latentgo/attn"
)

// RecurrentLayers tells which layers have no attention: attention.recurrent_layers lists them, otherwise every n-th
// layer attends, full_attention_interval or every.
func (r *Reader) RecurrentLayers(s *Spec, every int) []bool {
	const key = "attention.recurrent_layers"
	out := make([]bool, len(s.Layers))
	if flags, ok := r.flags(key); ok {
		if len(flags) < len(out) {
			r.Fail(key, "%d values for %d layers", len(flags), len(out))
			return out
		}
		copy(out, flags)
		return out
	}
	if r.Has(key) {
		n := r.Size(key, -1, 0, 1)
		for i := range out {
			out[i] = n == 1
		}
		return out
	}
	every = r.Size("full_attention_interval", every, 1, maxLayers)
	for i := range out {
		out[i] = (i+1)%every != 0
	}
	return out
}

// DeltaNet reads the shape of gated delta nets.
func (r *Reader) DeltaNet() DeltaNet {
	const heads, inner = "ssm.time_step_rank", "ssm.inner_size"
	d := DeltaNet{KeyHeads: r.Size("ssm.group_count", -1, 1, maxHeads), ValueHeads: r.Size(heads, -1, 1, maxHeads)}
	d.KeySize, d.Conv = r.Size("ssm.state_size", -1, 1, maxState), r.Size("ssm.conv_kernel", -1, 2, maxConv)
	d.ValueSize = d.KeySize
	if d.ValueHeads%d.KeyHeads != 0 {
		r.Fail(heads, "%d value heads can't share %d key heads", d.ValueHeads, d.KeyHeads)
	}
	if n := r.Size(inner, -1, 1, MaxWidth); n != d.values() {
		r.Fail(inner, "%d values are not %d heads of %d", n, d.ValueHeads, d.ValueSize)
	}
	r.checkState(d.stateSize())
	return d
}

// Lightning returns layer i's linear attention with the heads of g. Its decay is 1 in the first layer and about 0 in the
// last.
func (r *Reader) Lightning(s *Spec, i int, g attn.Geometry) Lightning {
	l := Lightning{Heads: g.Heads, Size: g.KeySize}
	l.Decay = float32(1 - float64(i)/float64(max(1, len(s.Layers)-1)) + 1e-5)
	if g.ValueSize != g.KeySize {
		r.Fail("attention.value_length", "values of %d beside keys of %d in linear attention", g.ValueSize, g.KeySize)
	}
	r.checkState(l.stateSize())
	return l
}

// KDA reads the shape of Kimi Delta Attention of so many heads.
func (r *Reader) KDA(heads int) KDA {
	k := KDA{Heads: heads, Size: r.Size("kda.head_dim", -1, 1, maxState), Conv: r.Size("ssm.conv_kernel", -1, 2, maxConv)}
	if heads < 1 || heads > maxHeads {
		r.Fail("attention.head_count", "%d is outside 1 … %d", heads, maxHeads)
	}
	r.checkState(k.stateSize())
	return k
}

// Limits of states that no real model exceeds.
const (
	maxState = 1 << 12 // values of a key
	maxConv  = 1 << 8  // tokens that a convolution sees
	maxLayer = 1 << 26 // values of a layer's state
)

// checkState refuses states that would take all memory.
func (r *Reader) checkState(values int) {
	if values > maxLayer {
		r.Fail("ssm.state_size", "a layer's state of %d values, at most %d", values, maxLayer)
	}
}

// Mamba2 reads the shape of Mamba 2's mixers.
func (r *Reader) Mamba2() Mamba2 {
	const heads, groups, inner = "ssm.time_step_rank", "ssm.group_count", "ssm.inner_size"
	m := Mamba2{Heads: r.Size(heads, -1, 1, maxHeads), Groups: r.Size(groups, -1, 1, maxHeads)}
	m.State, m.Conv = r.Size("ssm.state_size", -1, 1, maxState), r.Size("ssm.conv_kernel", -1, 2, maxConv)
	n := r.Size(inner, -1, 1, MaxWidth)
	if n%m.Heads != 0 {
		r.Fail(inner, "%d heads don't divide %d values", m.Heads, n)
	}
	if m.Heads%m.Groups != 0 {
		r.Fail(groups, "%d heads can't be in %d groups", m.Heads, m.Groups)
	}
	m.HeadSize = max(n/m.Heads, 1)
	r.checkState(m.stateSize())
	return m
}

// HeadedMamba reads the shape of PLaMo 2's mixers: Mamba 1's with channels in heads.
func (r *Reader) HeadedMamba(s *Spec) Mamba {
	const heads, inner = "ssm.time_step_rank", "ssm.inner_size"
	m := r.Mamba()
	m.Heads, m.Rank, m.Norms = r.Size(heads, -1, 1, maxHeads), max(64, s.Width/16), true
	if m.Inner%m.Heads != 0 {
		r.Fail(inner, "%d heads don't divide %d values", m.Heads, m.Inner)
	}
	r.Size("ssm.group_count", 0, 0, 0)
	return m
}

// Mamba reads the shape of Mamba 1's mixers.
func (r *Reader) Mamba() Mamba {
	m := Mamba{
		Inner: r.Size("ssm.inner_size", -1, 1, MaxWidth), State: r.Size("ssm.state_size", -1, 1, maxState),
		Rank: r.Size("ssm.time_step_rank", -1, 1, MaxWidth), Conv: r.Size("ssm.conv_kernel", -1, 2, maxConv),
	}
	r.checkState(m.stateSize())
	return m
}

// Indexer reads the shape of a lightning indexer, whose keys have at least so many values.
func (r *Reader) Indexer(least int) Indexer {
	const size = "attention.indexer.key_length"
	x := Indexer{Heads: r.Size("attention.indexer.head_count", -1, 1, MaxWidth), Size: r.Size(size, -1, 1, MaxWidth)}
	x.TopK = r.Size("attention.indexer.top_k", -1, 1, math.MaxInt32)
	if x.Size < least {
		r.Fail(size, "%d values, and RoPE needs %d", x.Size, least)
	}
	return x
}
