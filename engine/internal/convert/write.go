package convert

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"

	"github.com/latentgo/latentgo/engine/internal/convert/llamacpp"
	"github.com/latentgo/latentgo/engine/internal/convert/tensors"
	"github.com/latentgo/latentgo/engine/internal/model"
	"github.com/latentgo/latentgo/gguf"
	"github.com/latentgo/latentgo/internal/atomicfile"
)

// Write writes the converted model to a file: the metadata of the original and keys that say how it was made, the
// tensors that are still needed, byte for byte, and new ones; with Options.Llama in llama.cpp's form. The file appears
// only when it is complete, and replaces another with overwrite only. See CheckOutput.
func (r *Result) Write(ctx context.Context, path string, overwrite bool) error {
	w := new(gguf.Writer)
	set := tensors.Set{File: r.request.File, Made: r.Made}
	var err error
	if r.request.Options.Llama {
		err = llamacpp.Write(w, r.Model, set)
	} else {
		err = writeOwn(w, r.Model.Spec(), set)
	}
	if err = errors.Join(err, r.Info.writeTo(w)); err != nil {
		return err
	}
	t := tracker{fn: r.request.Options.Progress}
	write := w.WriteNewFile
	if overwrite {
		write = w.WriteFile
	}
	return write(ctx, path, func(done, total int64) { t.report(StageSave, done, total) })
}

// writeOwn adds everything that this engine loads again: the file's tensors, replaced where others were made, then
// those that are new.
func writeOwn(w *gguf.Writer, s *model.Spec, set tensors.Set) error {
	err := w.CopyMetadata(set.File, nil)
	if err == nil && s.AnyCompressed() {
		err = writeShapes(w, shapes(s))
	}
	if err != nil {
		return err
	}
	for _, name := range ownNames(s, set) {
		t, err := set.Find(name)
		if err == nil {
			err = w.AddTensor(t.Name, t.Type, t.Shape, t.Bytes)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// ownNames lists the file's tensors, then those of compressed layers.
func ownNames(s *model.Spec, set tensors.Set) []string {
	var names []string
	for _, t := range set.File.Tensors() {
		names = append(names, t.Name)
	}
	for i := range s.Layers {
		own := []string{model.TensorEncodeKV, model.TensorKeyMean, model.TensorPairs, model.TensorQuery, model.TensorValue}
		for _, n := range append(own, model.CodeTensors()...) {
			if name := model.LayerName(i, n); set.Made[name] != nil {
				names = append(names, name)
			}
		}
	}
	return names
}

// shapes returns those of a compressed model's rows.
func shapes(s *model.Spec) []model.CompressedShape {
	out := make([]model.CompressedShape, len(s.Layers))
	for i, l := range s.Layers {
		if a, ok := l.Mixer.(model.Attention); ok && a.Compressed != nil {
			out[i] = *a.Compressed
		}
	}
	return out
}

// CheckOutput finds out what would keep a result from being written to path before an hour is spent on it: a file that
// is there, unless overwrite, and in any case one of f's own.
func CheckOutput(f *gguf.File, path string, overwrite bool) error {
	if st, err := os.Stat(path); err == nil && slices.ContainsFunc(f.Paths(), func(in string) bool { return sameFile(st, in) }) {
		return fmt.Errorf("write %s: it is the file to convert, which would be lost: %w", path, fs.ErrExist)
	}
	return atomicfile.Check(path, atomicfile.Options{Overwrite: overwrite})
}

// sameFile reports whether st is the file at path.
func sameFile(st os.FileInfo, path string) bool {
	other, err := os.Stat(path)
	return err == nil && os.SameFile(st, other)
}

// Tensors lists what the model consists of: the file's tensors, replaced where others were made, then those that are
// new.
func (r *Result) Tensors() []*model.Tensor {
	if r == nil {
		return nil
	}
	set := tensors.Set{File: r.request.File, Made: r.Made}
	var out []*model.Tensor
	for _, name := range ownNames(r.Model.Spec(), set) {
		if t, err := set.Find(name); err == nil {
			out = append(out, t)
		}
	}
	return out
}
