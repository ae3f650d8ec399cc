package engine

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/latentgo/latentgo/gguf"
	"github.com/latentgo/latentgo/internal/cachedir"
)

// The cache of conversions that Load makes: converted/KEY.gguf in the user's cache directory holds the tensors that a
// conversion made and the keys of provenance.go; everything else stays in the original file. KEY stands for the original's
// content and all options. Files appear complete or not at all, and are checked before they are used: processes need not
// wait for each other.

const (
	keyCacheKey = "latentgo.cache.key"
	keyCacheSum = "latentgo.cache.crc32c" // of all tensors' data, in file order
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// cached loads the conversion's result from the cache, or makes it and puts it there. A cache that cannot be used costs
// only time.
func (c *conversion) cached(ctx context.Context) error {
	key := c.key()
	dir, err := cachedir.Dir()
	if err != nil {
		c.warn("%v", err)
		return c.compress(ctx)
	}
	path := filepath.Join(dir, "converted", key+".gguf")
	if c.m.adopt(path, key) == nil {
		return nil
	}
	if err := c.compress(ctx); err != nil {
		return err
	}
	if err := c.save(ctx, path, key); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		c.warn("the converted model is not kept for the next start: %v", err)
		return nil
	}
	if err := c.m.adopt(path, key); err != nil { // frees the memory of what was made
		c.warn("the converted model was not kept for the next start: %v", err)
	}
	return nil
}

// key names the result.
func (c *conversion) key() string {
	h := sha256.New()
	text := sha256.Sum256([]byte(c.opt.Calibration))
	exact := slices.Compact(slices.Sorted(slices.Values(c.opt.Exact)))
	_, _ = fmt.Fprintln(h, methodVersion, c.made.Fingerprint, c.plan, exact, c.opt.Compat, c.opt.Refine, c.opt.Calibration != "", text, c.opt.Tokens, c.opt.Seed)
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// save writes what was made to path.
func (c *conversion) save(ctx context.Context, path, key string) error {
	w := new(gguf.Writer)
	sum := uint32(0)
	for _, name := range slices.Sorted(maps.Keys(c.m.over)) {
		t := c.m.over[name]
		b, err := t.bytes()
		if err != nil {
			return err
		}
		sum = crc32.Update(sum, castagnoli, b)
		if err := w.AddTensor(t.name, t.typ, t.shape, t.bytes); err != nil {
			return err
		}
	}
	err := errors.Join(w.Set(keyCacheKey, key), w.Set(keyCacheSum, sum), writeShapes(w, c.m.h), c.made.writeTo(w))
	if err == nil {
		err = os.MkdirAll(filepath.Dir(path), 0o755)
	}
	if err == nil {
		err = w.WriteFile(ctx, path, func(done, total int64) { c.report(StageSave, done, total) })
	}
	return err
}

// adopt loads the model with the tensors of a cache file.
func (m *Model) adopt(path, key string) error {
	f, err := gguf.Open(path)
	if err != nil {
		return err
	}
	err = f.Guard(func() error { return m.lay(f, key) })
	if err != nil {
		return errors.Join(err, f.Close())
	}
	m.overlay, m.made = f, readConversion(f)
	return nil
}

// lay loads the model with the tensors of f over its own.
func (m *Model) lay(f *gguf.File, key string) error {
	if got, err := f.String(keyCacheKey); err != nil || got != key {
		return fmt.Errorf("%s: %q is not the key: %w", f.Name(), got, ErrInvalid)
	}
	over := map[string]*tensor{}
	sum := uint32(0)
	for _, t := range f.Tensors() {
		b, err := t.Bytes()
		if err != nil {
			return err
		}
		sum = crc32.Update(sum, castagnoli, b)
		over[t.Name] = fileTensor(t)
	}
	if want, err := f.Uint(keyCacheSum); err != nil || uint64(sum) != want {
		return fmt.Errorf("%s: the data's checksum is wrong: %w", f.Name(), ErrInvalid)
	}
	h := *m.h
	if err := h.latents(f); err != nil {
		return err
	}
	return m.rebuild(over, &h)
}
