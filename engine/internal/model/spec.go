package model

import (
	"math"
	"slices"

	"github.com/latentgo/latentgo/attn"
	"github.com/latentgo/latentgo/gguf"
)

// Spec is a decoder as its architecture's constructor describes it: shapes, constants and how layers flow. It names all
// tensors that the model has; Load finds them.
type Spec struct {
	Arch       string  // general.architecture
	Width      int     // of the residual stream
	Vocab      int     // tokens
	Context    int     // trained context in tokens
	Eps        float32 // of norms
	Norm       NormSpec
	EmbedScale float32 // embeddings are multiplied by it; 0 means 1
	Layers     []LayerSpec
	Skipped    int               // layers of the file behind those that run: heads for speculative decoding
	Ropes      []attn.RopeConfig // position embeddings, which mixers name by index
	// RopeFactors says that the file may divide the frequencies of the first of Ropes by rope_freqs.weight.
	RopeFactors bool
	FactorDims  int // rotated values that the tensor has divisors for, where they are more than those of the first of Ropes; or 0
	// LongRope says that the file may divide those of the first by rope_factors_short.weight, and in sequences that may
	// get longer than the original context by rope_factors_long.weight (LongRoPE, arXiv 2402.13753).
	LongRope bool
	// Encoder says that texts are evaluated as a whole, each token seeing those behind it too, and that the residual
	// stream is the result: there is no output.
	Encoder    bool
	Pooling    Pooling     // how the result becomes one vector; a decoder's may be a number that is not known
	Classifier *Classifier // a head that scores texts, nil for none
	Dense      bool        // pooled vectors are multiplied by dense_2 and dense_3, where the file has them
	TokenTypes bool        // the embedding of token type 0 is added where the file has it (token_types)
	EmbedNorm  bool        // embeddings are normed (token_embd_norm)
	EmbedUnit  bool        // by an RMS norm without weights
	Positions  bool        // learned position embeddings are added to those of tokens (position_embd)
	// LayerEmbedding is the size of the embedding that each layer has of its own for a token (Gemma 3n), 0 for none.
	LayerEmbedding int
	AltUp          AltUp
	Copies         Copies   // the residual stream is several vectors; nil for one
	Tied           bool     // the output is the token embedding, whatever the file has
	Required       []string // tensors that are optional elsewhere and must be there; "blk.*." stands for every layer
	OutputBias     bool     // output.bias, where the file has it
	OutputNorm     string   // tensor of the norm before the output; "" means output_norm, NoNorm none
	OutputScale    bool     // output.scale, where the file has it
	LogitScale     float32  // logits are multiplied by it; 0 means 1
	LogitCap       float32  // logits become cap·tanh(logits/cap); 0 means none
	Unused         []string // tensors that files of the architecture may have and a decoder has no use for
	// BlockRopePhase is the error in radians that block-wise RoPE of compressed layers allows; 0 without such layers.
	BlockRopePhase float64
}

// LayerSpec is one transformer block.
type LayerSpec struct {
	Parallel bool // attention and feed-forward network both get the layer's input, and both are added to it
	// MixerNorm and FFNNorm name the norms before the two parts, which may be the same; "" stands for attn_norm and
	// ffn_norm, and NoNorm for none.
	MixerNorm, FFNNorm string
	PostNorm           bool // the mixer's and the network's results are normed too before they are added
	// MixerPostNorm and FFNPostNorm name these norms; "" stands for post_attention_norm and post_ffw_norm.
	MixerPostNorm, FFNPostNorm string
	PostEps                    float32   // epsilon of these norms; 0 means the model's
	NoPreNorm                  bool      // their inputs are not
	SumNorms                   bool      // the residual stream is normed behind each part: attn_output_norm, layer_output_norm
	ResidualScale              float32   // their results are multiplied by it; 0 means 1
	NormedResidual             float32   // they are added to their normed inputs times this, which become the residual stream; 0: they are not
	Mixer                      MixerSpec // nil in a layer that is only a network
	FFN                        FFNSpec   // nil in a layer that is only a mixer
	NGrams                     *NGrams   // what is added to the copies of the residual stream before the layer; nil for nothing
	// Side is a second network, which gets the layer's input normed by SideNorm and is added in the end; nil for none.
	Side     FFNSpec
	SideNorm string
	// Repeats says that the layer has the weights of the one so many before it, and remembers what it sees apart: the
	// model runs in a loop. 0 means weights of its own.
	Repeats     int
	OwnScales   bool   // scales of such a layer's matrices are not those of the other, but what is named after this one
	StreamNorm  string // tensor of a norm of the residual stream behind the layer; "" for none
	OutputScale bool   // the residual stream is multiplied by layer_output_scale in the end, where the file has it
	EmbedSkip   bool   // instead what came into the first layer, times layer_output_scale, is added to it
}

// NoPosition is the position embedding of layers that have none (NoPE).
func NoPosition() attn.RopeConfig { return attn.RopeConfig{Dims: 2, Base: 1, Fixed: true} }

// MixerSpec says how a layer's tokens see each other: Attention, MLA, a mixer that sums up the past in a state of fixed
// size (ShortConv, DeltaNet, Mamba2, Mamba), or Both of two.
type MixerSpec interface {
	load(ld *Loader, i int) mixer
}

// FFNSpec says what a layer's feed-forward network is: GatedFFN, PlainFFN or Experts.
type FFNSpec interface {
	load(ld *Loader, i int) ffn
}

// Activation is the non-linear function of a feed-forward network.
type Activation uint8

// The activations.
const (
	SiLU Activation = iota
	GELU            // in its tanh form
	ReLU
	ClampedSiLU // gpt-oss': x·σ(1.702·x)·(up+1), x and up clamped to 7
	ReLUSquared
)

// Decoder reads what every decoder has: sizes of the residual stream, number of layers, trained context, epsilon.
// The constructor completes the layers.
func (r *Reader) Decoder() *Spec { return r.causal(r.sizes("attention.layer_norm_rms_epsilon")) }

// LayerNormDecoder is Decoder for a model whose norms are layer norms, with biases where the file has them.
func (r *Reader) LayerNormDecoder() *Spec {
	s := r.sizes("attention.layer_norm_epsilon")
	s.Norm = NormSpec{Mean: true, Bias: true}
	return r.causal(s)
}

// Encoder is LayerNormDecoder for a model that turns texts into vectors.
func (r *Reader) Encoder() *Spec {
	s := r.sizes("attention.layer_norm_epsilon")
	s.Norm = NormSpec{Mean: true, Bias: true}
	r.encoder(s)
	r.bothWays()
	return s
}

// RMSEncoder is Encoder for a model whose norms are RMS norms. always says that the architecture is an encoder whatever
// the file says.
func (r *Reader) RMSEncoder(always bool) *Spec {
	s := r.sizes("attention.layer_norm_rms_epsilon")
	r.encoder(s)
	if !always {
		r.bothWays()
	}
	return s
}

// encoder makes an encoder of a spec.
func (r *Reader) encoder(s *Spec) {
	s.Encoder = true
	if s.Pooling > PoolRank {
		r.Refuse("key %q: pooling %d", r.key(poolingKey), s.Pooling)
	}
}

// bothWays refuses a file whose tokens don't see those behind them.
func (r *Reader) bothWays() {
	if r.Flag("attention.causal", true) {
		r.Refuse("key %q: an encoder whose tokens don't see those behind them", r.key("attention.causal"))
	}
}

// causal refuses attention to later tokens.
func (r *Reader) causal(s *Spec) *Spec {
	if !r.Flag("attention.causal", true) {
		r.Refuse("key %q: attention to later tokens", r.key("attention.causal"))
	}
	return s
}

// sizes reads what all models have.
func (r *Reader) sizes(epsilon string) *Spec {
	layers := r.Size("block_count", -1, 1, maxLayers)
	skipped := r.Size("nextn_predict_layers", 0, 0, layers-1)
	s := &Spec{
		Arch:    r.arch,
		Width:   r.Size("embedding_length", -1, 1, MaxWidth),
		Vocab:   r.Vocabulary(),
		Context: r.Size("context_length", -1, 1, math.MaxInt32),
		Eps:     r.epsilon(epsilon),
		Layers:  make([]LayerSpec, layers-skipped),
		Skipped: skipped,
		Pooling: r.pooling(),
	}
	s.OutputScale = true
	return s
}

// Heads returns the shape of each layer's attention, without windows. Key and value sizes default to the width per
// head.
func (r *Reader) Heads(s *Spec) []attn.Geometry { return r.heads(s, 1) }

// HybridHeads is Heads for models in which layers without key/value heads have no attention: their shape is the zero
// value.
func (r *Reader) HybridHeads(s *Spec) []attn.Geometry { return r.heads(s, 0) }

func (r *Reader) heads(s *Spec, least int) []attn.Geometry {
	n := len(s.Layers)
	heads := r.Sizes("attention.head_count", n, nil, least, maxHeads)
	kv := r.Sizes("attention.head_count_kv", n, heads, least, maxHeads)
	out := make([]attn.Geometry, n)
	if r.err != nil {
		return out
	}
	first := max(slices.Max(heads), 1)
	if heads[0] > 0 {
		first = heads[0]
	}
	if !r.Has("attention.key_length") && s.Width%first != 0 {
		r.Fail("attention.head_count", "%d heads don't divide the width %d", first, s.Width)
	}
	size := max(s.Width/first, 1)
	key := r.Size("attention.key_length", size, 1, MaxWidth)
	value := r.Size("attention.value_length", size, 1, MaxWidth)
	for i := range out {
		if kv[i] == 0 && least == 0 {
			continue
		}
		if kv[i] == 0 || heads[i] == 0 || heads[i]%kv[i] != 0 {
			r.Fail("attention.head_count_kv", "layer %d: %d query heads can't share %d key/value heads", i, heads[i], kv[i])
		}
		out[i] = attn.Geometry{Heads: heads[i], KVHeads: kv[i], KeySize: key, ValueSize: value}
	}
	return out
}

// FFNWidths returns the width of each layer's feed-forward network.
func (r *Reader) FFNWidths(s *Spec) []int {
	return r.Sizes("feed_forward_length", len(s.Layers), nil, 1, MaxWidth)
}

// NoExperts refuses a mixture of experts in an architecture that has none; a file may say 0 of 0.
func (r *Reader) NoExperts() {
	n := r.Size("expert_count", 0, 0, math.MaxInt32)
	if used := r.Size("expert_used_count", 0, 0, math.MaxInt32); used > n {
		r.Fail("expert_used_count", "%d of %d experts", used, n)
	}
	if n > 0 {
		r.Refuse("mixture of experts in architecture %q", r.arch)
	}
}

// Windows reads which layers attend in a sliding window: a list of flags, or the last of every n layers is global. It
// returns the window in tokens, 0 for none, and a flag per layer.
func (r *Reader) Windows(s *Spec, every int) (window int, local []bool) {
	window = r.Window(0)
	return window, r.LocalLayers(s, window, every, false)
}

// Window reads the sliding window in tokens, def where the file does not say.
func (r *Reader) Window(def int) int {
	return r.Size("attention.sliding_window", def, 0, math.MaxInt32)
}

// LocalLayers reads which layers attend in a window, none when it is 0: a list of flags, or of every n layers all but
// the last, or all but the first.
func (r *Reader) LocalLayers(s *Spec, window, every int, first bool) []bool {
	const pattern = "attention.sliding_window_pattern"
	local := make([]bool, len(s.Layers))
	if window == 0 {
		return local
	}
	if flags, ok := r.flags(pattern); ok {
		if len(flags) < len(local) {
			r.Fail(pattern, "%d values for %d layers", len(flags), len(local))
			return local
		}
		copy(local, flags)
		return local
	}
	every = r.Size(pattern, every, 0, maxLayers)
	global := every - 1
	if first {
		global = 0
	}
	for i := range local {
		local[i] = every == 0 || i%every != global
	}
	return local
}

// Geometry returns the shape of layer i's attention, the zero value where it has none: query heads, key/value heads, of
// which DeepSeek's attention has one, and the sizes of keys and values when they are expanded.
func (s *Spec) Geometry(i int) attn.Geometry {
	switch m := s.Layers[i].Mixer.(type) {
	case Attention:
		return m.Geometry
	case MLA:
		return m.geometry()
	case PoolAttention:
		return m.geometry()
	case Both:
		if a, ok := m.First.(Attention); ok {
			return a.Geometry
		}
	}
	return attn.Geometry{}
}

// Attending returns the shape of the first attention, and how many layers have one.
func (s *Spec) Attending() (first attn.Geometry, n int) {
	for i := range s.Layers {
		if g := s.Geometry(i); g.Heads > 0 {
			if n++; n == 1 {
				first = g
			}
		}
	}
	return first, n
}

// Constructor builds an architecture's Spec. It keeps errors in the reader.
type Constructor func(r *Reader) *Spec

// ReadSpec calls an architecture's constructor for f, and reads what a conversion left in a file that it made.
func ReadSpec(f *gguf.File, build Constructor) (*Spec, error) {
	r, err := NewReader(f)
	if err != nil {
		return nil, err
	}
	s := build(r)
	if r.err != nil {
		return nil, r.err
	}
	return s, s.readCompressed(f)
}
