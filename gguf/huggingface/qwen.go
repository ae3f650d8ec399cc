package huggingface

import (
	"fmt"
	"strings"
)

var _ = register(family{
	arch:   "qwen2",
	filter: modelPrefix("Qwen2Model"),
	keys:   (*model).pooledKeys,
	vocab:  (*model).vocabEither,
}, "Qwen2ForCausalLM", "Qwen2Model", "KORMoForCausalLM")

var _ = register(family{
	arch:   "qwen3",
	filter: modelPrefix("Qwen3Model"),
	keys:   (*model).pooledKeys,
	vocab:  (*model).vocabEither,
	init:   noReranker,
}, "Qwen3ForCausalLM", "Qwen3Model")

var _ = register(family{
	arch:   "qwen2moe",
	modify: (*model).qwenExperts,
	keys:   (*model).qwenMoEKeys,
}, "Qwen2MoeForCausalLM")
var _ = register(family{
	arch:   "qwen3moe",
	modify: (*model).qwenExperts,
	keys:   (*model).qwenMoEKeys,
}, "Qwen3MoeForCausalLM")

// modelPrefix is a filter for a class that is the inner part of a language model.
func modelPrefix(class string) func(m *model, name string) (string, bool) {
	return func(m *model, name string) (string, bool) {
		if m.class == class {
			name = "model." + name
		}
		return name, true
	}
}

// noReranker refuses models of two outputs, which have another head.
func noReranker(m *model) error {
	readme, _ := readFile(m.dir, "README.md")
	for _, s := range []string{m.name, m.cfg.text("_name_or_path")} {
		if strings.Contains(strings.ToLower(s), "qwen3-reranker") {
			return fmt.Errorf("rerankers are %w: only their language model could be converted", ErrUnsupported)
		}
	}
	if strings.Contains(strings.ToLower(string(readme)), "# qwen3-reranker") {
		return fmt.Errorf("rerankers are %w: only their language model could be converted", ErrUnsupported)
	}
	return nil
}

// pooledKeys sets the common keys and how an embedding is made of tokens.
func (m *model) pooledKeys() {
	m.commonKeys()
	m.pooling()
}

// poolings are the ways to make one vector of many, as the format numbers them.
var poolings = map[string]uint32{"mean": 1, "cls": 2, "lasttoken": 3}

// pooling sets what modules.json of sentence-transformers says.
func (m *model) pooling() {
	var modules []struct{ Type, Path string }
	if readJSON(m.dir, "modules.json", &modules) == nil {
		for _, mod := range modules {
			if !strings.HasSuffix(mod.Type, "Pooling") {
				continue
			}
			var p config
			if err := readJSON(m.dir, strings.TrimPrefix(mod.Path+"/config.json", "/"), &p); err != nil {
				m.fail("modules.json: %v", err)
				return
			}
			m.poolingMode(p)
			break
		}
	}
	if v := m.cfg["classifier_pooling"]; v != nil {
		s, _ := v.(string)
		n, ok := poolings[s]
		if !ok || s == "lasttoken" {
			m.fail("classifier_pooling %v can't be converted", v)
		}
		m.list("classifier.pooling_type", n)
	}
}

// poolingMode sets the mode of a pooling module.
func (m *model) poolingMode(p config) {
	for _, k := range [][2]string{{"pooling_mode_mean_tokens", "mean"}, {"pooling_mode_cls_token", "cls"}, {"pooling_mode_lasttoken", "lasttoken"}} {
		if p.boolean(k[0], false) {
			m.list("pooling_type", poolings[k[1]])
			return
		}
	}
	if n, ok := poolings[p.text("pooling_mode")]; ok {
		m.list("pooling_type", n)
		return
	}
	m.fail("the pooling of modules.json can't be converted: mean, cls and lasttoken can")
}

// qwenMoEKeys sets the keys of Qwen's mixtures of experts.
func (m *model) qwenMoEKeys() {
	m.commonKeys()
	m.countAll(qwenExpertPlaces)
}

// qwenExperts adds a tensor of a mixture of experts, which may be saved one by one or together.
func (m *model) qwenExperts(name string, bid int, t tensor) error {
	switch short := strings.TrimSuffix(name, ".weight"); {
	case strings.HasSuffix(short, "mlp.experts.down_proj"), strings.HasSuffix(short, "mlp.experts.gate_up_proj"):
		return m.fusedExperts(name, bid, t)
	case strings.Contains(name, ".experts."):
		return m.expert(name, bid, t, m.need("num_local_experts", "num_experts", "n_routed_experts"), "down_proj", "gate_proj", "up_proj")
	}
	return m.plain(name, bid, t)
}

var (
	_ = invert("qwen2", inverse{class: "Qwen2ForCausalLM", modelType: "qwen2"})
	_ = invert("qwen3", inverse{class: "Qwen3ForCausalLM", modelType: "qwen3"})
	_ = invert("qwen2moe", inverse{class: "Qwen2MoeForCausalLM", modelType: "qwen2_moe", names: qwenShared, config: (*exporter).qwenMoE})
	_ = invert("qwen3moe", inverse{class: "Qwen3MoeForCausalLM", modelType: "qwen3_moe", config: (*exporter).qwenMoE})
)

// qwenShared are the names of the expert that all tokens meet.
var qwenShared = map[string]string{
	"blk.#.ffn_gate_shexp": "model.layers.#.mlp.shared_expert.gate_proj",
	"blk.#.ffn_up_shexp":   "model.layers.#.mlp.shared_expert.up_proj",
	"blk.#.ffn_down_shexp": "model.layers.#.mlp.shared_expert.down_proj",
}

// qwenMoE adds what configurations of Qwen's mixtures of experts say. Experts have the name that all versions of
// transformers read; the weights of Qwen 3's add up to 1, which no key says.
func (x *exporter) qwenMoE() {
	x.places(qwenExpertPlaces)
	delete(x.cfg, "num_local_experts")
	x.cfg["num_experts"] = x.need("expert_count")
	x.cfg["norm_topk_prob"] = x.class == "Qwen3MoeForCausalLM"
	dense := []int{}
	for i := range x.layers {
		if !x.has(fmt.Sprintf("blk.%d.ffn_gate_exps.weight", i)) {
			dense = append(dense, i)
		}
	}
	x.cfg["mlp_only_layers"], x.cfg["decoder_sparse_step"] = dense, 1
}
