package huggingface

import (
	"fmt"
	"strconv"
	"strings"
)

var _ = register(family{
	arch:   "exaone-moe",
	names:  exaoneMoENames,
	init:   (*model).nextnLayers,
	extra:  (*model).llama3Factors,
	filter: exaoneMoEFilter,
	modify: (*model).exaoneMoE,
	keys:   (*model).exaoneMoEKeys,
}, "ExaoneMoEForCausalLM", "ExaoneMoeForCausalLM")

var exaoneMoENames = withNextn(map[string]string{"model.layers.#.mlp.e_score_correction": "blk.#.exp_probs_b"})

// exaoneMTP are names of what layers that predict a token further on have beside a layer's own, and share.
var exaoneMTP = map[string]string{"mtp.fc": "eh_proj", "mtp.pre_fc_norm_embedding": "enorm", "mtp.pre_fc_norm_hidden": "hnorm",
	"mtp.norm": "shared_head.norm"}

// exaoneMoEFilter gives the layers that predict a token further on their places behind the others.
func exaoneMoEFilter(m *model, name string) (string, bool) {
	rest, ok := strings.CutPrefix(name, "mtp.layers.")
	number, part, _ := strings.Cut(rest, ".")
	if n, err := strconv.Atoi(number); ok && err == nil && n >= 0 {
		name = fmt.Sprintf("model.layers.%d.%s", m.need("num_hidden_layers")+n, part)
	}
	return name, true
}

// exaoneMoE adds a tensor.
func (m *model) exaoneMoE(name string, bid int, t tensor) error {
	short, suffix, _ := cutLast(name, ".")
	to, ok := exaoneMTP[short]
	if !ok {
		return m.qwenExperts(name, bid, t)
	}
	for i := m.need("num_hidden_layers"); i < m.blocks; i++ {
		if err := m.plain(fmt.Sprintf("model.layers.%d.%s.%s", i, to, suffix), i, t); err != nil {
			return err
		}
	}
	return nil
}

// cutLast cuts s around the last sep.
func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}

func (m *model) exaoneMoEKeys() {
	m.exaone4Keys()
	width, shared := m.need("moe_intermediate_size"), m.need("num_shared_experts")
	m.u32("expert_feed_forward_length", width)
	m.u32("expert_shared_count", shared)
	m.u32("expert_shared_feed_forward_length", width*shared)
	m.f32("expert_weights_scale", m.needFloat("routed_scaling_factor"))
	m.bool("expert_weights_norm", m.cfg.boolean("norm_topk_prob", false))
	dense, _ := m.cfg.integer("first_k_dense_replace", "first_last_k_dense_replace")
	m.u32("leading_dense_block_count", dense)
	m.u32("nextn_predict_layers", m.or(0, "num_nextn_predict_layers"))
	m.list("rope.scaling.type", "none")
}
