package convert

import (
	"context"
	"fmt"
	"maps"
	"runtime/debug"
	"slices"

	"github.com/latentgo/latentgo/engine/internal/convert/regression"
	"github.com/latentgo/latentgo/engine/internal/convert/statistics"
	"github.com/latentgo/latentgo/engine/internal/convert/tensors"
	"github.com/latentgo/latentgo/engine/internal/model"
)

// layerwise turns a model's layers into compressed ones, in order: each from statistics of what the layers before it
// have become. The model itself does not change.
type layerwise struct {
	m     *model.Model
	walk  *statistics.Walk
	spec  *model.Spec             // of the converted model
	plan  []model.CompressedShape // per layer; L = 0 leaves it exact
	made  tensors.Map             // so far
	llama bool                    // only rotated components that architecture deepseek2 can express
	// broken gets the damage of a compressed layer and reports whether it has to stay exact; nil: none has to.
	broken func(i int, damage float64) bool
}

// newLayerwise starts a conversion to a plan with statistics of windows of text; damage is measured in others.
func newLayerwise(
	ctx context.Context, m *model.Model, plan []model.CompressedShape, seen, held [][]int32, llama bool,
) (*layerwise, error) {
	debug.FreeOSMemory() // of what measured perplexity
	m.File().Release()
	c := &layerwise{m: m, spec: m.Spec().Compress(plan, blockRopePhase), plan: plan, made: tensors.Map{}, llama: llama}
	if err := m.PlanRopes(c.spec); err != nil {
		return nil, err
	}
	var err error
	c.walk, err = statistics.New(ctx, m, seen, held)
	return c, err
}

// run converts all layers. Those from the first on that attend to another layer's keys and values stay as they are, and
// nothing is to be known of them.
func (c *layerwise) run(ctx context.Context, progress func(done, total int)) error {
	for i := range c.spec.FirstSharing() {
		if err := c.layer(ctx, i); err != nil {
			return fmt.Errorf("layer %d: %w", i, err)
		}
		progress(i+1, len(c.plan))
	}
	if !slices.ContainsFunc(c.plan, func(s model.CompressedShape) bool { return s.L > 0 }) {
		return fmt.Errorf("every layer would lose too much: keep a larger share of the cache: %w", ErrDamaged)
	}
	return nil
}

// layer converts layer i and moves both streams behind it.
func (c *layerwise) layer(ctx context.Context, i int) error {
	original, made := c.m.Layer(i), tensors.Map{}
	if _, ok := original.Projections(); !ok {
		return c.walk.Pass(ctx, original)
	}
	if c.plan[i].L > 0 {
		if err := c.compressAttention(ctx, original, made); err != nil {
			return err
		}
	}
	l, err := c.loadUnbroken(ctx, original, made)
	if err != nil {
		return err
	}
	split, err := c.walk.Attend(ctx, original, l)
	if err != nil {
		return err
	}
	if split != nil {
		p, _ := l.Projections()
		if err := c.repair(split, p.O, model.LayerName(i, "attn_output.weight"), made); err != nil {
			return err
		}
		if l, err = c.m.LoadLayer(i, c.spec, made); err != nil {
			return err
		}
	}
	if err := c.walk.Advance(ctx, l); err != nil {
		return err
	}
	if !original.Spec.Parallel {
		if err := c.feedForward(ctx, original, l, made); err != nil {
			return err
		}
	}
	maps.Copy(c.made, made)
	c.m.File().Release() // the file is gone through once
	return nil
}

// feedForward moves both streams from behind the attention of a layer, converted l, to behind its feed-forward network.
func (c *layerwise) feedForward(ctx context.Context, original, l *model.Layer, made tensors.Map) error {
	debug.FreeOSMemory() // heads' outputs are garbage now, and W_down's normal equations need the room
	split, err := c.walk.FFN(ctx, original, c.llama)
	if err != nil {
		return err
	}
	if l, err = c.repairFFN(split, l, made); err != nil {
		return err
	}
	return c.walk.AdvanceFFN(ctx, l)
}

// loadUnbroken loads a layer with what was made for it, or drops that and leaves the layer exact when it is broken.
func (c *layerwise) loadUnbroken(ctx context.Context, original *model.Layer, made tensors.Map) (*model.Layer, error) {
	i := original.Index
	l, err := c.m.LoadLayer(i, c.spec, made)
	if err != nil || c.plan[i].L == 0 || c.broken == nil {
		return l, err
	}
	damage, err := c.walk.Damage(ctx, original, l)
	if err != nil || !c.broken(i, damage) {
		return l, err
	}
	clear(made)
	c.plan[i] = model.CompressedShape{} // of the spec as well
	return c.m.LoadLayer(i, c.spec, made)
}

// repairFFN repairs the W_down of a layer, unless there is nothing to fit it to, and returns the layer.
func (c *layerwise) repairFFN(split *regression.Split, l *model.Layer, made tensors.Map) (*model.Layer, error) {
	if split == nil {
		return l, nil
	}
	g, _ := l.Gated()
	if err := c.repair(split, g.Down, model.LayerName(l.Index, "ffn_down.weight"), made); err != nil {
		return nil, err
	}
	return c.m.LoadLayer(l.Index, c.spec, made)
}
