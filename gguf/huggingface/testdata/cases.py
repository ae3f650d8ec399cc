"""The models of judge.py: configurations as small as the classes allow."""
import json
import torch
from transformers import CONFIG_MAPPING as C, AutoModel, AutoModelForImageTextToText, AutoModelForMaskedLM, AutoModelForSequenceClassification

LLAMA = dict(hidden_size=64, intermediate_size=96, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2, vocab_size=320, max_position_embeddings=512)


def cases():
    c = {}
    lm = lambda kind, **k: C[kind](**{**LLAMA, **k})
    c["SmolLM2-135M-Instruct"] = dict(config=lm("llama", rope_theta=100000), tok="bpe", files={
        "generation_config.json": '{"temperature": 0.6, "top_k": 40, "repetition_penalty": 1.1}',
        "README.md": "---\nlicense: apache-2.0\nlanguage:\n- en\n- no\nbase_model: HuggingFaceTB/SmolLM2-135M\ntags: [a, b]\npipeline_tag: text-generation\ndatasets:\n- org/Data-Set-v1\n---\n# Text\n"})
    c["llama2"] = dict(config=lm("llama", vocab_size=420), tok="spm", dtype=torch.float16)
    c["llama3-8B"] = dict(config=lm("llama", rope_parameters={"rope_type": "llama3", "rope_theta": 500000.0, "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
                                                            "original_max_position_embeddings": 64}, bos_token_id=0, eos_token_id=1), tok="llama3", dtype=torch.float32)
    c["llama-old"] = dict(config=lm("llama"), tok="llamabpe", set={"rope_scaling": {"type": "linear", "factor": 2.0}, "rope_theta": 20000.0, "vocab_size": 420}, unset=["rope_parameters", "head_dim", "num_key_value_heads"],
                          change=lambda ts: [[n, d, [64, 64] if "k_proj" in n or "v_proj" in n else [420, 64] if s[0] == 320 else s] for n, d, s in ts])
    c["mistral"] = dict(config=lm("mistral", vocab_size=420, head_dim=32, sliding_window=None), tok="spm")
    c["mixtral-8x7b"] = dict(config=lm("mixtral", vocab_size=420, num_local_experts=4), tok="spm")
    c["qwen2-0.5B"] = dict(config=lm("qwen2", tie_word_embeddings=True), tok="qwen2")
    c["qwen3"] = dict(config=lm("qwen3", head_dim=32), tok="qwen2")
    c["qwen3moe"] = dict(config=lm("qwen3_moe", head_dim=32, num_experts=4, num_experts_per_tok=2, moe_intermediate_size=32), tok="qwen2")
    c["qwen2moe"] = dict(config=lm("qwen2_moe", num_experts=4, num_experts_per_tok=2, moe_intermediate_size=32, shared_expert_intermediate_size=48), tok="qwen2")
    c["smollm3"] = dict(config=lm("smollm3", pad_token_id=None, bos_token_id=0, eos_token_id=1), tok="llama3")
    spm = dict(vocab_size=420, pad_token_id=0, bos_token_id=1, eos_token_id=2)
    c["gemma"] = dict(config=lm("gemma", head_dim=32, **spm), tok="spm")
    c["gemma2"] = dict(config=lm("gemma2", head_dim=32, sliding_window=32, **spm), tok="spm")
    c["gemma3-1b-it"] = dict(config=lm("gemma3_text", head_dim=32, sliding_window=32, **spm), tok="spm")
    c["gemma3-old"] = dict(config=lm("gemma3_text", head_dim=32, sliding_window=32, **{**spm, "vocab_size": 430}), tok="spm", unset=["rope_parameters"],
                           set={"rope_theta": 1000000.0, "rope_local_base_freq": 10000.0, "rope_scaling": {"rope_type": "linear", "factor": 8.0}, "vocab_size": 420})
    c["embeddinggemma"] = dict(config=lm("gemma3_text", head_dim=32, sliding_window=32, **spm), tok="spm", cls=AutoModel.from_config,
                               files={"modules.json": '[{"type": "sentence_transformers.models.Transformer", "path": ""}, {"type": "sentence_transformers.models.Pooling", "path": "1_Pooling"}]',
                                      "1_Pooling/config.json": '{"pooling_mode_mean_tokens": true}'})
    c["phi-2"] = dict(config=lm("phi", num_key_value_heads=4, **{**spm, "vocab_size": 320}), tok="bpe", dtype=torch.float16)
    c["phi3-mini"] = dict(config=lm("phi3", original_max_position_embeddings=64, rope_parameters={"rope_type": "longrope", "rope_theta": 10000.0, "long_factor": [1.0 + i for i in range(8)],
                                    "short_factor": [1.0 + i / 8 for i in range(8)]}, sliding_window=None, **spm), tok="spm")
    c["granite-3.3"] = dict(config=lm("granite", attention_multiplier=0.125, embedding_multiplier=12.0, residual_multiplier=0.22, logits_scaling=8.0), tok="bpe")
    c["granitemoe"] = dict(config=lm("granitemoe", num_local_experts=4, num_experts_per_tok=2), tok="bpe")
    c["granitemoeshared"] = dict(config=lm("granitemoeshared", num_local_experts=4, num_experts_per_tok=2, shared_intermediate_size=32), tok="bpe")
    c["lfm2"] = dict(config=lm("lfm2", num_hidden_layers=3, layer_types=["conv", "full_attention", "conv"], **{**spm, "vocab_size": 320}), tok="llama3")
    c["lfm2moe"] = dict(config=lm("lfm2_moe", num_hidden_layers=3, layer_types=["conv", "full_attention", "conv"], num_dense_layers=1, num_experts=4, num_experts_per_tok=2, moe_intermediate_size=32,
                                  **{**spm, "vocab_size": 320}), tok="llama3")
    c["gpt-oss-bf16"] = dict(config=lm("gpt_oss", head_dim=32, num_local_experts=4, num_experts_per_tok=2, sliding_window=32, **{**spm, "vocab_size": 320}), tok="gpt4o")
    def mxfp4(ts):
        for n, d, s in ts:
            if n.endswith("_proj") and "experts" in n:  # [experts, in, out] becomes rows of blocks
                yield [n + "_blocks", "U8", [s[0], s[2], s[1] // 32, 16]]
                yield [n + "_scales", "U8", [s[0], s[2], s[1] // 32]]
            else:
                yield [n, d, s]
    c["gpt-oss-20b"] = dict(config=lm("gpt_oss", head_dim=32, num_local_experts=4, num_experts_per_tok=2, sliding_window=32, **{**spm, "vocab_size": 320}), tok="gpt4o",
                            change=mxfp4, set={"quantization_config": {"quant_method": "mxfp4", "modules_to_not_convert": []}})
    c["olmo"] = dict(config=lm("olmo", **{**spm, "vocab_size": 320}), tok="bpe")
    c["olmo2"] = dict(config=lm("olmo2", **{**spm, "vocab_size": 320}), tok="bpe")
    c["olmo3"] = dict(config=lm("olmo3", sliding_window=32, **{**spm, "vocab_size": 320}), tok="bpe")
    c["olmoe"] = dict(config=lm("olmoe", num_experts=4, num_experts_per_tok=2, **{**spm, "vocab_size": 320}), tok="bpe")
    c["seed-oss"] = dict(config=lm("seed_oss", **{**spm, "vocab_size": 320}), tok="bpe")
    c["glm4"] = dict(config=lm("glm4", head_dim=16, **{**spm, "vocab_size": 320}), tok="glm", pre="glm4")
    c["glm4moe"] = dict(config=lm("glm4_moe", head_dim=16, n_routed_experts=4, num_experts_per_tok=2, moe_intermediate_size=32, n_shared_experts=1, first_k_dense_replace=1,
                                  num_nextn_predict_layers=0, **{**spm, "vocab_size": 320}), tok="glm", pre="glm4")
    mla = dict(kv_lora_rank=32, q_lora_rank=24, qk_rope_head_dim=8, qk_nope_head_dim=16, v_head_dim=16, n_routed_experts=4, num_experts_per_tok=2, moe_intermediate_size=32,
               n_shared_experts=1, first_k_dense_replace=1, num_key_value_heads=4, n_group=2, topk_group=1, **{**spm, "vocab_size": 320})
    c["deepseek-v2-lite"] = dict(config=lm("deepseek_v2", **{**mla, "q_lora_rank": None}), tok="bpe")
    c["deepseek-v3"] = dict(config=lm("deepseek_v3", rope_parameters={"rope_type": "yarn", "rope_theta": 10000.0, "factor": 40.0, "mscale": 1.0, "mscale_all_dim": 1.0, "beta_fast": 32.0,
                            "beta_slow": 1.0, "original_max_position_embeddings": 64}, **mla), tok="bpe")
    def fp8(ts):
        for n, d, s in ts:
            if n.endswith("_proj.weight"):
                yield [n, "F8_E4M3", s]
                yield [n + "_scale_inv", "F32", [(s[0] + 31) // 32, (s[1] + 31) // 32]]
            else:
                yield [n, d, s]
    c["deepseek-v3-fp8"] = dict(config=lm("deepseek_v3", **mla), tok="bpe", change=fp8, set={"quantization_config": {"quant_method": "fp8", "fmt": "e4m3", "weight_block_size": [32, 32]}})
    c["qwen3-fp8"] = dict(config=lm("qwen3", head_dim=32), tok="qwen2", change=lambda ts: [t for n, d, s in ts for t in ([[n, "F8_E4M3", s], [n + "_scale", "BF16", [s[0], 1]]] if n.endswith("_proj.weight") else [[n, d, s]])],
                          set={"quantization_config": {"quant_method": "compressed-tensors", "format": "float-quantized", "config_groups": {"group_0": {"weights": {"num_bits": 8, "type": "float", "strategy": "channel"}}}}})
    lin = dict(head_dim=32, num_hidden_layers=4, linear_conv_kernel_dim=4, linear_key_head_dim=16, linear_value_head_dim=16, linear_num_key_heads=2, linear_num_value_heads=4)
    mtp = lambda ts: ts + [["mtp.fc.weight", "BF16", [64, 128]], ["mtp.norm.weight", "BF16", [64]], ["mtp.pre_fc_norm_embedding.weight", "BF16", [64]], ["mtp.pre_fc_norm_hidden.weight", "BF16", [64]]] + \
        [[n.replace("model.layers.3.", "mtp.layers.0."), d, s] for n, d, s in ts if "layers.3." in n]
    c["qwen3-next"] = dict(config=lm("qwen3_next", num_experts=4, num_experts_per_tok=2, moe_intermediate_size=32, shared_expert_intermediate_size=48, **lin), tok="qwen2", change=mtp)
    c["qwen3.5"] = dict(config=lm("qwen3_5_text", **lin), tok="qwen2", change=mtp, set={"mtp_num_hidden_layers": 1})
    c["qwen3.5moe"] = dict(config=lm("qwen3_5_moe_text", num_experts=4, num_experts_per_tok=2, moe_intermediate_size=32, shared_expert_intermediate_size=48, **lin), tok="qwen2", change=mtp, set={"mtp_num_hidden_layers": 1})
    v320 = {**spm, "vocab_size": 320}
    enc = dict(hidden_size=64, intermediate_size=96, num_hidden_layers=2, num_attention_heads=4, vocab_size=200, max_position_embeddings=128)
    pool = {"modules.json": '[{"type": "sentence_transformers.models.Pooling", "path": "1_Pooling"}]', "1_Pooling/config.json": '{"pooling_mode_cls_token": true}'}
    c["bge-small-en"] = dict(config=C["bert"](**enc), tok="wordpiece", cls=AutoModel.from_config, dtype=torch.float32, files=pool)
    c["bert-reranker"] = dict(config=C["bert"](num_labels=3, id2label={0: "no", 1: "perhaps", 2: "yes"}, **enc), tok="wordpiece", cls=AutoModelForSequenceClassification.from_config, dtype=torch.float32)
    c["roberta"] = dict(config=C["roberta"](**{**enc, "vocab_size": 320, "max_position_embeddings": 130}), tok="bpe", cls=AutoModel.from_config, dtype=torch.float32)
    c["bge-m3"] = dict(config=C["xlm-roberta"](**{**enc, "vocab_size": 140, "max_position_embeddings": 130}), tok="unigram", cls=AutoModel.from_config, dtype=torch.float32, pre="default")
    c["bge-m3-json"] = dict(config=C["xlm-roberta"](**{**enc, "vocab_size": 140, "max_position_embeddings": 130}), tok="unigramjson", cls=AutoModel.from_config, dtype=torch.float32, pre="default")
    c["modernbert"] = dict(config=C["modernbert"](**{**enc, "vocab_size": 320}, local_attention=16, global_attn_every_n_layers=2, cls_token_id=0, sep_token_id=1, pad_token_id=0, eos_token_id=1, bos_token_id=0),
                           tok="bpe", cls=AutoModel.from_config)
    c["modernbert-classes"] = dict(config=C["modernbert"](**{**enc, "vocab_size": 320}, local_attention=16, global_attn_every_n_layers=2, cls_token_id=0, sep_token_id=1, pad_token_id=0, eos_token_id=1, bos_token_id=0,
                                   num_labels=3, id2label={0: "no", 1: "perhaps", 2: "yes"}, classifier_pooling="mean"), tok="bpe", cls=AutoModelForSequenceClassification.from_config)
    c["nomic-embed"] = dict(tok="wordpiece", config={"architectures": ["NomicBertModel"], "model_type": "nomic_bert_custom", "n_positions": 8192, "n_embd": 64, "n_layer": 1, "n_head": 4, "n_inner": 96, "vocab_size": 200,
        "type_vocab_size": 2, "activation_function": "swiglu", "causal": False, "qkv_proj_bias": False, "mlp_fc1_bias": False, "mlp_fc2_bias": False, "prenorm": False, "rotary_emb_fraction": 1.0,
        "rotary_emb_interleaved": False, "rotary_emb_scale_base": None, "rotary_emb_base": 1000, "max_trained_positions": 2048, "layer_norm_epsilon": 1e-12},
        tensors=[["emb_ln.bias", "F32", [64]], ["emb_ln.weight", "F32", [64]], ["embeddings.token_type_embeddings.weight", "F32", [2, 64]], ["embeddings.word_embeddings.weight", "F32", [200, 64]]] +
        [[f"encoder.layers.0.{n}", "F32", s] for n, s in [("attn.Wqkv.weight", [192, 64]), ("attn.out_proj.weight", [64, 64]), ("mlp.fc11.weight", [96, 64]), ("mlp.fc12.weight", [96, 64]), ("mlp.fc2.weight", [64, 96]),
                                                     ("norm1.bias", [64]), ("norm1.weight", [64]), ("norm2.bias", [64]), ("norm2.weight", [64])]])
    c["gpt2"] = dict(config=C["gpt2"](n_embd=64, n_layer=2, n_head=4, n_positions=128, vocab_size=320, bos_token_id=0, eos_token_id=0), tok="bpe", dtype=torch.float32, set={"n_ctx": 128})
    c["pythia-70m"] = dict(config=lm("gpt_neox", **v320), tok="bpe", dtype=torch.float16, set={"rotary_pct": 0.25}, hparams={"rotary_pct": 0.25})
    c["falcon-7b"] = dict(config=C["falcon"](hidden_size=64, num_hidden_layers=2, num_attention_heads=4, num_kv_heads=2, new_decoder_architecture=True, vocab_size=320, bos_token_id=0, eos_token_id=0), tok="bpe")
    c["starcoder2-3b"] = dict(config=lm("starcoder2", **v320), tok="bpe")
    c["stablelm"] = dict(config=lm("stablelm", **v320), tok="bpe")
    c["ministral3"] = dict(config=lm("ministral3", head_dim=32, rope_parameters={"rope_type": "yarn", "rope_theta": 1000000.0, "factor": 16.0, "original_max_position_embeddings": 64, "beta_fast": 32.0, "beta_slow": 1.0,
                           "mscale": 1.0, "mscale_all_dim": 1.0, "llama_4_scaling_beta": 0.1}, **v320), tok="llama3")
    c["command-r"] = dict(config=lm("cohere", **v320), tok="bpe", set={"model_max_length": 131072})
    c["command-r7b"] = dict(config=lm("cohere2", sliding_window=32, **v320), tok="bpe", set={"rotary_pct": 1.0})
    c["exaone4"] = dict(config=lm("exaone4", sliding_window=32, sliding_window_pattern=2, **v320), tok="bpe")
    c["ernie"] = dict(config=lm("ernie4_5", **spm), tok="spm")
    c["dots1"] = dict(config=lm("dots1", n_routed_experts=4, num_experts_per_tok=2, moe_intermediate_size=32, n_shared_experts=1, first_k_dense_replace=1, **v320), tok="bpe")
    c["minimax-m2"] = dict(config=lm("minimax_m2", head_dim=32, num_local_experts=4, num_experts_per_tok=2, **v320), tok="bpe", set={"rotary_dim": 16})
    c["hunyuan"] = dict(config=lm("hunyuan_v1_dense", head_dim=16, **v320), tok="bpe")
    c["nemotron"] = dict(config=lm("nemotron", **spm), tok="spm")
    c["apertus"] = dict(config=lm("apertus", **v320), tok="llama3")
    c["arcee"] = dict(config=lm("arcee", **v320), tok="llama3")
    c["eurobert"] = dict(tok="bpe", config=C["eurobert"](**{**LLAMA, **v320}), cls=AutoModel.from_config, set={"classifier_pooling": "mean"})
    def apart(parts):
        """Experts one by one, as the script wants them, of those that transformers saves together."""
        def change(ts):
            for n, d, s in ts:
                if n.endswith("experts.gate_up_proj"):
                    for i in range(s[0]):
                        for p in parts[:2]: yield [n.replace("gate_up_proj", f"{i}.{p}.weight"), d, [s[1] // 2, s[2]]]
                elif n.endswith(("experts.down_proj", "experts.up_proj")):
                    for i in range(s[0]): yield [n.replace("experts.", f"experts.{i}.") .replace("down_proj", parts[2]) + ".weight", d, s[1:]]
                else: yield [n, d, s]
        return change
    projections = apart(["gate_proj", "up_proj", "down_proj"])
    c["mamba-130m"] = dict(config=C["mamba"](hidden_size=64, num_hidden_layers=2, vocab_size=304, state_size=8, use_cache=False), tok="bpe", dtype=torch.float32)
    c["falcon-mamba"] = dict(config=C["falcon_mamba"](hidden_size=64, num_hidden_layers=1, vocab_size=320, state_size=8), tok="bpe")
    c["mamba2"] = dict(config=C["mamba2"](hidden_size=64, num_hidden_layers=2, vocab_size=304, state_size=8, head_dim=16, num_heads=8, n_groups=2), tok="bpe")
    c["falcon-h1"] = dict(config=lm("falcon_h1", head_dim=16, mamba_d_ssm=96, mamba_n_heads=6, mamba_d_head=16, mamba_n_groups=2, mamba_d_state=8, attention_in_multiplier=0.9, attention_out_multiplier=1.1,
                          key_multiplier=0.35, ssm_in_multiplier=1.3, ssm_out_multiplier=0.7, mlp_multipliers=[0.88, 0.41], ssm_multipliers=[0.35, 0.25, 0.18, 0.5, 0.31], lm_head_multiplier=0.039,
                          embedding_multiplier=5.656854249492381, mamba_rms_norm=True, **v320), tok="llama3")
    c["jamba"] = dict(config=lm("jamba", num_hidden_layers=4, attn_layer_offset=1, attn_layer_period=2, expert_layer_offset=1, expert_layer_period=2, num_experts=2, num_experts_per_tok=1, mamba_d_state=8, mamba_dt_rank=4,
                          **{**spm, "vocab_size": 422}), tok="llamabpe", change=projections)
    hybrid = dict(num_hidden_layers=3, mamba_n_heads=8, mamba_d_head=16, mamba_n_groups=2, mamba_d_state=8, mamba_expand=2, attention_multiplier=0.125, embedding_multiplier=12.0, residual_multiplier=0.22, logits_scaling=8.0)
    c["granite-4.0-h"] = dict(config=lm("granitemoehybrid", layer_types=["mamba", "attention", "mamba"], num_local_experts=4, num_experts_per_tok=2, shared_intermediate_size=32, **{**hybrid, **v320}), tok="bpe", set={"layer_types": ["mamba", "attention", "mamba"]})
    c["granite-4.0-h-micro"] = dict(config=lm("granitemoehybrid", layer_types=["mamba", "attention", "mamba"], num_local_experts=0, num_experts_per_tok=0, shared_intermediate_size=96, **{**hybrid, **v320}), tok="bpe", set={"layer_types": ["mamba", "attention", "mamba"]})
    c["granite-4.0-micro"] = dict(config=lm("granitemoehybrid", layer_types=["attention"] * 3, num_local_experts=0, num_experts_per_tok=0, shared_intermediate_size=96, position_embedding_type="rope", **{**hybrid, **v320}), tok="bpe", set={"layer_types": ["attention"] * 3})
    nemo = {"architectures": ["NemotronHForCausalLM"], "model_type": "nemotron_h", "vocab_size": 304, "hidden_size": 64, "num_hidden_layers": 3, "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 32,
            "max_position_embeddings": 512, "layer_norm_epsilon": 1e-5, "mamba_num_heads": 8, "mamba_head_dim": 16, "n_groups": 2, "ssm_state_size": 8, "conv_kernel": 4, "expand": 2, "intermediate_size": 96, "mlp_hidden_act": "relu2",
            "residual_in_fp32": False, "tie_word_embeddings": False, "torch_dtype": "bfloat16"}
    block = lambda i, **parts: [["backbone.layers.%d.norm.weight" % i, "BF16", [64]]] + [["backbone.layers.%d.mixer.%s" % (i, n.replace("__", ".")), "BF16", s] for n, s in parts.items()]
    ssm = dict(A_log=[8], D=[8], dt_bias=[8], conv1d__weight=[160, 1, 4], conv1d__bias=[160], in_proj__weight=[296, 64], norm__weight=[128], out_proj__weight=[64, 128])
    attn = dict(q_proj__weight=[128, 64], k_proj__weight=[64, 64], v_proj__weight=[64, 64], o_proj__weight=[64, 128])
    outer = [["backbone.embeddings.weight", "BF16", [304, 64]], ["backbone.norm_f.weight", "BF16", [64]], ["lm_head.weight", "BF16", [304, 64]]]
    # transformers 5 knows only the kind with experts, and gives all others that.
    c["nemotron-h"] = dict(raw=True, tok="bpe", config={**nemo, "hybrid_override_pattern": "M-*"}, tensors=sorted(outer + block(0, **ssm) + block(1, up_proj__weight=[96, 64], down_proj__weight=[64, 96]) + block(2, **attn)))
    c["nemotron-3-nano"] = dict(raw=True, tok="bpe", config={**nemo, "hybrid_override_pattern": "ME*", "n_routed_experts": 2, "num_experts_per_tok": 2, "moe_intermediate_size": 32, "moe_shared_expert_intermediate_size": 48, "n_shared_experts": 1,
        "norm_topk_prob": True, "routed_scaling_factor": 2.5, "n_group": 1, "topk_group": 1}, tensors=sorted(outer + block(0, **ssm) + block(1, gate__weight=[2, 64], gate__e_score_correction_bias=[2], **{
        "shared_experts__up_proj__weight": [48, 64], "shared_experts__down_proj__weight": [64, 48]}, **{f"experts__{i}__{p}_proj__weight": s for i in range(2) for p, s in (("up", [32, 64]), ("down", [64, 32]))}) + block(2, **attn)))
    c["bloom-560m"] = dict(config=C["bloom"](hidden_size=64, n_layer=2, n_head=4, vocab_size=320, bos_token_id=0, eos_token_id=0), tok="bpe", dtype=torch.float16)
    c["mpt-7b"] = dict(config=C["mpt"](d_model=64, n_layers=2, n_heads=4, max_seq_len=128, vocab_size=320), tok="bpe", set={"architectures": ["MPTForCausalLM"]})
    c["starcoder"] = dict(config=C["gpt_bigcode"](n_embd=64, n_layer=2, n_head=4, n_positions=128, vocab_size=320, bos_token_id=0, eos_token_id=0), tok="bpe", dtype=torch.float32)
    layer = lambda i: [[f"model.layers.{i}.{n}", "BF16", s] for n, s in [("input_layernorm.weight", [64]), ("mlp.down_proj.weight", [64, 96]), ("mlp.gate_proj.weight", [96, 64]), ("mlp.up_proj.weight", [96, 64]),
        ("post_attention_layernorm.weight", [64]), ("self_attn.k_proj.bias", [32]), ("self_attn.k_proj.weight", [32, 64]), ("self_attn.o_proj.weight", [64, 64]), ("self_attn.q_proj.bias", [64]),
        ("self_attn.q_proj.weight", [64, 64]), ("self_attn.v_proj.bias", [32]), ("self_attn.v_proj.weight", [32, 64])]]
    vl = lambda kind, text, vision, **k: C[kind](text_config={**LLAMA, "rope_parameters": {"rope_type": "default", "rope_theta": 1000000.0, "mrope_section": [2, 3, 3]}, **text}, vision_config=vision, **k)
    see = AutoModelForImageTextToText.from_config
    lang = lambda ts: [t for t in ts if "visual" not in t[0]] + [["model.visual.merger.ln_q.weight", "BF16", [32]]]
    small = dict(depth=1, hidden_size=32, embed_dim=32, intermediate_size=32, num_heads=2, out_hidden_size=64)
    c["qwen2.5-vl"] = dict(config=vl("qwen2_5_vl", {}, {**small, "fullatt_block_indexes": [0]}), cls=see, tok="qwen2", change=lang)
    c["qwen2-vl-old"] = dict(tok="qwen2", config={**LLAMA, "num_hidden_layers": 1, "architectures": ["Qwen2VLForConditionalGeneration"], "model_type": "qwen2_vl", "rms_norm_eps": 1e-6, "rope_theta": 1000000.0,
        "vision_config": {"depth": 1, "embed_dim": 32}, "rope_scaling": {"type": "mrope", "mrope_section": [2, 3, 3]}, "tie_word_embeddings": True},
        tensors=[["model.embed_tokens.weight", "BF16", [320, 64]], ["model.norm.weight", "BF16", [64]], ["visual.merger.ln_q.weight", "BF16", [32]]] + layer(0))
    c["qwen3-vl"] = dict(config=vl("qwen3_vl", {"head_dim": 16}, {**small, "deepstack_visual_indexes": [0]}), cls=see, tok="qwen2", change=lang)
    c["qwen3-vl-moe"] = dict(config=vl("qwen3_vl_moe", dict(head_dim=16, num_experts=4, num_experts_per_tok=2, moe_intermediate_size=32), {**small, "deepstack_visual_indexes": [0]}), cls=see, tok="qwen2",
                             change=lambda ts: [[n, d, [s[0], s[2], s[1]] if len(s) == 3 and "experts" in n else s] for n, d, s in lang(ts)])
    c["llama4"] = dict(config=lm("llama4_text", num_local_experts=4, num_experts_per_tok=1, intermediate_size=48, intermediate_size_mlp=96, interleave_moe_layer_step=2, head_dim=16, **v320), tok="llama3")
    spmrope = lambda *types: {"full_attention": {"rope_theta": 1000000.0, **(types[0] if types else {"rope_type": "default"})}, "sliding_attention": {"rope_type": "default", "rope_theta": 10000.0}}
    text = lambda ts: [t for t in ts if not any(p in t[0] for p in ("vision", "audio", "embed_vision", "embed_audio"))]
    c["gemma3n"] = dict(config=lm("gemma3n_text", head_dim=16, num_hidden_layers=3, layer_types=["sliding_attention", "full_attention", "full_attention"], num_kv_shared_layers=1, activation_sparsity_pattern=[0.95, 0.0, 0.0],
                        hidden_size_per_layer_input=256, laurel_rank=64, vocab_size_per_layer_input=410, sliding_window=32, **spm), tok="spm",
                        change=lambda ts: sorted([n, d, [410, s[1]] if n.endswith("embed_tokens.weight") else s] for n, d, s in ts + [[n.replace("layers.1.", "layers.2."), d, s] for n, d, s in ts if "layers.1.self_attn.k" in n or "layers.1.self_attn.v" in n]))
    four = dict(head_dim=16, global_head_dim=32, layer_types=["sliding_attention", "full_attention"], sliding_window=32, rope_parameters=spmrope({"rope_type": "proportional", "partial_rotary_factor": 0.25}), **{**spm, "vocab_size": 422})
    c["gemma-4-e2b"] = dict(config=lm("gemma4_text", num_kv_shared_layers=2, use_double_wide_mlp=True, hidden_size_per_layer_input=8, vocab_size_per_layer_input=422, **{**four, "num_hidden_layers": 4, "layer_types": 2 * four["layer_types"]}), tok="llamabpe")
    c["gemma-4-26b-a4b"] = dict(config=lm("gemma4_text", num_kv_shared_layers=0, num_global_key_value_heads=1, attention_k_eq_v=True, enable_moe_block=True, num_experts=4, top_k_experts=2, moe_intermediate_size=32,
                                          hidden_size_per_layer_input=0, **four), tok="llamabpe")
    raw = lambda arch, kind, **k: {**LLAMA, "architectures": [arch], "model_type": kind, "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "tie_word_embeddings": False, "torch_dtype": "bfloat16", **k}
    bf = lambda d: sorted([n, "BF16", s] for n, s in d.items())
    ends = {"model.embed_tokens.weight": [320, 64], "model.norm.weight": [64], "lm_head.weight": [320, 64]}
    att = lambda i, at="self_attn", o="o_proj": {f"model.layers.{i}.{at}.{n}.weight": s for n, s in (("q_proj", [64, 64]), ("k_proj", [32, 64]), ("v_proj", [32, 64]), (o, [64, 64]))}
    norms = lambda i: {f"model.layers.{i}.input_layernorm.weight": [64], f"model.layers.{i}.post_attention_layernorm.weight": [64]}
    gated = lambda p, n: {f"{p}.gate_proj.weight": [n, 64], f"{p}.up_proj.weight": [n, 64], f"{p}.down_proj.weight": [64, n]}
    mixture = lambda p, n, width: {k: v for i in range(n) for k, v in gated(f"{p}.experts.{i}", width).items()}
    mixtral = lambda p, n, width: {f"{p}.experts.{i}.{w}.weight": s for i in range(n) for w, s in (("w1", [width, 64]), ("w2", [64, width]), ("w3", [width, 64]))}
    c["phi-3.5-moe"] = dict(raw=True, tok="spm", config=raw("PhiMoEForCausalLM", "phimoe", num_hidden_layers=1, num_local_experts=2, num_experts_per_tok=2, original_max_position_embeddings=64, sliding_window=32, vocab_size=420,
        bos_token_id=1, eos_token_id=2, rope_scaling={"type": "longrope", "long_factor": [1.0 + i for i in range(8)], "short_factor": [1.0 + i / 8 for i in range(8)]}), tensors=bf({
        "model.embed_tokens.weight": [420, 64], "model.norm.weight": [64], "model.norm.bias": [64], "lm_head.weight": [420, 64], "lm_head.bias": [420], **att(0), **{k.replace(".weight", ".bias"): v[:1] for k, v in att(0).items()},
        **norms(0), **{k.replace(".weight", ".bias"): v for k, v in norms(0).items()}, "model.layers.0.block_sparse_moe.gate.weight": [2, 64], **mixtral("model.layers.0.block_sparse_moe", 2, 96)}))
    c["ernie-moe"] = dict(raw=True, tok="spm", config=raw("Ernie4_5_MoeForCausalLM", "ernie4_5_moe", vocab_size=420, bos_token_id=1, eos_token_id=2, moe_num_experts=2, moe_k=2, moe_layer_interval=1, moe_layer_start_index=1,
        moe_intermediate_size=48, moe_num_shared_experts=2), tensors=bf({"model.embed_tokens.weight": [420, 64], "model.norm.weight": [64], "lm_head.weight": [420, 64], **att(0), **att(1), **norms(0), **norms(1), **gated("model.layers.0.mlp", 96),
        "model.layers.1.mlp.gate.weight": [2, 64], "model.layers.1.mlp.moe_statics.e_score_correction_bias": [1, 2], **mixture("model.layers.1.mlp", 2, 48), **gated("model.layers.1.mlp.shared_experts", 48)}))
    c["deepseek-moe"] = dict(raw=True, tok="bpe", config=raw("DeepseekForCausalLM", "deepseek", n_routed_experts=2, num_experts_per_tok=2, moe_intermediate_size=48, n_shared_experts=1, first_k_dense_replace=1, vocab_size=320,
        scoring_func="softmax"), tensors=bf({**ends, **att(0), **att(1), **norms(0), **norms(1), **gated("model.layers.0.mlp", 96), "model.layers.1.mlp.gate.weight": [2, 64], **mixture("model.layers.1.mlp", 2, 48),
        **gated("model.layers.1.mlp.shared_experts", 48)}))
    ling = lambda i: {f"model.layers.{i}.attention.query_key_value.weight": [128, 64], f"model.layers.{i}.attention.dense.weight": [64, 64], f"model.layers.{i}.attention.query_layernorm.weight": [16],
                      f"model.layers.{i}.attention.key_layernorm.weight": [16], **norms(i)}
    c["ling-mini-2.0"] = dict(raw=True, tok="bpe", config=raw("BailingMoeV2ForCausalLM", "bailing_moe", head_dim=16, num_experts=4, num_experts_per_tok=2, n_group=2, topk_group=1, moe_intermediate_size=48, num_shared_experts=1,
        first_k_dense_replace=1, routed_scaling_factor=2.5, norm_topk_prob=True, score_function="sigmoid", partial_rotary_factor=0.5, num_nextn_predict_layers=0), tensors=bf({"model.word_embeddings.weight": [320, 64],
        "model.norm.weight": [64], "lm_head.weight": [320, 64], **ling(0), **ling(1), **gated("model.layers.0.mlp", 96), "model.layers.1.mlp.gate.weight": [4, 64], "model.layers.1.mlp.gate.expert_bias": [4],
        **mixture("model.layers.1.mlp", 4, 48), **gated("model.layers.1.mlp.shared_experts", 48)}))
    c["exaone-3.5"] = dict(raw=True, tok="bpe", config={**{k: v for k, v in raw("ExaoneForCausalLM", "exaone", num_layers=1, activation_function="silu", head_dim=16, rope_scaling={"rope_type": "llama3", "factor": 8.0,
        "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 64}).items() if k != "num_hidden_layers"}}, tensors=bf({"transformer.wte.weight": [320, 64],
        "transformer.ln_f.weight": [64], "lm_head.weight": [320, 64], "transformer.h.0.ln_1.weight": [64], "transformer.h.0.ln_2.weight": [64],
        **{k.replace("model.layers.0.", "transformer.h.0."): v for k, v in att(0, "attn.attention", "out_proj").items()},
        "transformer.h.0.mlp.c_fc_0.weight": [96, 64], "transformer.h.0.mlp.c_fc_1.weight": [96, 64], "transformer.h.0.mlp.c_proj.weight": [64, 96]}))
    c["internlm2"] = dict(raw=True, tok="spm", files={"added_tokens.json": "{}", "tokenizer_config.json": json.dumps({"bos_token": "<s>", "eos_token": "</s>", "added_tokens_decoder": {
        "2": {"content": "</s>", "special": True}, "398": {"content": "<|im_end|>", "special": True}, "399": {"content": "<|tool|>", "special": False}}})}, config=raw("InternLM2ForCausalLM", "internlm2", num_hidden_layers=1, vocab_size=400, bos_token_id=1, eos_token_id=2), tensors=bf({"model.tok_embeddings.weight": [400, 64], "output.weight": [400, 64],
        "model.norm.weight": [64], **{f"model.layers.0.{n}.weight": s for n, s in (("attention_norm", [64]), ("ffn_norm", [64]), ("attention.wqkv", [128, 64]), ("attention.wo", [64, 64]), ("feed_forward.w1", [96, 64]),
        ("feed_forward.w2", [64, 96]), ("feed_forward.w3", [96, 64]))}}))
    c["minicpm"] = dict(raw=True, tok="spm", config=raw("MiniCPMForCausalLM", "minicpm", num_hidden_layers=1, vocab_size=420, scale_emb=12, scale_depth=1.4, dim_model_base=16, bos_token_id=1, eos_token_id=2), tensors=bf({
        "model.embed_tokens.weight": [420, 64], "model.norm.weight": [64], **att(0), **norms(0), **gated("model.layers.0.mlp", 96)}))
    c["orion"] = dict(raw=True, tok="spm", config=raw("OrionForCausalLM", "orion", num_hidden_layers=1, vocab_size=420, bos_token_id=1, eos_token_id=2), tensors=bf({"model.embed_tokens.weight": [420, 64], "lm_head.weight": [420, 64],
        "model.norm.weight": [64], "model.norm.bias": [64], **att(0), **norms(0), **{k.replace(".weight", ".bias"): v for k, v in norms(0).items()}, **gated("model.layers.0.mlp", 96)}))
    jina = lambda more: bf({"embeddings.word_embeddings.weight": [200, 64], "embeddings.token_type_embeddings.weight": [2, 64], "embeddings.LayerNorm.weight": [64], "embeddings.LayerNorm.bias": [64], "pooler.dense.weight": [64, 64],
        **{f"encoder.layer.0.attention.{n}.{p}": ([64, 64] if p == "weight" else [64]) for n in ("self.query", "self.key", "self.value", "output.dense") for p in ("weight", "bias")},
        "encoder.layer.0.attention.output.LayerNorm.weight": [64], "encoder.layer.0.attention.output.LayerNorm.bias": [64], **{f"encoder.layer.0.{k}": v for k, v in more.items()}})
    bert = {"architectures": ["JinaBertForMaskedLM"], "model_type": "bert", "position_embedding_type": "alibi", "feed_forward_type": "geglu", "layer_norm_eps": 1e-12, "type_vocab_size": 2, "pad_token_id": 0, **enc, "num_hidden_layers": 1}
    c["jina-v2"] = dict(tok="wordpiece", config=bert, files=pool, tensors=jina({"mlp.gated_layers.weight": [192, 64], "mlp.wo.weight": [64, 96], "mlp.wo.bias": [64], "mlp.layernorm.weight": [64], "mlp.layernorm.bias": [64]}))
    latent = lambda i: {f"model.layers.{i}.self_attn.{n}.weight": s for n, s in (("q_proj", [96, 64]), ("kv_a_proj_with_mqa", [40, 64]), ("kv_a_layernorm", [32]), ("kv_b_proj", [128, 32]), ("o_proj", [64, 64]))}
    delta = lambda i: {f"model.layers.{i}.self_attn.{n}": s for n, s in (("q_proj.weight", [64, 64]), ("k_proj.weight", [64, 64]), ("v_proj.weight", [64, 64]), ("q_conv1d.weight", [64, 1, 4]), ("k_conv1d.weight", [64, 1, 4]),
        ("v_conv1d.weight", [64, 1, 4]), ("A_log", [1, 1, 4, 1]), ("dt_bias", [64]), ("f_a_proj.weight", [16, 64]), ("f_b_proj.weight", [64, 16]), ("b_proj.weight", [4, 64]), ("g_a_proj.weight", [16, 64]), ("g_b_proj.weight", [64, 16]),
        ("o_norm.weight", [16]), ("o_proj.weight", [64, 64]))}
    heads = dict(kv_lora_rank=32, q_lora_rank=None, qk_nope_head_dim=16, qk_rope_head_dim=8, v_head_dim=16, moe_intermediate_size=32, first_k_dense_replace=1, bos_token_id=290, eos_token_id=292, num_key_value_heads=4)
    vocab = lambda n: {"model.embed_tokens.weight": [n, 64], "model.norm.weight": [64], "lm_head.weight": [n, 64]}
    c["kimi-linear"] = dict(raw=True, tok="kimi", config=raw("KimiLinearForCausalLM", "kimi_linear", model_max_length=1024, head_dim=16, linear_attn_config={"full_attn_layers": [2], "kda_layers": [1], "head_dim": 16,
        "num_heads": 4, "short_conv_kernel_size": 4}, mla_use_nope=True, moe_layer_freq=1, moe_renormalize=True, moe_router_activation_func="sigmoid", num_expert_group=1, num_experts=2, num_experts_per_token=2,
        num_nextn_predict_layers=0, num_shared_experts=1, routed_scaling_factor=2.446, topk_group=1, use_grouped_topk=True, rope_scaling=None, vocab_size=300, **heads), tensors=bf({**vocab(300), **norms(0), **delta(0),
        **gated("model.layers.0.mlp", 96), **norms(1), **latent(1), "model.layers.1.block_sparse_moe.gate.weight": [2, 64], "model.layers.1.block_sparse_moe.gate.e_score_correction_bias": [2],
        **mixtral("model.layers.1.block_sparse_moe", 2, 32), **gated("model.layers.1.block_sparse_moe.shared_experts", 32)}))
    c["kimi-k2"] = dict(raw=True, tok="kimi", config=raw("DeepseekV3ForCausalLM", "kimi_k2", n_group=1, topk_group=1, n_routed_experts=2, n_shared_experts=1, num_experts_per_tok=2, norm_topk_prob=True, num_nextn_predict_layers=0,
        routed_scaling_factor=2.827, scoring_func="sigmoid", topk_method="noaux_tc", rope_scaling={"type": "yarn", "factor": 32.0, "beta_fast": 1.0, "beta_slow": 1.0, "mscale": 1.0, "mscale_all_dim": 1.0,
        "original_max_position_embeddings": 64}, vocab_size=560, num_hidden_layers=2, **heads), tensors=bf({**vocab(560), **norms(0), **latent(0), **gated("model.layers.0.mlp", 96), **norms(1), **latent(1),
        "model.layers.1.mlp.gate.weight": [2, 64], "model.layers.1.mlp.gate.e_score_correction_bias": [2], **mixture("model.layers.1.mlp", 2, 32), **gated("model.layers.1.mlp.shared_experts", 32)}))
    def nextn(ts):
        """The layer that predicts a token further on, as the last one has it."""
        return sorted(ts + [[n.replace("layers.1.", "layers.2."), d, s] for n, d, s in ts if "layers.1." in n] + [["model.layers.2." + n + ".weight", "BF16", s] for n, s in (
            ("eh_proj", [64, 128]), ("enorm", [64]), ("hnorm", [64]), ("shared_head.norm", [64]), ("embed_tokens", [320, 64]), ("shared_head.head", [320, 64]))])
    more = {"num_nextn_predict_layers": 1}
    index = dict(index_topk=16, index_head_dim=16, index_n_heads=2)
    c["glm-4.7-flash"] = dict(config=lm("glm4_moe_lite", mlp_layer_types=["dense", "sparse"], **mla), tok="glm", pre="glm4", change=nextn, set={**more, "first_k_dense_replace": 1})
    c["deepseek-v3.2"] = dict(config=lm("deepseek_v32", **mla, **index), tok="bpe", change=nextn, set=more, files={"tokenizer_config.json": json.dumps({"tokenizer_class": "LlamaTokenizerFast",
        "bos_token": "<|endoftext|>", "eos_token": "<|im_end|>", "add_bos_token": True, "add_eos_token": False})})
    c["glm-5"] = dict(config=lm("glm_moe_dsa", **mla, **index), tok="glm", pre="glm4", change=nextn, set=more)
    c["glm-5-pattern"] = dict(config=lm("glm_moe_dsa", **mla, **index), tok="glm", pre="glm4", set={"index_topk_freq": 4, "index_skip_topk_offset": 0}, unset=["indexer_types"])
    c["mistral-small-4"] = dict(config=C["mistral3"](text_config=C["mistral4"](**{**LLAMA, **mla, "first_k_dense_replace": 0}), vision_config=dict(model_type="pixtral", hidden_size=32, intermediate_size=32, num_hidden_layers=1,
        num_attention_heads=2, head_dim=16, image_size=32, patch_size=16)), cls=see, tok="llama3", change=lambda ts: [t for t in ts if "vision" not in t[0] and "projector" not in t[0]] + [["vision_tower.ln_pre.weight", "BF16", [32]]])
    c["hunyuan-a13b"] = dict(raw=True, tok="hy", config=raw("HunYuanMoEV1ForCausalLM", "hunyuan_v1_moe", hidden_size=128, num_attention_heads=1, num_key_value_heads=1, num_hidden_layers=1, head_dim=128, attention_head_dim=128,
        max_position_embeddings=32768, num_experts=2, moe_topk=[2], moe_intermediate_size=[96], num_shared_expert=[1], use_qk_norm=True, use_mixed_mlp_moe=True, rope_scaling={"alpha": 1000.0, "factor": 1.0, "type": "dynamic"},
        tie_word_embeddings=True, vocab_size=500, bos_token_id=1, eos_token_id=293, pad_token_id=294), tensors=bf({k: [128 if d == 64 else d for d in s] for k, s in {"model.embed_tokens.weight": [500, 64], "model.norm.weight": [64],
        "lm_head.weight": [500, 64], **norms(0), **{f"model.layers.0.self_attn.{n}.weight": s for n, s in (("q_proj", [64, 64]), ("k_proj", [64, 64]), ("v_proj", [64, 64]), ("o_proj", [64, 64]), ("query_layernorm", [64]),
        ("key_layernorm", [64]))}, "model.layers.0.mlp.gate.wg.weight": [2, 64], **mixture("model.layers.0.mlp", 2, 96), **gated("model.layers.0.mlp.shared_mlp", 96)}.items()}))
    c["hunyuan-4b"] = dict(config=lm("hunyuan_v1_dense", head_dim=16, **{**v320, "max_position_embeddings": 32768}), tok="bpe", set={"rope_scaling": {"alpha": 1000.0, "factor": 1.0, "type": "dynamic"}, "rope_theta": 10000.0}, unset=["rope_parameters"])
    c["nomic-embed-v2-moe"] = dict(tok="unigramjson", pre="default", config={"architectures": ["NomicBertModel"], "model_type": "nomic_bert_custom", "n_positions": 2048, "n_embd": 64, "n_layer": 2, "n_head": 4, "n_inner": 96, "vocab_size": 140,
        "type_vocab_size": 1, "activation_function": "gelu", "causal": False, "qkv_proj_bias": True, "mlp_fc1_bias": True, "mlp_fc2_bias": True, "prenorm": False, "rotary_emb_fraction": 1.0, "rotary_emb_interleaved": False,
        "rotary_emb_scale_base": None, "rotary_emb_base": 10000, "max_trained_positions": 2048, "layer_norm_epsilon": 1e-5, "moe_every_n_layers": 2, "moe_top_k": 2, "num_experts": 4, "pad_token_id": 1},
        tensors=bf({"embeddings.word_embeddings.weight": [140, 64], "embeddings.token_type_embeddings.weight": [1, 64], "emb_ln.weight": [64], "emb_ln.bias": [64], **{f"encoder.layers.{i}.{n}": s for i in range(2) for n, s in (
        ("attn.Wqkv.weight", [192, 64]), ("attn.Wqkv.bias", [192]), ("attn.out_proj.weight", [64, 64]), ("attn.out_proj.bias", [64]), ("norm1.weight", [64]), ("norm1.bias", [64]), ("norm2.weight", [64]), ("norm2.bias", [64]))},
        "encoder.layers.0.mlp.fc1.weight": [96, 64], "encoder.layers.0.mlp.fc1.bias": [96], "encoder.layers.0.mlp.fc2.weight": [64, 96], "encoder.layers.0.mlp.fc2.bias": [64], "encoder.layers.1.mlp.router.layer.weight": [4, 64],
        "encoder.layers.1.mlp.experts.bias": [64], "encoder.layers.1.mlp.experts.mlp.w1": [384, 64], "encoder.layers.1.mlp.experts.mlp.w2": [384, 64]}))
    c["trinity"] = dict(config=lm("afmoe", num_hidden_layers=3, head_dim=16, num_dense_layers=1, num_experts=4, num_experts_per_tok=2, num_shared_experts=1, moe_intermediate_size=32, sliding_window=32, route_scale=2.5,
                        **v320), tok="llama3", change=projections, set={"route_norm": True, "score_func": "sigmoid"})
    def mtp_exaone(ts):
        """The layer that predicts a token further on, dense here, and what it shares."""
        return sorted([t for t in ts if not t[0].startswith("mtp")] + [["mtp." + n[6:], d, s] for n, d, s in ts if "model.layers.0." in n] + [["mtp." + n + ".weight", "BF16", s] for n, s in (
            ("fc", [64, 128]), ("pre_fc_norm_embedding", [64]), ("pre_fc_norm_hidden", [64]), ("norm", [64]))])
    c["k-exaone"] = dict(config=lm("exaone_moe", head_dim=16, num_experts=4, num_experts_per_tok=2, num_shared_experts=1, moe_intermediate_size=32, sliding_window=32, sliding_window_pattern=2, **v320), tok="bpe",
                         change=lambda ts: mtp_exaone(list(projections([[n.replace("mlp.gate.e_score_correction_bias", "mlp.e_score_correction_bias"), d, s] for n, d, s in ts]))), set={**more, "first_k_dense_replace": 1})
    c["glm-4-9b"] = dict(config=lm("glm", head_dim=16, **{**spm, "vocab_size": 320}), tok="glm", pre="glm4", set={"layernorm_epsilon": 1.5625e-07, "rope_ratio": 500, "seq_length": 131072})
    c["chatglm"] = dict(raw=True, tok="glm", pre="glm4", config={"architectures": ["ChatGLMModel"], "model_type": "chatglm", "hidden_size": 64, "num_layers": 1, "num_attention_heads": 4, "multi_query_attention": True,
        "multi_query_group_num": 2, "ffn_hidden_size": 96, "padded_vocab_size": 320, "vocab_size": 320, "seq_length": 8192, "layernorm_epsilon": 1e-5, "kv_channels": 16, "torch_dtype": "bfloat16"}, tensors=bf({
        "transformer.embedding.word_embeddings.weight": [320, 64], "transformer.encoder.final_layernorm.weight": [64], "transformer.output_layer.weight": [320, 64], "transformer.rotary_pos_emb.inv_freq": [8],
        **{f"transformer.encoder.layers.0.{n}": s for n, s in (("input_layernorm.weight", [64]), ("post_attention_layernorm.weight", [64]), ("self_attention.query_key_value.weight", [128, 64]),
        ("self_attention.query_key_value.bias", [128]), ("self_attention.dense.weight", [64, 64]), ("mlp.dense_h_to_4h.weight", [192, 64]), ("mlp.dense_4h_to_h.weight", [64, 96]))}}))
    f16 = lambda d: sorted([n, "F16", s] for n, s in d.items())
    c["bitnet"] = dict(tok="spm", config=raw("BitnetForCausalLM", "llama", num_hidden_layers=1, vocab_size=420, hidden_act="silu", bos_token_id=1, eos_token_id=2, tie_word_embeddings=True), tensors=f16({
        "model.embed_tokens.weight": [420, 64], "model.norm.weight": [64], **att(0), **norms(0), **gated("model.layers.0.mlp", 96), "model.layers.0.self_attn.inner_attn_ln.weight": [64], "model.layers.0.mlp.ffn_layernorm.weight": [96]}))
    mimo = lambda i, keys, at="model.layers": {f"{at}.{i}.self_attn.{n}": s for n, s in (("q_proj.weight", [96, 64]), ("k_proj.weight", [24 * keys, 64]), ("v_proj.weight", [16 * keys, 64]), ("o_proj.weight", [64, 64]))}
    mimonext = lambda i: {**mimo(i, 2, "model.mtp.layers"), **{f"model.mtp.layers.{i}.{n}.weight": s for n, s in (("input_layernorm", [64]), ("pre_mlp_layernorm", [64]), ("final_layernorm", [64]), ("enorm", [64]), ("hnorm", [64]),
        ("eh_proj", [64, 128]))}, f"model.mtp.layers.{i}.self_attn.attention_sink_bias": [4], **gated(f"model.mtp.layers.{i}.mlp", 96)}
    flash = raw("MiMoV2FlashForCausalLM", "mimo_v2_flash", head_dim=24, v_head_dim=16, swa_head_dim=24, swa_v_head_dim=16, swa_num_attention_heads=4, num_key_value_heads=1, swa_num_key_value_heads=2, hybrid_layer_pattern=[0, 1],
        moe_layer_freq=[0, 1], sliding_window=32, sliding_window_size=32, swa_rope_theta=10000, partial_rotary_factor=0.334, n_routed_experts=2, num_experts_per_tok=2, moe_intermediate_size=32, n_group=1, topk_group=1,
        topk_method="noaux_tc", scoring_func="sigmoid", norm_topk_prob=True, routed_scaling_factor=None, layernorm_epsilon=1e-5, attention_value_scale=0.707, rope_theta=5000000)
    flash.pop("rms_norm_eps")
    body = {**ends, **norms(0), **norms(1), **mimo(0, 1), **mimo(1, 2), "model.layers.1.self_attn.attention_sink_bias": [4], **gated("model.layers.0.mlp", 96), "model.layers.1.mlp.gate.weight": [2, 64],
        "model.layers.1.mlp.gate.e_score_correction_bias": [2], **mixture("model.layers.1.mlp", 2, 32), **mimonext(0), **mimonext(1), **mimonext(2)}
    c["mimo-v2-flash"] = dict(raw=True, tok="qwen2", config=flash, tensors=bf(body))
    stepattn = lambda i, heads: {f"model.layers.{i}.self_attn.{n}.weight": s for n, s in (("q_proj", [16 * heads, 64]), ("k_proj", [32, 64]), ("v_proj", [32, 64]), ("o_proj", [64, 16 * heads]), ("g_proj", [heads, 64]),
        ("q_norm", [16]), ("k_norm", [16]))}
    c["step-3.5-flash"] = dict(raw=True, tok="bpe", config=raw("Step3p5ForCausalLM", "step3p5", num_hidden_layers=2, head_dim=16, num_attention_groups=2, attention_other_setting={"attention_type": "sliding_attention",
        "num_attention_heads": 6, "num_attention_groups": 2, "head_dim": 16}, layer_types=["full_attention", "sliding_attention", "sliding_attention"], partial_rotary_factors=[0.5, 1.0, 1.0], rope_theta=[5000000.0, 10000.0],
        rope_scaling={"rope_type": "llama3", "factor": 2.0, "original_max_position_embeddings": 64, "low_freq_factor": 1.0, "high_freq_factor": 32.0}, yarn_only_types=["full_attention"], sliding_window=32, moe_num_experts=2, moe_top_k=2,
        moe_intermediate_size=32, share_expert_dim=32, moe_router_activation="sigmoid", moe_router_scaling_factor=3.0, norm_expert_weight=True, moe_layers_enum="1", swiglu_limits=[None, 7.0], swiglu_limits_shared=[0.0, 16.0],
        num_nextn_predict_layers=1), tensors=bf({**ends, **norms(0), **norms(1), **norms(2), **stepattn(0, 4), **stepattn(1, 6), **stepattn(2, 6), **gated("model.layers.0.mlp", 96), **gated("model.layers.2.mlp", 96),
        "model.layers.1.moe.gate.weight": [2, 64], "model.layers.1.moe.router_bias": [2], "model.layers.1.moe.gate_proj.weight": [2, 32, 64], "model.layers.1.moe.up_proj.weight": [2, 32, 64],
        "model.layers.1.moe.down_proj.weight": [2, 64, 32], **gated("model.layers.1.share_expert", 32), "model.layers.2.eh_proj.weight": [64, 128], "model.layers.2.enorm.weight": [64], "model.layers.2.hnorm.weight": [64],
        "model.layers.2.transformer.shared_head.norm.weight": [64], "model.layers.2.transformer.shared_head.output.weight": [320, 64]}))
    c["distilbert"] = dict(config=C["distilbert"](dim=64, hidden_dim=96, n_layers=2, n_heads=4, vocab_size=200, max_position_embeddings=128), tok="wordpiece", cls=AutoModelForMaskedLM.from_config, dtype=torch.float32)
    c["distilbert-sst2"] = dict(config=C["distilbert"](dim=64, hidden_dim=96, n_layers=1, n_heads=4, vocab_size=200, max_position_embeddings=128, id2label={0: "NEGATIVE", 1: "POSITIVE"}), tok="wordpiece",
                                cls=AutoModelForSequenceClassification.from_config, dtype=torch.float32)
    c["hy3"] = dict(config=lm("hy_v3", head_dim=16, num_experts=4, num_experts_per_tok=2, moe_intermediate_size=32, **v320), tok="bpe", change=lambda ts: list(projections(ts)))
    c["mellum"] = dict(config=lm("mellum", head_dim=16, num_experts=4, num_experts_per_tok=2, moe_intermediate_size=32, sliding_window=32, layer_types=["sliding_attention", "full_attention"], **v320), tok="bpe",
                       change=lambda ts: list(projections(ts)))
    c["jais2"] = dict(config=lm("jais2", **v320), tok="bpe")
    c["minicpm3"] = dict(config=lm("minicpm3", kv_lora_rank=32, q_lora_rank=24, qk_rope_head_dim=8, qk_nope_head_dim=16, v_head_dim=16, rope_parameters={"rope_type": "longrope", "rope_theta": 10000.0,
        "long_factor": [1.0, 2.0, 3.0, 4.0], "short_factor": [1.0, 1.1, 1.2, 1.3], "original_max_position_embeddings": 64}, **spm), tok="spm")
    c["cohere2moe"] = dict(config=lm("cohere2_moe", head_dim=16, prefix_dense_intermediate_size=96, num_experts=4, num_experts_per_tok=2, sliding_window=32, first_k_dense_replace=1, num_shared_experts=1, layer_types=["sliding_attention", "full_attention"],
        mlp_layer_types=["dense", "sparse"], **v320), tok="bpe", change=lambda ts: list(projections(ts)))
    c["internlm3"] = dict(raw=True, tok="spm", files={"added_tokens.json": "{}", "tokenizer_config.json": json.dumps({"bos_token": "<s>", "eos_token": "</s>", "add_prefix_space": False, "added_tokens_decoder": {
        "2": {"content": "</s>", "special": True}, "398": {"content": "<|im_end|>", "special": True}, "399": {"content": "<|tool|>", "special": False}}})}, config=raw("InternLM3ForCausalLM", "internlm3", num_hidden_layers=1,
        vocab_size=400, head_dim=16, bos_token_id=1, eos_token_id=2), tensors=bf({"model.embed_tokens.weight": [400, 64], "lm_head.weight": [400, 64], "model.norm.weight": [64], **att(0), **norms(0), **gated("model.layers.0.mlp", 96)}))
    c["maincoder"] = dict(raw=True, tok="qwen2", config=raw("MaincoderForCausalLM", "maincoder", num_hidden_layers=1, head_dim=16), tensors=bf({**ends, **att(0), **norms(0), **gated("model.layers.0.mlp", 96),
        "model.layers.0.self_attn.q_norm.weight": [16], "model.layers.0.self_attn.k_norm.weight": [16]}))
    c["nanbeige"] = dict(raw=True, tok="spm", config=raw("NanbeigeForCausalLM", "nanbeige", num_hidden_layers=1, vocab_size=420, num_loops=2, skip_loop_final_norm=True, bos_token_id=1, eos_token_id=2), tensors=bf({
        "model.embed_tokens.weight": [420, 64], "model.norm.weight": [64], "lm_head.weight": [420, 64], **att(0), **norms(0), **gated("model.layers.0.mlp", 96)}))
    c["openelm"] = dict(raw=True, tok="spm", config={"architectures": ["OpenELMForCausalLM"], "model_type": "openelm", "model_dim": 64, "num_transformer_layers": 2, "num_query_heads": [4, 4], "num_kv_heads": [1, 2], "head_dim": 16,
        "ffn_multipliers": [0.5, 1.5], "ffn_dim_divisor": 16, "max_context_length": 2048, "rope_freq_constant": 10000, "vocab_size": 420, "share_input_output_layers": True, "bos_token_id": 1, "eos_token_id": 2}, tensors=bf({
        "transformer.token_embeddings.weight": [420, 64], "transformer.norm.weight": [64], **{f"transformer.layers.{i}.{n}.weight": s for i, (kv, w) in enumerate([(1, 32), (2, 96)]) for n, s in (("attn_norm", [64]),
        ("attn.qkv_proj", [(4 + 2 * kv) * 16, 64]), ("attn.q_norm", [16]), ("attn.k_norm", [16]), ("attn.out_proj", [64, 64]), ("ffn_norm", [64]), ("ffn.proj_1", [2 * w, 64]), ("ffn.proj_2", [64, w]))}}))
    block = lambda group, mult, linear=None: {"attention": {"n_heads_in_group": group, "no_op": group is None and not linear, "replace_with_linear": linear}, "ffn": {"ffn_mult": mult, "no_op": mult is None, "replace_with_linear": None}}
    c["nemotron-super"] = dict(raw=True, tok="llamabpe", config={k: v for k, v in raw("DeciLMForCausalLM", "nemotron-nas", num_hidden_layers=4, vocab_size=422, block_configs=[block(2, 1.5), block(None, 6.0), block(None, None), block(4, 1.5)]).items() if k not in ("intermediate_size", "num_key_value_heads")}, tensors=bf({
        "model.embed_tokens.weight": [422, 64], "model.norm.weight": [64], "lm_head.weight": [422, 64], **att(0), **norms(0), **gated("model.layers.0.mlp", 256), "model.layers.1.post_attention_layernorm.weight": [64],
        **gated("model.layers.1.mlp", 256), **{k: [16, 64] if "k_proj" in k or "v_proj" in k else v for k, v in att(3).items()}, **norms(3), **gated("model.layers.3.mlp", 256)}))
    old = lambda i: {f"model.layers.{i}.attention.query_key_value.weight": [128, 64], f"model.layers.{i}.attention.dense.weight": [64, 64], **norms(i)}
    c["ling-lite"] = dict(raw=True, tok="bpe", config=raw("BailingMoeForCausalLM", "bailing_moe", num_hidden_layers=2, num_experts=2, num_experts_per_tok=2, moe_intermediate_size=48, num_shared_experts=1, first_k_dense_replace=0,
        norm_topk_prob=True, norm_head=True), tensors=bf({"model.word_embeddings.weight": [320, 64], "model.norm.weight": [64], "lm_head.weight": [320, 64], **old(0), **old(1), **{k: v for i in range(2) for k, v in
        {f"model.layers.{i}.mlp.gate.weight": [2, 64], **mixture(f"model.layers.{i}.mlp", 2, 48), **gated(f"model.layers.{i}.mlp.shared_experts", 48)}.items()}}))
    c["smallthinker"] = dict(raw=True, tok="qwen2", config={k: v for k, v in raw("SmallThinkerForCausalLM", "smallthinker", num_hidden_layers=1, head_dim=16, moe_num_primary_experts=2, moe_num_active_primary_experts=2,
        moe_ffn_hidden_size=48, moe_primary_router_apply_softmax=False, sliding_window_layout=[0, 1], sliding_window_size=32).items() if k != "intermediate_size"}, tensors=bf({**ends, **att(0), **norms(0),
        "model.layers.0.block_sparse_moe.primary_router.weight": [2, 64], **{f"model.layers.0.block_sparse_moe.experts.{i}.{n}.weight": s for i in range(2) for n, s in (("up", [48, 64]), ("gate", [48, 64]), ("down", [64, 48]))}}))
    c["youtu"] = dict(config=lm("youtu", **{k: v for k, v in mla.items() if "expert" not in k and k not in ("moe_intermediate_size", "first_k_dense_replace", "n_group", "topk_group")}), tok="llama3")
    from casesmore import more as add
    add(c, {**globals(), **locals()})
    return c
