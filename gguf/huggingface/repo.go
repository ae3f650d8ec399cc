package huggingface

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/latentgo/latentgo/gguf/safetensors"
)

// indexName is the file that says which tensor lies in which part.
const indexName = "model.safetensors.index.json"

// weights is the tensors of a folder.
type weights struct {
	tensors []*safetensors.Tensor // part by part, by name in each
	closers []io.Closer
}

// close closes the files.
func (w *weights) close() error {
	var errs []error
	for _, c := range w.closers {
		errs = append(errs, c.Close())
	}
	w.closers = nil
	return errors.Join(errs...)
}

// openWeights opens model*.safetensors.
func openWeights(dir fs.FS) (_ *weights, err error) {
	w := &weights{}
	defer func() {
		if err != nil {
			err = errors.Join(err, w.close())
		}
	}()
	parts, listed, err := partNames(dir)
	if err != nil {
		return nil, err
	}
	seen := map[string]string{}
	for _, name := range parts {
		f, err := w.open(dir, name)
		if err != nil {
			return nil, err
		}
		for _, t := range f.Tensors() {
			if other, ok := seen[t.Name]; ok {
				return nil, fmt.Errorf("tensor %q is in %s and in %s: %w", t.Name, other, name, ErrFolder)
			}
			seen[t.Name] = name
			w.tensors = append(w.tensors, t)
		}
	}
	return w, compareIndex(listed, seen)
}

// open opens one file.
func (w *weights) open(dir fs.FS, name string) (*safetensors.File, error) {
	f, err := dir.Open(name)
	if err != nil {
		return nil, fmt.Errorf("%w (a part of the model is missing?)", err)
	}
	w.closers = append(w.closers, f)
	r, ok := f.(io.ReaderAt)
	if !ok {
		return nil, fmt.Errorf("%s: %w: the file system can't read it in pieces", name, ErrUnsupported)
	}
	st, err := f.Stat()
	if err != nil {
		return nil, err
	}
	return safetensors.Open(name, r, st.Size())
}

// partNames returns the files that hold tensors, and where the index says that each tensor lies; nil without an index.
func partNames(dir fs.FS) (parts []string, listed map[string]string, err error) {
	var index struct {
		Map map[string]string `json:"weight_map"`
	}
	err = readJSON(dir, indexName, &index)
	switch {
	case err == nil && len(index.Map) == 0:
		return nil, nil, fmt.Errorf("%s: %w: weight_map is empty", indexName, ErrFolder)
	case err == nil:
		parts = slices.Sorted(maps.Values(index.Map))
		return slices.Compact(parts), index.Map, nil
	case !errors.Is(err, fs.ErrNotExist):
		return nil, nil, err
	}
	entries, err := fs.ReadDir(dir, ".")
	if err != nil {
		return nil, nil, err
	}
	pickles := false
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), "model") && strings.HasSuffix(e.Name(), ".safetensors") {
			parts = append(parts, e.Name())
		}
		pickles = pickles || strings.HasSuffix(e.Name(), ".bin") || strings.HasSuffix(e.Name(), ".pth")
	}
	switch {
	case len(parts) == 0 && pickles:
		return nil, nil, fmt.Errorf("%w: the weights are pickles of PyTorch, which are programs: save the model as safetensors", ErrUnsupported)
	case len(parts) == 0:
		return nil, nil, fmt.Errorf("%w: there is no model*.safetensors", ErrFolder)
	}
	return parts, nil, nil
}

// compareIndex checks that the index lists what the files have.
func compareIndex(listed, seen map[string]string) error {
	if listed == nil {
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(listed)) {
		if seen[name] != listed[name] {
			return fmt.Errorf("%s: %w: tensor %q is not in %s", indexName, ErrFolder, name, listed[name])
		}
	}
	for _, name := range slices.Sorted(maps.Keys(seen)) {
		if _, ok := listed[name]; !ok {
			return fmt.Errorf("%s: %w: tensor %q of %s is not listed", indexName, ErrFolder, name, seen[name])
		}
	}
	return nil
}
