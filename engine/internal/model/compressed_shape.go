package model

import (
	"fmt"
	"slices"

	"github.com/latentgo/latentgo/attn"
	"github.com/latentgo/latentgo/gguf"
)

// CompressedShape is what a compressed layer caches per token: per block of key/value heads a row of R rotated and L
// latent values. The zero value is a layer that was left exact.
type CompressedShape struct {
	R, L, Blocks int
	Keys         int // of the latent values, how many keys are made of: the first; 0 for all when there is no recent window
	Recent       int // tokens that are seen as the model sees them, a multiple of 32; 0: none
}

// Row returns the values of one block's row.
func (s CompressedShape) Row() int { return s.R + s.L }

// KeyRank returns of how many latent values keys are made.
func (s CompressedShape) KeyRank() int {
	if s.Recent == 0 {
		return s.L
	}
	return s.Keys
}

// Names of a compressed model's metadata; the arrays have one number per layer.
const (
	KeyVersion     = "latentgo.version"
	KeyRopeSize    = "latentgo.mla.rope_size"   // R, 0 for a layer that was left exact
	KeyLatentSize  = "latentgo.mla.latent_size" // L
	KeyBlocks      = "latentgo.mla.block_count"
	KeyKeySize     = "latentgo.mla.key_size"   // CompressedShape.Keys
	KeyRecent      = "latentgo.mla.near_size"  // CompressedShape.Recent
	KeyRopePhase   = "latentgo.mla.turn_phase" // Spec.BlockRopePhase
	CompressedForm = 3                         // value of KeyVersion
)

// readCompressed reads the shapes of a compressed model's layers; it does nothing for any other.
func (s *Spec) readCompressed(f *gguf.File) error {
	if !f.Has(KeyVersion) || !s.hasAttention() {
		return nil // files of architecture deepseek2 that a conversion made have only the keys that tell of it
	}
	if v, err := f.Uint(KeyVersion); err != nil || v != CompressedForm {
		return fmt.Errorf("%s: key %q: version %d of the compressed form, this program reads %d; convert the original again: %w",
			f.Name(), KeyVersion, v, CompressedForm, ErrUnsupported)
	}
	shapes := make([]CompressedShape, len(s.Layers))
	for _, k := range []string{KeyRopeSize, KeyLatentSize, KeyBlocks, KeyKeySize, KeyRecent} {
		list, err := f.Ints(k)
		if err != nil {
			return err
		}
		if len(list) != len(s.Layers) {
			return fmt.Errorf("%s: key %q: %d values for %d layers: %w", f.Name(), k, len(list), len(s.Layers), ErrInvalid)
		}
		for i, v := range list {
			if v < 0 || v > MaxWidth {
				return fmt.Errorf("%s: key %q: layer %d: %d is outside 0 … %d: %w", f.Name(), k, i, v, MaxWidth, ErrInvalid)
			}
			*shapes[i].field(k) = int(v)
		}
	}
	phase, err := f.Float(KeyRopePhase)
	if err != nil {
		return err
	}
	if !(phase > 0 && phase < 16) {
		return fmt.Errorf("%s: key %q: %v radians is outside 0 … 16: %w", f.Name(), KeyRopePhase, phase, ErrInvalid)
	}
	for i, shape := range shapes {
		if s.attention(i) == nil {
			if shape != (CompressedShape{}) {
				return fmt.Errorf("%s: key %q: layer %d has no attention to compress: %w", f.Name(), KeyLatentSize, i, ErrInvalid)
			}
			continue
		}
		if key, err := shape.check(s.attention(i).Geometry); err != nil {
			return fmt.Errorf("%s: key %q: layer %d: %w: %w", f.Name(), key, i, err, ErrInvalid)
		}
	}
	*s = *s.Compress(shapes, phase)
	return nil
}

// field returns the field that a metadata key is about.
func (s *CompressedShape) field(key string) *int {
	return map[string]*int{KeyRopeSize: &s.R, KeyLatentSize: &s.L, KeyBlocks: &s.Blocks, KeyKeySize: &s.Keys, KeyRecent: &s.Recent}[key]
}

// check returns what is wrong with a shape, and the key that says so.
func (s CompressedShape) check(g attn.Geometry) (key string, err error) {
	switch {
	case s.L == 0:
		return "", nil
	case s.Blocks == 0 || g.KVHeads%s.Blocks != 0 || s.R%2 != 0 || s.Blocks*s.Row() > g.KVHeads*(g.KeySize+g.ValueSize):
		return KeyLatentSize, fmt.Errorf("%d blocks of %d+%d values for %d key/value heads", s.Blocks, s.R, s.L, g.KVHeads)
	case s.Recent != 0 && (s.Keys < 1 || s.Keys > s.L):
		return KeyKeySize, fmt.Errorf("%d of %d latent values", s.Keys, s.L)
	case s.Recent%32 != 0 || s.Recent > maxRecent:
		return KeyRecent, fmt.Errorf("%d tokens, want a multiple of 32 up to %d", s.Recent, maxRecent)
	}
	return "", nil
}

// Compress returns the spec of a model whose layers cache rows of these shapes. phase is BlockRopePhase.
func (s *Spec) Compress(shapes []CompressedShape, phase float64) *Spec {
	n := *s
	n.Layers = make([]LayerSpec, len(s.Layers))
	for i, l := range s.Layers {
		if a, ok := l.Mixer.(Attention); ok {
			a.Compressed = &shapes[i]
			l.Mixer = a
		}
		n.Layers[i] = l
	}
	n.BlockRopePhase = phase
	return &n
}

// attention returns the grouped-query attention of layer i, nil when it has another mixer.
func (s *Spec) attention(i int) *Attention {
	if a, ok := s.Layers[i].Mixer.(Attention); ok {
		return &a
	}
	return nil
}

// hasAttention reports whether any layer has grouped-query attention.
func (s *Spec) hasAttention() bool {
	return slices.ContainsFunc(s.Layers, func(l LayerSpec) bool { _, ok := l.Mixer.(Attention); return ok })
}

// Compressed reports whether layer i caches compressed rows.
func (s *Spec) Compressed(i int) bool {
	a := s.attention(i)
	return a != nil && a.Compressed != nil && a.Compressed.L > 0
}

// AnyCompressed reports whether the spec is that of a compressed model.
func (s *Spec) AnyCompressed() bool {
	for i := range s.Layers {
		if a := s.attention(i); a != nil && a.Compressed != nil {
			return true
		}
	}
	return false
}

// usesRecent reports whether any layer has a recent window, and so block-wise RoPE.
func (s *Spec) usesRecent() bool {
	for i := range s.Layers {
		if s.Compressed(i) && s.attention(i).Compressed.Recent > 0 {
			return true
		}
	}
	return false
}
