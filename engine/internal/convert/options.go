package convert

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/latentgo/latentgo/engine/internal/convert/calibration"
	"github.com/latentgo/latentgo/engine/internal/model"
	"github.com/latentgo/latentgo/gguf"
)

// ErrConverted is returned for a model whose attention is compressed or latent already.
var ErrConverted = errors.New("the attention is latent already")

// ErrNoTokenizer is returned when calibration text is given for a model without a tokenizer.
var ErrNoTokenizer = calibration.ErrNoTokenizer

// Language is what a conversion needs of a model's tokenizer and chat template.
type Language = calibration.Language

// Form says how much is to be cached: one of the fields is set, R and L together.
type Form struct {
	Percent float64 // cached values per token in percent of what the model caches, above 0 and below 100
	R, L    int     // rotated and latent values per token and layer
	Bytes   int     // bytes per token, all layers together
}

// String writes a form as users do: "50%", "64+128" or "11520B".
func (f Form) String() string {
	switch {
	case f.Percent != 0:
		return strconv.FormatFloat(f.Percent, 'g', -1, 64) + "%"
	case f.L != 0:
		return fmt.Sprintf("%d+%d", f.R, f.L)
	}
	return fmt.Sprintf("%dB", f.Bytes)
}

// maxValues is more than a layer of any model caches per token.
const maxValues = 1 << 20

// ParseForm reads what String writes, and sizes with other units, see ParseBytes.
func ParseForm(s string) (f Form, ok bool) {
	var err error
	if n, percent := strings.CutSuffix(s, "%"); percent {
		f.Percent, err = strconv.ParseFloat(n, 64)
		return f, err == nil && f.Percent > 0 && f.Percent < 100
	}
	if a, b, values := strings.Cut(s, "+"); values {
		if f.R, err = strconv.Atoi(a); err == nil {
			f.L, err = strconv.Atoi(b)
		}
		return f, err == nil && f.R >= 0 && f.R%2 == 0 && f.L > 0 && f.R <= maxValues && f.L <= maxValues
	}
	f.Bytes, ok = ParseBytes(s)
	return f, ok
}

// Options say how a model is converted.
type Options struct {
	Form        Form
	Share       float64 // instead of Form: the cache gets calibrated codes, of so much of the bytes of half floats; see package codes
	MaxKL       float64 // with Share: the smallest share whose divergence stays below, up to that; 0 is that share
	Calibration string  // text that statistics come from; "" lets the model write some
	Tokens      int     // of it, spread evenly, or how many are written; 0 means the default
	Seed        uint64  // of what the model writes: the same seed, text and file give the same bytes on the same kind of CPU
	Exact       []int   // layers, from 0, whose attention stays as it is
	Llama       bool    // keep to what a file for llama.cpp can express, and write such a file
	Refine      int     // steps of refinement, with Llama; 0: none
	// Progress is called now and then from the goroutine that called; nil means silence.
	Progress func(Progress)
}

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

// Info tells how a model was converted, and what that costs. It is kept as metadata, see metadata.go.
type Info struct {
	Form        string  // as it was asked for
	Compat      string  // formLlama for that form, or ""
	Refined     int     // steps of refinement; 0 when it did not pay
	Exact       []int   // layers that stay exact: those asked to, and those that compression would have broken
	Calibration string  // calibration.SelfWritten or GivenText
	Text        string  // SHA-256 of the token ids used, as little-endian 32-bit numbers
	Tokens      int     // of it that the statistics come from
	Seed        uint64  // of self-written text
	HeldTokens  int     // scored for the perplexities: text that was held back
	Before      float64 // perplexity of the original on them; 0 when unknown
	After       float64 // of the result
	Divergence  float64 // mean KL(original ‖ result) on them, in nats
	Source      string  // base name of the original file
	Fingerprint string  // its gguf.File.Fingerprint
}

// formLlama is Info.Compat of the form for llama.cpp.
const formLlama = "llama.cpp"

// Request is what is to be converted. The file stays the caller's and must stay open as long as what comes of it is
// used.
type Request struct {
	File     *gguf.File
	Spec     *model.Spec // of File, as its architecture builds it
	Threads  int         // workers of the models that are loaded, at least 1
	Language Language    // nil for a model without a tokenizer
	Options  Options
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

// of returns report for one stage.
func (t *tracker) of(stage string) func(done, total int) {
	return func(done, total int) { t.report(stage, int64(done), int64(total)) }
}

// warn tells of something that only costs time.
func (t *tracker) warn(format string, a ...any) {
	if t.fn != nil {
		t.fn(Progress{Warning: fmt.Sprintf(format, a...)})
	}
}
