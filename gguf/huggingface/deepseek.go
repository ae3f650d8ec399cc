package huggingface

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/latentgo/latentgo/gguf"
)

var _ = register(family{
	arch:   "deepseek2",
	names:  deepseek2Names,
	init:   oneKeyHead,
	filter: (*model).mainLayers,
	modify: (*model).deepseek2,
	keys:   (*model).deepseek2Keys,
	vocab:  (*model).vocabDeepSeek,
}, "DeepseekV2ForCausalLM", "DeepseekV3ForCausalLM", "KimiVLForConditionalGeneration", "KimiK25ForConditionalGeneration",
	"YoutuForCausalLM", "YoutuVLForConditionalGeneration")

var deepseek2Names = map[string]string{
	"model.layers.#.self_attn.q_a_proj":           "blk.#.attn_q_a",
	"model.layers.#.self_attn.q_b_proj":           "blk.#.attn_q_b",
	"model.layers.#.self_attn.q_a_layernorm":      "blk.#.attn_q_a_norm",
	"model.layers.#.self_attn.kv_a_proj_with_mqa": "blk.#.attn_kv_a_mqa",
	"model.layers.#.self_attn.kv_a_layernorm":     "blk.#.attn_kv_a_norm",
}

// vocabDeepSeek is byte-level BPE, or what a model had before its attention became latent.
func (m *model) vocabDeepSeek() error {
	if m.exists("tokenizer.model") {
		return m.vocabLlama()
	}
	if m.exists("tiktoken.model") { // Kimi's
		return m.vocabKimi()
	}
	return m.vocabBPE()
}

// oneKeyHead says that all heads share one latent row per token.
func oneKeyHead(m *model) error {
	m.cfg["query_groups"] = m.cfg["num_key_value_heads"]
	m.cfg["num_key_value_heads"] = whole(1)
	if !hasKey(m.cfg, "rms_norm_eps") {
		m.cfg["rms_norm_eps"] = json.Number("1e-6")
	}
	return nil
}

// mainLayers drops the layers that predict a token further on, and an output matrix that is the embedding.
func (m *model) mainLayers(name string) (string, bool) {
	if m.cfg.boolean("tie_word_embeddings", false) && (name == "lm_head.weight" || name == "model.lm_head.weight") {
		return "", false
	}
	return name, !strings.HasPrefix(name, "model.layers.") || block(name) < m.blocks
}

// deepseek2 adds a tensor. What makes keys and values of a latent row is split in two, and that for keys transposed.
func (m *model) deepseek2(name string, bid int, t tensor) error {
	if !strings.HasSuffix(name, "kv_b_proj.weight") {
		return m.qwenExperts(name, bid, t)
	}
	heads, _ := m.cfg.integer("query_groups")
	return m.splitLatent(bid, t, heads, m.need("qk_nope_head_dim"), m.need("v_head_dim"))
}

// splitLatent adds what makes keys and values of a latent row.
func (m *model) splitLatent(bid int, t tensor, heads, keys, values int) error {
	if m.err != nil || heads <= 0 || !t.dims(2) || t.shape[0] != heads*(keys+values) {
		return fmt.Errorf("%w: shape %v for %d heads with keys of %d and values of %d", ErrFolder, t.shape, heads, keys, values)
	}
	t = t.reshape(heads, keys+values, t.shape[1])
	if err := m.blk(bid, "attn_k_b.weight", t.span(1, 0, keys).transpose()); err != nil {
		return err
	}
	return m.blk(bid, "attn_v_b.weight", t.span(1, keys, keys+values))
}

func (m *model) deepseek2Keys() {
	m.commonKeys()
	dense, ok := m.cfg.integer("first_k_dense_replace")
	if !ok && !m.cfg.has("n_routed_experts") {
		dense = m.blocks
	}
	m.u32("leading_dense_block_count", dense)
	rank, ok := m.cfg.integer("kv_lora_rank")
	if !ok {
		rank = 512
	}
	rope := m.need("qk_rope_head_dim")
	m.u32("vocab_size", m.need("vocab_size"))
	m.count("attention.q_lora_rank", "q_lora_rank")
	m.u32("attention.kv_lora_rank", rank)
	m.u32("attention.key_length", rank+rope)
	m.u32("attention.value_length", rank)
	m.u32("attention.key_length_mla", m.need("qk_nope_head_dim")+rope)
	m.u32("attention.value_length_mla", m.need("v_head_dim"))
	m.u32("expert_feed_forward_length", m.need("moe_intermediate_size", "intermediate_size"))
	m.count("expert_count", "n_routed_experts")
	shared, _ := m.cfg.integer("n_shared_experts")
	m.u32("expert_shared_count", shared)
	m.float("expert_weights_scale", "routed_scaling_factor")
	if m.cfg.boolean("norm_topk_prob", false) {
		m.bool("expert_weights_norm", true)
	}
	m.u32("rope.dimension_count", rope)
	if x, ok := m.rope.number("mscale_all_dim"); ok {
		m.f32("rope.scaling.yarn_log_multiplier", 0.1*x)
	}
}

// The first are DeepSeek's own models and their relatives, the last those whose attention became latent.
var _ = invert("deepseek2",
	inverse{class: "Glm4MoeLiteForCausalLM", modelType: "glm4_moe_lite", fits: (*exporter).isGLMLite, restore: (*exporter).latent, says: sparsePlaces,
		config: (*exporter).deepSeek, implied: []string{"attention.head_count_kv"}},
	inverse{class: "DeepseekV3ForCausalLM", modelType: "deepseek_v3", fits: (*exporter).isV3, restore: (*exporter).latent, says: sparsePlaces,
		fixed: map[string]any{"topk_method": "noaux_tc", "num_nextn_predict_layers": 0}, config: (*exporter).deepSeek,
		implied: []string{"attention.head_count_kv"}},
	inverse{class: "DeepseekV2ForCausalLM", modelType: "deepseek_v2", fits: (*exporter).hasExperts, restore: (*exporter).latent, says: sparsePlaces,
		config: (*exporter).deepSeekV2, implied: []string{"attention.head_count_kv"}},
	inverse{class: "DeepseekV3ForCausalLM", modelType: "deepseek_v3", restore: (*exporter).latent, config: (*exporter).latentConfig,
		adapted: []string{"attention.layer_norm_rms_epsilon", "expert_feed_forward_length"}})

// sparsePlaces are what mixtures of experts with DeepSeek's configuration say.
var sparsePlaces = []string{
	"leading_dense_block_count first_k_dense_replace",
	"expert_feed_forward_length moe_intermediate_size",
	"expert_shared_count n_shared_experts",
	"expert_weights_scale routed_scaling_factor",
	"expert_weights_norm norm_topk_prob",
	"nextn_predict_layers num_nextn_predict_layers",
}

// isV3 reports whether a model's experts are chosen as in DeepSeek V3, by sigmoids and what is added to them.
func (x *exporter) isV3() bool {
	n, _ := x.f.Uint(x.arch + ".expert_gating_func")
	return x.hasExperts() && (n == uint64(gatings["sigmoid"]) || slices.ContainsFunc(x.f.Tensors(), func(t *gguf.Tensor) bool { return strings.HasSuffix(t.Name, ".exp_probs_b.bias") }))
}

// isGLMLite reports whether a model is GLM 4.7 Flash, by its tokenizer.
func (x *exporter) isGLMLite() bool {
	pre, _ := x.f.String("tokenizer.ggml.pre")
	return x.isV3() && pre == "glm4"
}

// deepSeek adds what models that were latent from the beginning say.
func (x *exporter) deepSeek() {
	x.latentSizes()
	x.scoring()
	x.cfg["num_hidden_layers"] = x.mainLayers()
	if _, ok := x.cfg["norm_topk_prob"]; !ok {
		x.cfg["norm_topk_prob"] = false
	}
	if r, ok := x.cfg["rope_scaling"].(map[string]any); ok {
		if v, ok := x.float("rope.scaling.yarn_log_multiplier"); ok {
			r["mscale"], r["mscale_all_dim"] = number(float64(float32(v*10))), number(float64(float32(v*10)))
		}
	}
	if x.class == "Glm4MoeLiteForCausalLM" {
		x.sparseLayers()
	}
}

func (x *exporter) deepSeekV2() {
	x.deepSeek()
	x.cfg["topk_method"] = "greedy"
	if n, _ := x.uint("expert_group_used_count"); n > 1 {
		x.cfg["topk_method"] = "group_limited_greedy"
	}
}

// sparseLayers says which layers have experts.
func (x *exporter) sparseLayers() {
	types := slices.Repeat([]string{"sparse"}, x.mainLayers())
	for i := range min(x.need("leading_dense_block_count"), uint64(len(types))) {
		types[i] = "dense"
	}
	x.cfg["mlp_layer_types"] = types
}

// latentEps is what transformers' classes add under the root of the norm of latents, whatever rms_norm_eps says, which
// vLLM and SGLang take.
const latentEps = 1e-6

// latentConfig adds the sizes of latent attention. Where the file's norms have another epsilon than latentEps, what
// goes into every norm is multiplied by the root of their quotient, so that all norms can have that one and give what
// they gave: the residual stream, that is the embedding and all that is added to it, and the latents.
func (x *exporter) latentConfig() {
	x.latentSizes()
	x.cfg["num_nextn_predict_layers"] = 0
	if _, ok := x.cfg["rope_scaling"]; ok {
		x.fail("rope.scaling.type", ErrUnsupported, "engines take whatever scaling a %s has for YaRN, and differ in its magnitude", x.class)
	}
	eps, ok := x.float("attention.layer_norm_rms_epsilon")
	if !ok || !(eps > 0) {
		x.fail("attention.layer_norm_rms_epsilon", ErrFile, "it is missing, or not above 0")
		return
	}
	x.scale = 1
	if float32(eps) != latentEps {
		x.scale = math.Sqrt(latentEps / eps)
	}
	x.cfg["rms_norm_eps"] = number(latentEps)
	x.untie()
	x.denseLayers()
}

// latentSizes adds the sizes of latent attention.
func (x *exporter) latentSizes() {
	keys, values, rope, rank := x.need("attention.key_length_mla"), x.need("attention.value_length_mla"),
		x.need("rope.dimension_count"), x.need("attention.kv_lora_rank")
	if rope >= keys {
		x.fail("rope.dimension_count", ErrFile, "%d leaves nothing of a key of %d", rope, keys)
		return
	}
	for name, n := range map[string]uint64{"kv_lora_rank": rank, "qk_rope_head_dim": rope, "qk_nope_head_dim": keys - rope, "v_head_dim": values} {
		x.cfg[name] = n
	}
	x.cfg["num_key_value_heads"], x.cfg["q_lora_rank"] = x.cfg["num_attention_heads"], nil
	if n, ok := x.uint("attention.q_lora_rank"); ok && n > 0 {
		x.cfg["q_lora_rank"] = n
	}
	x.cfg["rope_interleave"], x.cfg["attention_bias"], x.cfg["hidden_act"] = true, false, "silu"
}

// untie writes the output matrix although it is the embedding: the classes of engines do not share them.
func (x *exporter) untie() {
	if x.has("output.weight") {
		return
	}
	x.cfg["tie_word_embeddings"] = false
	t, err := x.f.Tensor("token_embd.weight")
	if err == nil {
		var src tensor
		if src, err = fromFile(t); err == nil {
			x.emit("lm_head.weight", src)
		}
	}
	if err != nil && x.err == nil {
		x.err = err
	}
}

// denseLayers says that no layer has experts. The class counts experts nevertheless: one, which no layer has.
func (x *exporter) denseLayers() {
	x.cfg["first_k_dense_replace"] = x.layers
	for _, k := range []string{"n_routed_experts", "num_experts_per_tok", "n_group", "topk_group"} {
		x.cfg[k] = 1
	}
	x.cfg["n_shared_experts"], x.cfg["moe_intermediate_size"] = 0, x.need("feed_forward_length")
	x.cfg["routed_scaling_factor"], x.cfg["norm_topk_prob"] = number(1), false
}

// latent gives back a tensor of latent attention: what makes keys and values of a latent row together again, the former
// transposed.
func (x *exporter) latent(name string, t tensor) error {
	layer, part, _ := strings.Cut(strings.TrimPrefix(name, "blk."), ".")
	switch part {
	case "attn_k_b.weight":
		values, err := x.f.Tensor("blk." + layer + ".attn_v_b.weight")
		if err != nil {
			return err
		}
		v, err := fromFile(values)
		if err != nil {
			return err
		}
		if !t.dims(3) || !v.dims(3) || t.shape[0] != v.shape[0] || t.shape[1] != v.shape[2] {
			return fmt.Errorf("%w: keys of shape %v, values of %v", ErrFile, t.shape, v.shape)
		}
		x.emit("model.layers."+layer+".self_attn.kv_b_proj.weight", t.transpose().beside(v))
		return nil
	case "attn_v_b.weight":
		return nil // with attn_k_b
	case "attn_kv_a_mqa.weight":
		if x.scale == 1 {
			break
		}
		rank := int(x.need("attention.kv_lora_rank"))
		if !t.dims(2) || rank > t.shape[0] {
			return fmt.Errorf("%w: shape %v for latents of %d", ErrFile, t.shape, rank)
		}
		t = concat(t.rows(0, rank).times(x.scale), t.rows(rank, t.shape[0]))
	case "attn_q_a.weight", "attn_output.weight", "ffn_down.weight":
		t = t.times(x.scale)
	}
	if name == "token_embd.weight" {
		t = t.times(x.scale)
	}
	return x.plain(name, t)
}
