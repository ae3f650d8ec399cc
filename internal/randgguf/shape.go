package main

import (
	"fmt"
	"maps"
	"slices"
)

// shape is what a model looks like. Sizes are in values, heads, tokens or layers.
type shape struct {
	arch       string
	layers     int
	width, ff  int
	heads, kv  int
	headSize   int // 0: width / heads
	vocab      int
	context    int
	ropeBase   float64
	tied       bool
	slidingLen int // gemma3: window of the layers that have one
	deepseek   deepseek
}

// arch is how an architecture differs from llama in its tensors.
type arch struct {
	bias      bool // of queries, keys and values
	qkNorm    bool // per head, on queries and keys
	postNorm  bool // after attention and feed-forward
	window    bool // sliding windows
	ownOutput bool // false: the output matrix is always the embedding
	mla       bool // DeepSeek's latent attention
	fixedHead bool // heads × head size must be the width
}

// archs are the architectures by their name in the file.
var archs = map[string]arch{
	"llama":     {ownOutput: true},
	"qwen2":     {bias: true, ownOutput: true, fixedHead: true},
	"qwen3":     {qkNorm: true, ownOutput: true},
	"gemma3":    {qkNorm: true, postNorm: true, window: true},
	"deepseek2": {mla: true, ownOutput: true},
}

// presets are shapes worth a name.
var presets = map[string]shape{
	// What the flags default to.
	"tiny": {arch: "llama", layers: 2, width: 256, ff: 512, heads: 4, kv: 2, vocab: 512, context: 2048, ropeBase: 10000, tied: true},
	// SmolLM2-135M.
	"smollm2-135m": {arch: "llama", layers: 30, width: 576, ff: 1536, heads: 9, kv: 3, vocab: 49152, context: 8192, ropeBase: 1e5, tied: true},
	// Llama 3.2 1B: 1.24 billion weights.
	"llama-1b": {arch: "llama", layers: 16, width: 2048, ff: 8192, heads: 32, kv: 8, headSize: 64, vocab: 128256, context: 131072,
		ropeBase: 5e5, tied: true},
	// Qwen2.5 1.5B and 3B: 1.5 and 3.1 billion weights.
	"qwen2.5-1.5b": {arch: "qwen2", layers: 28, width: 1536, ff: 8960, heads: 12, kv: 2, vocab: 151936, context: 32768, ropeBase: 1e6, tied: true},
	"qwen2.5-3b":   {arch: "qwen2", layers: 36, width: 2048, ff: 11008, heads: 16, kv: 2, vocab: 151936, context: 32768, ropeBase: 1e6, tied: true},
	// DeepSeek-V2-Lite: 15.7 billion weights, 2.4 billion of which a token uses.
	"deepseek-v2-lite": {arch: "deepseek2", layers: 27, width: 2048, ff: 10944, heads: 16, kv: 1, vocab: 102400, context: 163840,
		ropeBase: 10000, deepseek: deepseek{
			latent: 512, nope: 128, rope: 64, value: 128, experts: 64, used: 6, width: 1408, shared: 2, dense: 1, weightScale: 1,
		}},
	// A DeepSeek-V3 with every size reduced: queries of low rank, sigmoid gating, groups of experts.
	"deepseek-v3-tiny": {arch: "deepseek2", layers: 3, width: 256, ff: 512, heads: 8, kv: 1, vocab: 512, context: 2048,
		ropeBase: 10000, deepseek: deepseek{
			qRank: 128, latent: 128, nope: 64, rope: 32, value: 64, experts: 32, used: 4, width: 128, shared: 1, dense: 1,
			groups: 4, groupsUsed: 2, sigmoid: true, weightScale: 2.5,
		}},
	// Attention of Llama 3 8B in four layers under a small vocabulary: what long contexts cost at that size.
	"llama-8b-attn": {arch: "llama", layers: 4, width: 4096, ff: 14336, heads: 32, kv: 8, headSize: 128, vocab: 4096, context: 131072,
		ropeBase: 5e5, tied: true},
}

// names returns the sorted keys of a table, for messages.
func names[V any](table map[string]V) []string { return slices.Sorted(maps.Keys(table)) }

// defaults fills in what follows from other values.
func (s *shape) defaults() {
	if s.headSize == 0 && s.heads > 0 {
		s.headSize = s.width / s.heads
	}
	if a, ok := archs[s.arch]; ok {
		s.tied = s.tied || !a.ownOutput
	}
	s.slidingLen = 512
	if archs[s.arch].mla {
		s.deepseek.defaults(s.headSize)
		s.kv = 1
	}
}

// Limits that no real model reaches; they keep products of sizes far from overflow.
const (
	maxLayers = 512
	maxSize   = 1 << 20
)

// check tells what no model could have.
func (s *shape) check() error {
	a, ok := archs[s.arch]
	if !ok {
		return fmt.Errorf("architecture %q is none of %v", s.arch, names(archs))
	}
	for _, v := range []struct {
		name   string
		n, max int
	}{
		{"layers", s.layers, maxLayers}, {"width", s.width, maxSize}, {"ff", s.ff, maxSize}, {"heads", s.heads, 4096},
		{"kv", s.kv, 4096}, {"head-size", s.headSize, 4096}, {"context", s.context, 1 << 30},
	} {
		if v.n < 1 || v.n > v.max {
			return fmt.Errorf("-%s %d is outside 1 … %d", v.name, v.n, v.max)
		}
	}
	switch {
	case s.vocab < minVocab || s.vocab > maxVocab:
		return fmt.Errorf("-vocab %d is outside %d … %d", s.vocab, minVocab, maxVocab)
	case s.heads%s.kv != 0:
		return fmt.Errorf("-kv %d does not divide -heads %d", s.kv, s.heads)
	case s.headSize%2 != 0:
		return fmt.Errorf("-head-size %d is odd", s.headSize)
	case a.fixedHead && s.heads*s.headSize != s.width:
		return fmt.Errorf("%s wants heads × head size = width, not %d × %d = %d", s.arch, s.heads, s.headSize, s.width)
	case !(s.ropeBase > 0):
		return fmt.Errorf("-rope-base %v is not above 0", s.ropeBase)
	}
	return nil
}
