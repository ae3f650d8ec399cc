package huggingface

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/latentgo/latentgo/internal/hubtest"
)

// TestSwitches: models of testdata with other switches become the files that llama.cpp's script writes.
func TestSwitches(t *testing.T) {
	tests := []struct {
		name   string
		change func(t *testing.T, h *hubtest.Model)
		sha256 string
	}{
		// The lengths of columns are summed in single precision.
		{"ling-lite", allOf("F32"), "2fe090f64dfea5d7c6688a757f3a2c1030e81574517e0fdb743c5999797dd556"},
		{"ling-lite", allOf("F16"), "f51c1bb3aa14ee71315a7130c261c8b99f1cf29484f1eabb124e1f875b930679"},
		// Decays are computed in single precision.
		{"glm-5.3", allOf("F16"), "66b122e5d375c05dbd17326c0b12c5a605355d3820ecfd6e94958181c61796e3"},
		{"kimi-k3", allOf("F16"), "342142529b4b3160c81ea4f89fdaecd06fc596c6cc199ce715a16b91de8468fc"},
		// What is added to a norm has its precision.
		{"plamo-2-1b", allOf("F16"), "944ab8511e44df1c8668a56ff9adc98af520d00192a04ebc0385a5cfbc1121e2"},
		{"plamo-3", allOf("F16"), "299a789ccb33f6bdccf9d8c5556934c67eec354fff7e902bb9abc0ebc4b3a3b3"},
		// An output matrix that is the embedding is left out.
		{"dots3-note", tied, "4d300cc14ae0bd2ab2ac9b59d754794bcc7a7a2ea711baecac2ac60b2b895a45"},
		// router.per_expert_scale is no scale of quantised weights.
		{"gemma-4-26b-a4b", perChannel("F8_E4M3", "float"), "a5b66372b3622e8af9934901bf28d184ce132376c6d68c7620f187d6793595f5"},
		{"qwen3", perChannel("I8", "int"), "506d72a2fc049fd99521f6fefeca251fb9c97766bea316b34d45b0fa140b857c"},
		// What config.json leaves out is what the class has.
		{"hunyuan", without("eod_token_id eos_token_id bos_token_id pad_token_id rms_norm_eps tie_word_embeddings"), "c6e41fd934a7db086f530b04c2ff185c3bd8e617a28016929ebcf9df65b1b848"},
		{"cohere2moe", without("expert_selection_fn logit_scale norm_topk_prob num_experts_per_tok rms_norm_eps layer_norm_eps " +
			"rope_scaling rope_theta prefix_dense_sliding_window_pattern shared_expert_combination_strategy sliding_window_pattern " +
			"pad_token_id tie_word_embeddings"), "99134300595adf1ddbcd51a07132643f3434ab93d98fd9947e077ec49369ffea"},
		{"hy3", without("num_shared_experts rms_norm_eps router_scaling_factor"), "61da69262d452cc170c1bdbe252bc1a7f35694adb6631d63474e58d33434439e"},
		{"trinity", without("num_dense_layers rms_norm_eps global_attn_every_n_layers mup_enabled"), "834fe76567da752f9030633cfa70adf0857db528051f100040b56b38d00fd81d"},
		{"mellum", without("rms_norm_eps norm_topk_prob num_nextn_predict_layers"), "bcc42ce138e5df57a25fac60890adfd298f3c8f8435199275b169d3e5c73224b"},
		{"k-exaone", without("num_shared_experts first_k_dense_replace rms_norm_eps routed_scaling_factor n_group topk_group norm_topk_prob " +
			"bos_token_id pad_token_id"), "1278c58b36331e4d7710085c25dbb59f2f689e52ea3363cd1308ae1cf17a570e"},
		{"minicpm3", without("rms_norm_eps dim_model_base scale_depth scale_emb bos_token_id eos_token_id"), "2503c45360504290a110a157c7e81a742622a8e37346200cabc7df1330dbe094"},
		{"laguna-xs", without("gating"), "6f4263d4ecf6bcf9f5412ab8f015ac327ea9071af4c22a65f73d00dd802aaa9c"},
		{"modernbert", without("hidden_activation classifier_pooling norm_eps"), "acfdfc48e066dcfc5cb378da6ee3e1c5cb828875bd8f91bae2dc25502532032f"},
		{"jais2", without("layer_norm_eps tie_word_embeddings"), "cfa8d23533dd6032eca23850164bfb7eff85319153d38b94ed12798dafad53aa"},
		// … of rotation too, in layers with a window and without.
		{"youtu", without("rope_parameters"), "2e911dd134353d0d05e44ca4a7bfa1c281f6239654f3185dd62e199a9188b6cd"},
		{"laguna-xs", without("rope_theta rope_parameters"), "c88e7201ddb1ac600135f2ca4b68c4f669bb308907c855fb0abc42c5cd7052d3"},
		{"mellum", without("rope_parameters"), "bcc42ce138e5df57a25fac60890adfd298f3c8f8435199275b169d3e5c73224b"},
		{"modernbert", without("rope_parameters"), "acfdfc48e066dcfc5cb378da6ee3e1c5cb828875bd8f91bae2dc25502532032f"},
		{"gpt-oss-bf16", without("rope_parameters"), "31090fcf18e52bfe2f1254d5b4b7e9e84e5e953a95dacb7d5bfbebc0815b44ac"},
		{"ministral3", without("rope_parameters"), "1e7d681db0d812a106c0a608b2b129f4cec26353350bc48afa064766809ca5ab"},
		{"olmo3", without("rope_parameters"), "06d57b6df4b44b6b56be925a6cd3a314fe8c410bc645e6b22824bb652808c2d1"},
		{"gemma-4-e2b", without("rope_parameters"), "cc83e65d04e8a80f12bed0cd31d0749fde96dbfd63723504fec35a7af6931853"},
		{"apertus", without("rope_parameters"), "1c0374ca8b9a9da621b70d23ee1d24beeec1bca41db360e78851e41c10e541ac"},
		// Heads of which a half is rotated, without a word of it, in the older form.
		{"phi-2", all(without("rope_parameters"), rope(`{"rope_scaling": {"factor": 4.0, "type": "linear"}, "rope_theta": 10000.0}`)),
			"922ac9e6cc3d57527ecfa983745b91da46adcca6a631d9a2ec8cc55b77eeede7"},
		// What rope_parameters say of the original context counts before what stands beside them.
		{"phi3-mini", rope(`{"rope_parameters": {"rope_type": "llama3", "factor": 16.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
			"original_max_position_embeddings": 128, "rope_theta": 10000.0, "partial_rotary_factor": 1.0}}`),
			"968610cc6c3eb4a658cb862251ccf67941cd9355865b5f9c7e7dbb9c7b89f093"},
	}
	for i, test := range tests {
		t.Run(fmt.Sprint(i, "-", test.name), func(t *testing.T) {
			h := hubtest.Read(t, "testdata/"+test.name+".json")
			test.change(t, &h)
			sum := sha256.Sum256(writeAll(t, h.Folder(t), test.name, nil))
			if got := hex.EncodeToString(sum[:]); got != test.sha256 {
				t.Errorf("the file is %s, the script's %s", got, test.sha256)
			}
		})
	}
}

// allOf gives all floating-point tensors one type.
func allOf(dtype string) func(*testing.T, *hubtest.Model) {
	return func(t *testing.T, h *hubtest.Model) {
		for i := range h.Tensors {
			if d := string(h.Tensors[i][1]); d == `"BF16"` || d == `"F16"` || d == `"F32"` {
				h.Tensors[i][1] = quoted(t, dtype)
			}
		}
		name := map[string]string{"F32": "float32", "F16": "float16"}[dtype]
		setConfig(t, h, func(c map[string]any) {
			for _, k := range []string{"dtype", "torch_dtype"} {
				if _, ok := c[k]; ok {
					c[k] = name
				}
			}
		})
	}
}

// tied says that the output matrix is the embedding, and leaves both there.
func tied(t *testing.T, h *hubtest.Model) {
	setConfig(t, h, func(c map[string]any) { c["tie_word_embeddings"] = true })
}

// perChannel gives projections a type of 8 bits, with a scale for each row.
func perChannel(dtype, kind string) func(*testing.T, *hubtest.Model) {
	return func(t *testing.T, h *hubtest.Model) {
		for i, e := range slices.Clone(h.Tensors) {
			var name string
			var shape []int
			if err := cmp.Or(json.Unmarshal(e[0], &name), json.Unmarshal(e[2], &shape)); err != nil {
				t.Fatal(err)
			}
			if strings.HasSuffix(name, "_proj.weight") && len(shape) == 2 && !strings.Contains(name, "vision") {
				h.Tensors[i][1] = quoted(t, dtype)
				scale := [3]json.RawMessage{quoted(t, name+"_scale"), quoted(t, "BF16"), quoted(t, []int{shape[0], 1})}
				h.Tensors = append(h.Tensors, scale)
			}
		}
		format := map[string]string{"float": "float-quantized", "int": "int-quantized"}[kind]
		weights := map[string]any{"num_bits": 8, "type": kind, "strategy": "channel"}
		setConfig(t, h, func(c map[string]any) {
			c["quantization_config"] = map[string]any{"quant_method": "compressed-tensors", "format": format,
				"config_groups": map[string]any{"group_0": map[string]any{"weights": weights}}}
		})
	}
}

// without removes keys from config.json.
func without(keys string) func(*testing.T, *hubtest.Model) {
	return func(t *testing.T, h *hubtest.Model) {
		setConfig(t, h, func(c map[string]any) {
			for _, k := range strings.Fields(keys) {
				delete(c, k)
			}
		})
	}
}

// rope adds keys to config.json.
func rope(keys string) func(*testing.T, *hubtest.Model) {
	return func(t *testing.T, h *hubtest.Model) {
		setConfig(t, h, func(c map[string]any) {
			if err := decodeJSON("rope", []byte(keys), &c); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// all makes several changes.
func all(changes ...func(*testing.T, *hubtest.Model)) func(*testing.T, *hubtest.Model) {
	return func(t *testing.T, h *hubtest.Model) {
		for _, change := range changes {
			change(t, h)
		}
	}
}

// setConfig changes config.json.
func setConfig(t *testing.T, h *hubtest.Model, change func(map[string]any)) {
	t.Helper()
	var c map[string]any
	if err := decodeJSON("config.json", h.Config, &c); err != nil {
		t.Fatal(err)
	}
	change(c)
	h.Config = quoted(t, c)
}

// quoted is the JSON of a value.
func quoted(t *testing.T, v any) json.RawMessage {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}
