package huggingface

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/latentgo/latentgo/quant"
)

// Mixtures of experts of 2026 in which few layers attend, with latent attention, and the others have Kimi Delta Attention.

var _ = register(bailing3("BailingMoeV3ForCausalLM"), "BailingMoeV3ForCausalLM")
var _ = register(bailing3("BailingMoeV3VLForConditionalGeneration"), "BailingMoeV3VLForConditionalGeneration")

// bailing3 is the family of Ling's third generation.
func bailing3(class string) family {
	f := family{
		arch:   "bailingmoe3",
		names:  bailing3Names,
		init:   bailing3Init,
		filter: expertBias,
		modify: (*model).bailing3,
		keys:   (*model).bailing3Keys,
	}
	if class != "BailingMoeV3ForCausalLM" { // it sees too
		f.filter = func(m *model, name string) (string, bool) {
			name, _ = expertBias(m, name)
			return name, !strings.HasPrefix(name, "linear_proj")
		}
		f.keys = (*model).bailing3VLKeys
	}
	return f
}

var _ = register(family{
	arch:   "kimi-k3",
	names:  kimiK3Names,
	init:   kimiK3Init,
	filter: kimiK3Filter,
	extra:  (*model).kimiK3Experts,
	modify: (*model).kimiK3,
	keys:   (*model).kimiK3Keys,
	vocab:  (*model).vocabKimiK3,
}, "KimiK3ForConditionalGeneration")

var bailing3Names = withNextn(map[string]string{
	"model.word_embeddings":                       "token_embd",
	"model.layers.#.attention.q_proj":             "blk.#.attn_q",
	"model.layers.#.attention.k_proj":             "blk.#.attn_k",
	"model.layers.#.attention.v_proj":             "blk.#.attn_v",
	"model.layers.#.attention.o_proj":             "blk.#.attn_output",
	"model.layers.#.attention.dense":              "blk.#.attn_output",
	"model.layers.#.attention.q_conv1d":           "blk.#.ssm_conv1d_q",
	"model.layers.#.attention.k_conv1d":           "blk.#.ssm_conv1d_k",
	"model.layers.#.attention.v_conv1d":           "blk.#.ssm_conv1d_v",
	"model.layers.#.attention.b_proj":             "blk.#.ssm_beta",
	"model.layers.#.attention.dt_proj":            "blk.#.ssm_dt",
	"model.layers.#.attention.A_log":              "blk.#.ssm_a",
	"model.layers.#.attention.o_norm":             "blk.#.ssm_norm",
	"model.layers.#.attention.q_a_proj":           "blk.#.attn_q_a",
	"model.layers.#.attention.q_b_proj":           "blk.#.attn_q_b",
	"model.layers.#.attention.q_a_layernorm":      "blk.#.attn_q_a_norm",
	"model.layers.#.attention.kv_a_proj_with_mqa": "blk.#.attn_kv_a_mqa",
	"model.layers.#.attention.kv_a_layernorm":     "blk.#.attn_kv_a_norm",
	"model.layers.#.mlp.gate.expert_bias":         "blk.#.exp_probs_b",
	"model.layers.#.final_layernorm":              "blk.#.layer_output_norm",
})

// bailing3Init counts layers that predict a token further on, and refuses what the architecture does not have.
func bailing3Init(m *model) error {
	if !m.cfg.boolean("no_kda_lora", false) || !m.cfg.boolean("kda_safe_gate", false) ||
		m.cfg.text("gated_attention_proj_granularity_type") != "head_wise" {
		m.fail("only no_kda_lora and kda_safe_gate true with head_wise gates can be converted")
	}
	if n := m.need("layer_group_size"); n <= 0 {
		m.fail("layer_group_size is %d", n)
	}
	if m.err != nil {
		return m.err
	}
	if err := m.nextnLayers(); err != nil {
		return err
	}
	return m.kimiInit()
}

// bailing3Attends reports whether a layer attends: the last of each group, those behind the last whole group, and those
// that predict a token further on.
func (m *model) bailing3Attends(layer int) bool {
	n, group := m.need("num_hidden_layers"), max(m.need("layer_group_size"), 1)
	return layer >= n/group*group || (layer+1)%group == 0
}

// bailing3 adds a tensor.
func (m *model) bailing3(name string, bid int, t tensor) error {
	attends := m.bailing3Attends(bid)
	switch {
	case strings.HasSuffix(name, "_conv1d.weight"):
		return m.channels(name, bid, t)
	case strings.HasSuffix(name, ".A_log"):
		t = t.reshape(elements(t.shape), 1).exp()
	case strings.HasSuffix(name, ".dt_bias"):
		name = strings.TrimSuffix(name, "dt_bias") + "dt_proj.bias"
	case strings.HasSuffix(name, ".attention.f_proj.weight") && attends:
		return fmt.Errorf("%w: layer %d attends and has no decay", ErrFolder, bid)
	case strings.HasSuffix(name, ".attention.f_proj.weight"):
		return m.blk(bid, "ssm_f_a.weight", t)
	case strings.HasSuffix(name, ".attention.g_proj.weight") && attends:
		return m.blk(bid, "attn_gate.weight", t)
	case strings.HasSuffix(name, ".attention.g_proj.weight"):
		return m.blk(bid, "ssm_g_a.weight", t)
	case strings.HasSuffix(name, ".attention.kv_b_proj.weight"):
		return m.splitLatent(bid, t, m.need("num_attention_heads"), m.need("qk_nope_head_dim"), m.need("v_head_dim"))
	}
	return m.qwenExperts(name, bid, t)
}

// channels adds the kernel of a convolution of channels, as Kimi's have it.
func (m *model) channels(name string, bid int, t tensor) error {
	if len(t.shape) != 2 && len(t.shape) != 3 {
		return fmt.Errorf("%w: shape %v is no convolution of channels", ErrFolder, t.shape)
	}
	return m.plain(name, bid, t.reshape(1, t.shape[0], 1, t.shape[len(t.shape)-1]))
}

// attending is the heads of keys and values of each layer: 0 for those that do not attend, and one that all share.
func (m *model) attending(attends func(layer int) bool) []int32 {
	heads := make([]int32, m.blocks)
	for i := range heads {
		if attends(i) {
			heads[i] = 1
		}
	}
	return heads
}

// latentSizes sets the sizes of latent attention and returns the rank of latents.
func (m *model) latentSizes(values bool) {
	m.count("attention.q_lora_rank", "q_lora_rank")
	rank, rope := m.need("kv_lora_rank"), m.need("qk_rope_head_dim")
	m.u32("attention.kv_lora_rank", rank)
	m.u32("rope.dimension_count", rope)
	m.u32("attention.key_length", rank+rope)
	if values {
		m.u32("attention.value_length", rank)
	}
	m.u32("attention.key_length_mla", m.need("qk_nope_head_dim")+rope)
	m.u32("attention.value_length_mla", m.need("v_head_dim"))
}

func (m *model) bailing3Keys() {
	m.commonKeys()
	m.list("attention.head_count_kv", m.attending(m.bailing3Attends))
	m.u32("vocab_size", m.need("vocab_size"))
	m.u32("ssm.conv_kernel", m.need("short_conv_kernel_size"))
	m.u32("kda.head_dim", m.need("head_dim"))
	m.bool("kda.safe_gate", true)
	m.f32("kda.gate_lower_bound", m.needFloat("kda_lower_bound"))
	m.latentSizes(false)
	m.u32("expert_feed_forward_length", m.need("moe_intermediate_size"))
	m.u32("expert_shared_feed_forward_length", m.need("moe_shared_expert_intermediate_size"))
	m.u32("expert_shared_count", m.or(1, "num_shared_experts"))
	m.u32("leading_dense_block_count", m.need("first_k_dense_replace"))
	m.f32("expert_weights_scale", m.needFloat("routed_scaling_factor"))
	m.bool("expert_weights_norm", m.cfg.boolean("norm_topk_prob", false))
	m.limits("swiglu_clamp_exp", "expert_swiglu_limit_list")
	m.limits("swiglu_clamp_shexp", "share_expert_swiglu_limit_list")
	if n := m.or(0, "num_nextn_predict_layers"); n > 0 {
		m.u32("nextn_predict_layers", n)
	}
}

func (m *model) bailing3VLKeys() {
	m.bailing3Keys()
	list := m.cfg.wholes("mrope_section")
	if len(list) < 3 || 2*(list[0]+list[1]+list[2]) != m.need("qk_rope_head_dim") {
		m.fail("mrope_section is %v, which are no three parts of qk_rope_head_dim", m.cfg["mrope_section"])
		return
	}
	m.list("rope.dimension_sections", append(int32s(list[:3]), 0))
}

var kimiK3Names = withNames(kimiNames, map[string]string{
	"model.layers.#.self_attn.o_norm":                         "blk.#.ssm_norm",
	"model.layers.#.block_sparse_moe.routed_expert_down_proj": "blk.#.ffn_routed_down",
	"model.layers.#.block_sparse_moe.routed_expert_up_proj":   "blk.#.ffn_routed_up",
	"model.layers.#.block_sparse_moe.routed_expert_norm":      "blk.#.ffn_routed_norm",
})

// kimiK3Init refuses what the architecture does not have.
func kimiK3Init(m *model) error {
	switch {
	case m.cfg.text("hidden_act") != "situ":
		m.fail("hidden_act is %q, only situ can be converted", m.cfg.text("hidden_act"))
	case m.cfg.text("moe_router_activation_func") != "sigmoid":
		m.fail("moe_router_activation_func is %q, only sigmoid can be converted", m.cfg.text("moe_router_activation_func"))
	case !m.cfg.boolean("mla_use_nope", false):
		m.fail("mla_use_nope is not true: latent attention with a rotation can't be converted")
	}
	return m.kimiInit()
}

// kimiK3Filter drops the towers.
func kimiK3Filter(_ *model, name string) (string, bool) {
	return name, !strings.HasPrefix(name, "vision_tower.") && !strings.HasPrefix(name, "mm_projector.")
}

// kimiAttends reports whether a layer attends, by its number from 1 on.
func (m *model) kimiAttends(layer int) bool {
	return slices.Contains(m.cfg.object("linear_attn_config").wholes("full_attn_layers"), layer+1)
}

// kimiK3Experts adds the experts in MXFP4.
func (m *model) kimiK3Experts() error {
	if m.cfg.object("quantization_config").text("format") != packedMXFP4 {
		return nil
	}
	return m.packedExperts("model.layers.%d.block_sparse_moe.experts.%d.%s.weight_packed", "model.layers.%d.block_sparse_moe.experts.%d.%s.weight_scale",
		m.need("num_experts"))
}

// packedExperts adds the matrices of experts that are in MXFP4, one by one, with the names that formats give for a layer,
// an expert and one of w1, w2 and w3. They are taken out of the folder's tensors.
func (m *model) packedExperts(codes, scales string, experts int) error {
	if m.err != nil {
		return m.err
	}
	if experts <= 0 || experts > 1<<16 {
		return fmt.Errorf("config.json: %w: %d experts", ErrFolder, experts)
	}
	byName := map[string]tensor{}
	for _, t := range m.in {
		byName[t.name] = t.tensor
	}
	for bid := range m.blocks {
		for _, part := range [][2]string{{"w1", "ffn_gate_exps"}, {"w2", "ffn_down_exps"}, {"w3", "ffn_up_exps"}} {
			if _, ok := byName[fmt.Sprintf(codes, bid, 0, part[0])]; !ok {
				continue // the layer is dense
			}
			var c, s []tensor
			for e := range experts {
				code, scale := fmt.Sprintf(codes, bid, e, part[0]), fmt.Sprintf(scales, bid, e, part[0])
				t, u := byName[code], byName[scale]
				if !t.dims(2) || !u.dims(2) || t.shape[0] != u.shape[0] || t.shape[1] != 16*u.shape[1] || len(c) > 0 && elements(t.shape) != elements(c[0].shape) {
					return fmt.Errorf("tensor %q: %w: no rows of blocks of 16 bytes with a scale each, as those of other experts", code, ErrFolder)
				}
				c, s = append(c, t.reshape(t.shape[0], u.shape[1], 16)), append(s, u)
				delete(byName, code)
				delete(byName, scale)
			}
			data := &mxfp4{stack(c...), stack(s...), 0, 1}
			shape := []int{experts, c[0].shape[0], c[0].shape[1] * 32}
			if err := m.blk(bid, part[1]+".weight", tensor{shape: shape, block: quant.MXFP4, raw: data}); err != nil {
				return err
			}
		}
	}
	m.in = slices.DeleteFunc(m.in, func(t named) bool { _, ok := byName[t.name]; return !ok })
	return nil
}

// residualScores are what attention over earlier layers multiplies with a normed row: a norm's weights times a row.
var residualScores = [][2]string{{"self_attention_res", "attn_res_score"}, {"mlp_res", "ffn_res_score"}, {"output_attn_res", "output_res_score"}}

// kimiK3 adds a tensor.
func (m *model) kimiK3(name string, bid int, t tensor) error {
	for _, r := range residualScores {
		for _, kind := range []string{"norm", "proj"} {
			if !strings.HasSuffix(name, r[0]+"_"+kind+".weight") {
				continue
			}
			to := r[1] + ".weight"
			if bid >= 0 {
				to = "blk." + strconv.Itoa(bid) + "." + to
			}
			return m.product(to, t)
		}
	}
	switch {
	case strings.HasSuffix(name, "_conv1d.weight"):
		return m.channels(name, bid, t)
	case strings.HasSuffix(name, ".A_log"):
		if heads := m.need("num_attention_heads"); t.dims(1) && t.shape[0] > heads {
			t = t.rows(0, heads)
		}
		t = t.single()
	case strings.HasSuffix(name, ".self_attn.g_proj.weight") && m.kimiAttends(bid):
		return m.blk(bid, "attn_gate.weight", t)
	case strings.HasSuffix(name, ".self_attn.g_proj.weight"):
		return m.blk(bid, "ssm_g.weight", t)
	}
	return m.kimi(name, bid, t)
}

// product adds the product of two vectors when the second comes.
func (m *model) product(to string, t tensor) error {
	t = t.reshape(elements(t.shape))
	list := m.experts[to]
	if list == nil {
		m.experts[to], m.waiting[to] = []tensor{t}, 1
		return nil
	}
	if m.waiting[to] == 0 || t.shape[0] != list[0].shape[0] {
		return fmt.Errorf("%w: %s is no product of two vectors of one length", ErrFolder, to)
	}
	m.waiting[to] = 0
	other := list[0]
	return m.emit(to, t.with(func(dst []float32, at int) error {
		by := make([]float32, len(dst))
		if err := other.read(by, at); err != nil {
			return err
		}
		if err := t.read(dst, at); err != nil {
			return err
		}
		for i, x := range by {
			dst[i] *= x
		}
		return nil
	}))
}

func (m *model) kimiK3Keys() {
	m.commonKeys()
	m.u32("vocab_size", m.need("vocab_size"))
	linear := m.cfg.object("linear_attn_config")
	m.list("attention.head_count_kv", m.attending(m.kimiAttends))
	m.deltaKeys(linear)
	m.latentSizes(true)
	m.u32("expert_feed_forward_length", m.need("moe_intermediate_size"))
	m.u32("expert_shared_count", m.need("num_shared_experts"))
	m.u32("leading_dense_block_count", m.need("first_k_dense_replace"))
	m.f32("expert_weights_scale", m.needFloat("routed_scaling_factor"))
	m.bool("expert_weights_norm", m.cfg.boolean("moe_renormalize", false))
	m.list("expert_gating_func", gatings["sigmoid"])
	m.count("expert_latent_length", "routed_expert_hidden_size")
	m.f32("activation.situ_beta", m.needFloat("activation_situ_beta"))
	m.f32("activation.situ_linear_beta", m.needFloat("activation_situ_linear_beta"))
	m.u32("attn_res.block_size", m.need("attn_res_block_size"))
}

// deltaKeys sets the sizes of Kimi Delta Attention.
func (m *model) deltaKeys(linear config) {
	for _, p := range [][2]string{{"ssm.conv_kernel", "short_conv_kernel_size"}, {"kda.head_dim", "head_dim"}} {
		n, ok := linear.integer(p[1])
		if !ok {
			m.fail("linear_attn_config has no %s", p[1])
		}
		m.u32(p[0], n)
	}
	if x, ok := linear.number("gate_lower_bound"); ok {
		m.f32("kda.gate_lower_bound", x)
	}
}

// vocabKimiK3 is Kimi's vocabulary; the end of a turn ends a text.
func (m *model) vocabKimiK3() error {
	if err := m.vocabKimi(); err != nil {
		return err
	}
	if n, ok := m.cfg.integer("eos_token_id"); ok && n >= 0 {
		m.set("tokenizer.ggml.eos_token_id", uint32(n))
	}
	return nil
}
