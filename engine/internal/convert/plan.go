package convert

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/latentgo/latentgo/attn"
	"github.com/latentgo/latentgo/engine/internal/convert/llamacpp"
	"github.com/latentgo/latentgo/engine/internal/model"
)

// Compressed layers of our own form see recent tokens as the model does, and the others through rows; see
// attention.RecentWindow.
const (
	recentTokens   = 64   // tokens that are recent in any case, a multiple of 32
	blockRopePhase = 0.45 // radians by which a compressed token's phase may be wrong
)

// plan returns the shape of each layer's rows for a form. Layers in exact, those whose attention compressed rows can't
// express, and those that the form leaves no smaller than they are, stay as they are. llama keeps to what architecture
// deepseek2 can express: one rotated component per frequency.
func plan(s *model.Spec, form Form, exact []int, llama bool) ([]model.CompressedShape, error) {
	layers, err := attentionLayers(s, form)
	if err != nil {
		return nil, err
	}
	if err := checkExact(exact, len(layers)); err != nil {
		return nil, err
	}
	exact = slices.Clone(exact)
	for i, a := range layers {
		if a.Heads > 0 && obstacle(s, i) != "" {
			exact = append(exact, i)
		}
	}
	share, err := shareOf(layers, form, exact)
	if err != nil {
		return nil, err
	}
	out := make([]model.CompressedShape, len(layers))
	found := false
	for i, a := range layers {
		if slices.Contains(exact, i) || a.Heads == 0 {
			continue
		}
		rope := s.Ropes[a.Rope]
		shape, most := shapeOf(a.Geometry, rope, form, share, llama)
		switch n, all := shape.Blocks*shape.Row(), values(a.Geometry); {
		case shape.Blocks*shape.R > most:
			return nil, fmt.Errorf("attention form %v: %d rotated values, layer %d can have %d", form, shape.Blocks*shape.R, i, most)
		case n < all:
			out[i], found = shape, true
		case n > all:
			return nil, fmt.Errorf("attention form %v: %d values per token, layer %d of the model caches %d", form, n, i, all)
		}
	}
	if !found {
		return nil, fmt.Errorf("attention form %v leaves every layer of the model as it is", form)
	}
	return out, nil
}

// attentionLayers returns the layers' attention, the zero value for layers that have none, which stay as they are. What
// there is must be grouped-query attention that is not compressed, and of some layer rows must be able to express it.
func attentionLayers(s *model.Spec, form Form) ([]model.Attention, error) {
	refuse := func(format string, a ...any) error {
		return fmt.Errorf("attention form %v: %s: %w", form, fmt.Sprintf(format, a...), model.ErrUnsupported)
	}
	if s.Encoder {
		return nil, refuse("architecture %s is an encoder, which caches nothing from text to text", s.Arch)
	}
	if s.AnyCompressed() {
		return nil, fmt.Errorf("attention form %v: the file holds %s: %w", form, Describe(s), ErrConverted)
	}
	out := make([]model.Attention, len(s.Layers))
	for i, l := range s.Layers {
		switch a := l.Mixer.(type) {
		case model.Attention:
			out[i] = a
		case model.MLA, model.PoolAttention:
			return nil, fmt.Errorf("attention form %v: architecture %s: %w", form, s.Arch, ErrConverted)
		}
	}
	if what := entangled(s); what != "" {
		return nil, refuse("architecture %s has %s", s.Arch, what)
	}
	what := "no attention: its states are of a fixed size, and nothing grows with the text"
	for i, a := range out {
		if a.Heads == 0 {
			continue
		}
		if what = obstacle(s, i); what == "" {
			return out, nil
		}
	}
	return nil, refuse("architecture %s has %s", s.Arch, what)
}

// staying tells how many layers stay exact because rows can't express their attention, and why, a sentence per reason.
func staying(s *model.Spec) []string {
	var reasons, out []string
	layers := map[string]int{}
	for i := range s.Layers {
		if what := obstacle(s, i); what != "" {
			if layers[what] == 0 {
				reasons = append(reasons, what)
			}
			layers[what]++
		}
	}
	for _, what := range reasons {
		out = append(out, fmt.Sprintf("%d of %d layers stay exact: they have %s", layers[what], len(s.Layers), what))
	}
	return out
}

// entangled names what of a model keeps its layers from being gone through one by one, attention and network apart; ""
// for nothing.
func entangled(s *model.Spec) string {
	if s.Copies != nil || s.AltUp.Streams > 0 {
		return "a residual stream of several vectors, while a conversion runs layers apart"
	}
	for _, l := range s.Layers {
		switch _, pair := l.Mixer.(model.Both); {
		case pair:
			return "attention beside another mixer: a conversion fits what follows to attention alone"
		case l.EmbedSkip:
			return "embeddings that every layer adds, while a conversion runs layers apart"
		case l.Side != nil:
			return "a network beside attention that gets the layer's input: a conversion runs the two parts apart"
		case l.Repeats > 0:
			return "layers that run again with the same weights, while rows are fitted to one run"
		}
		if m, ok := l.FFN.(model.Experts); ok && m.RouteInput {
			return "experts that are chosen before attention: a conversion runs the two parts apart"
		}
	}
	return ""
}

// obstacle names what of a layer's attention compressed rows can't express, so that the layer stays exact; "" for
// nothing.
func obstacle(s *model.Spec, layer int) string {
	a, _ := s.Layers[layer].Mixer.(model.Attention)
	switch {
	case a.ALiBi != 0:
		return "attention whose scores fall with distance (ALiBi)"
	case a.Index.Blocks > 0:
		return "attention to blocks of tokens that an indexer picks (indexer.q_proj)"
	case a.NormRotated && s.Ropes[a.Rope].Magnitude > 0 && s.Ropes[a.Rope].Magnitude != 1:
		return "norms that come after a RoPE which changes the size of queries and keys (rope.scaling.attn_factor)"
	case a.Shares > 0:
		return "keys and values of another layer, which a compressed layer does not have"
	case s.SharedFrom(layer):
		return "keys and values that later layers attend to as they are"
	case a.Chunked:
		return "attention within chunks of a fixed size"
	}
	return ""
}

func checkExact(exact []int, layers int) error {
	for _, i := range exact {
		if i < 0 || i >= layers {
			return fmt.Errorf("exact layer %d: the model has layers 0 to %d", i, layers-1)
		}
	}
	return nil
}

// values returns what a layer caches per token when it is not compressed.
func values(g attn.Geometry) int { return g.KVHeads * (g.KeySize + g.ValueSize) }

// cachedBytes is the size of a cached value.
const cachedBytes = 2

// unrotated makes a row's rotated values latent ones where nothing rotates.
func unrotated(s model.CompressedShape, rope attn.RopeConfig) model.CompressedShape {
	if rope.Fixed {
		s.R, s.L = 0, s.R+s.L
	}
	return s
}

// PlainBytes returns the bytes that a model's attention caches per token in half floats, all layers, when it is not
// compressed.
func PlainBytes(s *model.Spec) int {
	n := 0
	for _, l := range s.Layers {
		switch a := l.Mixer.(type) {
		case model.Attention:
			n += cachedBytes * values(a.Geometry)
		case model.MLA:
			n += cachedBytes * (a.R + a.L)
		}
	}
	return n
}

// shareOf returns which part of their values the layers that are compressed keep, 0 for a form that names R and L.
func shareOf(layers []model.Attention, form Form, exact []int) (float64, error) {
	if form.Bytes == 0 {
		return form.Percent / 100, nil
	}
	kept, rest := 0, 0
	for i, a := range layers {
		if n := values(a.Geometry); slices.Contains(exact, i) {
			kept += n
		} else {
			rest += n
		}
	}
	most := cachedBytes * (kept + rest)
	if form.Bytes >= most {
		return 0, fmt.Errorf("attention form %v: the model caches %d bytes per token as it is", form, most)
	}
	left := float64(form.Bytes)/cachedBytes - float64(kept)
	if left <= 0 {
		return 0, fmt.Errorf("attention form %v: the layers that stay exact take %d bytes per token", form, cachedBytes*kept)
	}
	return left / float64(rest), nil
}

// shapeOf returns the rows of one layer, and how many rotated values it can have.
func shapeOf(g attn.Geometry, rope attn.RopeConfig, form Form, share float64, llama bool) (s model.CompressedShape, most int) {
	rotated := min(rope.Dims, g.KeySize)
	if llama {
		return unrotated(rowOf(g, form, share, llamacpp.MaxRotated(rope)), rope), rotated
	}
	s = inBlocks(unrotated(rowOf(g, form, share, 0), rope), g)
	s.Recent, s.Keys = recentTokens, keyRank(g, s.Blocks, s.L)
	return s, g.KVHeads * rotated
}

// rowOf returns one row for all heads of a layer; most is how many rotated values a share may give it.
func rowOf(g attn.Geometry, form Form, share float64, most int) model.CompressedShape {
	if form.L != 0 {
		return model.CompressedShape{R: form.R, L: form.L, Blocks: 1}
	}
	all := values(g)
	step := rowStep(all)
	n := int(math.Round(share*float64(all)/float64(step))) * step
	if form.Bytes != 0 { // a limit, not a wish
		n = int(share*float64(all)/float64(step)+1e-9) * step
	}
	n = min(max(n, step), all)
	r := 0
	if most > 0 {
		r = rotatedOf(all, most, n)
	}
	return model.CompressedShape{R: r, L: n - r, Blocks: 1}
}

// rowStep returns what the length of a row is a multiple of: 32 values, which suits the kernels, less for small layers.
func rowStep(all int) int {
	step := 32
	for step > 2 && step*8 > all {
		step /= 2
	}
	return step
}

// Rotated values of the form for llama.cpp; our own needs none. A quarter of a row up to half the model's values, then
// faster, since near all of them half rotate. Of SmolLM2's 384 values, perplexity ratios at context 1,024: 192 as 32 +
// 160 1.19, as 48 + 144 1.16, as 64 + 128 1.17, as 96 + 96 1.31; 96 as 16 + 80 3.05.
const (
	ropeShare = 0.25
	ropeRise  = 0.4
)

// rotatedOf returns how many of the n values per token that a layer is to cache, of all that it has, are rotated: at
// most most.
func rotatedOf(all, most, n int) int {
	step := max(rowStep(all)/2, 2)
	share := ropeShare*float64(n) + ropeRise*max(0, float64(n)-float64(all)/2)
	r := int(math.Round(share/float64(step))) * step
	return min(max(r, step), most, n-1) &^ 1
}

// keyRank returns of how many of a block's l latent values keys are made: a third of them, in whole vectors.
// RATIONALE.md has the figures.
func keyRank(g attn.Geometry, blocks, l int) int {
	return min((l/3+15)/16*16, l, g.KVHeads/blocks*g.KeySize)
}

// Describe tells what the layers of a compressed model cache: "compressed 64+128, 2 of 30 layers exact" for rotated and
// latent values. It is "" for a model that is not compressed.
func Describe(s *model.Spec) string {
	if !s.AnyCompressed() {
		return ""
	}
	var kinds []string
	exact, layers := 0, 0 // with attention
	for i, l := range s.Layers {
		if _, ok := l.Mixer.(model.Attention); !ok {
			continue
		}
		layers++
		if !s.Compressed(i) {
			exact++
			continue
		}
		c := l.Mixer.(model.Attention).Compressed
		if k := fmt.Sprintf("%d+%d", c.Blocks*c.R, c.Blocks*c.L); !slices.Contains(kinds, k) {
			kinds = append(kinds, k)
		}
	}
	out := "compressed " + strings.Join(kinds, ", ")
	if exact > 0 {
		out += fmt.Sprintf(", %d of %d layers exact", exact, layers)
	}
	return out
}
