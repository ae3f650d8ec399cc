package llamacpp

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/latentgo/latentgo/engine/internal/model"
	"github.com/latentgo/latentgo/gguf"
	"github.com/latentgo/latentgo/internal/kernel"
)

// Check tells, before any work, what keeps a model from being written for llama.cpp. s is the spec of the converted
// model, with the shapes of its rows. The error wraps model.ErrUnsupported and names the properties that architecture
// deepseek2 has no place for.
//
// It works from a list of what the form can say: a field of a spec, or a tensor, that is not known is refused.
func Check(f *gguf.File, s *model.Spec) error {
	c := &checker{f: f, spec: s}
	c.fields(reflect.ValueOf(*s))
	c.layersAlike()
	if len(c.obstacles) == 0 {
		c.tensors()
	}
	if len(c.obstacles) == 0 {
		return nil
	}
	const format = "%s: llama.cpp's latent attention, architecture deepseek2, can't express %s; " +
		"convert it to this program's own form: %w"
	return fmt.Errorf(format, f.Name(), strings.Join(c.obstacles, ", "), model.ErrUnsupported)
}

// field is a field of a spec that the form has a place for.
type field struct {
	what string                     // values that it can't express
	ok   func(v reflect.Value) bool // which it can; nil: any
}

func zero(v reflect.Value) bool { return v.IsZero() }

// What tensors and fields of a spec are called.
const (
	whatPostNorm = "norms behind attention and feed-forward part"
	whatQKNorm   = "norms of queries and keys (attn_q_norm, attn_k_norm)"
	whatFactors  = "RoPE frequencies of their own (tensor rope_freqs.weight)"
)

// fields are those of a spec and its parts by "Type.Field". What is not listed must have its zero value.
var fields = map[string]field{
	"Spec.Arch": {}, "Spec.Width": {}, "Spec.Vocab": {}, "Spec.Context": {}, "Spec.Eps": {}, "Spec.Layers": {}, "Spec.Unused": {},
	"Spec.RopeFactors": {}, "Spec.OutputBias": {}, "Spec.OutputScale": {}, "Spec.Classifier": {}, "Spec.Dense": {}, // tensors tells whether they are there
	"Spec.BlockRopePhase": {},
	"Spec.Pooling":        {"vectors for texts (key pooling_type)", zero},
	"Spec.Skipped":        {"layers behind the last (key nextn_predict_layers)", zero},
	"Spec.EmbedScale": {"embeddings that are multiplied by a factor", func(v reflect.Value) bool {
		return v.IsZero() || v.Float() == 1
	}},
	"Spec.Norm":      {"layer norms, or norms with a bias", zero},
	"Spec.EmbedNorm": {"a norm on embeddings (tensor token_embd_norm.weight)", zero},
	"Spec.Positions": {"learned position embeddings (tensor position_embd.weight)", zero},
	"Spec.Required":  {}, "Spec.Tied": {},
	"Spec.LogitCap": {"soft-capped logits (key final_logit_softcapping)", zero},
	"Spec.LogitScale": {"logits that are multiplied by a factor (key logit_scale)", func(v reflect.Value) bool {
		return v.IsZero() || v.Float() == 1
	}},
	"Spec.LongRope": {"RoPE that depends on the context (LongRoPE: rope_factors_short, rope_factors_long)", zero},
	"Spec.Ropes":    {"more than one position embedding", func(v reflect.Value) bool { return v.Len() == 1 }},

	"RopeConfig.Dims": {}, "RopeConfig.Base": {}, "RopeConfig.Scale": {}, "RopeConfig.Magnitude": {}, "RopeConfig.Halves": {},
	"RopeConfig.OrigContext": {}, "RopeConfig.BetaFast": {}, "RopeConfig.BetaSlow": {}, // of YaRN
	"RopeConfig.Fixed":   {"layers without position embedding", zero},
	"RopeConfig.Factors": {whatFactors, zero},
	"RopeConfig.Yarn":    {"YaRN (key rope.scaling.type)", zero},

	"LayerSpec.PostNorm":      {whatPostNorm, zero},
	"LayerSpec.NoPreNorm":     {"attention and feed-forward part without norms before them", zero},
	"LayerSpec.Parallel":      {"attention in parallel to the feed-forward part", zero},
	"LayerSpec.MixerNorm":     {"a norm before attention with another name", zero},
	"LayerSpec.FFNNorm":       {"a norm before the feed-forward part with another name", zero},
	"LayerSpec.ResidualScale": {"results that are multiplied by a factor (key residual_scale)", zero},
	"LayerSpec.Mixer": {"layers that mix tokens by anything but grouped-query attention", func(v reflect.Value) bool {
		return !v.IsNil() && v.Elem().Type() == reflect.TypeFor[model.Attention]()
	}},
	"LayerSpec.FFN": {"a feed-forward part that is no gated network (a mixture of experts, a network without a gate)", func(v reflect.Value) bool {
		return !v.IsNil() && v.Elem().Type() == reflect.TypeFor[model.GatedFFN]()
	}},

	"Attention.Geometry": {}, "Attention.Scale": {}, "Attention.OutputBias": {}, // tensors tells whether it is there
	"Attention.Rope":   {"more than one position embedding", zero},
	"Attention.QKNorm": {whatQKNorm, zero}, "Attention.WholeNorm": {whatQKNorm, zero}, "Attention.EachNorm": {whatQKNorm, zero},
	"Attention.NormRotated": {whatQKNorm, zero}, "Attention.UnitNorm": {whatQKNorm, zero},
	"Attention.Clamp":       {"queries, keys and values that are clamped (key attention.clamp_kqv)", zero},
	"Attention.ALiBi":       {"scores that fall with distance (ALiBi)", zero},
	"Attention.ScoreCap":    {"soft-capped scores (key attn_logit_softcapping)", zero},
	"Attention.Sinks":       {"attention sinks (attn_sinks)", zero},
	"Attention.Gate":        {"gates on what heads find", zero},
	"Attention.Bare":        {"biases of queries, keys and values that don't count", zero},
	"Attention.OutputScale": {"results of attention that are multiplied by a factor (key attention.value_scale)", zero},
	"Attention.Temperature": {"queries that grow with their position (key attention.temperature_scale)", func(v reflect.Value) bool {
		return v.FieldByName("Scale").IsZero()
	}},
	"Attention.Compressed": {"a layer that is left exact", func(v reflect.Value) bool {
		return !v.IsNil() && v.Elem().FieldByName("L").Int() > 0
	}},
	"Geometry.Heads": {}, "Geometry.KVHeads": {}, "Geometry.KeySize": {}, "Geometry.ValueSize": {},
	"Geometry.Chunked": {"attention within chunks", zero},
	"Geometry.Window":  {"a sliding window (key attention.sliding_window)", zero},

	"CompressedShape.L": {}, "CompressedShape.Keys": {},
	"CompressedShape.R":      {"rows without rotated values", func(v reflect.Value) bool { return v.Int() > 0 }},
	"CompressedShape.Blocks": {"more than 1 row per token and layer", func(v reflect.Value) bool { return v.Int() == 1 }},
	"CompressedShape.Recent": {"recent tokens that are seen otherwise than through rows", zero},

	"GatedFFN.Width": {}, "GatedFFN.Bias": {}, "GatedFFN.Scales": {}, // tensors tells whether they are there
	"GatedFFN.Fused":      {"gates and up-projections in one tensor (ffn_up)", zero},
	"GatedFFN.Activation": {"GELU, or another activation than SiLU, in the feed-forward part", func(v reflect.Value) bool { return v.Interface() == model.SiLU }},
}

// checker collects what can't be expressed.
type checker struct {
	f         *gguf.File
	spec      *model.Spec
	obstacles []string
}

// refuse adds an obstacle, once.
func (c *checker) refuse(format string, a ...any) {
	if what := fmt.Sprintf(format, a...); !slices.Contains(c.obstacles, what) {
		c.obstacles = append(c.obstacles, what)
	}
}

// fields checks the fields of a struct and of what they hold.
func (c *checker) fields(v reflect.Value) {
	for i := range v.NumField() {
		name := v.Type().Name() + "." + v.Type().Field(i).Name
		known, ok := fields[name]
		switch {
		case !ok && !v.Field(i).IsZero():
			c.refuse("%s (which it is not known to have a place for)", name)
		case ok && known.ok != nil && !known.ok(v.Field(i)):
			c.refuse("%s", known.what)
		case ok && name != "Attention.Temperature":
			c.parts(v.Field(i))
		}
	}
}

// parts checks the structs that a value holds.
func (c *checker) parts(v reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		c.fields(v)
	case reflect.Pointer, reflect.Interface:
		c.parts(v.Elem())
	case reflect.Slice:
		for i := range v.Len() {
			c.parts(v.Index(i))
		}
	}
}

// layersAlike checks what must be the same in all layers, and that rows fit the position embedding.
func (c *checker) layersAlike() {
	if len(c.obstacles) > 0 || len(c.spec.Layers) == 0 {
		return
	}
	first, ffn := c.spec.Layers[0].Mixer.(model.Attention), c.spec.Layers[0].FFN.(model.GatedFFN)
	for _, l := range c.spec.Layers {
		a := l.Mixer.(model.Attention)
		if a.Geometry != first.Geometry {
			c.refuse("numbers of heads that differ between layers (key attention.head_count)")
		}
		if a.Scale != first.Scale {
			c.refuse("scales of scores that differ between layers")
		}
		if l.FFN.(model.GatedFFN).Width != ffn.Width {
			c.refuse("feed-forward parts of different widths (key feed_forward_length)")
		}
		if *a.Compressed != *first.Compressed {
			c.refuse("layers with rows of different sizes")
		}
	}
	if r, dims := first.Compressed.R, c.spec.Ropes[0].Dims; r > dims {
		c.refuse("%d rotated values, at most the model's %d, one pair per frequency", r, dims)
	}
}

// layerTensor splits the name of a layer's tensor; ok is false for others.
func layerTensor(full string) (layer, name string, ok bool) {
	rest, found := strings.CutPrefix(full, "blk.")
	layer, name, ok = strings.Cut(rest, ".")
	_, err := strconv.ParseUint(layer, 10, 31)
	return layer, name, found && ok && err == nil
}

// written are the tensors that go into the file, as they are or in its form; those of a layer without their layer.
var written = []string{
	"token_embd.weight", "output_norm.weight", "output.weight",
	"attn_norm.weight", "attn_q.weight", "attn_k.weight", "attn_v.weight", "attn_qkv.weight", "attn_output.weight",
	"ffn_norm.weight", "ffn_gate.weight", "ffn_up.weight", "ffn_down.weight",
}

// unwritten says what other tensors are.
var unwritten = map[string]string{
	"rope_freqs.weight": whatFactors,
	"output.bias":       "a bias of the output",
	"attn_output.bias":  "a bias of the attention's output (attn_output.bias)",
	"attn_q.bias":       "biases of queries, keys and values (attn_q.bias, attn_k.bias, attn_v.bias)",
	"ffn_gate.bias":     "biases of the feed-forward part",
}

// sameAs are tensors that unwritten calls by another's name.
var sameAs = map[string]string{
	"attn_k.bias": "attn_q.bias", "attn_v.bias": "attn_q.bias", "attn_qkv.bias": "attn_q.bias",
	"ffn_up.bias": "ffn_gate.bias", "ffn_down.bias": "ffn_gate.bias",
}

// tensors checks that all tensors are written, or say nothing.
func (c *checker) tensors() {
	for _, t := range c.f.Tensors() {
		name, layer := t.Name, ""
		if no, rest, ok := layerTensor(name); ok {
			name, layer = rest, " (layer "+no+")"
		}
		if slices.Contains(written, name) || slices.Contains(c.spec.Unused, name) {
			continue
		}
		base, scaled := strings.CutSuffix(name, ".scale")
		switch same, ok := sameAs[name]; {
		case strings.HasSuffix(name, ".input_scale"): // of activations in 4 bits, which nobody computes with
		case scaled && !c.counts(base):
		case scaled && isOne(t):
		case scaled:
			c.refuseTensor("weights with a scale of their own (tensors named .scale)", layer)
		case ok:
			c.refuseTensor(unwritten[same], layer)
		case unwritten[name] != "":
			c.refuseTensor(unwritten[name], layer)
		default:
			c.refuse("tensor %q", t.Name)
		}
	}
}

// refuseTensor adds what tensors are, with the first layer that has them.
func (c *checker) refuseTensor(what, layer string) {
	if !slices.ContainsFunc(c.obstacles, func(o string) bool { return strings.HasPrefix(o, what) }) {
		c.refuse("%s%s", what, layer)
	}
}

// counts reports whether the model multiplies by the scale of a matrix.
func (c *checker) counts(matrix string) bool {
	switch {
	case matrix == "output":
		return c.spec.OutputScale
	case strings.HasPrefix(matrix, "ffn_"):
		return c.spec.Layers[0].FFN.(model.GatedFFN).Scales
	}
	return true
}

// isOne reports whether a scale changes nothing.
func isOne(t *gguf.Tensor) bool {
	var v [1]float32
	b, err := t.Bytes()
	return err == nil && model.FileTensor(t).Elements() == 1 && kernel.Dequantize(v[:], t.Type, b) == nil && v[0] == 1
}
