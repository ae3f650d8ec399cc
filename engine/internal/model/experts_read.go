package model

import (
	"math"
	"slices"

	"github.com/latentgo/latentgo/attn"
)

// maxExperts is more than any real model's.
const maxExperts = 1 << 12

// Experts reads the mixture of each layer: how many experts there are, how many a token uses, how wide they are and how
// they are grouped. It returns nil for a file without experts. How their weights are made is the constructor's.
func (r *Reader) Experts(s *Spec) []Experts {
	n := r.Size("expert_count", 0, 0, maxExperts)
	if n == 0 {
		r.NoExperts()
		return nil
	}
	layers := len(s.Layers)
	used := r.Sizes("expert_used_count", layers, nil, 1, n)
	widths := r.Sizes("expert_feed_forward_length", layers, make([]int, layers), 0, MaxWidth)
	m := Experts{Count: n, Scale: 1}
	r.groups(&m, used)
	out := make([]Experts, layers)
	for i := range out {
		out[i] = m
		out[i].Used, out[i].Width = used[i], widths[i]
		if out[i].Width == 0 && r.err == nil { // files of the first mixtures name the width of all that a token uses
			out[i].Width = max(r.networks(s)[i]/used[i], 1)
		}
	}
	return out
}

// networks is FFNWidths, with 0 for layers that are no network where others are.
func (r *Reader) networks(s *Spec) []int {
	n := len(s.Layers)
	if widths := r.Sizes("feed_forward_length", n, make([]int, n), 0, MaxWidth); slices.Max(widths) > 0 {
		return widths
	}
	return r.FFNWidths(s)
}

// groups reads the groups of experts.
func (r *Reader) groups(m *Experts, used []int) {
	const groups, groupsUsed = "expert_group_count", "expert_group_used_count"
	m.Groups = r.Size(groups, 0, 0, m.Count)
	if m.Groups <= 1 {
		return
	}
	size := m.Count / m.Groups
	if m.Count%m.Groups != 0 || size < 2 {
		r.Fail(groups, "%d experts can't be in %d groups of at least 2", m.Count, m.Groups)
		return
	}
	m.GroupsUsed = r.Size(groupsUsed, -1, 1, m.Groups)
	for i, n := range used {
		if n > m.GroupsUsed*size {
			r.Fail(groupsUsed, "layer %d: %d experts out of %d groups of %d", i, n, m.GroupsUsed, size)
		}
	}
}

// Values of expert_gating_func.
const (
	gateDefault = 0
	gateSoftmax = 1
	gateSigmoid = 2
	gateChosen  = 3
	gateRoot    = 4
)

// Gating reads how the router's logits become weights: a softmax, a sigmoid, a softmax of those chosen, or the root of softplus. Where the
// file does not say it is a sigmoid or a softmax.
func (r *Reader) Gating(m *Experts, sigmoid bool) {
	const key = "expert_gating_func"
	switch g := r.Size(key, gateDefault, 0, math.MaxInt32); g {
	case gateDefault:
		m.Sigmoid = sigmoid
	case gateSoftmax:
	case gateSigmoid:
		m.Sigmoid = true
	case gateChosen:
		m.Chosen = true
	case gateRoot:
		m.RootSoftplus = true
	default:
		r.Refuse("key %q: gating function %d", r.key(key), g)
	}
}

// SharedWidth reads the width of the network that every token runs, def where the file does not say; 0 for none.
func (r *Reader) SharedWidth(def int) int {
	if n := r.Size("expert_shared_feed_forward_length", 0, 0, MaxWidth); n > 0 {
		return n
	}
	return def
}

// SharedCount is the width of the network that every token runs where files say how many experts of width it is worth.
func (r *Reader) SharedCount(width int) int {
	return width * r.Size("expert_shared_count", 0, 0, MaxWidth/max(width, 1))
}

// ExpertScale reads the factor of experts' weights; 0 and a missing key mean 1.
func (r *Reader) ExpertScale() float32 {
	if f := float32(r.Float("expert_weights_scale", 1)); f != 0 {
		return f
	}
	return 1
}

// MLAScale returns the scale of scores of DeepSeek's attention: that of the whole key times the square of the magnitude
// that YaRN gives to queries and keys, 1 + 0.1·m·ln(factor), 0.1·m being what these files have as multiplier. Like
// llama.cpp it does so for linear scaling, too.
func (r *Reader) MLAScale(c attn.RopeConfig, key int) float32 {
	log := math.Log(1 / c.Scale)
	m := float64(c.Magnitude) * (1 + r.Float(keyLogMul, 0)*log)
	if !c.Yarn {
		m *= 1 + 0.1*log
	}
	f := m * m / math.Sqrt(float64(key))
	if s := float32(f); s == 0 || math.IsNaN(f) || math.IsInf(float64(s), 0) {
		r.Fail("rope.scaling.factor", "scores would be multiplied by %v", f)
	}
	return float32(f)
}
