package engine

import "math"

// arch is what the block builder needs to know of an architecture beyond what a file's metadata and tensors tell. Biases,
// QK norms, post-norms and tied embeddings need no entry: their tensors are there or not.
type arch struct {
	halves     bool // RoPE pairs are (x_i, x_i+n/2); otherwise consecutive values
	gelu       bool // feed-forward activation GELU (tanh form); otherwise SiLU
	scaleEmbed bool // embeddings are multiplied by √width
	qkNorm     bool // RMS norm on each query and key head is required
	postNorm   bool // norms after attention and feed-forward, before the residual sum, are required
	window     bool // sliding-window layers as the metadata say; every windowEvery-th layer is global by default
	ropeFull   bool // the rotated size must be the head size
	ownScale   bool // attention.scale replaces 1/√(head size)
	temper     bool // attention.temperature_scale lets queries grow with their position
	softCap    bool // final_logit_softcapping bounds the logits
	mla        bool // latent attention of its own, with a cache of compressed rows
	experts    bool // feed-forward parts may be mixtures of experts
	bareFFN    bool // scale tensors of the feed-forward matrices do not count, as in llama.cpp
	scale      func(h *hparams) float64
}

// windowEvery is the default distance of global layers in models with sliding windows.
const windowEvery = 6

// archs are the supported architectures by general.architecture.
var archs = map[string]arch{
	"llama":     {ropeFull: true, ownScale: true},
	"mistral3":  {ownScale: true, temper: true},
	"qwen2":     {halves: true, bareFFN: true},
	"qwen3":     {halves: true, qkNorm: true},
	"deepseek2": {temper: true, mla: true, experts: true, bareFFN: true},
	"gemma3": {
		halves: true, gelu: true, scaleEmbed: true, qkNorm: true, postNorm: true,
		window: true, softCap: true, bareFFN: true, scale: gemma3Scale,
	},
}

// gemma3Scale is the attention scale of Gemma 3: the 27B model (62 layers) divides by the residual width per head, the
// others by the head size.
func gemma3Scale(h *hparams) float64 {
	if h.layers == 62 {
		return 1 / math.Sqrt(float64(h.embed/h.heads[0]))
	}
	return 1 / math.Sqrt(float64(h.keySize))
}
