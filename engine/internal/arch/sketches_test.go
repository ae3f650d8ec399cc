package arch_test

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/latentgo/latentgo/attn"
	"github.com/latentgo/latentgo/engine/internal/model"
	"github.com/latentgo/latentgo/internal/attention"
	"github.com/latentgo/latentgo/internal/ggtype"
	"github.com/latentgo/latentgo/internal/gguftest"
)

// Logits of gguftest.SketchVariants are llama.cpp's, whether the tokens come one by one, in pieces or all at once,
// alone or with other sequences. LATENTGO_WRITE names a folder to write the models to instead, with NAME.ids.json, for
// llama.cpp to compute the logits of.
func TestSketches(t *testing.T) {
	if dir := os.Getenv("LATENTGO_WRITE"); dir != "" {
		writeSketches(t, dir)
		return
	}
	for name, s := range gguftest.SketchVariants() {
		t.Run(name, func(t *testing.T) {
			want := readFloats(t, filepath.Join("../../testdata/sketches", name+".f32"))
			ids := gguftest.RandomIDs(gguftest.SketchTokens(name), gguftest.SketchVocab)
			path := s.Build().Write(t)
			for i, o := range []model.Options{{Threads: 2}, {Threads: 1, PlainGQA: true}} {
				if i > 0 && (testing.Short() || quantized(name)) {
					break
				}
				m := open(t, path, o)
				for _, step := range []int{len(ids), 7, 1} {
					if e := nmse(lastLogits(logitsIn(t, m, ids, step), want), want); !(e < s.Limit) {
						t.Errorf("%+v, %d tokens at a time: error %.2g", o, step, e)
					}
				}
				if !quantized(name) && (i == 0 || !picks(m.Spec())) {
					together(t, m, []attention.Format{attention.F16, attention.Q8}[i])
				}
			}
		})
	}
}

// picks reports whether tokens attend to a choice of others, which rounding of 8 bits may change.
func picks(s *model.Spec) bool {
	return slices.ContainsFunc(s.Layers, func(l model.LayerSpec) bool {
		a, ok := l.Mixer.(model.MLA)
		return ok && a.Index.TopK > 0
	})
}

// quantized reports whether a sketch is another one with matrices of another type.
func quantized(name string) bool {
	return strings.Contains(name, "-q") || strings.Contains(name, "-tq")
}

// lastLogits returns those that a vector has.
func lastLogits(x, vector []float32) []float32 { return x[max(0, len(x)-len(vector)):] }

func writeSketches(t *testing.T, dir string) {
	files := map[string][]byte{}
	for name, s := range gguftest.SketchVariants() {
		b, err := json.Marshal(gguftest.RandomIDs(gguftest.SketchTokens(name), gguftest.SketchVocab))
		if err != nil {
			t.Fatal(err)
		}
		files[name+".ids.json"], files[name+".gguf"] = b, s.Build().Bytes()
	}
	for name, b := range files {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// Several steps of a sequence in one pass have the bits of one step after the other, and prompts do not depend on where
// they are cut, also where layers share keys and values, or the residual stream has copies.
func TestSketchesGiveTheSameBits(t *testing.T) {
	for _, name := range []string{"gemma4-e", "gemma4-experts", "gemma3n", "laguna", "bitnet"} {
		m := open(t, gguftest.SketchVariants()[name].Build().Write(t), model.Options{Threads: 2})
		want := stepsBy(t, m, attention.F16, []int{1, 1, 1, 1, 1, 1, 1, 1, 1})
		if got := stepsBy(t, m, attention.F16, []int{2, 1, 1, 5}); !slices.Equal(got, want) {
			t.Errorf("%s: other bits of steps", name)
		}
		want = sharedPasses(t, m, attention.F16, 0, []int{77})
		if got := sharedPasses(t, m, attention.F16, 1, []int{40, 3, 2, 32}); !slices.Equal(got, want) {
			t.Errorf("%s: other bits of a prompt", name)
		}
	}
}

// sketchErrors are changes that must be refused, with what the error names.
var sketchErrors = []struct {
	model, want string
	change      func(b *gguftest.Builder)
}{
	{"gemma4-e", "rope_freqs.weight", func(b *gguftest.Builder) { b.Remove("rope_freqs.weight") }},
	{"gemma4-e", "per_layer_token_embd.weight", func(b *gguftest.Builder) { b.Remove("per_layer_token_embd.weight") }},
	{"gemma4-e", "attention.shared_kv_layers", setKey("gemma4.attention.shared_kv_layers", uint32(2))},
	{"gemma4-e", "attention.shared_kv_layers", setKey("gemma4.attention.shared_kv_layers", uint32(5))},
	{"gemma4-e", "attention.sliding_window_pattern", func(b *gguftest.Builder) { b.Delete("gemma4.attention.sliding_window_pattern") }},
	{"gemma4-e", "attention.value_length_swa", setKey("gemma4.attention.value_length_swa", uint32(8))},
	{"gemma4-e", "embedding_length_per_layer_input", func(b *gguftest.Builder) { b.Delete("gemma4.embedding_length_per_layer_input") }},
	{"gemma4-experts", "expert_used_count", setKey("gemma4.expert_used_count", uint32(9))},
	{"gemma4-experts", "blk.1.ffn_gate_inp.scale", func(b *gguftest.Builder) { b.Remove("blk.1.ffn_gate_inp.scale") }},
	{"gemma4-experts", "blk.0.inp_gate.weight", addTensor("blk.0.inp_gate.weight", 64)},
	{"kimi-linear", "kda.head_dim", setKey("kimi-linear.kda.head_dim", uint32(1<<20))},
	{"kimi-linear", "ssm.conv_kernel", setKey("kimi-linear.ssm.conv_kernel", uint32(1))},
	{"kimi-linear", "rope.dimension_count", setKey("kimi-linear.rope.dimension_count", uint32(7))},
	{"kimi-linear", "blk.1.ssm_g_b.weight", func(b *gguftest.Builder) { b.Remove("blk.1.ssm_g_b.weight") }},
	{"kimi-linear", "blk.2.ssm_a", addTensor("blk.2.ssm_a", 2)},
	{"deci", "only a matrix", setKey("deci.attention.head_count_kv", []uint32{2, 0, 0, 2})},
	{"deci", "without a network", setKey("deci.feed_forward_length", []uint32{96, 64, 0, 96})},
	{"spark2_5", "attention.sliding_window_pattern", func(b *gguftest.Builder) { b.Delete("spark2_5.attention.sliding_window_pattern") }},
	{"muse-glimmer", "logit_scale", func(b *gguftest.Builder) { b.Delete("muse-glimmer.logit_scale") }},
	{"laguna", "rope.dimension_count_swa", setKey("laguna.rope.dimension_count_swa", uint32(7))},
	{"laguna", "blk.0.attn_gate.weight", func(b *gguftest.Builder) { b.Remove("blk.0.attn_gate.weight") }},
	{"afmoe", "expert_used_count", setKey("afmoe.expert_count", uint32(0))},
	{"step35", "swiglu_clamp_exp", setKey("step35.swiglu_clamp_exp", []float32{1})},
	{"step35", "rope_freqs.weight", setKey("step35.rope.dimension_count_swa", uint32(8))},
	{"step35", "rope.dimension_count_swa", setKey("step35.rope.dimension_count_swa", uint32(64))},
	{"openelm", "output.weight", addTensor("output.weight", 64)},
	{"bitnet", "blk.1.attn_sub_norm.weight", func(b *gguftest.Builder) { b.Remove("blk.1.attn_sub_norm.weight") }},
	{"bitnet", "blk.0.ffn_sub_norm.weight", func(b *gguftest.Builder) { b.Remove("blk.0.ffn_sub_norm.weight") }},
	{"bitnet", "output.weight", addTensor("output.weight", 64)},
	{"gemma3n", "altup_proj.weight", func(b *gguftest.Builder) { b.Remove("altup_proj.weight") }},
	{"gemma3n", "blk.3.laurel_r.weight", func(b *gguftest.Builder) { b.Remove("blk.3.laurel_r.weight") }},
	{"gemma3n", "blk.0.layer_output_scale.weight", addTensor("blk.0.layer_output_scale.weight", 1)},
	{"gemma3n", "attention.shared_kv_layers", setKey("gemma3n.attention.sliding_window_pattern", uint32(7))},
	{"gemma3n", "attention.sliding_window", func(b *gguftest.Builder) { b.Delete("gemma3n.attention.sliding_window") }},
	{"deepseek32", "attention.indexer.top_k", func(b *gguftest.Builder) { b.Delete("deepseek32.attention.indexer.top_k") }},
	{"deepseek32", "attention.indexer.key_length", setKey("deepseek32.attention.indexer.key_length", uint32(4))},
	{"deepseek32", "blk.1.indexer.proj.weight", func(b *gguftest.Builder) { b.Remove("blk.1.indexer.proj.weight") }},
	{"glm-dsa", "attention.indexer.types", setKey("glm-dsa.attention.indexer.types", []uint32{0, 1, 1})},
	{"glm-dsa", "blk.2.indexer.attn_k.weight", func(b *gguftest.Builder) { b.Remove("blk.2.indexer.attn_k.weight") }},
	{"minimax-m3", "attention.indexer.head_count", setKey("minimax-m3.attention.indexer.head_count", uint32(3))},
	{"minimax-m3", "attention.indexer.block_size", setKey("minimax-m3.attention.indexer.block_size", uint32(0))},
	{"bailingmoe3", "kda.gate_lower_bound", setKey("bailingmoe3.kda.gate_lower_bound", float32(1))},
	{"nanbeige", "num_loops", setKey("nanbeige.num_loops", uint32(1<<20))},
	{"grok", "yarn_ext_factor", setKey("grok.rope.scaling.yarn_ext_factor", float32(0.5))},
	{"plamo2", "ssm.group_count", setKey("plamo2.ssm.group_count", uint32(2))},
	{"plamo2", "ssm.inner_size", setKey("plamo2.ssm.time_step_rank", uint32(3))},
	{"plamo2", "blk.1.ssm_dt_norm", func(b *gguftest.Builder) { b.Remove("blk.1.ssm_dt_norm") }},
	{"minimax-01", "residual_scale", func(b *gguftest.Builder) { b.Delete("minimax-01.residual_scale") }},
	{"minimax-01", "attention.value_length", setKey("minimax-01.attention.value_length", uint32(8))},
	{"minimax-01", "blk.0.attn_gate.weight", func(b *gguftest.Builder) { b.Remove("blk.0.attn_gate.weight") }},
	{"grovemoe", "experts_per_group", setKey("grovemoe.experts_per_group", uint32(3))},
	{"grovemoe", "expert_group_scale", func(b *gguftest.Builder) { b.Delete("grovemoe.expert_group_scale") }},
	{"grovemoe", "blk.3.ffn_up_chexps.weight", func(b *gguftest.Builder) { b.Remove("blk.3.ffn_up_chexps.weight") }},
	{"talkie", "layer_output_scale", func(b *gguftest.Builder) { b.Remove("blk.2.layer_output_scale.weight") }},
	{"talkie", "logit_scale", func(b *gguftest.Builder) { b.Delete("talkie.logit_scale") }},
	{"cogvlm", "blk.1.attn_q", func(b *gguftest.Builder) { b.Remove("blk.1.attn_qkv.weight") }},
	{"arctic", "blk.3.ffn_norm_exps.weight", func(b *gguftest.Builder) { b.Remove("blk.3.ffn_norm_exps.weight") }},
	{"dots3note", "attention.indexer.types", setKey("dots3note.attention.indexer.types", []uint32{1, 1, 0, 1})},
	{"dots3note", "attention.key_length_mla_swa", setKey("dots3note.attention.key_length_mla_swa", uint32(8))},
	{"dots3note", "rope.freq_base_swa", func(b *gguftest.Builder) { b.Delete("dots3note.rope.freq_base_swa") }},
	{"dots3note", "blk.1.attn_k_norm.weight", func(b *gguftest.Builder) { b.Remove("blk.1.attn_k_norm.weight") }},
	{"dots3note", "blk.1.indexer.proj.weight", addTensor("blk.1.indexer.proj.weight", 64)},
	{"hy_v4", "hyper_connection.count", setKey("hy_v4.hyper_connection.count", uint32(99))},
	{"hy_v4", "attention.indexer.types", setKey("hy_v4.attention.indexer.types", []uint32{0, 1, 1})},
	{"hy_v4", "attention.indexer.key_length", setKey("hy_v4.attention.indexer.key_length", uint32(8))},
	{"hy_v4", "blk.2.hc_ffn_base.weight", func(b *gguftest.Builder) { b.Remove("blk.2.hc_ffn_base.weight") }},
	{"hy_v4", "output_hc_fn.weight", func(b *gguftest.Builder) { b.Remove("output_hc_fn.weight") }},
	{"hy_v4-full", "blk.0.indexer.proj.weight", addTensor("blk.0.indexer.proj.weight", 64)},
	{"kimi-k3", "attn_res.block_size", func(b *gguftest.Builder) { b.Delete("kimi-k3.attn_res.block_size") }},
	{"kimi-k3", "kda.gate_lower_bound", setKey("kimi-k3.kda.gate_lower_bound", float32(2))},
	{"kimi-k3", "activation.situ_beta", setKey("kimi-k3.activation.situ_beta", float32(0))},
	{"kimi-k3", "blk.1.ffn_res_score.weight", func(b *gguftest.Builder) { b.Remove("blk.1.ffn_res_score.weight") }},
	{"kimi-k3", "blk.3.ffn_routed_up.weight", func(b *gguftest.Builder) { b.Remove("blk.3.ffn_routed_up.weight") }},
	{"kimi-k3", "blk.0.ssm_g_a.weight", addTensor("blk.0.ssm_g_a.weight", 64)},
	{"glm5-next", "attention.indexer.kpool", setKey("glm5-next.attention.indexer.kpool", uint32(3))},
	{"glm5-next", "kpool_select_tail", setKey("glm5-next.attention.indexer.kpool_select_tail", false)},
	{"glm5-next", "attention.indexer.types", setKey("glm5-next.attention.indexer.types", []uint32{1, 0, 1, 0, 1})},
	{"glm5-next", "rope.dimension_count", setKey("glm5-next.rope.dimension_count", uint32(8))},
	{"glm5-next", "hyper_connection.sinkhorn_iterations", func(b *gguftest.Builder) { b.Delete("glm5-next.hyper_connection.sinkhorn_iterations") }},
	{"glm5-next", "blk.4.indexer_compressor_ape.weight", func(b *gguftest.Builder) { b.Remove("blk.4.indexer_compressor_ape.weight") }},
	{"glm5-next", "blk.2.attn_kv_a_norm.weight", addTensor("blk.2.attn_kv_a_norm.weight", 64)},
	{"deepseek4", "attention.compress_ratios", setKey("deepseek4.attention.compress_ratios", []uint32{0, 4, 8, 4, 128})},
	{"deepseek4", "attention.compress_ratios", setKey("deepseek4.attention.compress_ratios", []uint32{0, 4, 4})},
	{"deepseek4", "attention.compress_rope_freq_base", func(b *gguftest.Builder) { b.Delete("deepseek4.attention.compress_rope_freq_base") }},
	{"deepseek4", "attention.head_count_kv", setKey("deepseek4.attention.head_count_kv", uint32(2))},
	{"deepseek4", "attention.output_group_count", setKey("deepseek4.attention.output_group_count", uint32(3))},
	{"deepseek4", "attention.indexer.key_length", setKey("deepseek4.attention.indexer.key_length", uint32(4))},
	{"deepseek4", "expert_gating_func", setKey("deepseek4.expert_gating_func", uint32(2))},
	{"deepseek4", "token 0: expert 0", func(b *gguftest.Builder) {
		const name = "blk.0.ffn_gate_tid2eid.weight"
		b.Remove(name)
		b.AddTensor(name, ggtype.I32, []uint64{2, gguftest.SketchVocab}, make([]byte, 4*2*gguftest.SketchVocab))
	}},
	{"deepseek4", "blk.1.exp_probs_b.bias", func(b *gguftest.Builder) { b.Remove("blk.1.exp_probs_b.bias") }},
	{"deepseek4", "blk.2.attn_compressor_ape.weight", func(b *gguftest.Builder) { b.Remove("blk.2.attn_compressor_ape.weight") }},
	{"deepseek4", "blk.0.attn_sinks.weight", func(b *gguftest.Builder) { b.Remove("blk.0.attn_sinks.weight") }},
	{"deepseek4", "blk.4.indexer.proj.weight", addTensor("blk.4.indexer.proj.weight", 64)},
	{"qwen4exp", "ple.layers", setKey("qwen4exp.ple.layers", []uint32{1})},
	{"qwen4exp", "ple.layers", setKey("qwen4exp.ple.layers", []uint32{0, 2})},
	{"qwen4exp", "ple.layer_multipliers", setKey("qwen4exp.ple.layer_multipliers", []uint64{1, 3})},
	{"qwen4exp", "ple.head_vocab_sizes", setKey("qwen4exp.ple.head_vocab_sizes", []uint64{29, 0, 29, 23})},
	{"qwen4exp", "per_layer_token_embd.weight", setKey("qwen4exp.ple.head_offsets", []uint64{0, 30, 61, 98})},
	{"qwen4exp", "embedding_length_per_layer_input", setKey("qwen4exp.embedding_length_per_layer_input", uint32(8))},
	{"qwen4exp", "attention.compress_ratios", setKey("qwen4exp.attention.compress_ratios", []uint32{0, 0, 0, 3})},
	{"qwen4exp", "hyper_connection.count", setKey("qwen4exp.hyper_connection.count", uint32(1))},
	{"qwen4exp", "rope.dimension_sections", func(b *gguftest.Builder) { b.Delete("qwen4exp.rope.dimension_sections") }},
	{"qwen4exp", "blk.0.ple_conv1d.weight", func(b *gguftest.Builder) { b.Remove("blk.0.ple_conv1d.weight") }},
	{"qwen4exp", "blk.1.hc_ffn_inject.weight", func(b *gguftest.Builder) { b.Remove("blk.1.hc_ffn_inject.weight") }},
	{"qwen4exp", "output_norm.weight", addTensor("output_norm.weight", 64)},
	{"hrm_text", "block_count", setKey("hrm_text.hrm.l_cycles", uint32(1))},
	{"hrm_text", "hrm.z_l_init", func(b *gguftest.Builder) { b.Remove("hrm.z_l_init") }},
	{"hrm_text", "blk.4.attn_q.weight", addTensor("blk.4.attn_q.weight", 64)},
	{"gemma4-dense", "blk.2.ffn_gate_inp.weight", addTensor("blk.2.ffn_gate_inp.weight", 64)},
}

// Keys and tensors that can't be are errors that name them.
func TestSketchErrors(t *testing.T) {
	for _, c := range sketchErrors {
		b := gguftest.SketchVariants()[c.model].Build()
		c.change(b)
		if _, err := loadBuilt(t, b); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s, %s: %v", c.model, c.want, err)
		}
	}
}

// YaRN's range and magnitude where they are not what other architectures have: Grok's files need not name its range, and
// the multiplier of DeepSeek's magnitude corrects that of its rotation.
func TestYarnDefaults(t *testing.T) {
	load := func(name string, keys map[string]any) attn.RopeConfig {
		b := gguftest.SketchVariants()[name].Build()
		for k, v := range keys {
			b.Set(name+".rope.scaling."+k, v)
		}
		m, err := loadBuilt(t, b)
		if err != nil {
			t.Fatal(err)
		}
		return m.Spec().Ropes[0]
	}
	yarn := map[string]any{"type": "yarn", "factor": float32(4)}
	if c := load("grok", yarn); c.BetaFast != 8 || c.BetaSlow != 1 {
		t.Errorf("range of %v and %v", c.BetaFast, c.BetaSlow)
	}
	yarn["yarn_log_multiplier"] = float32(0.7)
	want := (1 + 0.1*math.Log(4)) / (1 + 0.7*math.Log(4))
	for _, name := range []string{"deepseek32", "glm-dsa"} {
		if c := load(name, yarn); math.Abs(float64(c.Magnitude)-want) > 1e-6 {
			t.Errorf("%s: a magnitude of %v, wanted %v", name, c.Magnitude, want)
		}
	}
}

func setKey(key string, value any) func(b *gguftest.Builder) {
	return func(b *gguftest.Builder) { b.Set(key, value) }
}

func addTensor(name string, n int) func(b *gguftest.Builder) {
	return func(b *gguftest.Builder) { b.AddRandom(gguftest.NewRand(), name, ggtype.F32, n) }
}
