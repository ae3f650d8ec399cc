package main

import (
	"errors"
	"fmt"

	"github.com/latentgo/latentgo/cmd/chat/internal/human"
	"github.com/latentgo/latentgo/gguf"
	"github.com/latentgo/latentgo/gguf/ollama"
)

// verified is what `chat inspect --verify --json` prints.
type verified struct {
	File string `json:"file"`
	OK   bool   `json:"ok"` // no differences
	*ollama.Report
}

// errDiffers ends `chat inspect --verify` for a file that Ollama's reader refuses or sees otherwise.
var errDiffers = errors.New("not as Ollama's reader sees it")

// verify prints whether Ollama's reader takes f and sees the same keys, shapes and offsets; if not, it returns
// errDiffers.
func (a *app) verify(f *gguf.File, asJSON bool) error {
	v := verified{File: f.Name(), Report: ollama.Verify(f)}
	v.OK = len(v.Differences) == 0
	if asJSON {
		if err := a.printJSON(v); err != nil {
			return err
		}
	} else {
		a.printVerified(v)
	}
	if !v.OK {
		return fmt.Errorf("%s: %w", f.Name(), errDiffers)
	}
	return nil
}

// printVerified writes the verdict for people.
func (a *app) printVerified(v verified) {
	a.printf("%s\n", human.Line(v.File))
	if v.OK {
		a.printf("  Ollama's reader (%s) takes it, and agrees on all %d keys and %d tensors\n", v.Reader, v.Keys, v.Tensors)
		return
	}
	a.printf("  Ollama's reader (%s) agrees on %d keys and %d tensors, and differs in %d:\n", v.Reader, v.Keys, v.Tensors, len(v.Differences))
	for _, d := range v.Differences {
		a.printf("  %s\n", human.Line(d))
	}
}
