package main

import (
	"encoding/binary"
	"io"
	"math"

	"github.com/latentgo/latentgo/engine"
)

// logitsCmd is `chat logits`: what the model predicts after each token of a list, from an empty cache. The file is
// little-endian float32 [tokens, vocabulary]; with --json standard output gets {"ids": […], "n_vocab": N}.
type logitsCmd struct {
	jsonFlag
	cachedFlags
	forceFlag

	File string `short:"f" type:"nonempty" placeholder:"FILE" help:"Token ids as a JSON list, or a text (no BOS is added)."`
	Out  string `short:"o" name:"output" required:"" type:"nonempty" placeholder:"OUT" help:"File to write: little-endian 32-bit floats [tokens, vocabulary]."`
	Arg  string `arg:"" optional:"" name:"file" type:"nonempty" help:"The same as -f FILE."`
}

// Validate implements kong's hook.
func (c *logitsCmd) Validate() error {
	if err := takeFile(&c.File, c.Arg); err != nil {
		return err
	}
	return c.cachedFlags.Validate()
}

// logitsResult is what `chat logits --json` prints.
type logitsResult struct {
	IDs   []int32 `json:"ids"`
	Vocab int     `json:"n_vocab"`
}

// Run implements kong's command.
func (c *logitsCmd) Run(a *app) error {
	if err := c.mayWrite(c.Out, c.Model, c.File, c.Calib); err != nil {
		return err
	}
	m, err := a.load(&c.cachedFlags)
	if err != nil {
		return err
	}
	defer m.Close()
	if err := c.mayWrite(c.Out, m.File().Paths()...); err != nil {
		return err
	}
	ids, err := a.readIDs(m, c.File)
	if err != nil {
		return err
	}
	if len(ids) == 0 {
		return usagef("logits", "%s holds no tokens", c.File)
	}
	s, err := m.NewSession(&engine.SessionOptions{Context: len(ids)})
	if err != nil {
		return err
	}
	defer s.Close()
	res := logitsResult{IDs: ids, Vocab: m.Info().Vocab}
	err = c.write(c.Out, func(w io.Writer) error { return a.writeLogits(s, ids, w) })
	if err != nil {
		return err
	}
	if c.JSON {
		return a.printJSON(res)
	}
	a.printf("%s: %d tokens × %d logits\n", c.Out, len(ids), res.Vocab)
	return nil
}

// writeLogits evaluates ids and writes one row per token.
func (a *app) writeLogits(s *engine.Session, ids []int32, w io.Writer) error {
	bar := newBar(a.stderr, int64(len(ids)), "logits", inTokens)
	defer bar.Clear() //nolint:errcheck // only the screen
	var row []byte
	return s.EvalAll(a.ctx, ids, func(_ int, logits []float32) error {
		row = row[:0]
		for _, l := range logits {
			row = binary.LittleEndian.AppendUint32(row, math.Float32bits(l))
		}
		_ = bar.Add(1)
		_, err := w.Write(row)
		return err
	})
}
