package main

import (
	"errors"

	"github.com/latentgo/latentgo/engine"
)

// embedCmd is `chat embed TEXT…`: a vector for each text, of length 1. Prints {"embeddings": [[…], …]}.
type embedCmd struct {
	loadFlags

	File       string   `short:"f" type:"nonempty" placeholder:"FILE" help:"File with the text; - is standard input. A .json file holds a list of strings, each a text, or an object, which is a text."`
	Pooling    string   `enum:"file,mean,cls,last" default:"file" help:"How the vectors of tokens become one: their mean, the first (cls) or the last; by default as the model's file says."`
	Dimensions int      `placeholder:"N" help:"Cut vectors to the first N values, for models that are trained for it."`
	Truncate   bool     `help:"Cut texts that are longer than the model takes; they are an error otherwise."`
	Texts      []string `arg:"" optional:"" name:"text" help:"The texts, each in quotes."`
}

// Validate implements kong's hook.
func (c *embedCmd) Validate() error {
	if (len(c.Texts) > 0) == (c.File != "") {
		return errors.New("TEXT… or -f FILE gives the texts")
	}
	return c.loadFlags.Validate()
}

// Run implements kong's command.
func (c *embedCmd) Run(a *app) (err error) {
	if c.File != "" {
		if c.Texts, _, err = a.readTexts(c.File); err != nil {
			return err
		}
	}
	m, err := a.load(&cachedFlags{loadFlags: c.loadFlags})
	if err != nil {
		return err
	}
	defer m.Close()
	opt := &engine.EmbedOptions{Pooling: engine.Pooling(c.Pooling), Dimensions: c.Dimensions, Truncate: c.Truncate}
	if c.Pooling == "file" {
		opt.Pooling = engine.PoolFile
	}
	vectors, err := m.Embed(a.ctx, c.Texts, opt)
	if err != nil {
		return err
	}
	return a.printJSON(map[string]any{"embeddings": vectors})
}
