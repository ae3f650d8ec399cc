package model

import (
	"fmt"
	"math"

	"github.com/latentgo/latentgo/gguf"
)

// Limits that no real model exceeds; a file beyond them is hostile or broken.
const (
	maxLayers = 512
	maxHeads  = 1 << 12
	// MaxWidth bounds the length of a row of activations.
	MaxWidth = 1 << 20
)

// Reader reads metadata keys below "<architecture>." for an architecture's constructor. It keeps the first error, so
// that a constructor reads all it wants and the caller asks [Reader.Err] once. A key that is not read does not count.
type Reader struct {
	f    *gguf.File
	arch string
	err  error

	// ZeroEpsilon allows norms without an epsilon, which some writers leave at 0.
	ZeroEpsilon bool
}

// NewReader returns a reader for the architecture that f names.
func NewReader(f *gguf.File) (*Reader, error) {
	name, err := f.String("general.architecture")
	return &Reader{f: f, arch: name}, err
}

// Arch returns the architecture's name.
func (r *Reader) Arch() string { return r.arch }

// File returns the file that is read.
func (r *Reader) File() *gguf.File { return r.f }

// Err returns the first error.
func (r *Reader) Err() error { return r.err }

func (r *Reader) key(k string) string { return r.arch + "." + k }

// Has reports whether the file has a key.
func (r *Reader) Has(k string) bool { return r.f.Has(r.key(k)) }

// HasTensor reports whether the file has a tensor.
func (r *Reader) HasTensor(name string) bool {
	_, err := r.f.Tensor(name)
	return err == nil
}

// Need records an error that names the first of keys that the file does not have.
func (r *Reader) Need(keys ...string) {
	for _, k := range keys {
		if !r.Has(k) {
			r.Fail(k, "missing")
		}
	}
}

// Fail records that the value of a key can't be used, unless there was an error before.
func (r *Reader) Fail(k, format string, a ...any) {
	r.keep(fmt.Errorf("%s: key %q: %s: %w", r.f.Name(), r.key(k), fmt.Sprintf(format, a...), ErrInvalid))
}

// Refuse records what this engine does not run, unless there was an error before.
func (r *Reader) Refuse(format string, a ...any) {
	r.keep(fmt.Errorf("%s: %s: %w", r.f.Name(), fmt.Sprintf(format, a...), ErrUnsupported))
}

// keep remembers err unless there was one before.
func (r *Reader) keep(err error) {
	if r.err == nil && err != nil {
		r.err = err
	}
}

// Size reads a count between lo and hi; def when the key is missing, an error when def is negative.
func (r *Reader) Size(k string, def, lo, hi int) int {
	if !r.Has(k) && def >= 0 {
		return def
	}
	v, err := r.f.Uint(r.key(k))
	if err != nil {
		r.keep(err)
		return max(def, lo)
	}
	if v < uint64(lo) || v > uint64(hi) {
		r.Fail(k, "%d is outside %d … %d", v, lo, hi)
		return lo
	}
	return int(v)
}

// Uint reads a number of up to 64 bits, such as a value of an enumeration; def when the key is missing.
func (r *Reader) Uint(k string, def uint64) uint64 {
	if !r.Has(k) {
		return def
	}
	v, err := r.f.Uint(r.key(k))
	r.keep(err)
	return v
}

// Sizes reads a count for each of n layers: one for all, or an array; def when the key is missing, an error when def is
// nil.
func (r *Reader) Sizes(k string, n int, def []int, lo, hi int) []int {
	out := make([]int, n)
	if r.Has(k) {
		if list, err := r.f.Ints(r.key(k)); err == nil {
			r.perLayer(out, k, list, lo, hi)
			return out
		}
	} else if def != nil {
		return def
	}
	v := r.Size(k, -1, lo, hi)
	for i := range out {
		out[i] = v
	}
	return out
}

func (r *Reader) perLayer(out []int, k string, list []int64, lo, hi int) {
	if len(list) < len(out) {
		r.Fail(k, "%d values for %d layers", len(list), len(out))
		return
	}
	for i := range out {
		if v := list[i]; v < int64(lo) || v > int64(hi) {
			r.Fail(k, "layer %d: %d is outside %d … %d", i, v, lo, hi)
		}
		out[i] = int(list[i])
	}
}

// Float reads a finite number; def when the key is missing.
func (r *Reader) Float(k string, def float64) float64 {
	if !r.Has(k) {
		return def
	}
	v, err := r.f.Float(r.key(k))
	r.keep(err)
	if math.IsNaN(v) || math.IsInf(v, 0) {
		r.Fail(k, "%v is not a number", v)
		return def
	}
	return v
}

// Positive reads a number that must be above 0; def when the key is missing, an error when def is 0.
func (r *Reader) Positive(k string, def float64) float64 {
	if def == 0 {
		r.Need(k)
	}
	v := r.Float(k, def)
	if !(v > 0) {
		r.Fail(k, "%v is not above 0", v)
		return 1
	}
	return v
}

// epsilon reads that of norms.
func (r *Reader) epsilon(k string) float32 {
	if r.ZeroEpsilon && r.Has(k) && r.Float(k, 1) == 0 {
		return 0
	}
	return float32(r.Positive(k, 0))
}

// Flag reads a boolean; def when the key is missing.
func (r *Reader) Flag(k string, def bool) bool {
	if !r.Has(k) {
		return def
	}
	v, err := r.f.Bool(r.key(k))
	r.keep(err)
	return v
}

// flags reads an array of booleans or integers; ok is false when the key is something else.
func (r *Reader) flags(k string) (list []bool, ok bool) {
	if !r.Has(k) {
		return nil, false
	}
	if b, err := r.f.Bools(r.key(k)); err == nil {
		return b, true
	}
	ints, err := r.f.Ints(r.key(k))
	if err != nil {
		return nil, false
	}
	list = make([]bool, len(ints))
	for i, v := range ints {
		list[i] = v != 0
	}
	return list, true
}

// Floats reads a finite number for each of n layers: one for all, or an array; 0 when the key is missing.
func (r *Reader) Floats(k string, n int) []float32 {
	out := make([]float32, n)
	list, err := r.f.Floats(r.key(k))
	if err == nil && len(list) < n {
		r.Fail(k, "%d values for %d layers", len(list), n)
		return out
	}
	for i := range out {
		if err == nil {
			out[i] = float32(list[i])
		} else {
			out[i] = float32(r.Float(k, 0))
		}
		if f := float64(out[i]); math.IsNaN(f) || math.IsInf(f, 0) {
			r.Fail(k, "layer %d: %v is not a number", i, f)
		}
	}
	return out
}

// LayerFlags reads a boolean for each of n layers: one for all, or an array; def when the key is missing.
func (r *Reader) LayerFlags(k string, n int, def bool) []bool {
	list, ok := r.flags(k)
	if ok && len(list) < n {
		r.Fail(k, "%d values for %d layers", len(list), n)
	}
	if !ok {
		if r.Has(k) {
			if v, err := r.f.Uint(r.key(k)); err == nil {
				def = v != 0
			} else {
				def = r.Flag(k, def)
			}
		}
		list = nil
	}
	for len(list) < n {
		list = append(list, def)
	}
	return list[:n]
}

// Text reads a string; def when the key is missing.
func (r *Reader) Text(k, def string) string {
	if !r.Has(k) {
		return def
	}
	s, err := r.f.String(r.key(k))
	r.keep(err)
	return s
}

// Vocabulary returns the number of rows of the token embedding.
func (r *Reader) Vocabulary() int {
	const name = "token_embd.weight"
	t, err := r.f.Tensor(name)
	if err != nil {
		r.keep(err)
		return 0
	}
	if len(t.Shape) != 2 || t.Shape[1] == 0 || t.Shape[1] > 16*MaxWidth {
		r.keep(fmt.Errorf("%s: tensor %q: shape %v is not [width, vocabulary]: %w", r.f.Name(), name, t.Shape, ErrInvalid))
		return 0
	}
	return int(t.Shape[1])
}

// Ints reads an array of at least n whole numbers, and returns so many.
func (r *Reader) Ints(k string, n int) []int64 {
	list, err := r.f.Ints(r.key(k))
	if r.keep(err); err == nil && len(list) < n {
		r.Fail(k, "%d values, want %d", len(list), n)
	}
	return append(list, make([]int64, n)...)[:n]
}
