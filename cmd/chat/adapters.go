package main

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/latentgo/latentgo/gguf"
	"github.com/latentgo/latentgo/gguf/huggingface"
	"github.com/latentgo/latentgo/gguf/lora"
)

// loraFlags name adapters.
type loraFlags struct {
	Lora []string `name:"lora" sep:"none" placeholder:"FILE[=SCALE]" help:"A low-rank adapter: a GGUF file, or a folder of PEFT's (may be repeated). Its changes are multiplied by SCALE, 1 without."`
}

// Validate checks the values.
func (f *loraFlags) Validate() error {
	for _, s := range f.Lora {
		if _, _, err := splitScale(s); err != nil {
			return err
		}
	}
	return nil
}

// splitScale reads FILE[=SCALE].
func splitScale(s string) (path string, scale float32, err error) {
	i := strings.LastIndexByte(s, '=')
	if i < 0 {
		return s, 1, nil
	}
	x, err := strconv.ParseFloat(s[i+1:], 32)
	if err != nil || math.IsInf(x, 0) || math.IsNaN(x) || i == 0 {
		return "", 0, fmt.Errorf("--lora %s is not FILE or FILE=SCALE", s)
	}
	return s[:i], float32(x), nil
}

// read reads the adapters for a model.
func (f *loraFlags) read(base *gguf.File) ([]lora.Scaled, error) {
	var out []lora.Scaled
	for _, s := range f.Lora {
		path, scale, err := splitScale(s)
		if err != nil {
			return nil, err
		}
		a, err := readAdapter(path, base)
		if err != nil {
			return nil, err
		}
		out = append(out, lora.Scaled{Adapter: a, Scale: scale})
	}
	return out, nil
}

// readFor is read for a model at a path.
func (f *loraFlags) readFor(path string) ([]lora.Scaled, error) {
	if len(f.Lora) == 0 {
		return nil, nil
	}
	base, err := gguf.Open(path)
	if err != nil {
		return nil, err
	}
	out, err := f.read(base)
	return out, errors.Join(err, base.Close())
}

// readAdapter reads a file or a folder.
func readAdapter(path string, base *gguf.File) (*lora.Adapter, error) {
	st, err := os.Stat(path)
	if err != nil || !st.IsDir() {
		return lora.Open(path)
	}
	f, err := huggingface.OpenAdapter(os.DirFS(path), filepath.Base(path), base)
	if err != nil {
		return nil, err
	}
	return lora.Read(f)
}
