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
	"baichuan":   baichuan,
	"bloom":      bloom,
	"codeshell":  codeshell,
	"cohere2":    cohere2,
	"command-r":  commandR,
	"dbrx":       dbrx,
	"falcon":     falcon,
	"gpt2":       gpt2,
	"gptneox":    gptneox,
	"internlm2":  xverse,
	"jais":       jais,
	"jais2":      jais2,
	"mpt":        mpt,
	"nemotron":   nemotron,
	"olmo":       olmo,
	"orion":      orion,
	"phi2":       phi2,
	"phimoe":     phimoe,
	"qwen":       qwen,
	"refact":     refact,
	"stablelm":   stablelm,
	"starcoder":  gpt2,
	"starcoder2": starcoder2,
	"xverse":     xverse,
	"deepseek2":  deepseek2,
	"gemma3":     gemma3,
	"llama":      llama,
	"mistral3":   mistral3,
	"qwen2":      qwen2,
	"qwen3":      qwen3,
	"qwen3moe":   qwen3moe,
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
