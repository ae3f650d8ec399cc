package convert

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/latentgo/latentgo/engine/internal/model"
)

// What a conversion may cost. RATIONALE.md has the figures.
const (
	// A layer whose damage (statistics.Walk.Damage) is above maxDamage stays exact.
	maxDamage = 0.1

	// A model that is farther from the original than one of these, on text held back, is no result.
	maxDivergence = 0.5 // nats, mean
	maxRatio      = 1.5 // of perplexities

	// The form for llama.cpp loses far more by what it can express, and no layer of it can be exact.
	maxLlamaDivergence = 3
	maxLlamaRatio      = 20
)

// ErrDamaged is returned when a converted model has little in common with the original.
var ErrDamaged = errors.New("the converted model is too far from the original")

// judge measures the result on the text that was held back, and refuses what is too far from the original.
func (c *conversion) judge(ctx context.Context, m *model.Model) (err error) {
	c.info.After, c.info.Divergence, err = c.held.Compare(ctx, m, c.Options.format(), c.of(StageAfter))
	if err != nil {
		return c.stageError(StageAfter, err)
	}
	ratio, most, mostRatio := c.info.After/c.info.Before, float64(maxDivergence), float64(maxRatio)
	if c.Options.Llama {
		most, mostRatio = maxLlamaDivergence, maxLlamaRatio
	}
	if c.info.Divergence <= most && ratio <= mostRatio {
		return nil
	}
	advice := fmt.Sprintf("keep a larger share of the cache than %v, give %s", c.Options.form(), c.betterText())
	if !c.Options.Llama && c.Options.Share == 0 {
		advice += fmt.Sprintf(", or leave the most damaged layers exact: %s", worst(c.damage))
	}
	return fmt.Errorf("convert %s: on %d tokens of text held back, the divergence from the original is %.2f nats (at most %v) "+
		"and perplexity × %.2f (at most %v); %s: %w",
		c.File.Name(), c.text.Scored(), c.info.Divergence, most, ratio, mostRatio, advice, ErrDamaged)
}

// betterText says what text would be better than the one that there was.
func (c *conversion) betterText() string {
	if c.Options.Calibration == "" {
		return "calibration text of the kind that the model is used for"
	}
	return "more calibration text"
}

// worst names the layers with the largest damage, "0 (0.21), 7 (0.03), 1 (0.01)".
func worst(damage []float64) string {
	order := make([]int, len(damage))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(damage[b], damage[a]) })
	out := ""
	for i, l := range order[:min(3, len(order))] {
		if i > 0 {
			out += ", "
		}
		out += fmt.Sprintf("%d (%.2g)", l, damage[l])
	}
	return out
}

// keepExact takes note of the damage that compressing layer i does, and reports whether it has to stay exact.
func (c *conversion) keepExact(i int, damage float64) bool {
	for len(c.damage) <= i {
		c.damage = append(c.damage, 0)
	}
	c.damage[i] = damage
	if c.Options.Llama || damage <= maxDamage { // the form for llama.cpp has no layers that are exact
		return false
	}
	c.warn("layer %d stays exact: compressed, it changes the residual stream by %.2g of its energy on text held back, more than %v",
		i, damage, maxDamage)
	c.info.Exact = append(c.info.Exact, i)
	slices.Sort(c.info.Exact)
	c.damage[i] = 0
	return true
}
