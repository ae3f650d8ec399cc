package huggingface

// commonNames are the names that most decoders share: of a module in the folder, with # for the number of the layer,
// and in the GGUF file. Families have tables of their own beside it.
var commonNames = map[string]string{
	"model.embed_tokens": "token_embd",
	"model.norm":         "output_norm",
	"lm_head":            "output",

	"model.layers.#.input_layernorm":          "blk.#.attn_norm",
	"model.layers.#.post_attention_layernorm": "blk.#.ffn_norm",

	"model.layers.#.self_attn.q_proj": "blk.#.attn_q",
	"model.layers.#.self_attn.k_proj": "blk.#.attn_k",
	"model.layers.#.self_attn.v_proj": "blk.#.attn_v",
	"model.layers.#.self_attn.o_proj": "blk.#.attn_output",
	"model.layers.#.self_attn.q_norm": "blk.#.attn_q_norm",
	"model.layers.#.self_attn.k_norm": "blk.#.attn_k_norm",

	"model.layers.#.mlp.gate_proj": "blk.#.ffn_gate",
	"model.layers.#.mlp.up_proj":   "blk.#.ffn_up",
	"model.layers.#.mlp.down_proj": "blk.#.ffn_down",

	"model.layers.#.mlp.gate":                     "blk.#.ffn_gate_inp",
	"model.layers.#.mlp.gate.e_score_correction":  "blk.#.exp_probs_b",
	"model.layers.#.mlp.experts.gate_proj":        "blk.#.ffn_gate_exps",
	"model.layers.#.mlp.experts.up_proj":          "blk.#.ffn_up_exps",
	"model.layers.#.mlp.experts.down_proj":        "blk.#.ffn_down_exps",
	"model.layers.#.mlp.shared_experts.gate_proj": "blk.#.ffn_gate_shexp",
	"model.layers.#.mlp.shared_experts.up_proj":   "blk.#.ffn_up_shexp",
	"model.layers.#.mlp.shared_experts.down_proj": "blk.#.ffn_down_shexp",
	"model.layers.#.mlp.shared_expert.gate_proj":  "blk.#.ffn_gate_shexp",
	"model.layers.#.mlp.shared_expert.up_proj":    "blk.#.ffn_up_shexp",
	"model.layers.#.mlp.shared_expert.down_proj":  "blk.#.ffn_down_shexp",
	"model.layers.#.mlp.shared_expert_gate":       "blk.#.ffn_gate_inp_shexp",
}
