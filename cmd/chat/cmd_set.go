package main

import (
	"errors"

	"github.com/latentgo/latentgo/cmd/chat/internal/human"
	"github.com/latentgo/latentgo/gguf"
)

// setCmd is `chat set FILE KEY=VALUE…`: metadata is changed in the file itself. Where it takes as much room as before,
// only the header is written, otherwise the whole file, beside the old one first.
type setCmd struct {
	File   string   `arg:"" type:"nonempty" placeholder:"FILE" help:"The file that is changed."`
	Values []string `arg:"" optional:"" sep:"none" placeholder:"KEY=VALUE" help:"Keys and values, as for --set of chat convert: KEY=VALUE, KEY:KIND=VALUE, KEY=@FILE."`
	Unset  []string `sep:"none" placeholder:"KEY" help:"Remove a key (may be repeated)."`
}

// Validate implements kong's hook.
func (c *setCmd) Validate() error {
	if len(c.Values)+len(c.Unset) == 0 {
		return errors.New("nothing to change: KEY=VALUE or --unset KEY")
	}
	return c.meta().Validate()
}

// meta are the changes.
func (c *setCmd) meta() *metaFlags { return &metaFlags{Set: c.Values, Unset: c.Unset} }

// Run implements kong's command.
func (c *setCmd) Run(a *app) error {
	f, err := gguf.Open(c.File)
	if err != nil {
		return err
	}
	defer f.Close()
	if f.Parts() > 1 {
		return usagef("set", "%s is split into %d files: chat convert IN OUT --set KEY=VALUE writes a changed model", c.File, f.Parts())
	}
	w := new(gguf.Writer)
	if err := w.CopyMetadata(f, func(string) bool { return true }); err != nil {
		return err
	}
	for _, t := range f.Tensors() {
		if err := w.AddTensorFrom(t); err != nil {
			return err
		}
	}
	if err := c.meta().change(a, w, f); err != nil {
		return err
	}
	inPlace, err := w.WriteHeader(f)
	if err != nil {
		return err
	}
	if inPlace {
		a.printf("%s: header written\n", human.Line(c.File))
		return nil
	}
	if err := w.ReplaceFile(a.ctx, f, nil); err != nil {
		return err
	}
	a.printf("%s: written anew, since its header has another size\n", human.Line(c.File))
	return nil
}
