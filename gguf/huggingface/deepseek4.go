package huggingface

import (
	"encoding/binary"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/latentgo/latentgo/gguf/safetensors"
	"github.com/latentgo/latentgo/internal/floatdata"
	"github.com/latentgo/latentgo/quant"
)

var _ = register(family{
	arch:   "deepseek4",
	names:  deepseek4Names,
	init:   (*model).deepseek4Init,
	filter: deepseek4Filter,
	extra:  (*model).deepseek4Experts,
	modify: (*model).deepseek4,
	keys:   (*model).deepseek4Keys,
}, "DeepseekV4ForCausalLM")

var deepseek4Names = map[string]string{
	"embed":                                  "token_embd",
	"norm":                                   "output_norm",
	"head":                                   "output",
	"hc_head_fn":                             "output_hc_fn",
	"hc_head_base":                           "output_hc_base",
	"hc_head_scale":                          "output_hc_scale",
	"layers.#.hc_attn_fn":                    "blk.#.hc_attn_fn",
	"layers.#.hc_attn_base":                  "blk.#.hc_attn_base",
	"layers.#.hc_attn_scale":                 "blk.#.hc_attn_scale",
	"layers.#.hc_ffn_fn":                     "blk.#.hc_ffn_fn",
	"layers.#.hc_ffn_base":                   "blk.#.hc_ffn_base",
	"layers.#.hc_ffn_scale":                  "blk.#.hc_ffn_scale",
	"layers.#.attn.attn_sink":                "blk.#.attn_sinks",
	"layers.#.attn.wq_a":                     "blk.#.attn_q_a",
	"layers.#.attn.wq_b":                     "blk.#.attn_q_b",
	"layers.#.attn.q_norm":                   "blk.#.attn_q_a_norm",
	"layers.#.attn.wkv":                      "blk.#.attn_kv",
	"layers.#.attn.kv_norm":                  "blk.#.attn_kv_a_norm",
	"layers.#.attn.wo_a":                     "blk.#.attn_output_a",
	"layers.#.attn.wo_b":                     "blk.#.attn_output_b",
	"layers.#.attn.compressor.ape":           "blk.#.attn_compressor_ape",
	"layers.#.attn.compressor.wkv":           "blk.#.attn_compressor_kv",
	"layers.#.attn.compressor.wgate":         "blk.#.attn_compressor_gate",
	"layers.#.attn.compressor.norm":          "blk.#.attn_compressor_norm",
	"layers.#.attn.indexer.wq_b":             "blk.#.indexer.attn_q_b",
	"layers.#.attn.indexer.weights_proj":     "blk.#.indexer.proj",
	"layers.#.attn.indexer.compressor.ape":   "blk.#.indexer_compressor_ape",
	"layers.#.attn.indexer.compressor.wkv":   "blk.#.indexer_compressor_kv",
	"layers.#.attn.indexer.compressor.wgate": "blk.#.indexer_compressor_gate",
	"layers.#.attn.indexer.compressor.norm":  "blk.#.indexer_compressor_norm",
	"layers.#.attn_norm":                     "blk.#.attn_norm",
	"layers.#.ffn_norm":                      "blk.#.ffn_norm",
	"layers.#.ffn.gate":                      "blk.#.ffn_gate_inp",
	"layers.#.ffn.experts.w1":                "blk.#.ffn_gate_exps",
	"layers.#.ffn.experts.w2":                "blk.#.ffn_down_exps",
	"layers.#.ffn.experts.w3":                "blk.#.ffn_up_exps",
	"layers.#.ffn.shared_experts.w1":         "blk.#.ffn_gate_shexp",
	"layers.#.ffn.shared_experts.w2":         "blk.#.ffn_down_shexp",
	"layers.#.ffn.shared_experts.w3":         "blk.#.ffn_up_shexp",
}

// deepseek4Init takes the template to where the script has it: before all other keys.
func (m *model) deepseek4Init() error {
	s, err := m.readSpecial(false, -1)
	if err != nil {
		return err
	}
	if text, ok := s.template.(string); ok {
		m.early = append(m.early, key{"tokenizer.chat_template", text})
	}
	return nil
}

// deepseek4Filter drops towers and the layers that predict a token further on, and gives parameters that are no modules
// the names that others have.
func deepseek4Filter(_ *model, name string) (string, bool) {
	for _, p := range []string{"aligner.", "image_", "mtp."} {
		if strings.HasPrefix(name, p) {
			return "", false
		}
	}
	last := name[strings.LastIndex(name, ".")+1:]
	if strings.HasPrefix(last, "hc_") || last == "attn_sink" || last == "ape" {
		name += ".weight"
	}
	return name, true
}

// deepseek4Experts adds what the script adds before all others: the tables of experts by token, and the experts in
// MXFP4. Experts that were multiplied out, which the script does not know, come later.
func (m *model) deepseek4Experts() error {
	for bid := range m.need("num_hash_layers") {
		name := fmt.Sprintf("layers.%d.ffn.gate.tid2eid", bid)
		i := slices.IndexFunc(m.in, func(t named) bool { return t.name == name })
		if i < 0 || !m.in[i].dims(2) {
			return fmt.Errorf("tensor %q: %w: no table of experts by token", name, ErrFolder)
		}
		t := m.in[i].tensor
		err := m.blk(bid, "ffn_gate_tid2eid.weight", tensor{shape: t.shape, dtype: t.dtype, block: typeI32, raw: wholeNumbers{t, 4}})
		if err != nil {
			return err
		}
	}
	if m.err != nil {
		return m.err
	}
	const expert = "layers.%d.ffn.experts.%d.%s"
	first := fmt.Sprintf(expert+".scale", 0, 0, "w1")
	if slices.ContainsFunc(m.in, func(t named) bool { return t.name == first }) {
		if err := m.packedExperts(expert+".weight", expert+".scale", m.need("n_routed_experts")); err != nil {
			return err
		}
	}
	return m.deepseek4Unscale()
}

// wholeNumbers are the elements of a tensor as whole numbers of 4 or 8 bytes.
type wholeNumbers struct {
	tensor
	size int
}

// ReadAt implements io.ReaderAt.
func (w wholeNumbers) ReadAt(p []byte, off int64) (int, error) {
	size := int64(w.size)
	end := off + int64(len(p))
	if off < 0 || end > size*int64(elements(w.shape)) {
		return 0, io.EOF
	}
	first := off / size
	x := make([]float32, (end+size-1)/size-first)
	if err := w.read(x, int(first)); err != nil {
		return 0, err
	}
	raw := make([]byte, 0, w.size*len(x))
	for _, v := range x {
		if raw = binary.LittleEndian.AppendUint32(raw, uint32(int32(v))); w.size == 8 {
			raw = binary.LittleEndian.AppendUint32(raw, uint32(int64(v)>>32))
		}
	}
	return copy(p, raw[off-size*first:]), nil
}

// deepseek4Unscale multiplies weights in FP8 by their scales and drops these. The products become Q8_0.
func (m *model) deepseek4Unscale() error {
	fp8 := map[string]bool{}
	for _, t := range m.in {
		fp8[t.name] = t.dtype == safetensors.F8E4M3 || t.dtype == safetensors.F8E5M2
	}
	for i, t := range m.in {
		if w, ok := strings.CutSuffix(t.name, ".scale"); ok && fp8[w+".weight"] {
			m.in[i].name = w + ".weight_scale"
		}
	}
	if err := m.unscaleAll("_scale", []int{128, 128}); err != nil {
		return err
	}
	for i, t := range m.in {
		if fp8[t.name] && len(t.shape) > 1 {
			data := floatdata.Reader(quant.Q8_0, elements(t.shape), t.read)
			m.in[i].tensor = tensor{shape: t.shape, dtype: t.dtype, block: quant.Q8_0, raw: data}
		}
	}
	return nil
}

// deepseek4 adds a tensor, in the precision that it has.
func (m *model) deepseek4(name string, bid int, t tensor) error {
	hashed := bid >= 0 && bid < m.need("num_hash_layers")
	switch {
	case strings.HasSuffix(name, ".ffn.gate.tid2eid"), strings.HasSuffix(name, ".ffn.gate.bias") && hashed:
		return nil // deepseek4Experts took it, or no token meets it
	case strings.Contains(name, ".ffn.experts."): // multiplied out
		return m.expert(name, bid, t, m.need("n_routed_experts"), "w1", "w2", "w3")
	case strings.HasSuffix(name, ".ffn.gate.bias"):
		return m.blk(bid, "exp_probs_b.bias", t)
	case strings.HasSuffix(name, ".ffn.gate.bias_vl"):
		return m.blk(bid, "exp_probs_b_vl.bias", t)
	case t.block == 0 && t.dtype == safetensors.F32:
		t = t.as(typeF32)
	case t.block == 0 && t.dtype == safetensors.BF16:
		t = t.as(typeBF16)
	}
	return m.plain(name, bid, t)
}

func (m *model) deepseek4Keys() {
	m.commonKeys()
	m.set("general.file_type", uint32(38)) // experts in MXFP4
	m.u32("rope.dimension_count", m.need("qk_rope_head_dim"))
	m.u32("attention.q_lora_rank", m.need("q_lora_rank"))
	m.u32("attention.sliding_window", m.need("sliding_window"))
	m.u32("expert_feed_forward_length", m.need("moe_intermediate_size"))
	m.u32("expert_shared_count", m.need("n_shared_experts"))
	m.f32("expert_weights_scale", m.needFloat("routed_scaling_factor"))
	m.bool("expert_weights_norm", m.cfg.boolean("norm_topk_prob", false))
	limits := slices.Repeat([]float32{float32(m.needFloat("swiglu_limit"))}, m.blocks)
	m.list("swiglu_clamp_exp", limits)
	m.list("swiglu_clamp_shexp", limits)
	m.indexerSizes()
	m.u32("attention.output_group_count", m.need("o_groups"))
	m.u32("attention.output_lora_rank", m.need("o_lora_rank"))
	ratios, ok := m.cfg["compress_ratios"].([]any)
	if !ok {
		m.fail("compress_ratios is no list")
	}
	m.counts("attention.compress_ratios", ratios)
	m.f32("attention.compress_rope_freq_base", m.needFloat("compress_rope_theta"))
	m.u32("hyper_connection.count", m.need("hc_mult"))
	m.u32("hyper_connection.sinkhorn_iterations", m.need("hc_sinkhorn_iters"))
	m.f32("hyper_connection.epsilon", m.needFloat("hc_eps"))
	m.u32("hash_layer_count", m.need("num_hash_layers"))
	m.u32("embedding_length_out", m.need("hidden_size")*m.need("hc_mult"))
}
