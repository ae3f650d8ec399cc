package main

import (
	"errors"
	"fmt"

	"github.com/latentgo/latentgo/gguf"
	"github.com/latentgo/latentgo/internal/models"
)

// splitCmd is `chat split IN OUT --split SIZE`: a model as several files, which every program for GGUF reads. It is
// chat convert without anything else.
type splitCmd struct {
	jsonFlag
	forceFlag
	splitFlags

	In  string `arg:"" type:"nonempty" placeholder:"IN" help:"The model, as for -m of other commands."`
	Out string `arg:"" type:"nonempty" placeholder:"OUT" help:"What the names of the files begin with: OUT-00001-of-00003.gguf and so on."`
}

// Validate implements kong's hook.
func (c *splitCmd) Validate() error {
	if !c.cuts() {
		return errors.New("how large may a file be? --split 2G or --split 128 (tensors)")
	}
	return c.splitFlags.Validate()
}

// Run implements kong's command.
func (c *splitCmd) Run(a *app) error {
	path, err := a.fetch(c.In, models.Options{})
	if err != nil {
		return err
	}
	r := &resave{splitFlags: c.splitFlags, forceFlag: c.forceFlag, json: c.JSON, out: c.Out}
	return r.run(a, path)
}

// mergeCmd is `chat merge IN OUT`: a split model as one file.
type mergeCmd struct {
	jsonFlag
	forceFlag

	In  string `arg:"" type:"nonempty" placeholder:"IN" help:"Any file of the split model."`
	Out string `arg:"" type:"nonempty" placeholder:"OUT" help:"File to write."`
}

// Run implements kong's command.
func (c *mergeCmd) Run(a *app) error {
	path, err := a.fetch(c.In, models.Options{})
	if err != nil {
		return err
	}
	f, err := gguf.Open(path)
	if err != nil {
		return err
	}
	parts := f.Parts()
	if err := f.Close(); err != nil {
		return err
	}
	if parts == 1 {
		return fmt.Errorf("%s is no part of a split model: there is nothing to merge", path)
	}
	return (&resave{forceFlag: c.forceFlag, json: c.JSON, out: c.Out}).run(a, path)
}
