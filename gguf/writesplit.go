package gguf

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/latentgo/latentgo/internal/atomicfile"
)

// SplitOptions say where one file of a split model ends and the next begins. At least one of the limits must be set.
type SplitOptions struct {
	MaxBytes   uint64 // of tensor data in one file, padding included; a larger tensor gets a file alone. 0 is no limit
	MaxTensors int    // in one file; 0 is no limit
	Overwrite  bool   // replaces files that are there; otherwise the error wraps fs.ErrExist
}

// WriteSplit writes the model as several files PREFIX-00001-of-00003.gguf, as llama.cpp's gguf-split does: all metadata
// is in the first, each has keys that say its place. It returns their paths, in order. Files appear, as with WriteFile,
// when all of them are complete, so that an error leaves what was there. progress is as in WriteFile, over all files.
func (w *Writer) WriteSplit(ctx context.Context, prefix string, opt SplitOptions, progress func(done, total int64)) ([]string, error) {
	parts, err := w.cut(opt)
	if err != nil {
		return nil, err
	}
	out := splitOutput{parts: parts, overwrite: opt.Overwrite, progress: progress}
	for i, p := range parts {
		out.paths = append(out.paths, splitPath(prefix, i, len(parts)))
		for j := range p.tensors {
			out.total += int64(p.tensors[j].size)
		}
	}
	if err := out.write(ctx, 0, 0); err != nil {
		return nil, fmt.Errorf("gguf: %w", err)
	}
	return out.paths, nil
}

// SplitPaths returns the paths that WriteSplit would write.
func (w *Writer) SplitPaths(prefix string, opt SplitOptions) ([]string, error) {
	parts, err := w.cut(opt)
	if err != nil {
		return nil, err
	}
	paths := make([]string, len(parts))
	for i := range paths {
		paths[i] = splitPath(prefix, i, len(parts))
	}
	return paths, nil
}

// splitPath names part i of n, counted from 0.
func splitPath(prefix string, i, n int) string {
	return fmt.Sprintf("%s-%05d-of-%05d.gguf", prefix, i+1, n)
}

// splitOutput is what WriteSplit writes, and where.
type splitOutput struct {
	parts     []*Writer
	paths     []string
	overwrite bool
	total     int64 // bytes of tensors
	progress  func(done, total int64)
}

// write writes part i, behind before bytes of tensors in others, and the parts after it while it has not got its name
// yet: whatever fails, no file is there before the content of all is written.
func (o *splitOutput) write(ctx context.Context, i int, before int64) error {
	if i == len(o.parts) {
		return nil
	}
	return atomicfile.Write(o.paths[i], atomicfile.Options{Overwrite: o.overwrite}, func(out io.Writer) error {
		here := int64(0)
		report := func(done, _ int64) {
			if here = done; o.progress != nil {
				o.progress(before+done, o.total)
			}
		}
		if err := o.parts[i].write(ctx, out, report); err != nil {
			return err
		}
		if f, ok := out.(interface{ Flush() error }); ok {
			if err := f.Flush(); err != nil {
				return err
			}
		}
		return o.write(ctx, i+1, before+here)
	})
}

// cut deals the tensors out to the writers of the parts.
func (w *Writer) cut(opt SplitOptions) ([]*Writer, error) {
	if opt.MaxBytes == 0 && opt.MaxTensors <= 0 {
		return nil, errors.New("gguf: a split needs a limit for its files")
	}
	first := &Writer{BigEndian: w.BigEndian, keys: w.keys, keyIndex: w.keyIndex, alignment: w.alignment}
	for _, k := range w.keys {
		if strings.HasPrefix(k.key, splitKeys) {
			return nil, fmt.Errorf("gguf: key %q: %w: the model is part of a split already", k.key, ErrSplit)
		}
	}
	parts, size := []*Writer{first}, uint64(0)
	for _, t := range w.tensors {
		p := parts[len(parts)-1]
		n := t.size + padding(t.size, w.align())
		full := opt.MaxBytes > 0 && size+n > opt.MaxBytes || opt.MaxTensors > 0 && len(p.tensors) >= opt.MaxTensors
		if full && len(p.tensors) > 0 {
			p, size = &Writer{BigEndian: w.BigEndian, alignment: w.alignment}, 0
			parts = append(parts, p)
		}
		p.tensors = append(p.tensors, t)
		size += n
	}
	if len(parts) > maxParts {
		return nil, fmt.Errorf("gguf: %w: %d files, more than %d: raise the limit for one", ErrSplit, len(parts), maxParts)
	}
	return parts, number(parts, len(w.tensors))
}

// number gives each part the keys that say its place among n tensors. Those of w, which the first shares, stay as they
// are.
func number(parts []*Writer, n int) error {
	for i, p := range parts {
		q := Writer{BigEndian: p.BigEndian, tensors: p.tensors, alignment: p.alignment}
		for _, k := range p.keys {
			q.put(k.key, k.value)
		}
		if i > 0 && p.alignment != 0 {
			if err := q.Set(alignmentKey, uint32(p.alignment)); err != nil {
				return err
			}
		}
		for _, kv := range []struct {
			key   string
			value any
		}{{splitNoKey, uint16(i)}, {splitCountKey, uint16(len(parts))}, {splitTensorsKey, int32(n)}} {
			if err := q.Set(kv.key, kv.value); err != nil {
				return err
			}
		}
		*p = q
	}
	return nil
}
