package huggingface

import (
	"fmt"
	"math"
	"strings"
)

var _ = register(family{
	arch:   "llama",
	modify: (*model).llama,
	filter: llamaFilter,
	extra:  (*model).llama3Factors,
	keys:   (*model).llamaKeys,
	vocab:  (*model).vocabLlama,
	names:  llamaNames,
}, "LlamaForCausalLM", "LLaMAForCausalLM", "MistralForCausalLM", "MixtralForCausalLM", "LlamaModel", "IQuestCoderForCausalLM")

var _ = register(family{
	arch:   "arcee",
	modify: (*model).llama,
	extra:  (*model).llama3Factors,
	keys:   (*model).llamaKeys,
	vocab:  (*model).vocabLlama,
}, "ArceeForCausalLM")

var _ = register(family{
	arch:   "smollm3",
	modify: (*model).llama,
	extra:  (*model).llama3Factors,
	keys:   (*model).llamaKeys,
	vocab:  (*model).vocabLlama,
}, "SmolLM3ForCausalLM")

var _ = invert("llama",
	inverse{class: "MixtralForCausalLM", modelType: "mixtral", fits: (*exporter).hasExperts, restore: (*exporter).llama},
	inverse{class: "LlamaForCausalLM", modelType: "llama", restore: (*exporter).llama, config: (*exporter).llamaBiases})

var _ = invert("arcee", inverse{class: "ArceeForCausalLM", modelType: "arcee", restore: (*exporter).llama, config: (*exporter).llamaBiases})

var _ = invert("smollm3", inverse{class: "SmolLM3ForCausalLM", modelType: "smollm3", restore: (*exporter).llama})

// hasExperts reports whether the model is a mixture of experts.
func (x *exporter) hasExperts() bool { return x.f.Has(x.arch + ".expert_count") }

// llamaNames are Mixtral's.
var llamaNames = map[string]string{
	"model.layers.#.block_sparse_moe.gate":       "blk.#.ffn_gate_inp",
	"model.layers.#.block_sparse_moe.experts.w1": "blk.#.ffn_gate_exps",
	"model.layers.#.block_sparse_moe.experts.w2": "blk.#.ffn_down_exps",
	"model.layers.#.block_sparse_moe.experts.w3": "blk.#.ffn_up_exps",
}

func llamaFilter(m *model, name string) (string, bool) {
	name = strings.ReplaceAll(name, "text_model.", "")
	if m.class == "LlamaModel" {
		name = "model." + name
	}
	return name, true
}

// llamaKeys sets the keys of Llama and its relatives.
func (m *model) llamaKeys() {
	m.commonKeys()
	m.u32("vocab_size", m.need("vocab_size"))
	m.u32("rope.dimension_count", m.headDim())
}

// interleave brings rows of queries or keys, which transformers keeps in halves for rotation, into the order of the
// original Llama, where the two of a pair stand side by side.
func (m *model) interleave(t tensor, heads int) (tensor, error) {
	if len(t.shape) < 1 || heads <= 0 || t.shape[0]%(2*heads) != 0 {
		return t, fmt.Errorf("%w: %v rows for %d heads", ErrFolder, t.shape, heads)
	}
	dim := t.shape[0] / heads
	return t.permuted(func(i int) int {
		head, in := i/dim, i%dim
		return head*dim + in%2*(dim/2) + in/2
	}), nil
}

// interleaved applies interleave to the projections of queries and keys.
func (m *model) interleaved(name string, t tensor) (tensor, error) {
	heads := m.need("n_heads", "num_attention_heads")
	for _, suffix := range []string{".weight", ".bias"} {
		if strings.HasSuffix(name, "q_proj"+suffix) {
			return m.interleave(t, heads)
		}
		if strings.HasSuffix(name, "k_proj"+suffix) {
			if n, ok := m.cfg.integer("n_kv_heads", "num_key_value_heads"); ok {
				heads = n
			}
			return m.interleave(t, heads)
		}
	}
	return t, nil
}

// llama adds a tensor of Llama, Mistral or Mixtral.
func (m *model) llama(name string, bid int, t tensor) error {
	t, err := m.interleaved(name, t)
	if err != nil {
		return err
	}
	if strings.Contains(name, "block_sparse_moe.experts") {
		return m.expert(name, bid, t, m.need("num_local_experts"), "w1", "w2", "w3")
	}
	// What transformers 5 saves: all experts in one tensor.
	if strings.HasSuffix(name, "mlp.experts.gate_up_proj") || strings.HasSuffix(name, "mlp.experts.down_proj") {
		return m.fusedExperts(name, bid, t)
	}
	return m.plain(name, bid, t)
}

// expert collects the matrices of experts of a layer, named PREFIX.experts.NUMBER.PART.weight, and adds a tensor per
// part, in the order of parts, when all are there.
func (m *model) expert(name string, bid int, t tensor, experts int, parts ...string) error {
	prefix, rest, ok := strings.Cut(name, ".experts.")
	var number int
	var part string
	if ok {
		ok = false
		if n, p, found := strings.Cut(rest, "."); found {
			_, err := fmt.Sscanf(n+"\n", "%d\n", &number)
			part, ok = strings.CutSuffix(p, ".weight")
			ok = ok && err == nil && number >= 0 && number < experts
		}
	}
	if !ok || bid < 0 || experts > 1<<16 {
		return fmt.Errorf("%w: no matrix of one of %d experts", ErrFolder, experts)
	}
	if _, ok := m.waiting[prefix]; !ok {
		m.waiting[prefix] = experts * len(parts)
		for _, p := range parts {
			m.experts[prefix+p] = make([]tensor, experts)
		}
	}
	list := m.experts[prefix+part]
	if list == nil {
		return fmt.Errorf("%w: experts have no %q", ErrUnsupported, part)
	}
	list[number] = t
	if m.waiting[prefix]--; m.waiting[prefix] > 0 {
		return nil
	}
	for _, p := range parts {
		all := m.experts[prefix+p]
		delete(m.experts, prefix+p)
		for i := range all {
			if len(all[i].shape) != 2 || all[i].shape[0] != all[0].shape[0] || all[i].shape[1] != all[0].shape[1] {
				return fmt.Errorf("%w: %s of expert %d has shape %v, of expert 0 %v", ErrFolder, p, i, all[i].shape, all[0].shape)
			}
		}
		if err := m.plain(prefix+".experts."+p+".weight", bid, stack(all...)); err != nil {
			return err
		}
	}
	return nil
}

// fusedExperts adds all experts of a layer, whose gates and up-projections stand together.
func (m *model) fusedExperts(name string, bid int, t tensor) error {
	short, isGateUp := strings.CutSuffix(strings.TrimSuffix(name, ".weight"), "gate_up_proj")
	if !isGateUp {
		return m.plain(strings.TrimSuffix(name, ".weight")+".weight", bid, t)
	}
	if !t.dims(3) || t.shape[1]%2 != 0 {
		return fmt.Errorf("%w: shape %v can't be gates and up-projections of experts", ErrFolder, t.shape)
	}
	if err := m.plain(short+"gate_proj.weight", bid, t.half(1, 0)); err != nil {
		return err
	}
	return m.plain(short+"up_proj.weight", bid, t.half(1, 1))
}

// llama3Factors adds what Llama 3 divides the frequencies of rotation by.
func (m *model) llama3Factors() error {
	dim := m.headDim()
	l, err := m.llama3Numbers(dim, dim)
	if l == nil || err != nil {
		return err
	}
	return m.emit("rope_freqs.weight", constant(l.factors()))
}

// llama3 is how Llama 3 makes the longer waves of rotation longer still.
type llama3 struct {
	base, factor, low, high, context float64
	dim                              int // values of a head that rotate
}

// llama3Numbers reads it, nil where waves are as they are. rotated of dim values of a head rotate.
func (m *model) llama3Numbers(rotated, dim int) (*llama3, error) {
	r := m.global()
	if !strings.EqualFold(r.text("rope_type"), "llama3") {
		return nil, nil
	}
	get := func(key string, def float64) float64 {
		if x, ok := r.number(key); ok {
			return x
		}
		return def
	}
	l := &llama3{get("rope_theta", 10000), get("factor", 8), get("low_freq_factor", 1), get("high_freq_factor", 4),
		get("original_max_position_embeddings", 8192), rotated}
	if rotated <= 0 || rotated > dim || dim > 1<<16 || l.low == l.high {
		return nil, fmt.Errorf("config.json: %w: rope_parameters for heads of %d", ErrFolder, dim)
	}
	return l, nil
}

// frequency returns that of pair i.
func (l *llama3) frequency(i int) float32 {
	exponent := float32(2*i) / float32(l.dim)
	return 1 / float32(math.Pow(l.base, float64(exponent)))
}

// factors returns what frequencies are divided by.
func (l *llama3) factors() []float32 {
	factors := make([]float32, (l.dim+1)/2)
	for i := range factors {
		wavelen := 1 / l.frequency(i) * float32(2*math.Pi) // PyTorch divides a number by a tensor so
		switch {
		case float64(wavelen) < l.context/l.high:
			factors[i] = 1
		case float64(wavelen) > l.context/l.low:
			factors[i] = float32(l.factor)
		default:
			smooth := (1/wavelen*float32(l.context) - float32(l.low)) / float32(l.high-l.low)
			factors[i] = 1 / ((1-smooth)/float32(l.factor) + smooth)
		}
	}
	return factors
}

// llama gives back a tensor of Llama, Mistral or Mixtral: queries and keys in halves again.
func (x *exporter) llama(name string, t tensor) error {
	module := strings.TrimSuffix(strings.TrimSuffix(name, ".weight"), ".bias")
	heads := uint64(0)
	switch {
	case name == "rope_freqs.weight":
		return nil // numbers of config.json
	case strings.HasSuffix(module, ".attn_q"):
		heads = x.need("attention.head_count")
	case strings.HasSuffix(module, ".attn_k"):
		heads = x.need("attention.head_count")
		switch n := x.cfg["num_key_value_heads"].(type) {
		case uint64:
			heads = n
		case int64: // of the layers that attend
			heads = uint64(n)
		}
	default:
		return x.plain(name, t)
	}
	t, err := inHalves(t, int64(heads))
	if err != nil {
		return err
	}
	return x.plain(name, t)
}

// inHalves undoes interleave.
func inHalves(t tensor, heads int64) (tensor, error) {
	if len(t.shape) == 0 || heads <= 0 || heads > math.MaxInt32 || int64(t.shape[0])%(2*heads) != 0 {
		return t, fmt.Errorf("%w: %v rows for %d heads", ErrFile, t.shape, heads)
	}
	half := t.shape[0] / int(heads) / 2
	return t.permuted(func(i int) int {
		head, in := i/(2*half), i%(2*half)
		return head*2*half + in%half*2 + in/half
	}), nil
}

// llamaBiases says which projections have biases: those of attention all or none, and so those of the rest.
func (x *exporter) llamaBiases() {
	for _, g := range []struct{ key, some, all string }{
		{"attention_bias", "attn_q", "attn_output"}, {"mlp_bias", "ffn_up", "ffn_down"},
	} {
		some, all := x.has("blk.0."+g.some+".bias"), x.has("blk.0."+g.all+".bias")
		if some != all {
			x.err = fmt.Errorf("tensor %q: %w: a %s has biases of all projections or of none", "blk.0."+g.some+".bias", ErrUnsupported, x.class)
		}
		x.cfg[g.key] = all
	}
}
