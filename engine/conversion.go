package engine

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"time"

	"github.com/latentgo/latentgo/gguf"
	"github.com/latentgo/latentgo/internal/atomicfile"
)

// ConvertOptions says how a model's attention is compressed: by Convert, or by Load for a compressed Options.MLA. The zero
// value is the default: text that the model writes itself, the result kept in the user's cache directory.
type ConvertOptions struct {
	// MLA is the form that Convert makes. Load takes its own Options.MLA.
	MLA MLA
	// Threads that compute in Convert, as in Options. Load takes its own.
	Threads int
	// Calibration is the text whose activations decide what is kept; "" lets the model write some. One part in eight is held
	// back to measure the result. Half as many tokens that the model writes, starting from some of the whole vocabulary, are added
	// for what the text leaves out.
	Calibration string
	// Tokens of calibration text: how many the model writes, or how many are used of a longer Calibration, spread evenly.
	// 0 means 8,192 of a text, 6,144 that the model writes, with Compat twice as many, with Refine 32,768 of a text.
	// As many again are written for Refine, by default 14,336.
	Tokens int
	// Seed of the text that the model writes. The same seed and file give the same bytes on the same kind of CPU.
	Seed uint64
	// Exact are layers, counted from 0, whose attention stays as it is. Their projections are repaired like those of the
	// others, for what the layers before them lost.
	Exact []int
	// Compat is "", or CompatLlama for a file of architecture deepseek2, which llama.cpp loads. Load keeps to what such a file
	// can express, then.
	Compat string
	// Refine improves a form with Compat by gradients through the whole model, see file refine.go, in so many steps, each on a thousand
	// tokens of the calibration text and more that the model writes. 0 means none, RefineSteps is a good number, more are better. What does
	// not pay on a part of the written text that is held back is not kept. A conversion of that number of steps takes four to five times as long,
	// and takes 6 bytes of memory more per value that is refined. Our own form has no need; with it, it is an error.
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
	StageText   = "writing text"      // tokens that the model writes
	StageBefore = "perplexity before" // tokens
	StageLayers = "layers"            // layers
	StageRefine = "refining"          // steps
	StageAfter  = "perplexity after"  // tokens
	StageSave   = "saving"            // bytes
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
	Exact       []int   `json:"exact_layers,omitempty"` // layers asked to stay exact
	Calibration string  `json:"calibration"`            // SelfWritten or GivenText
	Text        string  `json:"calibration_sha256"`     // of the token ids used, as little-endian 32-bit numbers
	Tokens      int     `json:"calibration_tokens"`     // of it that the statistics come from
	Seed        uint64  `json:"seed"`                   // of self-written text
	HeldTokens  int     `json:"held_tokens"`            // scored for the perplexities: text that was held back
	Before      float64 `json:"perplexity_before"`      // of the original on them; 0 when unknown
	After       float64 `json:"perplexity_after"`       //
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

// Convert compresses the attention of the model in file in and writes the result to file out: the metadata of the original
// and keys that say how it was made (see file provenance.go), the tensors that are still needed, byte for byte, and new
// ones. Any part of a split model names it; the result is one file. out appears only when it is complete. A file that is
// there is replaced with Overwrite only; in itself, or a part of it, never is: what is cut away would be lost. ctx ends the
// conversion within a layer. nil options are an error, since there is no default form.
//
// Errors wrap fs.ErrExist for an out that may not be replaced, ErrConverted for models whose attention is compressed or latent already, ErrUnsupported for what Compat cannot
// express.
func Convert(ctx context.Context, in, out string, opt *ConvertOptions) (*ConvertReport, error) {
	if opt == nil || !opt.MLA.Compressed() {
		return nil, fmt.Errorf(`convert %s: no compressed form: want a share such as "50%%", values such as "64+128", or bytes per token`, in)
	}
	if opt.Tokens < 0 || opt.Threads < 0 || opt.Refine < 0 {
		return nil, fmt.Errorf("convert %s: %d calibration tokens, %d threads, %d steps of refinement: must not be negative", in, opt.Tokens, opt.Threads, opt.Refine)
	}
	if opt.Compat != "" && opt.Compat != CompatLlama {
		return nil, fmt.Errorf("convert %s: compat %q is not %q: %w", in, opt.Compat, CompatLlama, ErrUnsupported)
	}
	ctx = orBackground(ctx)
	start := time.Now()
	o := *opt
	o.NoCache = true
	m, err := load(ctx, in, &Options{Threads: o.Threads, MLA: o.MLA, Convert: &o}, func(f *gguf.File) error { return checkOutput(f, out, &o) })
	if err != nil {
		return nil, err
	}
	defer m.Close()
	if m.h == nil {
		return nil, fmt.Errorf("%s: %w", in, ErrNoWeights)
	}
	if err := m.export(ctx, out, &o); err != nil {
		return nil, err
	}
	return m.report(out, time.Since(start))
}

// checkOutput finds out what would keep the result from being written before an hour is spent on it.
func checkOutput(f *gguf.File, out string, opt *ConvertOptions) error {
	if st, err := os.Stat(out); err == nil && slices.ContainsFunc(f.Paths(), func(in string) bool { return sameFile(st, in) }) {
		return fmt.Errorf("write %s: it is the file to convert, which would be lost: %w", out, fs.ErrExist)
	}
	return atomicfile.Check(out, atomicfile.Options{Overwrite: opt.Overwrite})
}

// sameFile reports whether st is the file at path.
func sameFile(st os.FileInfo, path string) bool {
	other, err := os.Stat(path)
	return err == nil && os.SameFile(st, other)
}

// report describes the conversion of a model that was written to out.
func (m *Model) report(out string, took time.Duration) (*ConvertReport, error) {
	st, err := os.Stat(out)
	if err != nil {
		return nil, err
	}
	in := m.Info()
	r := &ConvertReport{Conversion: *m.made, MLA: in.MLA, CacheAfter: in.CacheBytes, Recent: in.RecentBytes, FileBefore: m.file.Size(), FileAfter: st.Size(), Time: took}
	for i := range m.h.layers {
		r.CacheBefore += cachedBytes * values(m.h.geometry(i))
	}
	return r, nil
}

// Conversion describes how the model's compressed form was made, by Load or by Convert; nil when neither did.
func (m *Model) Conversion() *Conversion {
	if m.made == nil {
		return nil
	}
	c := *m.made
	return &c
}

// tracker makes progress reports.
type tracker struct {
	fn    func(Progress)
	stage string
	start time.Time
}

// report tells how far a stage is.
func (t *tracker) report(stage string, done, total int64) {
	if t.fn == nil {
		return
	}
	if stage != t.stage {
		t.stage, t.start = stage, time.Now()
	}
	p := Progress{Stage: stage, Done: done, Total: total}
	if done > 0 {
		p.Left = time.Duration(float64(time.Since(t.start)) / float64(done) * float64(total-done))
	}
	t.fn(p)
}

// warn tells of something that only costs time.
func (t *tracker) warn(format string, a ...any) {
	if t.fn != nil {
		t.fn(Progress{Warning: fmt.Sprintf(format, a...)})
	}
}
