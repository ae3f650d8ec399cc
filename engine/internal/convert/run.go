package convert

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime/debug"
	"slices"

	"github.com/latentgo/latentgo/engine/internal/convert/calibration"
	"github.com/latentgo/latentgo/engine/internal/convert/llamacpp"
	"github.com/latentgo/latentgo/engine/internal/convert/refine"
	"github.com/latentgo/latentgo/engine/internal/convert/tensors"
	"github.com/latentgo/latentgo/engine/internal/model"
	"github.com/latentgo/latentgo/gguf"
)

// Result is a converted model, ready to run. Close ends it; the original file stays open.
type Result struct {
	Model *model.Model // compressed: its Spec is that of the request with the shapes that were chosen
	Made  tensors.Map  // tensors that replace the file's or come on top of them
	Info  Info

	request *Request
	cache   *gguf.File // what Made lies in, or nil
}

// Format is that of the cache that the model was made for.
func (r *Result) Format() model.CacheFormat { return r.request.Options.format() }

// Close ends the model and gives up the file in the cache. No pass may be under way or follow.
func (r *Result) Close() error {
	r.Model.Close()
	if r.cache != nil {
		return r.cache.Close()
	}
	return nil
}

// FaultError returns the error behind a fault in one of the mapped files, nil for anything else that a worker panicked
// with.
func (r *Result) FaultError(v any) error {
	if err := r.request.File.FaultError(v); err != nil {
		return err
	}
	if r.cache != nil {
		if err := r.cache.FaultError(v); err != nil {
			return fmt.Errorf("converted tensors: %w", err)
		}
	}
	return nil
}

// Run converts a model. It looks into no cache and keeps nothing.
//
// Errors wrap ErrConverted for a model whose attention is compressed or latent already, model.ErrUnsupported for what
// Options.Llama cannot express, ErrNoTokenizer, ErrDamaged for a result that is too far from the original,
// model.ErrInvalid for a file that is wrong, and ctx's.
func Run(ctx context.Context, r *Request) (*Result, error) {
	c, err := prepare(r)
	if err != nil {
		return nil, err
	}
	return c.run(ctx)
}

// conversion is one under way.
type conversion struct {
	*Request
	plan []model.CompressedShape
	text *calibration.Text
	held *calibration.Reference // what the original makes of the text that is held back
	dir  string                 // of the cache; "" for none
	info Info
	// Of each layer that was converted, what that did to it; see keepExact.
	damage []float64
	tracker
}

// prepare finds out what can be known before any work.
func prepare(r *Request) (*conversion, error) {
	c, o := &conversion{Request: r}, &r.Options
	c.fn = o.Progress
	var err error
	if o.Share > 0 {
		if err := c.checkCodes(); err != nil {
			return nil, fmt.Errorf("%s: %w", r.File.Name(), err)
		}
	} else if c.plan, err = plan(r.Spec, o.Form, o.Exact, o.Llama); err != nil {
		return nil, fmt.Errorf("%s: %w", r.File.Name(), err)
	}
	if o.Refine > 0 && !o.Llama {
		return nil, fmt.Errorf("%s: only the form for llama.cpp is refined: ask for Compat, or leave Refine out: %w",
			r.File.Name(), model.ErrUnsupported)
	}
	c.info = Info{Form: o.form(), Exact: slices.Clone(o.Exact), Source: filepath.Base(r.File.Name())}
	if o.Llama {
		c.info.Compat = formLlama
		if err := llamacpp.Check(r.File, r.Spec.Compress(c.plan, 0)); err != nil {
			return nil, err
		}
	}
	c.info.Fingerprint, err = r.File.Fingerprint()
	return c, err
}

// run converts, and loads the result.
func (c *conversion) run(ctx context.Context) (*Result, error) {
	defer debug.FreeOSMemory()
	var made tensors.Map
	err := c.guard(func() (err error) {
		made, err = c.convert(ctx)
		return err
	})
	if err != nil {
		return nil, err
	}
	debug.FreeOSMemory() // statistics and the original model are garbage now
	c.File.Release()
	res := &Result{Made: made, request: c.Request}
	if res.Model, err = c.load(made); err != nil {
		return nil, err
	}
	err = c.guard(func() error { return c.judge(ctx, res.Model) })
	if err != nil {
		res.Model.Close()
		return nil, err
	}
	res.Model.Release()
	c.info.HeldTokens = c.text.Scored()
	res.Info = c.info
	return res, nil
}

// guard turns faults of the mapped file into errors, in whatever goroutine they happen.
func (c *conversion) guard(fn func() error) error {
	err := c.File.Guard(fn)
	var f *model.Fault
	if !errors.As(err, &f) {
		return err
	}
	if err := c.File.FaultError(f.Value); err != nil {
		return err
	}
	panic(f.Value) // a bug
}

// load loads the compressed model with what was made.
func (c *conversion) load(made tensors.Map) (*model.Model, error) {
	spec := c.Spec
	if c.plan != nil {
		spec = spec.Compress(c.plan, blockRopePhase)
	}
	return model.Load(c.File, spec, model.Options{Threads: c.Threads, Tensors: made})
}

// convert makes the new tensors.
func (c *conversion) convert(ctx context.Context) (tensors.Map, error) {
	m, err := model.Load(c.File, c.Spec, model.Options{Threads: c.Threads})
	if err != nil {
		return nil, err
	}
	defer m.Close()
	make := c.layers
	if c.Options.Share > 0 {
		make = c.codes
	}
	made, err := make(ctx, m)
	if err != nil {
		return nil, fmt.Errorf("convert %s: %w", c.File.Name(), err)
	}
	return made, nil
}

// provide gets the text and takes note of where it is from.
func (c *conversion) provide(ctx context.Context, m *model.Model) (err error) {
	o := &c.Options
	c.text, err = calibration.Provide(ctx, m, c.Language, calibration.Options{
		Given: o.Calibration, Tokens: o.Tokens, Seed: o.Seed, Llama: o.Llama, Refine: o.Refine > 0, Context: c.Spec.Context,
		Warn: func(s string) { c.warn("%s", s) },
	}, c.of(StageText))
	if err != nil {
		return err
	}
	c.info.Calibration, c.info.Text, c.info.Tokens = c.text.Source, c.text.Sum, calibration.Count(c.text.Train)
	if c.text.Source == calibration.SelfWritten {
		c.info.Seed = o.Seed
	}
	return nil
}

// refer finds out what the original makes of the text that is held back.
func (c *conversion) refer(ctx context.Context, m *model.Model) (err error) {
	if c.held, err = calibration.Measure(ctx, m, c.text.Held, c.of(StageBefore)); err != nil {
		return fmt.Errorf("%s: %w", StageBefore, err)
	}
	c.info.Before = c.held.Perplexity
	m.Release()
	return nil
}

// layers converts the layers and refines what comes of them.
func (c *conversion) layers(ctx context.Context, m *model.Model) (tensors.Map, error) {
	if err := c.provide(ctx, m); err != nil {
		return nil, err
	}
	if err := c.refer(ctx, m); err != nil {
		return nil, err
	}
	for _, why := range staying(c.Spec) {
		c.warn("%s", why)
	}
	l, err := newLayerwise(ctx, m, c.plan, c.text.Windows(), c.text.Held, c.Options.Llama)
	if err != nil {
		return nil, err
	}
	l.broken = c.keepExact
	if err := l.run(ctx, c.of(StageLayers)); err != nil || c.Options.Refine <= 0 {
		return l.made, err
	}
	// The walk takes much memory, of which this is what is needed from now on: the windows to be refined on are its
	// first.
	seen := refine.Text{Windows: c.text.Train}
	seen.Targets = refine.TargetsOf(m, l.walk.Original().Rows(0, calibration.Count(seen.Windows)))
	l.walk = nil
	paid, err := refine.Run(ctx, m, l.spec, l.made, refine.Options{
		Seen: seen, Fresh: refine.Text{Windows: c.text.Fresh, Targets: c.text.FreshTargets},
		Seed: c.Options.Seed, Steps: c.Options.Refine,
	}, c.of(StageRefine))
	if err != nil {
		return nil, err
	}
	if paid {
		c.info.Refined = c.Options.Refine
	} else {
		c.warn("refinement did not pay on text held back: the model is the same as without")
	}
	return l.made, nil
}

// stageError says in which stage numbers were not finite.
func (c *conversion) stageError(stage string, err error) error {
	if errors.Is(err, model.ErrInvalid) {
		err = fmt.Errorf("convert %s: %s: %w", c.File.Name(), stage, err)
	}
	return err
}
