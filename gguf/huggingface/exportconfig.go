package huggingface

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/latentgo/latentgo/gguf"
)

// configure makes config.json.
func (x *exporter) configure() error {
	x.cfg["architectures"], x.cfg["model_type"] = []string{x.class}, x.modelType
	x.cfg["torch_dtype"] = map[gguf.Type]string{typeF32: "float32", typeF16: "float16", typeBF16: "bfloat16"}[x.typ]
	embd, err := x.f.Tensor("token_embd.weight")
	if err != nil {
		return err
	}
	if len(embd.Shape) != 2 {
		return fmt.Errorf("tensor %q: %w: shape %v", embd.Name, ErrFile, embd.Shape)
	}
	x.cfg["vocab_size"] = embd.Shape[1]
	x.cfg["tie_word_embeddings"] = !x.has("output.weight")
	if x.layers = int(x.need("block_count")); x.layers > 10000 {
		return fmt.Errorf("key %s.block_count: %w: %d layers", x.arch, ErrFile, x.layers)
	}
	x.cfg["num_hidden_layers"] = x.layers
	x.places(sizePlaces)
	x.places(normPlaces)
	x.places(expertPlaces)
	x.headDim()
	x.rope()
	maps.Copy(x.cfg, x.fixed)
	x.say(x.says)
	if x.config != nil {
		x.config(x)
	}
	return x.err
}

// fail keeps an error about a key of the file.
func (x *exporter) fail(key string, kind error, format string, a ...any) {
	if x.err == nil {
		x.err = fmt.Errorf("key %s.%s: %w: %s", x.arch, key, kind, fmt.Sprintf(format, a...))
	}
}

// uint returns a count of the architecture, which fits an int32 as those of config.json do; ok is false if the file has no
// such key.
func (x *exporter) uint(key string) (n uint64, ok bool) {
	if !x.f.Has(x.arch + "." + key) {
		return 0, false
	}
	n, err := x.f.Uint(x.arch + "." + key)
	if err == nil && n > math.MaxInt32 {
		err = fmt.Errorf("%d is too large", n)
	}
	if err != nil {
		x.fail(key, ErrUnsupported, "%v", err)
		return 0, false
	}
	return n, true
}

// need is uint for a key that must be there.
func (x *exporter) need(key string) uint64 {
	n, ok := x.uint(key)
	if !ok {
		x.fail(key, ErrFile, "it is missing, or no count")
	}
	return n
}

// float returns a number of the architecture as it stands in JSON; ok is false if the file has no such key.
func (x *exporter) float(key string) (v float64, ok bool) {
	if !x.f.Has(x.arch + "." + key) {
		return 0, false
	}
	v, err := x.f.Float(x.arch + "." + key)
	if err == nil && (math.IsNaN(v) || math.IsInf(v, 0)) {
		err = errors.New("it is not finite")
	}
	if err != nil {
		x.fail(key, ErrUnsupported, "%v", err)
	}
	return v, err == nil
}

// number writes a number of 32 bits with no more digits than it needs, and as one that need not be whole.
func number(v float64) json.Number {
	s := strconv.FormatFloat(v, 'g', -1, 32)
	if !strings.ContainsAny(s, ".e") {
		s += ".0"
	}
	return json.Number(s)
}

// places adds what keys of the architecture say, under the names that the configuration class has.
func (x *exporter) places(list []place) {
	for _, p := range list {
		if !x.f.Has(x.arch+"."+p.key) || slices.Contains(x.implied, p.key) {
			continue
		}
		i := slices.IndexFunc(p.names, x.knows)
		if i < 0 {
			x.fail(p.key, ErrUnsupported, "the configuration of a %s has no place for it", x.class)
			return
		}
		v, _ := x.f.Value(x.arch + "." + p.key)
		if k := v.Kind(); k == gguf.KindFloat32 || k == gguf.KindFloat64 {
			f, _ := x.float(p.key)
			x.cfg[p.names[i]] = number(f)
		} else if n, ok := x.uint(p.key); ok {
			x.cfg[p.names[i]] = n
		}
	}
	if !x.f.Has(x.arch + ".attention.head_count_kv") {
		x.cfg["num_key_value_heads"] = x.cfg["num_attention_heads"]
	}
}

// say adds what keys of the architecture say, of any kind. An element of list is a key and the names that the
// configuration has for it, with spaces between them.
func (x *exporter) say(list []string) {
	for _, s := range list {
		key, names, _ := strings.Cut(s, " ")
		v, ok := x.f.Value(x.arch + "." + key)
		if !ok {
			continue
		}
		said := v.Any()
		switch v.Kind() {
		case gguf.KindFloat32, gguf.KindFloat64:
			f, _ := x.float(key)
			said = number(f)
		case gguf.KindBool, gguf.KindString, gguf.KindArray:
		default:
			said, _ = x.uint(key)
		}
		for name := range strings.FieldsSeq(names) {
			x.cfg[name] = said
		}
	}
}

// knows reports whether the configuration class has a name.
func (x *exporter) knows(name string) bool { return x.known[name] }

// headDim adds the size of heads where it is not what the width has for each.
func (x *exporter) headDim() {
	keys, ok := x.uint("attention.key_length")
	if !ok || x.f.Has(x.arch+".attention.kv_lora_rank") { // where it is no head's alone
		return
	}
	if slices.ContainsFunc(x.says, func(s string) bool { return strings.HasPrefix(s, "attention.value_length ") }) {
		return // of their own size
	}
	if values, ok := x.uint("attention.value_length"); !ok || values != keys {
		x.fail("attention.value_length", ErrUnsupported, "a %s has values as large as keys, %d", x.class, keys)
	}
	x.cfg["head_dim"] = keys
}

// rope adds how positions are rotated, as configurations of all ages say it: transformers 5 reads that, too.
func (x *exporter) rope() {
	if theta, ok := x.float("rope.freq_base"); ok {
		x.cfg["rope_theta"] = number(theta)
	}
	if x.has("rope_freqs.weight") && x.arch != "gemma4" { // whose factors are a share, see gemma4Rope
		if x.arch == "step35" {
			x.llama3Rope((*model).stepFactors, 4, 32)
		} else {
			x.llama3Rope((*model).llama3Factors, 4)
		}
		return
	}
	kind, err := x.f.String(x.arch + ".rope.scaling.type")
	factor, scaled := x.float("rope.scaling.factor")
	if err != nil && !scaled || kind == "none" || kind == "longrope" && x.has("rope_factors_long.weight") {
		return // the last has factors of its own
	}
	r := map[string]any{"rope_type": kind, "factor": number(factor)}
	switch {
	case err != nil:
		r["rope_type"] = "linear" // files from before the key
	case kind == "linear":
	case kind == "yarn":
		r["original_max_position_embeddings"] = x.need("rope.scaling.original_context_length")
		for _, k := range yarnPlaces {
			if v, ok := x.float("rope.scaling." + k[0]); ok {
				r[k[1]] = number(v)
			}
		}
	default:
		x.fail("rope.scaling.type", ErrUnsupported, "%q", kind)
	}
	x.cfg["rope_scaling"] = r
}

// llama3Rope finds the numbers from which factors makes the factors of the frequencies. The two bounds and the context
// count by their quotients only, so that Llama 3's own bounds do for all whose quotient is one of bounds.
func (x *exporter) llama3Rope(factors func(*model) error, bounds ...float64) {
	want, err := x.floats("rope_freqs.weight")
	if err != nil {
		x.err = err
		return
	}
	r := map[string]any{"rope_type": "llama3", "factor": number(float64(slices.Max(append(want, 1)))),
		"low_freq_factor": number(1)}
	theta, head := x.cfg["rope_theta"], x.cfg["head_dim"]
	for i := range 15 * len(bounds) {
		r["original_max_position_embeddings"], r["high_freq_factor"] = 64<<(i%15), number(bounds[i/15])
		m := &model{cfg: jsonConfig(map[string]any{"head_dim": head, "hidden_size": x.cfg["hidden_size"],
			"num_attention_heads": x.cfg["num_attention_heads"]}), rope: jsonConfig(r)}
		if theta != nil {
			m.rope["rope_theta"] = theta
		}
		if head == nil {
			delete(m.cfg, "head_dim")
		}
		if factors(m) != nil || m.err != nil || len(m.out) != 1 {
			continue
		}
		if got, _ := m.out[0].all(); slices.Equal(got, want) {
			x.cfg["rope_scaling"] = maps.Clone(r)
			return
		}
	}
	x.err = fmt.Errorf("tensor %q: %w: factors of frequencies that are none of Llama 3's", "rope_freqs.weight", ErrUnsupported)
}

// jsonConfig is a configuration that decodeJSON could have read.
func jsonConfig(m map[string]any) config {
	out := config{}
	for k, v := range m {
		switch v := v.(type) {
		case int, uint64:
			out[k] = json.Number(fmt.Sprint(v))
		default:
			out[k] = v
		}
	}
	return out
}

// floats reads a tensor of the file.
func (x *exporter) floats(name string) ([]float32, error) {
	t, err := x.f.Tensor(name)
	if err != nil {
		return nil, err
	}
	src, err := fromFile(t)
	if err != nil {
		return nil, err
	}
	if n := t.Elements(); n > 1<<20 {
		return nil, fmt.Errorf("tensor %q: %w: %d numbers", name, ErrFile, n)
	}
	return src.all()
}

// longRope adds factors of frequencies for long and for short texts.
func (x *exporter) longRope() {
	if !x.has("rope_factors_long.weight") {
		return
	}
	r := map[string]any{"type": "longrope"}
	for name, key := range map[string]string{"rope_factors_long.weight": "long_factor", "rope_factors_short.weight": "short_factor"} {
		list, err := x.floats(name)
		if err != nil {
			x.err = err
			return
		}
		out := make([]any, len(list))
		for i, v := range list {
			out[i] = number(float64(v))
		}
		r[key] = out
	}
	if n, ok := x.uint("rope.scaling.original_context_length"); ok {
		r["original_max_position_embeddings"] = n
	}
	x.cfg["rope_scaling"] = r
}

// product is a product with so many digits that it names a number which people write.
func product(a, b float64) json.Number { return number(math.Round(a*b*1e5) / 1e5) }

// rootOf is the root of a count.
func rootOf(n int) float64 { return math.Sqrt(float64(n)) }
