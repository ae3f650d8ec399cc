// Package arch knows the architectures: for each a constructor that reads a file's metadata and builds the model's Spec.
//
// One file per family says what that family reads and how its layers flow, and nothing else; docs/architectures.md walks
// through adding one. Keys that a constructor does not read don't count, and tensors that its spec does not name are refused.
package arch

import (
	"fmt"
	"maps"
	"slices"

	"github.com/latentgo/latentgo/engine/internal/model"
	"github.com/latentgo/latentgo/gguf"
)

// families are the constructors by general.architecture.
var families = map[string]model.Constructor{
	"deepseek2": deepseek2,
	"falcon-h1": falconH1,
	"gemma3":    gemma3,
	"lfm2":      lfm2,
	"lfm2moe":   lfm2moe,
	"llama":     llama,
	"mamba2":    mamba2,
	"mistral3":  mistral3,
	"qwen2":     qwen2,
	"qwen3":     qwen3,
	"qwen3moe":  qwen3moe,
	"qwen3next": qwen3next,
	"qwen35":    qwen35,
	"qwen35moe": qwen35moe,
}

// Names returns the architectures' names, sorted.
func Names() []string { return slices.Sorted(maps.Keys(families)) }

// Read builds the spec of the model in f. The error wraps model.ErrUnsupported for an architecture that is not known.
func Read(f *gguf.File) (*model.Spec, error) {
	name, err := f.String("general.architecture")
	if err != nil {
		return nil, err
	}
	build, ok := families[name]
	if !ok {
		return nil, fmt.Errorf("%s: architecture %q is none of %v: %w", f.Name(), name, Names(), model.ErrUnsupported)
	}
	return model.ReadSpec(f, build)
}
