package convert

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/latentgo/latentgo/internal/sha256"

	"github.com/latentgo/latentgo/engine/internal/convert/tensors"
	"github.com/latentgo/latentgo/engine/internal/model"
	"github.com/latentgo/latentgo/gguf"
	"github.com/latentgo/latentgo/internal/cachedir"
)

// The cache of conversions: converted/KEY.gguf in the user's cache directory holds the tensors that a conversion made
// and the keys of metadata.go; everything else stays in the original file. KEY stands for the original's content and
// all options. calibrated/KEY.gguf holds what text has shown of a model's keys and values, from which codes for any share
// are made. Files appear complete or not at all, and are checked before they are used: processes need not wait for
// each other.

const (
	keyCacheKey = "latentgo.cache.key"
	keyCacheSum = "latentgo.cache.crc32c" // of all tensors' data, in file order
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Cached loads the result of a conversion from the cache, or makes it and puts it there. A cache that cannot be used
// costs only time: it is reported as a Progress.Warning. See Run for errors.
func Cached(ctx context.Context, r *Request) (*Result, error) {
	c, err := prepare(r)
	if err != nil {
		return nil, err
	}
	dir, err := cachedir.Dir()
	if err != nil {
		c.warn("%v", err)
		return c.run(ctx)
	}
	c.dir = dir
	key := c.key()
	path := filepath.Join(dir, "converted", key+".gguf")
	if res, err := c.fromCache(path, key); err == nil {
		return res, nil
	}
	res, err := c.run(ctx)
	if err != nil {
		return nil, err
	}
	if err := c.keep(ctx, res, path, key); err != nil {
		if ctx.Err() != nil {
			return nil, errors.Join(ctx.Err(), res.Close())
		}
		c.warn("the converted model is not kept for the next start: %v", err)
		return res, nil
	}
	kept, err := c.fromCache(path, key) // frees the memory of what was made
	if err != nil {
		c.warn("the converted model was not kept for the next start: %v", err)
		return res, nil
	}
	return kept, res.Close()
}

// key names the result.
func (c *conversion) key() string {
	o := &c.Options
	exact := slices.Compact(slices.Sorted(slices.Values(o.Exact)))
	return c.keyOf(c.plan, o.Share, o.MaxKL, exact, c.info.Compat, o.Refine)
}

// keyOf names what is made of the model, of a text, and of whatever else it depends on.
func (c *conversion) keyOf(more ...any) string {
	o := &c.Options
	h := sha256.New()
	text := sha256.Sum256([]byte(o.Calibration))
	_, _ = fmt.Fprintln(h, append(more, methodVersion, c.info.Fingerprint, o.Calibration != "", text, o.Tokens, o.Seed)...)
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// keep writes what was made to path.
func (c *conversion) keep(ctx context.Context, r *Result, path, key string) error {
	return c.store(ctx, path, key, r.Made, &r.Info, func(w *gguf.Writer) error {
		if c.plan == nil {
			return nil
		}
		return writeShapes(w, c.plan)
	})
}

// store writes tensors, how they were made, and what more adds, to a file of the cache.
func (c *conversion) store(
	ctx context.Context, path, key string, made tensors.Map, info *Info, more func(w *gguf.Writer) error,
) error {
	w := new(gguf.Writer)
	sum := uint32(0)
	for _, name := range slices.Sorted(maps.Keys(made)) {
		t := made[name]
		b, err := t.Bytes()
		if err != nil {
			return err
		}
		sum = crc32.Update(sum, castagnoli, b)
		if err := w.AddTensor(t.Name, t.Type, t.Shape, t.Bytes); err != nil {
			return err
		}
	}
	err := errors.Join(w.Set(keyCacheKey, key), w.Set(keyCacheSum, sum), info.writeTo(w))
	if more != nil {
		err = errors.Join(err, more(w))
	}
	if err == nil {
		err = os.MkdirAll(filepath.Dir(path), 0o755)
	}
	if err == nil {
		err = w.WriteFile(ctx, path, func(done, total int64) { c.report(StageSave, done, total) })
	}
	return err
}

// fromCache loads the model with the tensors of a cache file.
func (c *conversion) fromCache(path, key string) (*Result, error) {
	f, err := gguf.Open(path)
	if err != nil {
		return nil, err
	}
	res := &Result{request: c.Request, cache: f}
	err = f.Guard(func() (err error) {
		if res.Made, err = cachedTensors(f, key); err != nil {
			return err
		}
		if err = c.exactAsIn(f); err == nil {
			res.Model, err = c.load(res.Made)
		}
		return err
	})
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	if info := ReadInfo(f); info != nil {
		res.Info = *info
	}
	return res, nil
}

// exactAsIn leaves the layers exact that the conversion in a cache file has left so.
func (c *conversion) exactAsIn(f *gguf.File) error {
	if c.plan == nil {
		return nil
	}
	sizes, err := f.Ints(model.KeyLatentSize)
	if err != nil || len(sizes) != len(c.plan) {
		return fmt.Errorf("%s: key %q: %d layers of %d: %w", f.Name(), model.KeyLatentSize, len(sizes), len(c.plan), model.ErrInvalid)
	}
	for i, n := range sizes {
		if n == 0 {
			c.plan[i] = model.CompressedShape{}
		}
	}
	return nil
}

// cachedTensors returns the tensors of a cache file that is what it should be.
func cachedTensors(f *gguf.File, key string) (tensors.Map, error) {
	if got, err := f.String(keyCacheKey); err != nil || got != key {
		return nil, fmt.Errorf("%s: %q is not the key: %w", f.Name(), got, model.ErrInvalid)
	}
	made := tensors.Map{}
	sum := uint32(0)
	for _, t := range f.Tensors() {
		b, err := t.Bytes()
		if err != nil {
			return nil, err
		}
		sum = crc32.Update(sum, castagnoli, b)
		made[t.Name] = model.FileTensor(t)
	}
	if want, err := f.Uint(keyCacheSum); err != nil || uint64(sum) != want {
		return nil, fmt.Errorf("%s: the data's checksum is wrong: %w", f.Name(), model.ErrInvalid)
	}
	return made, nil
}
