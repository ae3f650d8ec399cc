package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/latentgo/latentgo/cmd/chat/internal/human"
	"github.com/latentgo/latentgo/engine"
	"github.com/latentgo/latentgo/gguf"
	"github.com/latentgo/latentgo/gguf/huggingface"
)

// toHub is the value of --to for a folder of the Hub.
const toHub = "huggingface"

// toFlags ask for another form than a GGUF file.
type toFlags struct {
	To string `placeholder:"FORM" help:"huggingface: write a folder with config.json, a tokenizer and weights in safetensors, in BF16 or what --type says, for transformers, vLLM and SGLang; with --mla R+L as DeepSeek's latent attention."`
}

// checkHub finds flags that a folder of the Hub has no use for. Latent attention is in llama.cpp's form, which is
// DeepSeek's.
func (c *convertCmd) checkHub() error {
	if c.To == "" {
		return nil
	}
	if _, err := c.exportOptions(); err != nil {
		return err
	}
	switch {
	case c.To != toHub:
		return fmt.Errorf("--to %s is not known: %s is", c.To, toHub)
	case c.Endian != nil || len(c.TensorType) > 0 || c.Recipe != "" || c.Imatrix != "" || c.DryRun:
		return errors.New("--to huggingface writes all matrices in one type, BF16, F16 or F32: --tensor-type, --imatrix, --endian and --dry-run are for GGUF files")
	case c.metaFlags.any():
		return errors.New("--to huggingface writes what the file says as the Hub says it: change keys in a GGUF file first")
	case c.Cache.Share > 0:
		return errors.New("--cache calibrates codes that only this program reads: --mla R+L is what other engines run")
	}
	if c.MLA != "" {
		c.Compat = engine.CompatLlama
		if strings.EqualFold(c.Type, "F16") {
			return errors.New("--type F16 has no room for the small numbers of --mla: BF16 and F32 have")
		}
	}
	return nil
}

// exportOptions reads --type and --split.
func (c *convertCmd) exportOptions() (*huggingface.ExportOptions, error) {
	opt := &huggingface.ExportOptions{}
	switch strings.ToUpper(c.Type) {
	case "", "BF16":
	case "F16":
		opt.Weights = huggingface.F16
	case "F32":
		opt.Weights = huggingface.F32
	default:
		return nil, fmt.Errorf("--to %s --type %s: weights in safetensors are BF16, F16 or F32", toHub, c.Type)
	}
	limits, err := c.limits()
	switch {
	case err != nil:
		return nil, err
	case limits.MaxTensors > 0:
		return nil, fmt.Errorf("--to %s --split %s: give a size such as 2G", toHub, c.Split)
	}
	opt.MaxBytes = int64(limits.MaxBytes)
	return opt, nil
}

// exportHub writes the model as a folder of the Hub.
func (c *convertCmd) exportHub(a *app) error {
	if err := c.mayExport(); err != nil {
		return err
	}
	dir, err := a.openFolder(c.In)
	switch {
	case err != nil:
		return err
	case dir != nil:
		m, err := huggingface.Open(dir.FS, dir.name, &huggingface.Options{Weights: huggingface.Lossless})
		if err != nil {
			return err
		}
		defer m.Close()
		return c.exportOpen(a, m.File, true)
	}
	f, err := a.openGGUF(c.In)
	if err != nil {
		return err
	}
	defer f.Close()
	return c.exportOpen(a, f, false)
}

// mayExport refuses to replace what is there, and the input in any case.
func (c *convertCmd) mayExport() error {
	if st, err := os.Stat(c.Out); err == nil && sameFile(st, c.In) {
		return &inputError{c.Out, c.In}
	}
	return huggingface.CheckDir(c.Out, c.Force)
}

// exportOpen writes a model that is open, with adapters worked in and attention compressed if flags say so. virtual
// says that it lies in no file.
func (c *convertCmd) exportOpen(a *app, f *gguf.File, virtual bool) error {
	if len(c.Lora) > 0 {
		with, err := c.merge(f, &resave{})
		if err != nil {
			return err
		}
		defer with.Close()
		f, virtual = with, true
	}
	if c.MLA == "" {
		return c.exportFile(a, f)
	}
	return c.between(func(tmp string) error {
		in, latent := f.Name(), filepath.Join(tmp, "latent.gguf")
		if virtual {
			in = filepath.Join(tmp, "model.gguf")
			if err := (&resave{out: in, virtual: true}).save(a, f); err != nil {
				return err
			}
		}
		if err := c.compress(a, in, latent, !c.JSON); err != nil {
			return err
		}
		made, err := gguf.Open(latent)
		if err != nil {
			return err
		}
		defer made.Close()
		return c.exportFile(a, made)
	})
}

// exported is what `chat convert --to huggingface --json` prints.
type exported struct {
	Class string `json:"class"`
	resaved
}

// exportFile writes a file's folder.
func (c *convertCmd) exportFile(a *app, f *gguf.File) error {
	opt, err := c.exportOptions()
	if err != nil {
		return err
	}
	var e *huggingface.Export
	err = f.Guard(func() error {
		if e, err = huggingface.NewExport(f, opt); err != nil {
			return err
		}
		bar := newBar(a.stderr, -1, "writing", inBytes)
		defer bar.Clear() //nolint:errcheck // only the screen
		return e.Write(a.ctx, c.Out, c.Force, func(done, total int64) {
			bar.ChangeMax64(total)
			_ = bar.Set64(done)
		})
	})
	if err != nil {
		return err
	}
	return c.reportExport(a, f, e)
}

// reportExport prints what was written.
func (c *convertCmd) reportExport(a *app, f *gguf.File, e *huggingface.Export) error {
	out := exported{e.Class(), resaved{Before: f.Size()}}
	weights := 0
	entries, err := os.ReadDir(c.Out)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if st, err := entry.Info(); err == nil {
			out.After += st.Size()
		}
		if strings.HasSuffix(entry.Name(), ".safetensors") {
			weights++
		}
		out.Files = append(out.Files, filepath.Join(c.Out, entry.Name()))
	}
	if c.JSON {
		return a.printJSON(out)
	}
	a.printf("%s: %s\n  %s, was %s", human.Line(c.Out), e.Class(), human.Size(out.After), human.Size(out.Before))
	if weights > 1 {
		a.printf(", weights in %d files", weights)
	}
	a.printf("\n")
	return nil
}
