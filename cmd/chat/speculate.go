package main

import (
	"fmt"

	"github.com/latentgo/latentgo/engine"
	"github.com/latentgo/latentgo/internal/models"
)

// guessFlags say how tokens are guessed.
type guessFlags struct {
	Lookup bool   `group:"Speculation" help:"Guess tokens from what followed the same ones earlier in the text: faster where the answer repeats it, and the same."`
	Draft  string `short:"d" type:"nonempty" placeholder:"MODEL" group:"Speculation" help:"Guess tokens with a smaller model of the same vocabulary; the answer is the same."`
}

// apply sets opt, and loads the draft model, which the caller closes; it may be nil.
func (f *guessFlags) apply(a *app, opt *engine.GenerateOptions, threads int) (draft *engine.Model, err error) {
	opt.Speculate = f.Lookup
	if f.Draft == "" {
		return nil, nil
	}
	path, err := a.fetch(f.Draft, models.Options{})
	if err == nil {
		draft, err = a.loadFile(path, &engine.Options{Threads: threads})
	}
	if err != nil {
		return nil, fmt.Errorf("--draft: %w", err)
	}
	opt.Draft = draft
	return draft, nil
}
