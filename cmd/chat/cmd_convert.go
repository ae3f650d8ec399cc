package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"text/tabwriter"
	"time"

	"github.com/latentgo/latentgo/cmd/chat/internal/human"
	"github.com/latentgo/latentgo/engine"
	"github.com/latentgo/latentgo/gguf"
	"github.com/latentgo/latentgo/internal/models"
)

// convertCmd is `chat convert IN OUT`: the model as one file, changed only in what flags say; without any, byte for
// byte. IN may also be a folder or a repository with weights in safetensors. OUT appears when it is complete. Prints what changed, with --json as resaved, and after --mla alone as
// engine.ConvertReport. With --to OUT is a folder, see exportHub.
type convertCmd struct {
	jsonFlag
	threadsFlag
	forceFlag
	typeFlags
	metaFlags
	splitFlags
	orderFlag
	mlaFlags
	loraFlags
	toFlags

	In  string `arg:"" type:"nonempty" placeholder:"IN" help:"The model, as for -m of other commands; any part of a split one; or a folder or repository with weights in safetensors."`
	Out string `arg:"" optional:"" type:"nonempty" placeholder:"OUT" help:"File to write; with --split what the names of its parts begin with; with --to a folder. Not with --dry-run."`
}

// mlaFlags say whether and how attention is compressed.
type mlaFlags struct {
	MLA   string    `name:"mla" placeholder:"FORM" group:"Compression" help:"Compress what attention caches: to a share such as 50%, rotated+latent values per token and layer such as 64+128, or bytes per token such as 11520B."`
	Cache shareForm `name:"cache" placeholder:"SHARE" group:"Compression" help:"Calibrate codes for the cache instead: sessions of the file take a share of its bytes, such as 14%, or what auto:0.01 finds."`
	calibFlags
	Compat string `placeholder:"PROGRAM" group:"Compression" help:"llama.cpp: write a file of architecture deepseek2, which it loads; without this only this program does."`
	Refine bool   `group:"Compression" help:"Improve a file for llama.cpp by gradients through the whole model: takes four to five times as long."`
	Steps  int    `placeholder:"N" group:"Compression" help:"How many steps --refine takes, each on 1024 tokens: more are better, and take longer; 0 is 60."`
}

// check finds wrong values, and flags that would do nothing.
func (c *mlaFlags) check() error {
	switch {
	case c.Compat != "" && c.Compat != engine.CompatLlama:
		return fmt.Errorf("--compat %s is not known: %s is", c.Compat, engine.CompatLlama)
	case c.Refine && c.Compat == "":
		return fmt.Errorf("--refine improves files for llama.cpp only: add --compat %s", engine.CompatLlama)
	case c.Steps < 0 || c.Steps > 10000:
		return fmt.Errorf("--steps must be between 0 and 10000, not %d", c.Steps)
	case c.Steps > 0 && !c.Refine:
		return errors.New("--steps is about --refine: add that")
	}
	if c.MLA == "" {
		if c.Compat != "" {
			return errors.New("--compat is about compression: --mla 50% asks for it")
		}
		none := convertFlags{calibFlags: c.calibFlags}
		return none.check(engine.MLA{}, c.Cache.Cache)
	}
	if c.Cache.Share > 0 {
		return fmt.Errorf("--cache %v is for exact attention: leave --mla %s out", c.Cache, c.MLA)
	}
	form, err := engine.ParseMLA(c.MLA)
	switch {
	case err != nil:
		return fmt.Errorf("--mla: %w", err)
	case !form.Compressed():
		return fmt.Errorf("--mla %s compresses nothing: give a share such as 50%%", c.MLA)
	}
	return c.calibFlags.check()
}

// compresses reports whether the cache is to become smaller.
func (c *mlaFlags) compresses() bool { return c.MLA != "" || c.Cache.Share > 0 }

// Validate implements kong's hook.
func (c *convertCmd) Validate() error {
	switch {
	case c.DryRun && c.compresses():
		return errors.New("--dry-run shows what --type does, not --mla or --cache: leave that out")
	case !c.DryRun && c.Out == "":
		return errors.New(`expected "<out>", the file to write`)
	}
	if err := c.checkHub(); err != nil {
		return err
	}
	if err := validate(&c.threadsFlag, &c.typeFlags, &c.metaFlags, &c.splitFlags, &c.loraFlags); err != nil {
		return err
	}
	return c.mlaFlags.check()
}

// Run implements kong's command.
func (c *convertCmd) Run(a *app) error {
	if c.To != "" {
		return c.exportHub(a)
	}
	r := &resave{typeFlags: c.typeFlags, metaFlags: c.metaFlags, splitFlags: c.splitFlags, orderFlag: c.orderFlag, forceFlag: c.forceFlag,
		threads: c.count(a), json: c.JSON, out: c.Out}
	if !c.DryRun && !c.cuts() {
		if err := c.mayWrite(c.Out, c.In, c.Calib, c.Imatrix); err != nil {
			return err
		}
	}
	dir, err := a.openFolder(c.In)
	if err != nil {
		return err
	}
	if dir != nil {
		return c.convertFolder(a, dir, r)
	}
	path, err := a.fetch(c.In, models.Options{})
	if err != nil {
		return err
	}
	switch {
	case len(c.Lora) > 0:
		f, err := gguf.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		if err := r.notAPart(f); err != nil {
			return err
		}
		return c.convertOpen(a, f, r)
	case !c.compresses():
		return r.run(a, path)
	}
	return c.compressed(a, path, r)
}

// compressed writes the model at path with its attention compressed, and with what else r changes.
func (c *convertCmd) compressed(a *app, path string, r *resave) error {
	if r.Endian == nil && !r.typeFlags.any() && !r.metaFlags.any() && !r.cuts() {
		return c.compress(a, path, c.Out, true)
	}
	return c.between(func(dir string) error {
		between := filepath.Join(dir, "compressed-"+filepath.Base(path))
		if err := c.compress(a, path, between, false); err != nil {
			return err
		}
		return r.run(a, between)
	})
}

// compress compresses the attention of a model, and prints what that changed if it is all that is asked for.
func (c *convertCmd) compress(a *app, in, out string, report bool) error {
	opt, err := c.options(a)
	if err != nil {
		return err
	}
	if opt.Cache = c.Cache.Cache; opt.Cache.Share == 0 {
		if opt.MLA, err = engine.ParseMLA(c.MLA); err != nil {
			return err
		}
	}
	bar := newConvertBar(a)
	defer bar.clear()
	defer savingMemory()()
	opt.Threads, opt.Compat, opt.Progress, opt.Overwrite = c.count(a), c.Compat, bar.report, c.Force
	if c.Refine {
		if opt.Refine = c.Steps; opt.Refine == 0 {
			opt.Refine = engine.RefineSteps
		}
	}
	r, err := engine.Convert(a.ctx, in, out, opt)
	if err != nil {
		return err
	}
	bar.clear()
	switch {
	case report && c.JSON:
		return a.printJSON(r)
	case !c.JSON:
		a.printReport(c.Out, r)
	}
	return nil
}

// printReport writes what a compression did, for people.
func (a *app) printReport(out string, r *engine.ConvertReport) {
	what := r.MLA
	if what == "" {
		what = r.Form
	}
	a.printf("%s: %s\n", human.Line(out), what)
	w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', tabwriter.AlignRight)
	_, _ = fmt.Fprintf(w, "\tbefore\tafter\t\t\n")
	_, _ = fmt.Fprintf(w, "cache, bytes per token\t%d\t%d\t%.1f %%\t\n", r.CacheBefore, r.CacheAfter, 100*float64(r.CacheAfter)/float64(r.CacheBefore))
	if r.Recent > 0 {
		_, _ = fmt.Fprintf(w, "newest tokens as they are\t–\t%s\t\t\n", human.Size(int64(r.Recent)))
	}
	_, _ = fmt.Fprintf(w, "perplexity\t%.3f\t%.3f\t× %.3f\t\n", r.Before, r.After, r.After/r.Before)
	_, _ = fmt.Fprintf(w, "file\t%s\t%s\t\t\n", human.Size(r.FileBefore), human.Size(r.FileAfter))
	_ = w.Flush()
	source := "text that the model wrote"
	if r.Calibration == engine.GivenText {
		source = "the text"
	}
	refined := ""
	if r.Refined > 0 {
		refined = ", refined"
	}
	a.printf("calibrated on %s tokens of %s%s, perplexity on %s more; took %v\n",
		human.Count(int64(r.Tokens)), source, refined, human.Count(int64(r.HeldTokens)), r.Time.Round(100*time.Millisecond))
}
