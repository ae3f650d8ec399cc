package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/latentgo/latentgo/cmd/chat/internal/human"
	"github.com/latentgo/latentgo/gguf"
	"github.com/latentgo/latentgo/gguf/huggingface"
	"github.com/latentgo/latentgo/gguf/lora/merged"
	"github.com/latentgo/latentgo/internal/models"
)

// folder is a model as it lies on the Hub, with weights in safetensors: here or there.
type folder struct {
	fs.FS
	name string
}

// openFolder returns the folder that a name means, nil if it means something else: a folder with config.json, or a
// repository of the Hub that has no GGUF file.
func (a *app) openFolder(name string) (*folder, error) {
	if st, err := os.Stat(name); err == nil {
		if _, err := os.Stat(filepath.Join(name, "config.json")); err != nil || !st.IsDir() {
			return nil, nil //nolint:nilerr // a file, or a folder of something else, which a.fetch tells about
		}
		path, err := filepath.Abs(name)
		if err != nil {
			return nil, err
		}
		return &folder{os.DirFS(name), filepath.Base(path)}, nil
	}
	if models.LooksLike(name) == models.NotAName || strings.Contains(strings.TrimPrefix(name, "hf://"), ":") {
		return nil, nil
	}
	bar := newTransferBar(a.stderr)
	defer bar.clear()
	repo, err := models.OpenRepo(a.ctx, name, &models.Options{Progress: bar.report})
	switch {
	case errors.Is(err, models.ErrUnknown):
		return nil, nil // no repository
	case errors.Is(err, models.ErrOffline), errors.Is(err, models.ErrUnreachable):
		return nil, nil // perhaps it is in the cache, as a GGUF file
	case err != nil:
		return nil, err
	case repo.HasGGUF():
		return nil, nil
	}
	if _, err := repo.Stat("config.json"); err != nil {
		return nil, nil //nolint:nilerr // a.fetch tells what there is
	}
	return &folder{repo, repo.Name()}, nil
}

// convertFolder converts a folder: with --mla from an intermediate file, else directly.
func (c *convertCmd) convertFolder(a *app, dir *folder, r *resave) error {
	opt := &huggingface.Options{}
	switch strings.ToUpper(c.Type) {
	case "":
	case "F32":
		opt.Weights, r.Type = huggingface.F32, ""
	case "F16":
		opt.Weights, r.Type = huggingface.F16, ""
	case "BF16":
		opt.Weights, r.Type = huggingface.BF16, ""
	default:
		opt.Weights = huggingface.Lossless
	}
	m, err := huggingface.Open(dir.FS, dir.name, opt)
	if err != nil {
		return err
	}
	defer m.Close()
	return c.convertOpen(a, m.File, r)
}

// convertOpen converts a model that lies in no file, or is to get adapters.
func (c *convertCmd) convertOpen(a *app, f *gguf.File, r *resave) error {
	r.virtual = true
	if len(c.Lora) > 0 {
		with, err := c.merge(f, r)
		if err != nil {
			return err
		}
		defer with.Close()
		f = with
	}
	if !c.compresses() {
		return r.model(a, f)
	}
	return c.between(func(tmp string) error {
		path := filepath.Join(tmp, "model.gguf")
		w := &resave{out: path, virtual: true}
		if err := w.save(a, f); err != nil {
			return err
		}
		return c.compressed(a, path, r)
	})
}

// merge works adapters in. Matrices in blocks become blocks of their type again, unless flags say otherwise.
func (c *convertCmd) merge(f *gguf.File, r *resave) (*gguf.File, error) {
	adapters, err := c.read(f)
	if err != nil {
		return nil, err
	}
	out, err := merged.New(f, adapters...)
	if err != nil || r.typeFlags.any() {
		return out, err
	}
	for _, t := range out.Tensors() {
		if old, err := f.Tensor(t.Name); err == nil && old.Type != t.Type {
			r.TensorType = append(r.TensorType, "^"+regexp.QuoteMeta(t.Name)+"$="+old.Type.String())
		}
	}
	return out, nil
}

// save writes a model as it is, and says nothing.
func (r *resave) save(a *app, f *gguf.File) error {
	w := &gguf.Writer{BigEndian: r.bigEndian(f)}
	if err := w.AddFile(f); err != nil {
		return err
	}
	_, err := r.write(a, w, f)
	return err
}

// between makes a directory for intermediate files, beside the result.
func (c *convertCmd) between(f func(dir string) error) error {
	dir, err := os.MkdirTemp(filepath.Dir(c.Out), ".chat-convert-*")
	if err != nil {
		return err
	}
	return errors.Join(f(dir), os.RemoveAll(dir))
}

// refuseHubFolder says that a command works on GGUF files only, if name is a folder of the Hub's kind.
func refuseHubFolder(name string) error {
	if _, err := os.Stat(filepath.Join(name, "config.json")); err != nil {
		return nil //nolint:nilerr // it is none
	}
	return fmt.Errorf("%s: %w: it is a model as on the Hub: chat convert %s MODEL.gguf makes a GGUF file of it", name, models.ErrDirectory, human.Line(name))
}
