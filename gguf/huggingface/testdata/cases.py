"""The models of judge.py: configurations as small as the classes allow."""
import torch
from transformers import CONFIG_MAPPING as C, AutoModel, AutoModelForMaskedLM, AutoModelForSequenceClassification

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
    return c
