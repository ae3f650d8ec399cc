package main

import (
	"path/filepath"

	"github.com/latentgo/latentgo/cmd/chat/internal/human"
	"github.com/latentgo/latentgo/engine"
	"github.com/latentgo/latentgo/engine/imatrix"
	"github.com/latentgo/latentgo/gguf"
	"github.com/latentgo/latentgo/gguf/quantize"
	"github.com/latentgo/latentgo/internal/models"
)

// imatrixCmd is `chat imatrix MODEL OUT -f TEXT`: how much the columns of matrices matter, for chat convert --imatrix
// and for llama-quantize.
type imatrixCmd struct {
	threadsFlag
	forceFlag

	Model   string `arg:"" type:"nonempty" placeholder:"MODEL" help:"The model, as for -m of other commands: best unquantised, or in 8 bits."`
	Out     string `arg:"" type:"nonempty" placeholder:"OUT" help:"File to write."`
	File    string `short:"f" required:"" type:"nonempty" placeholder:"FILE" help:"The text that the model reads; a .json file holds token ids."`
	Ctx     int    `short:"c" name:"ctx" aliases:"ctx-size" default:"512" placeholder:"N" help:"Tokens of a window (default ${default})."`
	Windows int    `placeholder:"N" help:"Windows at most; 0 is the whole text."`
}

// Validate implements kong's hook.
func (c *imatrixCmd) Validate() error {
	if err := checkWindows(c.Ctx, c.Windows); err != nil {
		return err
	}
	return c.threadsFlag.Validate()
}

// Run implements kong's command.
func (c *imatrixCmd) Run(a *app) error {
	if err := c.mayWrite(c.Out, c.Model, c.File); err != nil {
		return err
	}
	path, err := a.fetch(c.Model, models.Options{})
	if err != nil {
		return err
	}
	ids, opt, err := c.read(a, path)
	if err != nil {
		return err
	}
	if c.Windows > 0 {
		ids = ids[:min(len(ids), c.Windows*c.Ctx)]
	}
	f, err := gguf.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	bar := newBar(a.stderr, int64(len(ids)), "reading", inTokens)
	defer bar.Clear() //nolint:errcheck // only the screen
	opt.Progress = func(done, _ int) { _ = bar.Set64(int64(done)) }
	m, err := imatrix.Collect(a.ctx, f, ids, opt)
	if err != nil {
		return err
	}
	if err := c.save(a, m); err != nil {
		return err
	}
	_ = bar.Clear()
	a.printf("%s: %d tensors, %s tokens\n", human.Line(c.Out), len(m.Sums), human.Count(int64(m.ChunkCount*m.ChunkLen)))
	return nil
}

// read returns the tokens of the text, and options that fit the model.
func (c *imatrixCmd) read(a *app, path string) ([]int32, imatrix.Options, error) {
	opt := imatrix.Options{Window: c.Ctx, Threads: c.count(a), Datasets: []string{filepath.Base(c.File)}}
	m, err := a.loadFile(path, &engine.Options{VocabOnly: true})
	if err != nil {
		return nil, opt, err
	}
	defer m.Close()
	ids, err := a.readIDs(m, c.File)
	if err != nil {
		return nil, opt, err
	}
	if tok, err := m.Tokenizer(); err == nil && tok.AddBOS() {
		opt.Start, opt.BOS = tok.BOS()
	}
	return ids, opt, nil
}

// save writes the matrix.
func (c *imatrixCmd) save(a *app, m *quantize.Matrix) error {
	w, err := m.Writer()
	if err != nil {
		return err
	}
	if c.Force {
		return w.WriteFile(a.ctx, c.Out, nil)
	}
	return w.WriteNewFile(a.ctx, c.Out, nil)
}
