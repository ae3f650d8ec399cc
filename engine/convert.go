package engine

import (
	"context"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/latentgo/latentgo/engine/internal/convert"
	"github.com/latentgo/latentgo/engine/internal/model"
	"github.com/latentgo/latentgo/gguf"
	"github.com/latentgo/latentgo/internal/cpu"
)

// ConvertOptions says how a model's attention is compressed: by Convert, or by Load for a compressed Options.MLA. The
// zero value is the default: text that the model writes itself, the result kept in the user's cache directory.
type ConvertOptions struct {
	// MLA is the form that Convert makes. Load takes its own Options.MLA.
	MLA MLA
	// Cache, of type CacheCalibrated, lets Convert write a file whose sessions have such a cache, instead of MLA. Load
	// takes its own Options.Cache.
	Cache Cache
	// Threads that compute in Convert, as in Options. Load takes its own.
	Threads int
	// Calibration is the text whose activations decide what is kept; "" lets the model write some. One part in eight is
	// held back to measure the result. Half as many tokens that the model writes, starting from some of the whole
	// vocabulary, are added for what the text leaves out.
	Calibration string
	// Tokens of calibration text: how many the model writes, or how many are used of a longer Calibration, spread
	// evenly. 0 means 8,192 of a text, 6,144 that the model writes, with Compat twice as many, with Refine 32,768 of a
	// text. As many again are written for Refine, by default 14,336.
	Tokens int
	// Seed of the text that the model writes. The same seed and file give the same bytes on the same kind of CPU.
	Seed uint64
	// Exact are layers, counted from 0, whose attention stays as it is. Their projections are repaired like those of
	// the others, for what the layers before them lost. A layer that compression would break joins them by itself,
	// whatever that adds to the cache: Progress has a warning, Conversion.Exact all of them.
	Exact []int
	// Compat is "", or CompatLlama for a file of architecture deepseek2, which llama.cpp loads. Load keeps to what such
	// a file can express, then.
	Compat string
	// Refine improves a form with Compat by gradients through the whole model, see file refine.go, in so many steps,
	// each on a thousand tokens of the calibration text and more that the model writes. 0 means none, RefineSteps is a
	// good number, more are better. What does not pay on a part of the written text that is held back is not kept. A
	// conversion of that number of steps takes four to five times as long, and takes 6 bytes of memory more per value
	// that is refined. Our own form has no need; with it, it is an error.
	Refine int
	// NoCache neither looks into the user's cache directory nor writes there. Convert never does.
	NoCache bool
	// Overwrite lets Convert replace a file that is there already. Load has no use for it.
	Overwrite bool
	// Progress is called now and then from the goroutine that works; nil means silence.
	Progress func(Progress)
}

// RefineSteps is ConvertOptions.Refine where there are some minutes: on two cores a model of 135M takes less than ten.
const RefineSteps = 60

// CompatLlama is ConvertOptions.Compat for llama.cpp.
const CompatLlama = "llama.cpp"

// Stages of a conversion, in order.
const (
	StageText   = convert.StageText   // tokens that the model writes
	StageBefore = convert.StageBefore // tokens
	StageLayers = convert.StageLayers // layers
	StageRefine = convert.StageRefine // steps
	StageAfter  = convert.StageAfter  // tokens
	StageSave   = convert.StageSave   // bytes
)

// Progress is one report on a running conversion.
type Progress struct {
	Stage       string
	Done, Total int64         // in the stage's units
	Left        time.Duration // until the end of the stage; 0 when unknown
	Warning     string        // something that costs time or was in vain; the other fields are empty
}

// Conversion describes how a compressed model was made, and what it costs.
type Conversion struct {
	Form        string  `json:"form"`                   // as it was asked for
	Compat      string  `json:"compat,omitempty"`       // CompatLlama
	Refined     int     `json:"refined,omitempty"`      // by gradients, in so many steps; 0 when it did not pay
	Exact       []int   `json:"exact_layers,omitempty"` // layers that stay exact: asked to, or too much damaged otherwise
	Calibration string  `json:"calibration"`            // SelfWritten or GivenText
	Text        string  `json:"calibration_sha256"`     // of the token ids used, as little-endian 32-bit numbers
	Tokens      int     `json:"calibration_tokens"`     // of it that the statistics come from
	Seed        uint64  `json:"seed"`                   // of self-written text
	HeldTokens  int     `json:"held_tokens"`            // scored for the perplexities: text that was held back
	Before      float64 `json:"perplexity_before"`      // of the original on them; 0 when unknown
	After       float64 `json:"perplexity_after"`       //
	Divergence  float64 `json:"divergence"`             // mean KL(original ‖ result) on them, in nats
	Source      string  `json:"source"`                 // base name of the original file
	Fingerprint string  `json:"source_fingerprint"`     // its gguf.File.Fingerprint
}

// Sources of calibration text.
const (
	SelfWritten = "self-written"
	GivenText   = "text"
)

// ConvertReport is what Convert did.
type ConvertReport struct {
	Conversion
	MLA         string        `json:"mla"`                // the rows that were chosen, as in Info
	CacheBefore int           `json:"cache_bytes_before"` // bytes per token, all layers
	CacheAfter  int           `json:"cache_bytes_after"`
	Recent      int           `json:"recent_bytes"` // beside, per session: see Info.RecentBytes
	FileBefore  int64         `json:"file_bytes_before"`
	FileAfter   int64         `json:"file_bytes_after"`
	Time        time.Duration `json:"nanoseconds"`
}

// Convert compresses the attention of the model in file in and writes the result to file out: the metadata of the
// original and keys that say how it was made (latentgo.*), the tensors that are still needed, byte for byte, and new
// ones. Any part of a split model names it; the result is one file. out appears only when it is complete. A file that
// is there is replaced with Overwrite only; in itself, or a part of it, never is: what is cut away would be lost. ctx
// ends the conversion within a layer. nil options are an error, since there is no default form.
//
// Errors wrap fs.ErrExist for an out that may not be replaced, ErrConverted for models whose attention is compressed or
// latent already, ErrUnsupported for what Compat cannot express, ErrDamaged for a result too far from the original.
func Convert(ctx context.Context, in, out string, opt *ConvertOptions) (*ConvertReport, error) {
	ctx, start := orBackground(ctx), time.Now()
	if err := opt.check(in); err != nil {
		return nil, err
	}
	f, err := gguf.Open(in)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if err := convert.CheckOutput(f, out, opt.Overwrite); err != nil {
		return nil, err
	}
	m := &Model{file: f, opt: Options{Threads: opt.Threads, VocabOnly: true}}
	var r *convert.Result
	if err := f.Guard(func() error { r, err = m.convertFile(ctx, opt); return err }); err != nil {
		return nil, err
	}
	defer r.Close()
	if err := r.Write(ctx, out, opt.Overwrite); err != nil {
		return nil, err
	}
	return report(f, r, out, time.Since(start))
}

// check says what is wrong with the options of Convert.
func (o *ConvertOptions) check(in string) error {
	switch {
	case o == nil || o.MLA.Compressed() == (o.Cache.Share > 0):
		const format = `convert %s: no compressed form: want a share such as "50%%", values such as "64+128", or bytes per token; or else a calibrated cache`
		return fmt.Errorf(format, in)
	case o.Tokens < 0 || o.Threads < 0 || o.Refine < 0:
		const format = "convert %s: %d calibration tokens, %d threads, %d steps of refinement: must not be negative"
		return fmt.Errorf(format, in, o.Tokens, o.Threads, o.Refine)
	case o.Compat != "" && o.Compat != CompatLlama:
		return fmt.Errorf("convert %s: compat %q is not %q: %w", in, o.Compat, CompatLlama, ErrUnsupported)
	}
	if err := o.Cache.check(); err != nil {
		return fmt.Errorf("convert %s: %w", in, err)
	}
	return cpu.EnvError()
}

// convertFile converts the model of m.file, of which nothing but the vocabulary is loaded.
func (m *Model) convertFile(ctx context.Context, opt *ConvertOptions) (*convert.Result, error) {
	if err := m.load(ctx); err != nil {
		return nil, err
	}
	if len(m.file.Tensors()) == 0 {
		return nil, fmt.Errorf("%s: %w", m.file.Name(), ErrNoWeights)
	}
	spec, err := m.spec()
	if err != nil {
		return nil, err
	}
	return convert.Run(ctx, m.request(spec, opt.MLA, opt.Cache, opt))
}

// convert makes the compressed form that the options ask for, or takes it from the conversion cache.
func (m *Model) convert(ctx context.Context, spec *model.Spec) (err error) {
	opt := m.opt.Convert
	if opt == nil {
		opt = &ConvertOptions{}
	}
	run := convert.Cached
	if opt.NoCache {
		run = convert.Run
	}
	if m.result, err = run(ctx, m.request(spec, m.opt.MLA, m.opt.Cache, opt)); err != nil {
		return err
	}
	m.net, m.made = m.result.Model, fromInfo(&m.result.Info)
	return nil
}

// request says what is to be converted and how.
func (m *Model) request(spec *model.Spec, form MLA, cache Cache, opt *ConvertOptions) *convert.Request {
	r := &convert.Request{File: m.file, Spec: spec, Threads: m.opt.Threads, Options: convert.Options{
		Form: form.form(), Share: cache.Share, MaxKL: cache.MaxKL, Calibration: opt.Calibration, Tokens: opt.Tokens, Seed: opt.Seed, Exact: opt.Exact,
		Llama: opt.Compat == CompatLlama, Refine: opt.Refine,
	}}
	if opt.Progress != nil {
		r.Options.Progress = func(p convert.Progress) { opt.Progress(Progress(p)) }
	}
	if m.tok != nil {
		r.Language = m.lang
	}
	return r
}

// report describes a conversion of f that was written to out.
func report(f *gguf.File, r *convert.Result, out string, took time.Duration) (*ConvertReport, error) {
	st, err := os.Stat(out)
	if err != nil {
		return nil, err
	}
	spec := r.Model.Spec()
	size := r.Model.CacheSize(r.Format())
	return &ConvertReport{
		Conversion: *fromInfo(&r.Info), MLA: convert.Describe(spec), CacheBefore: convert.PlainBytes(spec), CacheAfter: size.Token,
		Recent: size.Fixed, FileBefore: f.Size(), FileAfter: st.Size(), Time: took,
	}, nil
}

// fromInfo returns what a conversion tells of itself, nil for none.
func fromInfo(in *convert.Info) *Conversion {
	if in == nil {
		return nil
	}
	c := Conversion(*in)
	c.Exact = slices.Clone(c.Exact)
	return &c
}

// Conversion describes how the model's compressed form was made, by Load or by Convert; nil when neither did.
func (m *Model) Conversion() *Conversion {
	if m.made == nil {
		return nil
	}
	c := *m.made
	return &c
}
