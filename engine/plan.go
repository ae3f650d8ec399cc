package engine

import (
	"fmt"
	"math"
	"slices"

	"github.com/latentgo/latentgo/attn"
)

// From a form of attention to the rows that each layer caches.

// plan returns the shape of each layer's rows for a compressed form. Layers in exact, and those that the form leaves no
// smaller than they are, stay as they are. compat keeps to what architecture deepseek2 can express: one rotated component
// per frequency.
func (h *hparams) plan(form MLA, exact []int, compat bool) ([]latentShape, error) {
	if h.arch.mla {
		return nil, fmt.Errorf("attention form %v: architecture %s: %w", form, h.name, ErrConverted)
	}
	if err := h.checkExact(exact); err != nil {
		return nil, err
	}
	share, err := h.share(form, exact)
	if err != nil {
		return nil, err
	}
	plan := make([]latentShape, h.layers)
	found := false
	for i := range plan {
		if slices.Contains(exact, i) {
			continue
		}
		g := h.geometry(i)
		most, wish := g.KVHeads*min(h.rope.Dims, g.KeySize), 0
		if compat {
			most /= g.KVHeads
			wish = h.compatRope()
		}
		s, all := h.shapeOf(g, form, share, wish), values(g)
		if !compat {
			s = inBlocks(s, latentBlocks(g, s.r, s.l))
			s.near, s.key = reachNear, keysOf(g, s.blocks, s.l)
		}
		switch {
		case s.blocks*s.r > most:
			return nil, fmt.Errorf("attention form %v: %d rotated values, layer %d can have %d", form, s.blocks*s.r, i, most)
		case s.blocks*s.row() < all:
			plan[i], found = s, true
		case s.blocks*s.row() > all:
			return nil, fmt.Errorf("attention form %v: %d values per token, layer %d of the model caches %d", form, s.blocks*s.row(), i, all)
		}
	}
	if !found {
		return nil, fmt.Errorf("attention form %v leaves every layer of the model as it is", form)
	}
	return plan, nil
}

func (h *hparams) checkExact(exact []int) error {
	for _, i := range exact {
		if i < 0 || i >= h.layers {
			return fmt.Errorf("exact layer %d: the model has layers 0 to %d", i, h.layers-1)
		}
	}
	return nil
}

// row returns the values of one block's row.
func (s latentShape) row() int { return s.r + s.l }

// geometry returns the shape of layer i's attention.
func (h *hparams) geometry(i int) attn.Geometry {
	g := attn.Geometry{Heads: h.heads[i], KVHeads: h.kvHeads[i], KeySize: h.keySize, ValueSize: h.valueSize}
	if h.local[i] {
		g.Window = h.window
	}
	return g
}

// values returns what a layer caches per token when it is not compressed.
func values(g attn.Geometry) int { return g.KVHeads * (g.KeySize + g.ValueSize) }

// share returns which part of their values the layers that are compressed keep, 0 for a form that names R and L.
func (h *hparams) share(form MLA, exact []int) (float64, error) {
	if form.Bytes == 0 {
		return form.Percent / 100, nil
	}
	kept, rest := 0, 0
	for i := range h.layers {
		if n := values(h.geometry(i)); slices.Contains(exact, i) {
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

// cachedBytes is the size of a cached value.
const cachedBytes = 2

// shapeOf returns the rows of one layer; most is how many rotated values a share may give it.
func (h *hparams) shapeOf(g attn.Geometry, form MLA, share float64, most int) latentShape {
	if form.L != 0 {
		return latentShape{r: form.R, l: form.L, blocks: 1}
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
	return latentShape{r: r, l: n - r, blocks: 1}
}

// rowStep returns what the length of a row is a multiple of: 32 values, which suits the kernels, less for small layers.
func rowStep(all int) int {
	step := 32
	for step > 2 && step*8 > all {
		step /= 2
	}
	return step
}

// Rotated values of the form that llama.cpp runs; ours needs none. A quarter of a row up to half the model's values, then faster,
// since near all of them half rotate. Of SmolLM2's 384 values, perplexity ratios at context 1,024: 192 as 32 + 160 1.19, as
// 48 + 144 1.16, as 64 + 128 1.17, as 96 + 96 1.31; 96 as 16 + 80 3.05.
const (
	ropeShare = 0.25
	ropeRise  = 0.4
)

// rotatedOf returns how many of the n values per token that a layer is to cache, of all that it has, are rotated: at most most.
func rotatedOf(all, most, n int) int {
	step := max(rowStep(all)/2, 2)
	share := ropeShare*float64(n) + ropeRise*max(0, float64(n)-float64(all)/2)
	r := int(math.Round(share/float64(step))) * step
	return min(max(r, step), most, n-1) &^ 1
}

// inBlocks cuts the rows of one block for all heads into b.
func inBlocks(s latentShape, b int) latentShape {
	return latentShape{r: s.r / b, l: s.l / b, blocks: b}
}
