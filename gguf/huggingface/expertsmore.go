package huggingface

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// bailing adds a tensor of Ling's first generation: queries, keys and values stand together, and rotate by neighbours.
func (m *model) bailing(name string, bid int, t tensor) error {
	switch {
	case strings.HasSuffix(name, "attention.query_key_value.weight"):
		return m.bailingQKV(bid, t)
	case name == "lm_head.weight" && m.cfg.boolean("norm_head", false):
		t = t.columnNormed()
	}
	return m.qwenExperts(name, bid, t)
}

// bailingQKV adds queries, keys and values.
func (m *model) bailingQKV(bid int, t tensor) error {
	heads, keys, dim := m.need("num_attention_heads"), m.need("num_key_value_heads"), m.headDim()
	if m.err != nil || !t.dims(2) || dim <= 0 || t.shape[0] != (heads+2*keys)*dim {
		return fmt.Errorf("%w: shape %v for %d heads, %d of keys", ErrFolder, t.shape, heads, keys)
	}
	q, err := m.interleave(t.rows(0, heads*dim), heads)
	if err != nil {
		return err
	}
	k, err := m.interleave(t.rows(heads*dim, (heads+keys)*dim), keys)
	if err != nil {
		return err
	}
	return m.several(bid, named{"attn_q.weight", q}, named{"attn_k.weight", k}, named{"attn_v.weight", t.rows((heads+keys)*dim, t.shape[0])})
}

// columnNormed is a matrix each of whose columns is divided by its length, which is summed row by row in single precision
// as PyTorch does it.
func (t tensor) columnNormed() tensor {
	var lazy once[[]float32]
	cols, plain := t.shape[len(t.shape)-1], t
	lengths := func() ([]float32, error) {
		sums, row := make([]float32, cols), make([]float32, cols)
		for at := 0; at < elements(plain.shape); at += cols {
			if err := plain.read(row, at); err != nil {
				return nil, err
			}
			for i, x := range row {
				sums[i] += float32(x * x)
			}
		}
		for i, s := range sums {
			sums[i] = float32(math.Sqrt(float64(s))) + 1e-7
		}
		return sums, nil
	}
	return t.with(func(dst []float32, at int) error {
		by, err := lazy.get(lengths)
		if err != nil {
			return err
		}
		if err := plain.read(dst, at); err != nil {
			return err
		}
		for i := range dst {
			dst[i] /= by[(at+i)%cols]
		}
		return nil
	})
}

func (m *model) bailingKeys() {
	m.commonKeys()
	m.u32("rope.dimension_count", m.headDim())
	m.u32("leading_dense_block_count", m.need("first_k_dense_replace"))
	m.u32("vocab_size", m.need("vocab_size"))
	m.u32("expert_feed_forward_length", m.need("moe_intermediate_size"))
	m.f32("expert_weights_scale", 1)
	m.u32("expert_shared_count", m.need("num_shared_experts"))
	m.bool("expert_weights_norm", m.cfg.boolean("norm_topk_prob", false))
}

var smallThinkerNames = map[string]string{
	"model.layers.#.block_sparse_moe.primary_router": "blk.#.ffn_gate_inp",
	"model.layers.#.block_sparse_moe.experts.gate":   "blk.#.ffn_gate_exps",
	"model.layers.#.block_sparse_moe.experts.up":     "blk.#.ffn_up_exps",
	"model.layers.#.block_sparse_moe.experts.down":   "blk.#.ffn_down_exps",
	"model.layers.#.block_sparse_moe.gate":           "blk.#.ffn_gate",
	"model.layers.#.block_sparse_moe.up":             "blk.#.ffn_up",
	"model.layers.#.block_sparse_moe.down":           "blk.#.ffn_down",
}

func (m *model) smallThinker(name string, bid int, t tensor) error {
	if strings.Contains(name, ".experts.") {
		return m.expert(name, bid, t, m.need("moe_num_primary_experts", "num_local_experts", "num_experts"), "down", "gate", "up")
	}
	return m.plain(name, bid, t)
}

func (m *model) smallThinkerKeys() {
	m.commonKeys()
	m.count("expert_count", "moe_num_primary_experts")
	m.count("expert_used_count", "moe_num_active_primary_experts")
	if m.count("expert_feed_forward_length", "moe_ffn_hidden_size") {
		m.count("feed_forward_length", "moe_ffn_hidden_size")
	}
	gating := "sigmoid"
	if m.cfg.boolean("moe_primary_router_apply_softmax", false) {
		gating = "softmax"
	}
	m.list("expert_gating_func", gatings[gating])
	windows := slices.ContainsFunc(m.cfg.numbers("sliding_window_layout"), func(x float64) bool { return x != 0 })
	if n := m.or(0, "sliding_window_size"); windows && n > 0 {
		m.u32("attention.sliding_window", n)
	}
}

func (m *model) cohere2MoE(name string, bid int, t tensor) error {
	if strings.HasSuffix(name, ".bias") {
		return m.withoutZeroBiases(name, bid, t)
	}
	return m.qwenExperts(name, bid, t)
}

func (m *model) cohere2MoEKeys() {
	m.commonKeys()
	m.f32("logit_scale", m.needFloat("logit_scale"))
	m.u32("attention.sliding_window", m.need("sliding_window"))
	m.list("attention.sliding_window_pattern", m.windows(1))
	m.u32("vocab_size", m.need("vocab_size"))
	width, dense := m.need("intermediate_size"), m.or(0, "first_k_dense_replace")
	m.u32("expert_feed_forward_length", width)
	if types := m.cfg.texts("mlp_layer_types"); types != nil {
		if dense = slices.IndexFunc(types, func(s string) bool { return s != "dense" }); dense < 0 {
			dense = len(types)
		}
	}
	m.u32("leading_dense_block_count", dense)
	m.bool("expert_weights_norm", m.cfg.boolean("norm_topk_prob", false))
	if n := m.or(0, "num_shared_experts"); n > 0 {
		if s := m.cfg.text("shared_expert_combination_strategy"); s != "average" && s != "" {
			m.fail("shared_expert_combination_strategy is %q, only average can be converted", s)
		}
		m.u32("expert_shared_count", n)
		m.u32("expert_shared_feed_forward_length", width*n)
	}
	if n := m.or(0, "num_nextn_predict_layers"); n > 0 {
		m.u32("nextn_predict_layers", n)
	}
	m.u32("rope.dimension_count", m.need("head_dim"))
	m.list("rope.scaling.type", "none")
}

var hyV3Names = withNextn(map[string]string{
	"model.layers.#.mlp.router.gate":          "blk.#.ffn_gate_inp",
	"model.layers.#.mlp.expert_bias":          "blk.#.exp_probs_b",
	"model.layers.#.mlp.shared_mlp.gate_proj": "blk.#.ffn_gate_shexp",
	"model.layers.#.mlp.shared_mlp.up_proj":   "blk.#.ffn_up_shexp",
	"model.layers.#.mlp.shared_mlp.down_proj": "blk.#.ffn_down_shexp",
})

// hyV3Filter gives the last norm of layers that predict a token further on the name that it has in others.
func hyV3Filter(m *model, name string) (string, bool) {
	if strings.HasPrefix(name, "model.layers.") && block(name) >= m.need("num_hidden_layers") {
		name = strings.Replace(name, ".final_layernorm.", ".shared_head.norm.", 1)
	}
	return name, true
}

func (m *model) hyV3Keys() {
	m.commonKeys()
	width := m.need("moe_intermediate_size")
	m.u32("expert_feed_forward_length", width)
	m.u32("expert_shared_feed_forward_length", width*m.or(1, "num_shared_experts"))
	m.bool("expert_weights_norm", m.cfg.boolean("route_norm", true))
	m.f32("expert_weights_scale", m.orFloat(1, "router_scaling_factor"))
	m.list("expert_gating_func", gatings["sigmoid"])
	if n := m.or(0, "num_nextn_predict_layers"); n > 0 {
		m.u32("nextn_predict_layers", n)
	}
}

func (m *model) mellumKeys() {
	m.commonKeys()
	m.count("expert_feed_forward_length", "moe_intermediate_size")
	if m.cfg.boolean("use_sliding_window", true) && m.count("attention.sliding_window", "sliding_window") {
		m.list("attention.sliding_window_pattern", m.windows(1))
	}
}
