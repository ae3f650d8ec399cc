package gguftest

import (
	"maps"
	"slices"
	"strings"
)

// ByArchitecture returns a small model of each architecture that the variants above have, the first by name.
func ByArchitecture() map[string]func() *Builder {
	out := map[string]func() *Builder{}
	add := func(arch string, build func() *Builder) {
		if out[arch] == nil {
			out[arch] = build
		}
	}
	for arch, b := range Convertible() {
		add(arch, func() *Builder { return b })
	}
	add("deepseek2", DeepLite().Build)
	mistral := DeepV3()
	mistral.Arch = "mistral4"
	add(mistral.Arch, mistral.Build)
	addSorted(RelativeVariants(), func(_ string, m Relative) { add(m.Arch, m.Build) })
	addSorted(HybridVariants(), func(_ string, m Hybrid) { add(m.Arch, m.Build) })
	addSorted(ClassicVariants(), func(_ string, m Classic) { add(m.Arch, m.Build) })
	addSorted(SketchVariants(), func(name string, s Sketch) {
		if !slices.Contains([]string{"kimi-linear", "kimi-k3", "muse-glimmer", "glm-dsa", "glm5-next", "minimax-01", "minimax-m3"}, name) {
			name, _, _ = strings.Cut(name, "-")
		}
		add(name, s.Build)
	})
	moe := RelativeVariants()["qwen3vlmoe"]
	moe.Arch = "qwen3moe"
	add(moe.Arch, moe.Build)
	return out
}

func addSorted[T any](variants map[string]T, add func(name string, v T)) {
	for _, name := range slices.Sorted(maps.Keys(variants)) {
		add(name, variants[name])
	}
}
