package engine

import (
	"context"
	"fmt"
	"math"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/viterin/vek/vek32"

	"github.com/latentgo/latentgo/gguf"
	"github.com/latentgo/latentgo/quant"
)

// Conversion while a model loads: plan, look into the cache, calibrate, compress, and load the weights again with what was
// made in place of the file's.

// conversion is one under way.
type conversion struct {
	m    *Model
	opt  ConvertOptions
	plan []latentShape
	text *calibrationText
	made Conversion
	tracker
}

// convert compresses the loaded model's attention to form. The caller has the turn.
func (m *Model) convert(ctx context.Context, form MLA) error {
	c := &conversion{m: m}
	if m.opt.Convert != nil {
		c.opt = *m.opt.Convert
	}
	c.fn = c.opt.Progress
	if m.h.latent != nil {
		return fmt.Errorf("%s: attention form %v: the file holds %s: %w", m.file.Name(), form, m.h.form(m.w, form), ErrConverted)
	}
	var err error
	if c.plan, err = m.h.plan(form, c.opt.Exact, c.opt.Compat != ""); err != nil {
		return fmt.Errorf("%s: %w", m.file.Name(), err)
	}
	if c.opt.Refine > 0 && c.opt.Compat == "" {
		return fmt.Errorf("%s: only the form for llama.cpp is refined: ask for Compat, or leave Refine out: %w", m.file.Name(), ErrUnsupported)
	}
	if c.opt.Compat != "" {
		if err := m.checkCompat(c.plan); err != nil {
			return err
		}
	}
	c.made = Conversion{Form: form.String(), Compat: c.opt.Compat, Exact: slices.Clone(c.opt.Exact), Source: filepath.Base(m.file.Name())}
	if c.made.Fingerprint, err = m.file.Fingerprint(); err != nil {
		return err
	}
	defer debug.FreeOSMemory()
	if c.opt.NoCache {
		return c.compress(ctx)
	}
	return c.cached(ctx)
}

// compress makes the new tensors and loads the model with them.
func (c *conversion) compress(ctx context.Context) (err error) {
	if c.text, err = c.calibration(ctx); err != nil {
		return err
	}
	c.made.Calibration, c.made.Text, c.made.Tokens = c.text.source, c.text.sum, countTokens(c.text.train)
	if c.text.source == SelfWritten {
		c.made.Seed = c.opt.Seed
	}
	if c.made.Before, err = c.perplexity(ctx, StageBefore); err != nil {
		return err
	}
	c.m.run.clean()
	o := compressOptions{plan: c.plan, windows: c.text.windows(), compat: c.opt.Compat != ""}
	if c.opt.Refine > 0 {
		o.refine = &refineOptions{seen: refineText{windows: c.text.train}, fresh: c.text.fresh, seed: c.opt.Seed, steps: c.opt.Refine}
	}
	made, err := c.m.compress(ctx, o, func(stage string, done, total int) {
		c.report(stage, int64(done), int64(total))
	})
	if err != nil {
		return fmt.Errorf("convert %s: %w", c.m.file.Name(), err)
	}
	if o.refine != nil {
		if o.refine.paid {
			c.made.Refined = c.opt.Refine
		} else {
			c.warn("refinement did not pay on text held back: the model is the same as without")
		}
	}
	if err := c.m.rebuild(made, c.m.h.planned(c.plan)); err != nil {
		return err
	}
	c.made.After, err = c.perplexity(ctx, StageAfter)
	c.made.HeldTokens = c.text.scored()
	c.m.made = &c.made
	return err
}

// rebuild loads the weights again, as h says, with over in place of the file's tensors.
func (m *Model) rebuild(over map[string]*tensor, h *hparams) error {
	if err := h.makeTurns(m.run.ropes); err != nil {
		return err
	}
	w, err := loadWeights(m.file, over, h, m.opt.MLA)
	if err != nil {
		return err
	}
	ropes := m.run.ropes
	m.run.pool.Close()
	m.h, m.w, m.over = h, w, over
	m.run = newRunner(m.h, m.w, ropes, m.opt.Threads)
	return nil
}

// perplexity is that of the model as it is now on the text held back.
func (c *conversion) perplexity(ctx context.Context, stage string) (float64, error) {
	done, total, nll := 0, countTokens(c.text.held), 0.0
	var buf []float32
	for _, ids := range c.text.held {
		s, err := c.m.NewSession(&SessionOptions{Context: len(ids)})
		if err != nil {
			return 0, err
		}
		err = s.EvalAll(ctx, ids, func(i int, logits []float32) error {
			if done++; done%64 == 0 || done == total {
				c.report(stage, int64(done), int64(total))
			}
			if i+1 < len(ids) {
				buf = resized(buf, len(logits))
				nll += logSum(buf, logits) - float64(logits[ids[i+1]])
			}
			return nil
		})
		if err != nil {
			return 0, err
		}
	}
	ppl := math.Exp(nll / float64(c.text.scored()))
	if math.IsNaN(ppl) || math.IsInf(ppl, 0) {
		return 0, fmt.Errorf("convert %s: %s: the logits are not finite numbers: %w", c.m.file.Name(), stage, ErrInvalid)
	}
	return ppl, nil
}

// logSum is ln Σ e^x. buf is room for as many.
func logSum(buf, x []float32) float64 {
	peak := vek32.Max(x)
	return float64(peak) + math.Log(float64(quant.ExpSum(buf, x, peak)))
}

// form describes what the model caches, for Info.
func (h *hparams) form(w *weights, asked MLA) string {
	if h.arch.mla {
		l := w.layers[0].lat
		return fmt.Sprintf("native %d+%d", l.r, l.l)
	}
	if h.latent == nil {
		return asked.String()
	}
	var kinds []string
	exact := 0
	for _, s := range h.latent {
		k := fmt.Sprintf("%d+%d", s.blocks*s.r, s.blocks*s.l)
		switch {
		case s.l == 0:
			exact++
		case !slices.Contains(kinds, k):
			kinds = append(kinds, k)
		}
	}
	out := "compressed " + strings.Join(kinds, ", ")
	if exact > 0 {
		out += fmt.Sprintf(", %d of %d layers exact", exact, h.layers)
	}
	return out
}

// tensors lists what the model consists of: the file's tensors, replaced where a conversion made others, then those that are new.
func (m *Model) tensors() []*tensor {
	var out []*tensor
	for _, t := range m.file.Tensors() {
		if made, ok := m.over[t.Name]; ok {
			out = append(out, made)
		} else {
			out = append(out, fileTensor(t))
		}
	}
	for i := range m.layers() {
		for _, s := range []string{tensorEncKV, tensorPairs, tensorQuery, tensorValue} {
			if t, ok := m.over[fmt.Sprintf("blk.%d.%s", i, s)]; ok {
				out = append(out, t)
			}
		}
	}
	return out
}

// export writes the converted model to path.
func (m *Model) export(ctx context.Context, path string, opt *ConvertOptions) error {
	w := new(gguf.Writer)
	if opt.Compat != "" {
		if err := m.writeCompat(w, m.over, m.h.latent); err != nil {
			return err
		}
	} else if err := m.writeOwn(w); err != nil {
		return err
	}
	if err := m.made.writeTo(w); err != nil {
		return err
	}
	t := tracker{fn: opt.Progress}
	write := w.WriteNewFile
	if opt.Overwrite {
		write = w.WriteFile
	}
	return write(ctx, path, func(done, total int64) { t.report(StageSave, done, total) })
}

// writeOwn adds everything that this engine loads again.
func (m *Model) writeOwn(w *gguf.Writer) error {
	if err := w.CopyMetadata(m.file, nil); err != nil {
		return err
	}
	if err := writeShapes(w, m.h); err != nil {
		return err
	}
	for _, t := range m.tensors() {
		if err := w.AddTensor(t.name, t.typ, t.shape, t.bytes); err != nil {
			return err
		}
	}
	return nil
}

// layers returns how many layers are loaded.
func (m *Model) layers() int {
	if m.w == nil {
		return 0
	}
	return len(m.w.layers)
}
