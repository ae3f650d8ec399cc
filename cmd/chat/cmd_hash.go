package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"

	"github.com/latentgo/latentgo/cmd/chat/internal/human"
	"github.com/latentgo/latentgo/gguf"
)

// hashCmd is `chat hash MODEL`: the SHA-256 of each tensor's data, and of the data of all, in file order. Metadata and
// the way a model is split make no difference. The sums are those of llama.cpp's gguf-hash --sha256.
type hashCmd struct {
	jsonFlag
	modelFlag

	Name string `arg:"" optional:"" type:"nonempty" placeholder:"MODEL" help:"The model, as for -m."`
	All  bool   `help:"Only the sum over all tensors."`
}

// hashed is what `chat hash --json` prints.
type hashed struct {
	File    string            `json:"file"`
	SHA256  string            `json:"sha256"` // of all tensors' data
	Tensors map[string]string `json:"tensors,omitempty"`
}

// Validate implements kong's hook.
func (c *hashCmd) Validate() error { return c.take(c.Name) }

// Run implements kong's command.
func (c *hashCmd) Run(a *app) error {
	f, err := a.openGGUF(c.Model)
	if err != nil {
		return err
	}
	defer f.Close()
	h := hashed{File: f.Name(), Tensors: map[string]string{}}
	err = f.Guard(func() error { return c.sum(a, f, &h) })
	if err != nil {
		return err
	}
	if c.JSON {
		return a.printJSON(h)
	}
	a.printf("%s  %s\n", h.SHA256, human.Line(h.File))
	return nil
}

// sum computes the sums, and prints those of tensors as they come.
func (c *hashCmd) sum(a *app, f *gguf.File, h *hashed) error {
	bar := newBar(a.stderr, f.Size(), "hashing", inBytes)
	defer bar.Clear() //nolint:errcheck // only the screen
	all := sha256.New()
	for _, t := range f.Tensors() {
		one := sha256.New()
		if _, err := t.WriteTo(&ctxWriter{a.ctx, io.MultiWriter(one, all)}); err != nil {
			return err
		}
		_ = bar.Add64(int64(t.Size()))
		f.Release()
		if c.All {
			continue
		}
		h.Tensors[t.Name] = hex.EncodeToString(one.Sum(nil))
		if !c.JSON {
			_ = bar.Clear()
			a.printf("%s  %s:%s\n", h.Tensors[t.Name], human.Line(f.Name()), human.Line(t.Name))
		}
	}
	h.SHA256 = hex.EncodeToString(all.Sum(nil))
	return nil
}

// ctxWriter is a writer that a context ends.
type ctxWriter struct {
	ctx context.Context
	w   io.Writer
}

// Write implements io.Writer.
func (c *ctxWriter) Write(b []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.w.Write(b)
}
