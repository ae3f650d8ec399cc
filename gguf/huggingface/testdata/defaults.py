#!/usr/bin/env python3
"""Writes ../defaults.json: what the configuration classes of transformers have for keys that config.json leaves out.

"/a/b" is a quotient of other keys, "=a" the value of another key: what classes compute.
"""
import json, sys, warnings, logging
from pathlib import Path
logging.disable(logging.CRITICAL)
from transformers import CONFIG_MAPPING

# Not here are types whose config.json the script reads as it is: falcon_h1, granitemoehybrid, mamba, mamba2 and nemotron_h.
TYPES = """apertus arcee bert cohere cohere2 deepseek_v2 deepseek_v3 distilbert dbrx ernie4_5 ernie4_5_moe eurobert exaone4 falcon
gemma gemma2 gemma3 gemma3_text glm glm4 glm4_moe gpt2 gpt_neox gpt_oss granite granitemoe granitemoeshared hunyuan_v1_dense hunyuan_v1_moe jamba jina_embeddings_v3
lfm2 lfm2_moe llama llama4_text minimax_m2 ministral3 mistral mixtral modernbert mpt nemotron nomic_bert olmo olmo2 olmo3 olmoe phi phi3 phimoe
qwen2 qwen2_moe qwen3 qwen3_moe qwen3_next qwen3_5_text qwen3_5_moe_text qwen2_vl_text qwen2_5_vl_text qwen3_vl_text qwen3_vl_moe_text gpt_bigcode gemma3n_text gemma4_text roberta seed_oss smollm3 stablelm starcoder2 xlm-roberta dots1 bloom exaone_moe deepseek_v32 glm4_moe_lite glm_moe_dsa mistral4
glm4v_text glm4v_moe_text glm_ocr_text hunyuan_vl_text hunyuan_vl solar_open paddleocr_vl_text qwen3_omni_moe_text deepseek_v4 laguna granite_swa granitemoe_swa muse_glimmer_text
glm5_next_text hy_v4 qwen4_exp_text bailing_hybrid cohere2_moe hy_v3 jais2 mellum minicpm3 afmoe youtu""".split()

KEYS = """n_layers num_hidden_layers n_layer num_layers max_position_embeddings n_ctx n_positions max_sequence_length hidden_size n_embd dim intermediate_size n_inner hidden_dim
num_attention_heads n_head n_heads num_key_value_heads n_kv_heads rms_norm_eps norm_eps layer_norm_eps layer_norm_epsilon norm_epsilon num_local_experts num_experts n_routed_experts
num_experts_per_tok n_group topk_group scoring_func head_dim vocab_size type_vocab_size sliding_window moe_intermediate_size shared_expert_intermediate_size
attention_multiplier embedding_multiplier residual_multiplier logits_scaling shared_intermediate_size partial_rotary_factor original_max_position_embeddings tie_word_embeddings
final_logit_softcapping attn_logit_softcapping linear_conv_kernel_dim linear_key_head_dim linear_num_key_heads linear_num_value_heads linear_value_head_dim full_attention_interval
conv_L_cache block_auto_adjust_ff_dim block_ffn_dim_multiplier block_multiple_of num_dense_layers first_k_dense_replace kv_lora_rank q_lora_rank qk_rope_head_dim qk_nope_head_dim v_head_dim
n_shared_experts routed_scaling_factor norm_topk_prob is_causal pad_token_id decoder_sparse_step interleave_moe_layer_step intermediate_size_mlp clip_qkv logit_scale
state_size conv_kernel n_groups time_step_rank expand num_heads mamba_d_ssm mamba_d_state mamba_d_conv mamba_n_heads mamba_d_head mamba_n_groups mamba_expand mamba_chunk_size mamba_dt_rank
use_parallel_residual rotary_emb_base rotary_pct attn_layer_period attn_layer_offset expert_layer_period expert_layer_offset local_attention global_attn_every_n_layers classifier_pooling
new_decoder_architecture multi_query num_nextn_predict_layers expert_dim moe_layer_interval moe_k max_seq_len d_model altup_active_idx altup_num_inputs hidden_size_per_layer_input num_kv_shared_layers global_head_dim num_global_key_value_heads use_double_wide_mlp
index_topk index_head_dim index_n_heads output_multiplier qk_scale_factor hc_mult hc_eps hc_magnitude hc_sinkhorn_iters swiglu_limit o_groups o_lora_rank compress_rope_theta num_hash_layers hc_count hc_lowrank indexer_n_heads indexer_head_dim
indexer_budget indexer_compress_ratio ngram_size heads_per_ngram ple_conv_kernel_size split_ngram_parts index_kpool index_kpool_always_select_tail moe_routed_scaling_factor rotary_dim mla_use_nope num_shared_experts gating hidden_activation router_scaling_factor route_scale eod_token_id expert_selection_fn""".split()


def derived(cls, d):
    out = {}
    probe = {k: d[k] for k in ("hidden_size", "num_attention_heads", "num_hidden_layers") if isinstance(d.get(k), int)}
    try:
        a = cls(**{k: v * 2 if k != "num_attention_heads" else v for k, v in probe.items()}).to_dict()
        b = cls(**{k: v * 2 if k == "num_attention_heads" else v for k, v in probe.items()}).to_dict()
    except Exception:
        return out
    for k in KEYS:
        if k in probe or k not in d or (a.get(k) == d[k] and b.get(k) == d[k]): continue
        if k == "head_dim": out[k] = "/hidden_size/num_attention_heads"
        elif k == "num_key_value_heads": out[k] = "=num_attention_heads"
        else: out[k] = None
    return out


all = {}
for t in TYPES:
    try:
        cls = CONFIG_MAPPING[t]
        d = cls().to_dict()
    except Exception as e:
        print("no", t, type(e), file=sys.stderr)
        continue
    dv = derived(cls, d)
    row = {}
    for k in KEYS:
        if k in dv:
            if dv[k]: row[k] = dv[k]
        elif k in d and d[k] != "late":  # a pooling that llama.cpp does not have
            row[k] = d[k]
    rope = d.get("rope_parameters") or {}
    if "partial_rotary_factor" in rope: row.setdefault("partial_rotary_factor", rope["partial_rotary_factor"])
    if rope.get("rope_type", "default") != "default" or "full_attention" in rope: row["rope_parameters"] = rope
    theta = rope.get("rope_theta")
    if theta is not None: row["rope_theta"] = theta
    elif getattr(cls, "default_theta", None) and d.get("rope_parameters") is not None and "full_attention" not in d["rope_parameters"]: row["rope_theta"] = cls.default_theta
    all[t] = row
Path(__file__).parent.parent.joinpath("defaults.json").write_text("{\n" + ",\n".join(f' {json.dumps(t)}: {json.dumps(r)}' for t, r in sorted(all.items())) + "\n}\n")
