package main

import (
	"fmt"
	"math"
)

// Tensors and metadata of DeepSeek's attention and mixtures of experts (architecture deepseek2). Its attn_k_b and
// attn_v_b hold one matrix per head, the experts' tensors one per expert.

// deepseek is the part of a shape that only these models have.
type deepseek struct {
	qRank, latent        int // rank of the queries, 0 for one matrix; values of the latent
	nope, rope, value    int // values of a key without position and with, of a value head
	experts, used, width int // experts, those that a token runs, and their width; no experts: all layers are dense
	shared, dense        int // experts that every token runs, and layers before the first mixture
	groups, groupsUsed   int // of experts; 0: none
	sigmoid              bool
	weightScale          float64 // of experts; 0: none
}

// defaults fills in what a shape of another architecture lacks.
func (d *deepseek) defaults(headSize int) {
	if d.latent == 0 {
		*d = deepseek{latent: 2 * headSize, nope: headSize, rope: headSize / 4 * 2, value: headSize}
	}
}

// deepseekKeys fills in keys.
func (m *model) deepseekKeys() {
	s := m.shape
	d := s.deepseek
	dense, gate := d.dense, uint32(1)
	if d.experts == 0 {
		dense = s.layers
	}
	if d.sigmoid {
		gate = 2
	}
	set := func(key string, value any) { m.set(s.arch+"."+key, value) }
	set("attention.q_lora_rank", uint32(d.qRank))
	set("attention.kv_lora_rank", uint32(d.latent))
	set("attention.key_length", uint32(d.latent+d.rope))
	set("attention.value_length", uint32(d.latent))
	set("attention.key_length_mla", uint32(d.nope+d.rope))
	set("attention.value_length_mla", uint32(d.value))
	set("rope.dimension_count", uint32(d.rope))
	set("leading_dense_block_count", uint32(dense))
	set("expert_feed_forward_length", uint32(d.width))
	set("expert_shared_count", uint32(d.shared))
	if d.experts == 0 {
		return
	}
	set("expert_count", uint32(d.experts))
	set("expert_used_count", uint32(d.used))
	set("expert_gating_func", gate)
	set("expert_weights_norm", d.sigmoid)
	set("expert_weights_scale", float32(d.weightScale))
	set("expert_group_count", uint32(d.groups))
	set("expert_group_used_count", uint32(d.groupsUsed))
}

// deepseekAttention adds the attention of layer i.
func (m *model) deepseekAttention(i int) {
	s := m.shape
	d := s.deepseek
	add := func(part string, rows, cols int) { m.matrix(roleMatrix, i, m.part(i, part), rows, cols) }
	m.norm(m.part(i, "attn_norm"), s.width)
	if d.qRank > 0 {
		add("attn_q_a", d.qRank, s.width)
		m.norm(m.part(i, "attn_q_a_norm"), d.qRank)
		add("attn_q_b", s.heads*(d.nope+d.rope), d.qRank)
	} else {
		add("attn_q", s.heads*(d.nope+d.rope), s.width)
	}
	add("attn_kv_a_mqa", d.latent+d.rope, s.width)
	m.norm(m.part(i, "attn_kv_a_norm"), d.latent)
	m.stack(roleMatrix, i, "attn_k_b", s.heads, d.latent, d.nope)
	m.stack(roleV, i, "attn_v_b", s.heads, d.value, d.latent)
	m.matrix(roleO, i, m.part(i, "attn_output"), s.width, s.heads*d.value)
}

// mixture adds the feed-forward part of layer i, and tells whether it is a mixture.
func (m *model) mixture(i int) bool {
	s := m.shape
	d := s.deepseek
	if d.experts == 0 || i < d.dense {
		return false
	}
	m.tensors = append(m.tensors, tensor{
		name: m.part(i, "ffn_gate_inp"), rows: d.experts, cols: s.width, sigma: 1 / math.Sqrt(float64(s.width)),
	})
	if d.sigmoid {
		m.tensors = append(m.tensors, tensor{name: fmt.Sprintf("blk.%d.exp_probs_b.bias", i), cols: d.experts, sigma: 0.1})
	}
	m.stack(roleMatrix, i, "ffn_gate_exps", d.experts, d.width, s.width)
	m.stack(roleMatrix, i, "ffn_up_exps", d.experts, d.width, s.width)
	m.stack(roleDown, i, "ffn_down_exps", d.experts, s.width, d.width)
	shared := d.shared * d.width
	m.matrix(roleMatrix, i, m.part(i, "ffn_gate_shexp"), shared, s.width)
	m.matrix(roleMatrix, i, m.part(i, "ffn_up_shexp"), shared, s.width)
	m.matrix(roleDown, i, m.part(i, "ffn_down_shexp"), s.width, shared)
	return true
}

// stack adds a tensor of n matrices.
func (m *model) stack(r role, i int, part string, n, rows, cols int) {
	m.matrix(r, i, m.part(i, part), rows, cols)
	m.tensors[len(m.tensors)-1].stack = n
}

// part names a tensor of layer i.
func (m *model) part(i int, name string) string { return fmt.Sprintf("blk.%d.%s.weight", i, name) }
