package convert

import (
	"errors"

	"github.com/latentgo/latentgo/engine/internal/convert/calibration"
	"github.com/latentgo/latentgo/engine/internal/model"
	"github.com/latentgo/latentgo/gguf"
)

// Metadata of a converted model beside the keys of the original. The first seven are what loading needs (package model
// has their names), with one number per layer; the others remember how the model was made.
//
//	latentgo.version                u32        model.CompressedForm
//	latentgo.mla.rope_size          [u32]      R, rotated values per token and block; 0 for a layer that was left exact
//	latentgo.mla.latent_size        [u32]      L, latent values per token and block
//	latentgo.mla.block_count        [u32]      blocks of key/value heads, each with a row of its own
//	latentgo.mla.key_size           [u32]      of the latent values, how many keys are made of: the first
//	latentgo.mla.near_size          [u32]      recent tokens, a multiple of 32, that are seen as the model sees them; 0: none
//	latentgo.mla.turn_phase         f32        radians by which other tokens' phases may be wrong, see attention.BlockRope
//	latentgo.convert.method         u32        methodVersion
//	latentgo.convert.form           str        what was asked for, such as "50%"
//	latentgo.convert.compat         str        "llama.cpp", for a file of that form
//	latentgo.convert.refined        u32        steps along gradients; missing when they did not pay
//	latentgo.convert.exact_layers   [u32]      layers that were to stay exact, and those that would have been broken
//	latentgo.convert.source.name    str        base name of the original file
//	latentgo.convert.source.fingerprint  str   its content, see gguf.File.Fingerprint
//	latentgo.calibration.source     str        "self-written" or "text"
//	latentgo.calibration.sha256     str        of the token ids used
//	latentgo.calibration.tokens     u32        of it that the statistics come from, beside random-prefix samples
//	latentgo.calibration.seed       u64        of self-written text
//	latentgo.perplexity.tokens      u32        scored, of text that was held back
//	latentgo.perplexity.before      f64        of the original on them
//	latentgo.perplexity.after       f64
//	latentgo.divergence             f64        mean KL(original ‖ result) on them, in nats
const (
	keyMethod      = "latentgo.convert.method"
	keyForm        = "latentgo.convert.form"
	keyCompat      = "latentgo.convert.compat"
	keyRefined     = "latentgo.convert.refined"
	keyExact       = "latentgo.convert.exact_layers"
	keySource      = "latentgo.convert.source.name"
	keyFingerprint = "latentgo.convert.source.fingerprint"
	keyText        = "latentgo.calibration.source"
	keyTextSum     = "latentgo.calibration.sha256"
	keyTextTokens  = "latentgo.calibration.tokens"
	keyTextSeed    = "latentgo.calibration.seed"
	keyHeldTokens  = "latentgo.perplexity.tokens"
	keyBefore      = "latentgo.perplexity.before"
	keyAfter       = "latentgo.perplexity.after"
	keyDivergence  = "latentgo.divergence"
)

// methodVersion changes whenever the same options give other tensors: results in the cache are then made anew.
const methodVersion = 10

// writeShapes adds the keys that loading needs.
func writeShapes(w *gguf.Writer, plan []model.CompressedShape) error {
	var r, l, blocks, keys, recent []uint32
	for _, s := range plan {
		r, l, blocks = append(r, uint32(s.R)), append(l, uint32(s.L)), append(blocks, uint32(s.Blocks))
		keys, recent = append(keys, uint32(s.KeyRank())), append(recent, uint32(s.Recent))
	}
	return errors.Join(w.Set(model.KeyVersion, uint32(model.CompressedForm)), w.Set(model.KeyRopeSize, r),
		w.Set(model.KeyLatentSize, l), w.Set(model.KeyBlocks, blocks), w.Set(model.KeyKeySize, keys),
		w.Set(model.KeyRecent, recent), w.Set(model.KeyRopePhase, float32(blockRopePhase)))
}

// writeTo adds how a model was made.
func (c *Info) writeTo(w *gguf.Writer) error {
	var errs []error
	set := func(key string, v any) { errs = append(errs, w.Set(key, v)) }
	set(keyMethod, uint32(methodVersion))
	set(keyForm, c.Form)
	if c.Compat != "" {
		set(keyCompat, c.Compat)
	}
	if c.Refined > 0 {
		set(keyRefined, uint32(c.Refined))
	}
	if len(c.Exact) > 0 {
		var list []uint32
		for _, i := range c.Exact {
			list = append(list, uint32(i))
		}
		set(keyExact, list)
	}
	set(keySource, c.Source)
	set(keyFingerprint, c.Fingerprint)
	set(keyText, c.Calibration)
	set(keyTextSum, c.Text)
	set(keyTextTokens, uint32(c.Tokens))
	if c.Calibration == calibration.SelfWritten {
		set(keyTextSeed, c.Seed)
	}
	set(keyHeldTokens, uint32(c.HeldTokens))
	set(keyBefore, c.Before)
	set(keyAfter, c.After)
	set(keyDivergence, c.Divergence)
	return errors.Join(errs...)
}

// ReadInfo reads how a file was converted; nil for one that no conversion made. What is missing or of another kind
// stays zero: nothing depends on it.
func ReadInfo(f *gguf.File) *Info {
	if !f.Has(keyForm) {
		return nil
	}
	str := func(key string) string {
		s, err := f.String(key)
		if err != nil {
			return ""
		}
		return s
	}
	num := func(key string) uint64 { n, _ := f.Uint(key); return n }
	c := &Info{
		Form: str(keyForm), Compat: str(keyCompat), Calibration: str(keyText), Text: str(keyTextSum), Source: str(keySource),
		Fingerprint: str(keyFingerprint), Tokens: int(num(keyTextTokens)), Seed: num(keyTextSeed), HeldTokens: int(num(keyHeldTokens)),
		Refined: int(num(keyRefined)),
	}
	c.Before, _ = f.Float(keyBefore)
	c.After, _ = f.Float(keyAfter)
	c.Divergence, _ = f.Float(keyDivergence)
	list, _ := f.Ints(keyExact)
	for _, i := range list {
		c.Exact = append(c.Exact, int(i))
	}
	return c
}
