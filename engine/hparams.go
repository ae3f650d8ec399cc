package engine

import (
	"fmt"
	"math"

	"github.com/latentgo/latentgo/attn"
	"github.com/latentgo/latentgo/gguf"
	"github.com/latentgo/latentgo/internal/attention"
)

// Limits that no real model exceeds; a file beyond them is hostile or broken.
const (
	maxLayers = 512
	maxWidth  = 1 << 20
	maxHeads  = 1 << 12
)

// hparams are a model's hyperparameters as its metadata tell them, checked.
type hparams struct {
	arch    arch
	name    string // general.architecture
	layers  int
	embed   int   // width of the residual stream
	ff      []int // per layer
	heads   []int // per layer
	kvHeads []int // per layer
	context int   // trained

	keySize, valueSize int
	eps                float32
	scale              float32 // of scores
	window             int
	local              []bool                 // per layer: attention in the window only
	latent             []latentShape          // per layer, nil for a model that is not compressed
	phase              float64                // see attention.NewBlockRope
	turns              []*attention.BlockRope // by layer.rope, when any layer needs them
	mla                mlaShape
	experts            mixture
	rope               attn.RopeConfig
	ropeLocal          attn.RopeConfig
	finalCap           float32 // logits = cap·tanh(logits/cap); 0 means none
	tempScale          float64 // mistral3: queries grow with log(position); 0 means not
	tempFloor          int
}

// reader reads keys below "<architecture>." and keeps the first error.
type reader struct {
	f    *gguf.File
	arch string
	err  error
}

func (r *reader) key(k string) string { return r.arch + "." + k }

func (r *reader) has(k string) bool { return r.f.Has(r.key(k)) }

func (r *reader) fail(k, format string, a ...any) {
	if r.err == nil {
		r.err = fmt.Errorf("%s: key %q: %s: %w", r.f.Name(), r.key(k), fmt.Sprintf(format, a...), ErrInvalid)
	}
}

// keep remembers err unless there was one before.
func (r *reader) keep(err error) {
	if r.err == nil && err != nil {
		r.err = err
	}
}

// size reads a count between lo and hi; def when the key is missing, an error when def is negative.
func (r *reader) size(k string, def, lo, hi int) int {
	if !r.has(k) && def >= 0 {
		return def
	}
	v, err := r.f.Uint(r.key(k))
	if err != nil {
		r.keep(err)
		return max(def, lo)
	}
	if v < uint64(lo) || v > uint64(hi) {
		r.fail(k, "%d is outside %d … %d", v, lo, hi)
		return lo
	}
	return int(v)
}

// sizes reads a count per layer: one for all, or an array.
func (r *reader) sizes(k string, n int, def []int, lo, hi int) []int {
	out := make([]int, n)
	if r.has(k) {
		if list, err := r.f.Ints(r.key(k)); err == nil {
			r.perLayer(out, k, list, lo, hi)
			return out
		}
	} else if def != nil {
		return def
	}
	v := r.size(k, -1, lo, hi)
	for i := range out {
		out[i] = v
	}
	return out
}

func (r *reader) perLayer(out []int, k string, list []int64, lo, hi int) {
	if len(list) < len(out) {
		r.fail(k, "%d values for %d layers", len(list), len(out))
		return
	}
	for i := range out {
		if v := list[i]; v < int64(lo) || v > int64(hi) {
			r.fail(k, "layer %d: %d is outside %d … %d", i, v, lo, hi)
		}
		out[i] = int(list[i])
	}
}

// float reads a finite number; def when the key is missing.
func (r *reader) float(k string, def float64) float64 {
	if !r.has(k) {
		return def
	}
	v, err := r.f.Float(r.key(k))
	r.keep(err)
	if math.IsNaN(v) || math.IsInf(v, 0) {
		r.fail(k, "%v is not a number", v)
		return def
	}
	return v
}

// positive reads a number that must be above 0.
func (r *reader) positive(k string, def float64) float64 {
	v := r.float(k, def)
	if !(v > 0) {
		r.fail(k, "%v is not above 0", v)
		return 1
	}
	return v
}

// readHParams reads and checks the metadata that the forward pass depends on.
func readHParams(f *gguf.File) (*hparams, error) {
	name, err := f.String("general.architecture")
	if err != nil {
		return nil, err
	}
	a, ok := archs[name]
	if !ok {
		return nil, fmt.Errorf("%s: architecture %q: %w", f.Name(), name, ErrUnsupported)
	}
	r := &reader{f: f, arch: name}
	h := &hparams{arch: a, name: name}
	r.shape(h)
	if r.err == nil {
		r.attention(h)
	}
	if r.err == nil {
		r.ropes(h)
	}
	if r.err == nil {
		r.experts(h)
	}
	if r.err == nil && !a.mla { // deepseek2 files that a conversion made have only the keys that tell of it
		r.keep(h.latents(f))
	}
	return h, r.err
}

func (r *reader) shape(h *hparams) {
	h.layers = r.size("block_count", -1, 1, maxLayers)
	h.layers -= r.size("nextn_predict_layers", 0, 0, h.layers-1) // at the end, for speculative decoding
	h.embed = r.size("embedding_length", -1, 1, maxWidth)
	h.context = r.size("context_length", -1, 1, math.MaxInt32)
	h.ff = r.sizes("feed_forward_length", h.layers, nil, 1, maxWidth)
	h.heads = r.sizes("attention.head_count", h.layers, nil, 1, maxHeads)
	h.kvHeads = r.sizes("attention.head_count_kv", h.layers, h.heads, 1, maxHeads)
	h.eps = float32(r.positive("attention.layer_norm_rms_epsilon", 0))
	if r.err != nil {
		return
	}
	for i, n := range h.heads {
		if n%h.kvHeads[i] != 0 {
			r.fail("attention.head_count_kv", "layer %d: %d query heads can't share %d key/value heads", i, n, h.kvHeads[i])
		}
	}
	if !r.has("attention.key_length") && h.embed%h.heads[0] != 0 {
		r.fail("attention.head_count", "%d heads don't divide the width %d", h.heads[0], h.embed)
	}
}

func (r *reader) attention(h *hparams) {
	h.keySize = r.size("attention.key_length", max(h.embed/h.heads[0], 1), 1, maxWidth)
	h.valueSize = r.size("attention.value_length", max(h.embed/h.heads[0], 1), 1, maxWidth)
	h.scale = float32(r.scale(h))
	if h.arch.softCap {
		h.finalCap = float32(r.float("final_logit_softcapping", 0))
	}
	if h.arch.temper {
		h.tempScale = r.float("attention.temperature_scale", 0)
	}
	if h.arch.mla {
		r.mla(h)
	}
	h.local = make([]bool, h.layers)
	if h.arch.window {
		r.windows(h)
	}
}

// scale returns the factor of attention scores.
func (r *reader) scale(h *hparams) float64 {
	if h.arch.scale != nil {
		return h.arch.scale(h)
	}
	if h.arch.ownScale {
		if s := r.float("attention.scale", 0); s != 0 {
			return s
		}
	}
	return 1 / math.Sqrt(float64(h.keySize))
}

// windows reads which layers attend in a sliding window: a list of flags, or every n-th layer is global.
func (r *reader) windows(h *hparams) {
	const pattern = "attention.sliding_window_pattern"
	h.window = r.size("attention.sliding_window", 0, 0, math.MaxInt32)
	if h.window == 0 {
		return
	}
	if flags, ok := r.flags(pattern); ok {
		if len(flags) < h.layers {
			r.fail(pattern, "%d values for %d layers", len(flags), h.layers)
			return
		}
		copy(h.local, flags)
		return
	}
	every := r.size(pattern, windowEvery, 0, maxLayers)
	for i := range h.local {
		h.local[i] = every == 0 || i%every < every-1
	}
}

// flags reads an array of booleans or integers.
func (r *reader) flags(k string) ([]bool, bool) {
	if !r.has(k) {
		return nil, false
	}
	if b, err := r.f.Bools(r.key(k)); err == nil {
		return b, true
	}
	list, err := r.f.Ints(r.key(k))
	if err != nil {
		return nil, false
	}
	b := make([]bool, len(list))
	for i, v := range list {
		b[i] = v != 0
	}
	return b, true
}

// ropes reads the position embedding of global and of sliding-window layers.
func (r *reader) ropes(h *hparams) {
	c := attn.RopeConfig{Halves: h.arch.halves, Scale: 1, Magnitude: 1}
	c.Dims = r.size("rope.dimension_count", h.keySize, 1, maxWidth)
	c.Base = r.positive("rope.freq_base", 10000)
	if c.Dims%2 != 0 || c.Dims > h.keySize {
		r.fail("rope.dimension_count", "%d is odd or above the head size %d", c.Dims, h.keySize)
		return
	}
	if h.arch.ropeFull && c.Dims != h.keySize {
		r.fail("rope.dimension_count", "%d is not the head size %d", c.Dims, h.keySize)
		return
	}
	h.ropeLocal = c
	h.ropeLocal.Base = r.positive("rope.freq_base_swa", 10000)
	r.scaling(h, &c)
	h.rope = c
	h.tempFloor = max(c.OrigContext, 1)
	if h.arch.mla && r.err == nil {
		r.mlaRope(h)
	}
}

// scaling reads linear and YaRN scaling. A factor of 0 means none, as in llama.cpp.
func (r *reader) scaling(h *hparams, c *attn.RopeConfig) {
	factor := r.float("rope.scaling.factor", r.float("rope.scale_linear", 0))
	if factor < 0 {
		r.fail("rope.scaling.factor", "%v is negative", factor)
		return
	}
	if factor == 0 {
		factor = 1
	}
	c.OrigContext = r.size("rope.scaling.original_context_length", h.context, 0, math.MaxInt32)
	if c.OrigContext == 0 {
		c.OrigContext = h.context
	}
	c.Magnitude = float32(r.float("rope.scaling.attn_factor", 1))
	kind := "linear"
	if k := r.key("rope.scaling.type"); r.f.Has(k) {
		s, err := r.f.String(k)
		r.keep(err)
		kind = s
	}
	switch kind {
	case "none":
	case "linear":
		c.Scale = 1 / factor
	case "yarn":
		c.Scale = 1 / factor
		r.yarn(h, c, factor)
	default:
		r.keep(fmt.Errorf("%s: rope scaling %q: %w", r.f.Name(), kind, ErrUnsupported))
	}
}

// keyLogMul is a multiplier of the logarithm in YaRN's magnitude.
const keyLogMul = "rope.scaling.yarn_log_multiplier"

// yarn reads YaRN's range and computes its magnitude: 1 + 0.1·ln(factor), corrected by log_mul as DeepSeek introduced it.
func (r *reader) yarn(h *hparams, c *attn.RopeConfig, factor float64) {
	c.Yarn = true
	c.BetaFast = r.positive("rope.scaling.yarn_beta_fast", 32)
	c.BetaSlow = r.positive("rope.scaling.yarn_beta_slow", 1)
	mscale := func(mul float64) float64 {
		if factor <= 1 {
			return 1
		}
		return 1 + 0.1*mul*math.Log(factor)
	}
	m := mscale(1)
	switch mul := r.float(keyLogMul, 0); {
	case mul == 0:
	case h.arch.mla:
		m = 1 // the scale of the scores has it all
	default:
		m /= mscale(mul)
	}
	c.Magnitude *= float32(m)
}
