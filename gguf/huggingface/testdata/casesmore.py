"""More models of judge.py: those that transformers does not have, or whose towers are not converted."""
import json
from pathlib import Path
from types import SimpleNamespace

here = Path(__file__).parent


def renamed(tok, **texts):
    """tokenizer.json of a tokenizer with other texts for some of its tokens."""
    text = (here / "tokenizers" / tok / "tokenizer.json").read_text()
    for old, new in texts.items():
        assert json.dumps(old) in text, old
        text = text.replace(json.dumps(old), json.dumps(new))
    return text


def more(c, h):
    """Adds to c; h has what cases() has for its own."""
    h = SimpleNamespace(**h)
    raw, bf, ends, att, norms, gated, mixture, mixtral, vocab, lm, v320, spm = h.raw, h.bf, h.ends, h.att, h.norms, h.gated, h.mixture, h.mixtral, h.vocab, h.lm, h.v320, h.spm
    layer = lambda i=0, **more: {**att(i), **norms(i), **gated(f"model.layers.{i}.mlp", 96), **{f"model.layers.{i}.{k}": v for k, v in more.items()}}
    dense = {**ends, **layer()}
    under = lambda p, d: {p + k: v for k, v in d.items()}
    sees = {"vision_tower.ln_pre.weight": [32]}
    one = lambda arch, kind, **k: raw(arch, kind, num_hidden_layers=1, **k)
    text = lambda arch, kind, inner, **k: {"architectures": [arch], "model_type": kind, "torch_dtype": "bfloat16", "vision_config": {}, **k,
                                           "text_config": {a: b for a, b in one(arch, inner, **k).items() if a not in ("architectures", "torch_dtype")}}
    sections = dict(rope_scaling={"type": "mrope", "rope_type": "default", "mrope_section": [2, 3, 3]})

    # Language models of those that see or hear.
    biases = lambda i=0: {f"model.layers.{i}.self_attn.{n}.bias": [w] for n, w in (("q_proj", 64), ("k_proj", 32), ("v_proj", 32))}
    glm = lambda i=0: {**att(i), **norms(i), f"model.layers.{i}.post_self_attn_layernorm.weight": [64], f"model.layers.{i}.post_mlp_layernorm.weight": [64], f"model.layers.{i}.mlp.gate_up_proj.weight": [192, 64],
                       f"model.layers.{i}.mlp.down_proj.weight": [64, 96]}
    c["glm-4.1v"] = dict(raw=True, tok="glm", pre="glm4", config=text("Glm4vForConditionalGeneration", "glm4v", "glm4v_text", partial_rotary_factor=0.5, rope_scaling={"rope_type": "default", "mrope_section": [1, 1, 2]}),
        tensors=bf({**under("model.language_model.", {k.removeprefix("model."): v for k, v in {**glm(), **biases(), "model.embed_tokens.weight": [320, 64], "model.norm.weight": [64]}.items()}), "lm_head.weight": [320, 64], "model.visual.merger.proj.weight": [32, 32]}))
    c["glm-ocr"] = dict(raw=True, tok="glm", pre="glm4", config=text("GlmOcrForConditionalGeneration", "glm_ocr", "glm_ocr_text", partial_rotary_factor=1.0, num_nextn_predict_layers=1, rope_scaling={"rope_type": "default",
        "mrope_section": [2, 3, 3]}), tensors=bf({**under("model.language_model.", {k.removeprefix("model."): v for k, v in {**glm(0), **glm(1), "model.embed_tokens.weight": [320, 64], "model.norm.weight": [64], **{f"model.layers.1.{n}.weight": s for n, s in (
        ("eh_proj", [64, 128]), ("enorm", [64]), ("hnorm", [64]), ("shared_head.norm", [64]), ("embed_tokens", [320, 64]), ("shared_head.head", [320, 64]))}}.items()}), "lm_head.weight": [320, 64], "model.visual.merger.proj.weight": [32, 32]}))
    c["glm-4.5v"] = dict(raw=True, tok="glm", pre="glm4", config=text("Glm4vMoeForConditionalGeneration", "glm4v_moe", "glm4v_moe_text", n_routed_experts=2, num_experts_per_tok=2, moe_intermediate_size=48, n_shared_experts=1, first_k_dense_replace=0,
        partial_rotary_factor=0.5, rope_scaling={"rope_type": "default", "mrope_section": [1, 1, 2]}), tensors=bf({**ends, **att(0), **norms(0), "model.layers.0.mlp.gate.weight": [2, 64], **mixture("model.layers.0.mlp", 2, 48),
        **gated("model.layers.0.mlp.shared_experts", 48), "model.visual.merger.proj.weight": [32, 32]}))
    c["solar-open"] = dict(raw=True, tok="glm", pre="llama-bpe", files={"tokenizer.json": renamed("glm", **{"[gMASK]": "<|startoftext|>", "<sop>": "<unk>"})}, config=one("SolarOpenForCausalLM", "solar_open", head_dim=16, n_routed_experts=2,
        num_experts_per_tok=2, moe_intermediate_size=48, n_shared_experts=1, first_k_dense_replace=0, norm_topk_prob=True, routed_scaling_factor=1.0, partial_rotary_factor=1.0), tensors=bf({**ends, **att(0), **norms(0),
        "model.layers.0.mlp.gate.weight": [2, 64], "model.layers.0.mlp.gate.e_score_correction_bias": [2], **mixture("model.layers.0.mlp", 2, 48), **gated("model.layers.0.mlp.shared_experts", 48)}))
    ling = lambda i: {f"model.layers.{i}.attention.query_key_value.weight": [128, 64], f"model.layers.{i}.attention.dense.weight": [64, 64], f"model.layers.{i}.attention.query_layernorm.weight": [16], f"model.layers.{i}.attention.key_layernorm.weight": [16], **norms(i)}
    c["sarvam-30b"] = dict(raw=True, tok="bpe", config=one("SarvamMoEForCausalLM", "sarvam_moe", head_dim=16, num_experts=4, num_experts_per_tok=2, moe_intermediate_size=48, num_shared_experts=1, first_k_dense_replace=0,
        routed_scaling_factor=2.5, norm_topk_prob=True, score_function="sigmoid"), tensors=bf({"model.word_embeddings.weight": [320, 64], "model.norm.weight": [64], "lm_head.weight": [320, 64], **ling(0),
        "model.layers.0.mlp.gate.weight": [4, 64], "model.layers.0.mlp.gate.expert_bias": [4], **mixture("model.layers.0.mlp", 4, 48), **gated("model.layers.0.mlp.shared_experts", 48)}))
    c["paddleocr-vl"] = dict(raw=True, tok="spm", config={**one("PaddleOCRVLForConditionalGeneration", "paddleocr_vl", head_dim=16, vocab_size=420, bos_token_id=1, eos_token_id=2, **sections), "vision_config": {}},
        tensors=bf({**vocab(420), **layer(), "mlp_AR.linear_1.weight": [32, 32], "visual.vision_model.head.probe": [1, 1, 32]}))
    c["hunyuan-ocr"] = dict(raw=True, tok="bpe", config={**one("HunYuanVLForConditionalGeneration", "hunyuan_vl", head_dim=16, num_experts=1, pad_token_id=-1, eod_token_id=300, tie_word_embeddings=True, rope_scaling={"alpha": 1000.0,
        "type": "xdrope", "rope_type": "xdrope", "factor": 1.0, "xdrope_section": [2, 2, 2, 2]}), "vision_config": {}}, tensors=bf({**dense, **{f"model.layers.0.self_attn.{n}_layernorm.weight": [16] for n in ("query", "key")}, "vit.perceive.begin": [64]}))
    four = dict(head_dim=16, global_head_dim=32, layer_types=["sliding_attention", "full_attention"], sliding_window=32, rope_parameters=h.spmrope({"rope_type": "proportional", "partial_rotary_factor": 0.25}), **{**spm, "vocab_size": 422})
    c["gemma-4-unified"] = dict(config=lm("gemma4_text", num_kv_shared_layers=0, hidden_size_per_layer_input=0, **four), tok="llamabpe", set={"architectures": ["Gemma4UnifiedForConditionalGeneration"]},
        files={"generation_config.json": '{"suppress_tokens": [5, 6]}'})
    turns = {"tokenizer_config.json": json.dumps({"eos_token": "<|im_end|>", "chat_template": "{{ messages }}", "added_tokens_decoder": {"300": {"content": "<|im_end|>", "special": True}}})}
    thinks = lambda arch, inner, **k: {"architectures": [arch], "model_type": "x", "torch_dtype": "bfloat16", "thinker_config": {"vision_config": {}, "text_config": {a: b for a, b in one(arch, inner, head_dim=16, **k, **sections).items()
                                       if a not in ("architectures", "torch_dtype")}}}
    heads = {f"model.layers.0.self_attn.{n}_norm.weight": [16] for n in "qk"}
    omni = thinks("Qwen3OmniMoeForConditionalGeneration", "qwen3_omni_moe_text", num_experts=2, num_experts_per_tok=2, moe_intermediate_size=48)
    for arch, name, conf, ts in (("Qwen3OmniMoeForConditionalGeneration", "qwen3-omni", omni, {**ends, **att(0), **norms(0), **heads, "model.layers.0.mlp.gate.weight": [2, 64], **mixture("model.layers.0.mlp", 2, 48)}),
                                 ("Qwen3ASRForConditionalGeneration", "qwen3-asr", thinks("Qwen3ASRForConditionalGeneration", "qwen3"), {**dense, **heads})):
        conf = {**conf, "text_config": conf["thinker_config"]["text_config"]}  # as the script's own reader leaves it
        c[name] = dict(raw=True, tok="qwen2", files=turns, config=conf, tensors=bf({**under("thinker.", ts), "thinker.audio_tower.proj1.weight": [32, 32], "talker.text_projection.weight": [32, 32]}))
    c["qwen2-audio"] = dict(raw=True, tok="qwen2", config=text("Qwen2AudioForConditionalGeneration", "qwen2_audio", "qwen2"), tensors=bf({**under("language_model.", {**dense, **biases()}), "audio_tower.proj1.weight": [32, 32], "multi_modal_projector.linear.weight": [64, 32]}))
    c["audio-flamingo-3"] = dict(raw=True, tok="qwen2", config=text("AudioFlamingo3ForConditionalGeneration", "audioflamingo3", "qwen2"), tensors=bf({**under("language_model.", {**dense, **biases()}), "audio_tower.proj1.weight": [32, 32]}))
    c["dots-ocr"] = dict(raw=True, tok="qwen2", config=one("DotsOCRForCausalLM", "dots_ocr"), tensors=bf({**dense, **biases(), **sees}))
    c["step-vl"] = dict(raw=True, tok="qwen2", config=text("StepVLForConditionalGeneration", "step_robotics", "qwen3", head_dim=16), tensors=bf({**dense, **heads, "vision_model.ln_pre.weight": [32], "vit_large_projector.weight": [64, 32]}))
    for name, arch in (("smolvlm2", "VLlama3ForCausalLM"), ("llava-1.5", "LlavaForConditionalGeneration"), ("voxtral-mini", "VoxtralForConditionalGeneration"), ("janus-pro", "JanusForConditionalGeneration"),
                       ("sarashina2.2-vision", "Sarashina2VisionForCausalLM")):
        inner = under("llm." if "Sarashina" in arch else "model.text_" if "VL" in arch else "language_model.", dense)
        if "VL" in arch: inner = {k.replace("model.text_model.", "model.text_model.").replace("model.text_lm_head", "lm_head"): v for k, v in inner.items()}
        if "Janus" in arch: inner = {**{k.replace("model.", "model.language_model.", 1): v for k, v in dense.items()}, "model.aligner.fc1.weight": [32, 32], "model.vqmodel.quantize.embedding.weight": [8, 8]}
        c[name] = dict(raw=True, tok="llama3", config=text(arch, "x", "llama", head_dim=16), tensors=bf({**inner, **sees, **({"norm.weight": [32]} if "Sarashina" in arch else {})}))
    ex = lambda at: {**att(0), "model.layers.0.post_attention_layernorm.weight": [64], "model.layers.0.post_feedforward_layernorm.weight": [64], **{f"model.layers.0.self_attn.{n}_norm.weight": [16] for n in "qk"}, **gated("model.layers.0.mlp", 96)}
    c["exaone-4.5"] = dict(raw=True, tok="bpe", config=text("Exaone4_5_ForConditionalGeneration", "exaone4_5", "exaone4_5_text", head_dim=16, sliding_window=32, sliding_window_pattern=2, layer_types=["sliding_attention"], num_nextn_predict_layers=1),
        tensors=bf({**ends, **ex(0), **{k.replace("model.layers.0.", "mtp.layers.0."): v for k, v in ex(0).items()}, **{f"mtp.{n}.weight": s for n, s in (("fc", [64, 128]), ("pre_fc_norm_embedding", [64]), ("pre_fc_norm_hidden", [64]), ("norm", [64]))}}))
    c["exaone-4.5-shared"] = dict(c["exaone-4.5"], config=text("Exaone4_5_ForConditionalGeneration", "exaone4_5", "exaone4_5_text", head_dim=16, sliding_window=32, sliding_window_pattern=2, layer_types=["sliding_attention"], num_nextn_predict_layers=2, mtp_share_layers=True))
    c["minicpm-v-4.6"] = dict(config=lm("qwen3_5_text", head_dim=32, num_hidden_layers=4, linear_conv_kernel_dim=4, linear_key_head_dim=16, linear_value_head_dim=16, linear_num_key_heads=2, linear_num_value_heads=4), tok="qwen2",
        set={"architectures": ["MiniCPMV4_6ForConditionalGeneration"], "mtp_num_hidden_layers": 1}, change=lambda ts: ts + [["model.merger.linear.weight", "BF16", [32, 32]], ["mtp.norm.weight", "BF16", [64]]])
    c["phi-4-vision"] = dict(raw=True, tok="spm", config=one("Phi4ForCausalLMV", "phi4-siglip", vocab_size=420, original_max_position_embeddings=512, bos_token_id=1, eos_token_id=2, sliding_window=None), tensors=bf({**vocab(420), **norms(0),
        "model.layers.0.self_attn.qkv_proj.weight": [128, 64], "model.layers.0.self_attn.o_proj.weight": [64, 64], "model.layers.0.mlp.gate_up_proj.weight": [192, 64], "model.layers.0.mlp.down_proj.weight": [64, 96],
        "model.vision_tower.ln_pre.weight": [32], "model.mm_projector.0.weight": [64, 32]}))
    c["llava-stablelm"] = dict(raw=True, tok="bpe", config={**one("LlavaStableLMEpochForCausalLM", "stablelm_epoch", norm_eps=1e-5, rope_pct=0.25)}, tensors=bf({**dense, "model.mm_projector.0.weight": [64, 32]}))
    mla = dict(kv_lora_rank=32, q_lora_rank=None, qk_rope_head_dim=8, qk_nope_head_dim=16, v_head_dim=16, num_key_value_heads=4)
    latent = h.latent
    c["youtu-vl"] = dict(raw=True, tok="llama3", config=one("YoutuVLForConditionalGeneration", "youtu_vl", **mla), tensors=bf({**ends, **norms(0), **latent(0), **gated("model.layers.0.mlp", 96), "siglip2.head.probe": [1, 1, 32], "merger.ln_q.weight": [32]}))
    c["jina-embeddings-v5"] = dict(tok="bpe", config=h.C["eurobert"](**{**h.LLAMA, **v320}), cls=h.AutoModel.from_config, set={"architectures": ["JinaEmbeddingsV5Model"], "classifier_pooling": "mean"})
    lfm = {k.removeprefix("model."): v for k, v in {"model.embed_tokens.weight": [320, 64], "model.embedding_norm.weight": [64], **{f"model.layers.0.{n}.weight": s for n, s in (("operator_norm", [64]), ("ffn_norm", [64]), ("conv.conv", [64, 1, 3]),
        ("conv.in_proj", [192, 64]), ("conv.out_proj", [64, 64]), ("feed_forward.w1", [96, 64]), ("feed_forward.w2", [64, 96]), ("feed_forward.w3", [96, 64]))}, **{f"model.layers.1.{n}.weight": s for n, s in (("operator_norm", [64]), ("ffn_norm", [64]),
        ("self_attn.q_proj", [64, 64]), ("self_attn.k_proj", [32, 64]), ("self_attn.v_proj", [32, 64]), ("self_attn.out_proj", [64, 64]), ("self_attn.q_layernorm", [16]), ("self_attn.k_layernorm", [16]), ("feed_forward.w1", [96, 64]),
        ("feed_forward.w2", [64, 96]), ("feed_forward.w3", [96, 64]))}}.items()}
    l2 = lambda arch: raw(arch, "lfm2", norm_eps=1e-5, conv_L_cache=3, block_auto_adjust_ff_dim=False, block_ffn_dim_multiplier=1.0, block_multiple_of=256, block_ff_dim=96, layer_types=["conv", "full_attention"])
    c["lfm2.5-colbert"] = dict(raw=True, tok="llama3", config=l2("Lfm2Model"), tensors=bf(lfm), more={"1_Dense/model.safetensors": [["linear.weight", "F32", [32, 64]]]})
    c["lfm2.5-embedding"] = dict(raw=True, tok="llama3", config=l2("Lfm2BidirectionalModel"), tensors=bf(lfm), files=h.pool)

    classes = h.AutoModelForSequenceClassification.from_config
    for name, kind, tok, k in (("bge-reranker-v2-m3", "xlm-roberta", "unigram", dict(vocab_size=140, num_labels=1)), ("roberta-classes", "roberta", "bpe", dict(vocab_size=320, id2label={0: "no", 1: "perhaps", 2: "yes"}))):
        c[name] = dict(config=h.C[kind](**{**h.enc, "max_position_embeddings": 130, "num_hidden_layers": 1, **k}), tok=tok, cls=classes, dtype=h.torch.float32, pre="gpt-2" if tok == "bpe" else "default")
    c["roberta-classes"]["files"] = {"tokenizer_config.json": json.dumps({"tokenizer_class": "PreTrainedTokenizerFast", "bos_token": "<|endoftext|>", "pad_token": "<|im_start|>", "eos_token": "<|im_end|>"})}
    classics(c, h, one, layer, dense)
    newest(c, h, one, layer, dense, under, turns)
    for name in ("glm-4.1v glm-ocr glm-4.5v solar-open laguna-xs laguna-s granite-swa granitemoe-swa muse-glimmer glm-5.3 hy4 deepseek-v4-flash "
                 "qwen2-audio audio-flamingo-3 exaone-4.5 exaone-4.5-shared lfm2.5-colbert lfm2.5-embedding").split():
        del c[name]["raw"]  # transformers has their classes, and says what the script wants


def classics(c, h, one, layer, dense):
    """Decoders of 2023 and 2024."""
    bf, ends, att, norms, gated, mixture, mixtral, vocab = h.bf, h.ends, h.att, h.norms, h.gated, h.mixture, h.mixtral, h.vocab
    gpt = lambda p, **k: {p + n.replace("__", "."): s for n, s in k.items()}
    block = gpt("transformer.h.0.", ln_1__weight=[64], ln_2__weight=[64], attn__c_proj__weight=[64, 64])
    c["qwen-7b"] = dict(raw=True, tok="qwen1", pre="qwen2", config=one("QWenLMHeadModel", "qwen", vocab_size=512, num_key_value_heads=4, rotary_emb_base=10000, seq_length=2048), tensors=bf({"transformer.wte.weight": [512, 64], "transformer.ln_f.weight": [64],
        "lm_head.weight": [512, 64], **block, **gpt("transformer.h.0.", attn__c_attn__weight=[192, 64], attn__c_attn__bias=[192], mlp__w1__weight=[48, 64], mlp__w2__weight=[48, 64], mlp__c_proj__weight=[64, 48])}))
    cut = lambda group, mult: {"attention": {"n_heads_in_group": group, "no_op": group is None, "replace_with_linear": False}, "ffn": {"ffn_mult": mult, "no_op": mult is None, "replace_with_linear": False}}
    shape = {"self_attn.q_proj": [16, 16], "self_attn.o_proj": [16, 16], "input_layernorm": [16]}
    c["nemotron-51b"] = dict(raw=True, tok="llama3", pre="llama-bpe", config={**one("DeciLMForCausalLM", "nemotron-nas", hidden_size=16, vocab_size=128256, tie_word_embeddings=True, block_configs=[cut(2, 24.0), cut(None, 24.0), cut(4, 48.0), cut(None, None)]),
        "num_hidden_layers": 4, "num_key_value_heads": None, "intermediate_size": None},
        tensors=bf({"model.embed_tokens.weight": [128256, 16], "model.norm.weight": [16], **{f"model.layers.{i}.{n}.weight": s for i, kv in ((0, 8), (2, 4)) for n, s in {**shape, "self_attn.k_proj": [kv, 16], "self_attn.v_proj": [kv, 16]}.items()},
        **{f"model.layers.{i}.{n}.weight": s for i, w in ((0, 256), (1, 256), (2, 512)) for n, s in (("post_attention_layernorm", [16]), ("mlp.gate_proj", [w, 16]), ("mlp.up_proj", [w, 16]), ("mlp.down_proj", [16, w]))}}))
    two = {f"self_attn.{kind}_expert_{n}": v for kind in ("language", "vision") for n, v in (("query_key_value", [192, 64]), ("dense", [64, 64]))} | {f"mlp.{kind}_mlp.{n}_proj": v for kind in ("language", "vision")
        for n, v in (("gate", [96, 64]), ("up", [96, 64]), ("down", [64, 96]))}
    c["cogvlm-chat"] = dict(raw=True, tok="spm", config=one("CogVLMForCausalLM", "cogvlm", vocab_size=420, num_key_value_heads=4, bos_token_id=1, eos_token_id=2), tensors=bf({**vocab(420), **norms(0), "model.vision.linear_proj.linear_proj.weight": [32, 32],
        **{f"model.layers.0.{n}.weight": v for n, v in two.items()}}))
    c["baichuan2-7b"] = dict(raw=True, tok="spm", config=one("BaichuanForCausalLM", "baichuan", vocab_size=420, num_key_value_heads=4, model_max_length=4096, bos_token_id=1, eos_token_id=2), tensors=bf({**vocab(420), **norms(0),
        **gated("model.layers.0.mlp", 96), "model.layers.0.self_attn.W_pack.weight": [192, 64], "model.layers.0.self_attn.o_proj.weight": [64, 64], "model.layers.0.self_attn.rotary_emb.inv_freq": [8]}))
    c["xverse-7b"] = dict(raw=True, tok="llamabpe", config=one("XverseForCausalLM", "xverse", vocab_size=422), tensors=bf({**vocab(422), **layer()}))
    c["codeshell-7b"] = dict(raw=True, tok="bpe", config={"architectures": ["CodeShellForCausalLM"], "model_type": "kclgpt", "n_embd": 64, "n_layer": 1, "n_head": 4, "n_inner": 256, "n_positions": 128, "num_query_groups": 2,
        "layer_norm_epsilon": 1e-5, "vocab_size": 320}, tensors=bf({"transformer.wte.weight": [320, 64], "lm_head.weight": [320, 64], **{f"transformer.{m}.{p}": [64] for m in ("ln_f", "h.0.ln_1", "h.0.ln_2") for p in ("weight", "bias")},
        **gpt("transformer.h.0.", attn__c_attn__weight=[128, 64], attn__c_attn__bias=[128], attn__c_proj__weight=[64, 64], attn__c_proj__bias=[64], mlp__c_fc__weight=[256, 64], mlp__c_fc__bias=[256], mlp__c_proj__weight=[64, 256],
              mlp__c_proj__bias=[64], attn__rotary_emb__inv_freq=[8])}))
    c["refact-1.6b"] = dict(raw=True, tok="bpe", config={"architectures": ["GPTRefactForCausalLM"], "model_type": "gpt_refact", "n_embd": 64, "n_layer": 1, "n_head": 4, "n_positions": 128, "layer_norm_epsilon": 1e-5, "vocab_size": 320},
        tensors=bf({"transformer.wte.weight": [320, 64], "ln_f.weight": [64], "lm_head.weight": [320, 64], **block, **gpt("transformer.h.0.", attn__q__weight=[64, 64], attn__kv__weight=[32, 64], mlp__gate_up_proj__weight=[512, 64], mlp__c_proj__weight=[64, 256])}))
    jais = {f"transformer.{m}.{p}": [64] for m in ("ln_f", "h.0.ln_1", "h.0.ln_2") for p in ("weight", "bias")}
    c["jais-590m"] = dict(raw=True, eager=True, tok="bpe", config={"architectures": ["JAISLMHeadModel"], "model_type": "jais", "activation_function": "swiglu", "position_embedding_type": "alibi", "n_embd": 64, "n_layer": 1, "n_head": 4, "n_inner": 96,
        "n_positions": 128, "layer_norm_epsilon": 1e-5, "vocab_size": 320, "mup_embeddings_scale": 9.1705785388303, "mup_output_alpha": 1.09518349815769, "mup_width_scale": 0.16666666666666666}, tensors=bf({"transformer.wte.weight": [320, 64],
        "lm_head.weight": [320, 64], **jais, **gpt("transformer.h.0.", attn__c_attn__weight=[64, 192], attn__c_attn__bias=[192], attn__c_proj__weight=[64, 64], attn__c_proj__bias=[64], mlp__c_fc__weight=[64, 96], mlp__c_fc__bias=[96],
        mlp__c_fc2__weight=[64, 96], mlp__c_fc2__bias=[96], mlp__c_proj__weight=[96, 64], mlp__c_proj__bias=[64])}) + [["relative_pe.slopes", "F32", [4]]])
    c["dbrx"] = dict(raw=True, tok="bpe", config={"architectures": ["DbrxForCausalLM"], "model_type": "dbrx", "d_model": 64, "n_layers": 1, "n_heads": 4, "max_seq_len": 512, "vocab_size": 320, "attn_config": {"clip_qkv": 8, "kv_n_heads": 2,
        "rope_theta": 500000}, "ffn_config": {"ffn_hidden_size": 96, "moe_num_experts": 2, "moe_top_k": 2}}, tensors=bf({"transformer.wte.weight": [320, 64], "transformer.norm_f.weight": [64], "lm_head.weight": [320, 64],
        **gpt("transformer.blocks.0.", norm_attn_norm__norm_1__weight=[64], norm_attn_norm__norm_2__weight=[64], norm_attn_norm__attn__Wqkv__weight=[128, 64], norm_attn_norm__attn__out_proj__weight=[64, 64], ffn__router__layer__weight=[2, 64],
              ffn__experts__mlp__w1=[192, 64], ffn__experts__mlp__v1=[192, 64], ffn__experts__mlp__w2=[192, 64])}))
    c["arctic-instruct"] = dict(raw=True, tok="spm", files={"tokenizer_config.json": json.dumps({"bos_token": "<|begin|>", "eos_token": "<|end|>", "unk_token": "<unk>", "added_tokens_decoder": {"0": {"content": "<unk>", "special": True},
        "398": {"content": "<|begin|>", "special": True}, "399": {"content": "<|tool|>", "special": False}, "500": {"content": "<|far|>", "special": True}}})}, config=one("ArcticForCausalLM", "arctic", vocab_size=420, num_local_experts=2,
        num_experts_per_tok=2, bos_token_id=398, eos_token_id=2), tensors=bf({**vocab(420), **att(0), **norms(0), "model.layers.0.residual_layernorm.weight": [64], **{f"model.layers.0.residual_mlp.w{i}.weight": s for i, s in ((1, [64, 64]), (2, [64, 64]),
        (3, [64, 64]))}, "model.layers.0.block_sparse_moe.gate.weight": [2, 64], **mixtral("model.layers.0.block_sparse_moe", 2, 96)}))
    grok = dict(num_local_experts=2, num_experts_per_tok=2, embedding_multiplier_scale=78.38367176906169, output_multiplier_scale=0.5773502691896257)
    c["grok-1"] = dict(raw=True, tok="spm", config=one("Grok1ForCausalLM", "grok-1", vocab_size=420, bos_token_id=1, eos_token_id=2, **grok), tensors=bf({"transformer.in_out_embed.weight": [420, 64], "transformer.rms_norm.weight": [64],
        "lm_head.weight": [420, 64], **{f"transformer.decoder_layer.0.{k}.weight": s for k, s in (("rms_norm", [64]), ("rms_norm_1", [64]), ("rms_norm_2", [64]), ("rms_norm_3", [64]), ("multi_head_attention.query", [64, 64]),
        ("multi_head_attention.key", [32, 64]), ("multi_head_attention.value", [32, 64]), ("multi_head_attention.linear", [64, 64]), ("router", [2, 64]))}, **{f"transformer.decoder_layer.0.moe.{i}.{k}.weight": s for i in range(2)
        for k, s in (("linear", [96, 64]), ("linear_v", [96, 64]), ("linear_1", [64, 96]))}}))
    c["grok-2"] = dict(raw=True, tok="bpe", files={"chat_template.jinja": "{{ messages }}"}, config=one("Grok1ForCausalLM", "git", head_dim=16, attn_logit_softcapping=30.0, router_logit_softcapping=30.0, final_logit_softcapping=50, moe_intermediate_size=48,
        attn_temperature_len=1024, attn_output_multiplier=0.08838834764831845, rope_type="original", scaling_factor=16.0, original_max_position_embeddings=8192, extrapolation_factor=1.0, attn_factor=1.0, beta_fast=8, beta_slow=1, **grok),
        tensors=bf({**ends, **att(0), **gated("model.layers.0.mlp", 96), **{f"model.layers.0.{k}_norm.weight": [64] for k in ("pre_attn", "post_attn", "pre_moe", "post_moe")}, "model.layers.0.block_sparse_moe.gate.weight": [2, 64],
        **mixtral("model.layers.0.block_sparse_moe", 2, 48)}))
    c["grovemoe"] = dict(raw=True, tok="qwen2", config=one("GroveMoeForCausalLM", "grove_moe", head_dim=16, num_experts=4, num_experts_per_tok=2, moe_intermediate_size=48), tensors=bf({**ends, **att(0), **norms(0),
        **{f"model.layers.0.self_attn.{k}_norm.weight": [16] for k in "qk"}, "model.layers.0.mlp.gate.weight": [4, 64], "model.layers.0.mlp.expert_bias": [4], **mixture("model.layers.0.mlp", 4, 48),
        **{k.replace("experts", "chunk_experts"): v for k, v in mixture("model.layers.0.mlp", 2, 16).items()}}))
    top = {"model.embed_tokens.weight": [272, 64], "model.norm.weight": [64]}
    plamo = lambda i, **k: {f"model.layers.layers.{i}.{n.replace('__', '.')}": s for n, s in {**{f"{p}_norm.weight": [64] for p in ("pre_mixer", "post_mixer", "pre_mlp", "post_mlp")}, "mlp.gate_up_proj.weight": [192, 64], "mlp.down_proj.weight": [64, 96], **k}.items()}
    c["plamo-2-1b"] = dict(raw=True, tok="plamo", config=h.raw("Plamo2ForCausalLM", "plamo2", vocab_size=272, hidden_size_per_head=16, mamba_step=2, mamba_d_state=8, mamba_d_conv=4, mamba_num_heads=8), tensors=bf({**top,
        **plamo(0, mixer__in_proj__weight=[256, 64], mixer__conv1d__weight=[128, 1, 4], mixer__bcdt_proj__weight=[80, 128], mixer__dt_proj__weight=[8, 64], mixer__dt_bias=[8], mixer__A_log=[8], mixer__D=[8], mixer__dt_norm_weight=[64],
        mixer__B_norm_weight=[8], mixer__C_norm_weight=[8], mixer__out_proj__weight=[64, 128]), **plamo(1, mixer__qkv_proj__weight=[128, 64], mixer__o_proj__weight=[64, 64], mixer__q_weight=[4, 16], mixer__k_weight=[2, 16])}))
    neo = lambda p: {p + k: s for k, s in {"encoder.weight": [200, 64], "layer_norm.weight": [64], **{f"transformer_encoder.0.{n}.weight": s for n, s in (("attention_norm", [64]), ("qkv", [192, 64]), ("wo", [64, 64]), ("ffn_norm", [64]),
                         ("ffn.w12", [128, 64]), ("ffn.w3", [64, 64]))}}.items()}
    bert = lambda arch, **k: {"architectures": [arch], "model_type": "neobert", "hidden_size": 64, "num_hidden_layers": 1, "num_attention_heads": 4, "intermediate_size": 96, "max_length": 128, "norm_eps": 1e-5, "vocab_size": 200, "pad_token_id": 0, **k}
    c["neobert"] = dict(raw=True, tok="wordpiece", config=bert("NeoBERTLMHead"), tensors=bf({**neo("model."), "decoder.weight": [200, 64], "decoder.bias": [200]}))
    c["neobert-classes"] = dict(raw=True, tok="wordpiece", config=bert("NeoBERTForSequenceClassification", id2label={"0": "no", "1": "perhaps", "2": "yes"}), hparams={}, tensors=bf({**neo("model."), "dense.weight": [64, 64], "dense.bias": [64],
        "classifier.weight": [3, 64], "classifier.bias": [3]}))
    c["hrm-text"] = dict(raw=True, tok="bpe", config=one("HrmTextForCausalLM", "hrm_text", num_key_value_heads=4, head_dim=16, H_cycles=2, L_cycles=2, embedding_scale=8.0, prefix_lm=True), tensors=bf({"model.embed_tokens.weight": [320, 64], "lm_head.weight": [320, 64],
        "model.z_L_init": [64], **{f"model.{x}_module.layers.0.{n}.weight": s for x in "LH" for n, s in (("attn.gqkv_proj", [256, 64]), ("attn.o_proj", [64, 64]), ("mlp.gate_up_proj", [192, 64]), ("mlp.down_proj", [64, 96]))}}))
    c["talkie"] = dict(raw=True, eager=True, tok="bpe", config={k: v for k, v in one("TalkieForCausalLM", "talkie", head_dim=16, num_key_value_heads=4).items() if k != "rms_norm_eps"}, tensors=bf({"model.embed.weight": [320, 64], "lm_head": [320, 64],
        "lm_head_gain.w_g": [1], **{f"model.blocks.0.{n}": s for n, s in (("attn.attn_query.weight", [64, 64]), ("attn.attn_key.weight", [64, 64]), ("attn.attn_value.weight", [64, 64]), ("attn.attn_resid.weight", [64, 64]), ("attn.head_gain.head_g", [4]),
        ("attn_gain.a_g", [1]), ("mlp_gain.a_g", [1]), ("embed_skip.a_g", [1]), ("mlp.mlp_gate.weight", [96, 64]), ("mlp.mlp_linear.weight", [96, 64]), ("mlp.mlp_resid.weight", [64, 96]))}}))
    c["plamo-13b"] = dict(raw=True, tok="spm", config=one("PlamoForCausalLM", "plamo", vocab_size=420, hidden_size=160, num_attention_heads=10, bos_token_id=1, eos_token_id=2), tensors=bf({"model.embed_tokens.weight": [420, 160], "model.norm.weight": [160],
        "lm_head.weight": [420, 160], **{f"model.layers.layers.0.{n}.weight": s for n, s in (("norm", [160]), ("self_attn.q_proj", [160, 160]), ("self_attn.k_proj", [80, 160]), ("self_attn.v_proj", [80, 160]), ("self_attn.o_proj", [160, 160]),
        ("mlp.gate_proj", [96, 160]), ("mlp.up_proj", [96, 160]), ("mlp.down_proj", [160, 96]))}}))
    three = dict(vocab_size=272, head_dim=16, window_size=32, sliding_window_pattern=2, interleaved_sliding_window=[32, None])
    attends = dict(mixer__qkv_proj__weight=[128, 64], mixer__o_proj__weight=[64, 64], mixer__q_norm__weight=[16], mixer__k_norm__weight=[16])
    c["plamo-3"] = dict(raw=True, tok="plamo", config=one("Plamo3ForCausalLM", "plamo3", **three), tensors=bf({**top, **plamo(0, **attends)}))
    c["plamo-3-long"] = dict(c["plamo-3"], config=one("PLaMo3ForCausalLM", "plamo3", rope_scaling_factor=4, initial_context_length=128, **three))


def newest(c, h, one, layer, dense, under, turns):
    """Decoders of 2026."""
    raw, bf, ends, att, norms, gated, mixture, mixtral, vocab = h.raw, h.bf, h.ends, h.att, h.norms, h.gated, h.mixture, h.mixtral, h.vocab
    names = lambda i, **k: {f"model.layers.{i}.{n.replace('__', '.')}": s for n, s in k.items()}
    heads = lambda i: names(i, self_attn__q_norm__weight=[16], self_attn__k_norm__weight=[16])
    experts = lambda i, n=2: {f"model.layers.{i}.mlp.gate.weight": [n, 64], **mixture(f"model.layers.{i}.mlp", n, 48)}
    shared = lambda i, name="shared_experts": gated(f"model.layers.{i}.mlp.{name}", 48)
    both = ["sliding_attention", "full_attention"]
    bases = {"full_attention": {"rope_type": "yarn", "rope_theta": 500000.0, "factor": 32.0, "original_max_position_embeddings": 64, "beta_fast": 64.0, "beta_slow": 1.0, "attention_factor": 1.0, "partial_rotary_factor": 0.5},
             "sliding_attention": {"rope_type": "default", "rope_theta": 10000.0, "partial_rotary_factor": 1.0}}
    small = {"expert_bias": [2]}
    laguna = dict(head_dim=16, num_experts=2, num_experts_per_tok=2, moe_intermediate_size=48, shared_expert_intermediate_size=48, moe_routed_scaling_factor=2.5, mlp_layer_types=["dense", "sparse"], layer_types=both[::-1], sliding_window=32,
                  rope_parameters=bases, bos_token_id=1, eos_token_id=[1, 301])
    c["laguna-xs"] = dict(raw=True, tok="bpe", files={"chat_template.jinja": "{{ messages }}", "tokenizer.json": renamed("bpe", **{"<tool>": "</assistant>"})}, config=raw("LagunaForCausalLM", "laguna", num_attention_heads_per_layer=[6, 4], gating=True,
        **laguna), tensors=bf({**ends, **att(0), "model.layers.0.self_attn.q_proj.weight": [96, 64], "model.layers.0.self_attn.o_proj.weight": [64, 96], **att(1), **norms(0), **norms(1), **heads(0), **heads(1), **gated("model.layers.0.mlp", 96),
        **experts(1), "model.layers.1.mlp.experts.e_score_correction_bias": [2], **shared(1, "shared_expert"), **names(0, self_attn__g_proj__weight=[6, 64]), **names(1, self_attn__g_proj__weight=[4, 64])}))
    c["laguna-s"] = dict(raw=True, tok="bpe", config=raw("LagunaForCausalLM", "laguna", gating="per-element", **laguna), tensors=bf({**ends, **att(0), **att(1), **norms(0), **norms(1), **heads(0), **heads(1), **gated("model.layers.0.mlp", 96), **experts(1),
        "model.layers.1.mlp.experts.e_score_correction_bias": [2], **shared(1, "shared_expert"), **names(0, self_attn__g_proj__weight=[64, 64]), **names(1, self_attn__g_proj__weight=[64, 64])}))
    scales = dict(attention_multiplier=0.125, embedding_multiplier=12.0, residual_multiplier=0.22, logits_scaling=8.0)
    swa = lambda arch, kind, **k: raw(arch, kind, sliding_window=32, layer_types=both, no_rope_layers=[1, 0], **scales, **k)
    sinks = lambda i: {f"model.layers.{i}.self_attn.sinks": [4]}
    c["granite-swa"] = dict(raw=True, tok="bpe", config=swa("GraniteSWAForCausalLM", "granite_swa"), tensors=bf({**ends, **layer(0), **layer(1), **sinks(0), **sinks(1)}))
    c["granitemoe-swa"] = dict(raw=True, tok="bpe", config=swa("GraniteMoeSWAForCausalLM", "granitemoe_swa", num_local_experts=2, num_experts_per_tok=2, shared_intermediate_size=48), tensors=bf({**ends, **{k: v for i in range(2) for k, v in
        {**att(i), **norms(i), **sinks(i), **names(i, block_sparse_moe__router__weight=[2, 64], block_sparse_moe__experts__gate_up_proj=[2, 192, 64], block_sparse_moe__experts__down_proj=[2, 64, 96], shared_mlp__input_linear__weight=[96, 64],
        shared_mlp__output_linear__weight=[64, 48])}.items()}}))
    c["muse-glimmer"] = dict(raw=True, tok="llama3", files={"tokenizer.json": renamed("llama3", **{"<tool>": "<|eot|>"})}, config={"architectures": ["MuseGlimmerForConditionalGeneration"], "model_type": "muse_glimmer", "text_config": {k: v for k, v in one("x",
        "muse_glimmer_text", head_dim=16, final_logit_softcapping=30.0, output_multiplier=0.25, sliding_window=32, layer_types=both[:1], qk_scale_factor=11.3, layer_rope_theta=[10000.0]).items() if k != "architectures"}, "vision_config": {}},
        tensors=bf({**{k.replace("model.", "model.language_model.", 1): v for k, v in {**dense, **names(0, self_attn__gate_proj__weight=[64, 64], pre_feedforward_layernorm__weight=[64], post_feedforward_layernorm__weight=[64])}.items()},
        "model.vision_tower.ln_pre.weight": [32]}))
    c["maple"] = dict(raw=True, tok="qwen2", config=one("MapleForCausalLM", "maple", head_dim=16, hidden_act="silu", num_experts=2, num_experts_per_tok=2, moe_intermediate_size=48, norm_topk_prob=True, nope_on_global_attention=True,
        sliding_window=32, layer_types=both[:1], partial_rotary_factor=0.5, scoring_func="sigmoid"), tensors=bf({**ends, **att(0), **norms(0), **heads(0), **experts(0)}))
    c["spark-x2.5"] = dict(raw=True, tok="qwen2", config=raw("Spark2_5ForCausalLM", "spark", head_dim=16, layer_types=both, sliding_window=32, gate_attn_act_mode="sigmoid", headwise_attn_output_gate=True, hidden_act="gelu", rope_parameters={
        k: {**v, "rope_type": "default"} for k, v in bases.items()}), tensors=bf({**ends, **{k: v for i in range(2) for k, v in {**norms(i), **gated(f"model.layers.{i}.mlp", 96), **names(i, self_attn__q_k_v_proj__weight=[128, 64],
        self_attn__o_proj__weight=[64, 64], self_attn__g_proj__weight=[4, 64])}.items()}}))
    c["pangu-embedded"] = dict(raw=True, tok="spm", config=one("PanguEmbeddedForCausalLM", "PanguEmbedded", vocab_size=420, bos_token_id=1, eos_token_id=2), tensors=bf({**vocab(420), **layer(), **{f"model.layers.0.self_attn.{n}_proj.bias": [w]
        for n, w in (("q", 64), ("k", 32), ("v", 32), ("o", 64))}}))
    layernorm = {f"layernorm_{p}_{q}": x for p in ("full_attention", "linear_attention", "mlp") for q, x in (("alpha", 3.5565588200778455), ("beta", 1.0))}
    c["minimax-m1"] = dict(raw=True, tok="bpe", files={"chat_template.jinja": "{{ messages }}", "model.safetensors.index.json": json.dumps({"weight_map": {}})}, config=raw("MiniMaxM1ForCausalLM", "minimax_m1", head_dim=16, rotary_dim=8,
        num_local_experts=2, num_experts_per_tok=2, attn_type_list=[0, 0], **layernorm), tensors=bf({**ends, **{k: v for i in range(2) for k, v in {**norms(i), **names(i, self_attn__norm__weight=[64], self_attn__qkv_proj__weight=[192, 64], self_attn__output_gate__weight=[64, 64],
        self_attn__out_proj__weight=[64, 64]), f"model.layers.{i}.block_sparse_moe.gate.weight": [2, 64], **mixtral(f"model.layers.{i}.block_sparse_moe", 2, 96)}.items()}}))
    c["minimax-m1"]["files"]["model.safetensors.index.json"] = json.dumps({"weight_map": {n: "model.safetensors" for n, _, _ in c["minimax-m1"]["tensors"]}})
    sparse = dict(sparse_num_index_heads=2, sparse_index_dim=16, sparse_topk_blocks=4, sparse_block_size=32, sparse_local_block=1)
    c["minimax-m3"] = dict(raw=True, tok="bpe", config={"architectures": ["MiniMaxM3SparseForConditionalGeneration"], "model_type": "minimax_m3_vl", "vision_config": {}, "text_config": {k: v for k, v in raw("x", "minimax_m3_text", head_dim=16, rotary_dim=8,
        dense_intermediate_size=128, num_local_experts=2, num_experts_per_tok=2, n_shared_experts=1, routed_scaling_factor=2.0, moe_layer_freq=[0, 1], scoring_func="sigmoid", sparse_attention_config=sparse).items() if k != "architectures"}},
        tensors=bf(under("language_model.", {**ends, **att(0), **att(1), **norms(0), **norms(1), **heads(0), **heads(1), **gated("model.layers.0.mlp", 128), **names(1, self_attn__index_q_proj__weight=[32, 64], self_attn__index_k_proj__weight=[16, 64],
        self_attn__index_q_norm__weight=[16], self_attn__index_k_norm__weight=[16], block_sparse_moe__gate__weight=[2, 64], block_sparse_moe__e_score_correction_bias=[2]), **mixtral("model.layers.1.block_sparse_moe", 2, 96),
        **gated("model.layers.1.block_sparse_moe.shared_experts", 96)}) | {"vision_tower.vision_model.pre_layrnorm.weight": [32], "patch_merge_mlp.linear_1.weight": [32, 32]}))
    latents(c, h, one, under, turns, names, experts, shared)


def latents(c, h, one, under, turns, names, experts, shared):
    """Decoders of 2026 with latent attention."""
    raw, bf, ends, norms, gated, mixture, mixtral, vocab = h.raw, h.bf, h.ends, h.norms, h.gated, h.mixture, h.mixtral, h.vocab
    at = lambda i, **k: names(i, **{"attention__" + n: s for n, s in k.items()})
    ling = raw("BailingMoeV3ForCausalLM", "bailing_hybrid", head_dim=16, num_key_value_heads=4, layer_group_size=2, no_kda_lora=True, kda_safe_gate=True, kda_lower_bound=-5.0, gated_attention_proj_granularity_type="head_wise", short_conv_kernel_size=4, kv_lora_rank=32,
        q_lora_rank=24, qk_nope_head_dim=16, qk_rope_head_dim=8, v_head_dim=16, num_experts=2, num_experts_per_tok=2, n_group=1, topk_group=1, moe_intermediate_size=48, moe_shared_expert_intermediate_size=48, num_shared_experts=1, first_k_dense_replace=1,
        routed_scaling_factor=2.5, norm_topk_prob=True, score_function="sigmoid", expert_swiglu_limit_list=[None, 7.0], share_expert_swiglu_limit_list=[None, 7.0], num_nextn_predict_layers=1)
    mla = lambda i: at(i, q_a_proj__weight=[24, 64], q_a_layernorm__weight=[24], q_b_proj__weight=[96, 24], kv_a_proj_with_mqa__weight=[40, 64], kv_a_layernorm__weight=[32], kv_b_proj__weight=[128, 32], dense__weight=[64, 64], g_proj__weight=[4, 64])
    kda = {f"{p}_proj__weight": [64, 64] for p in "qkvof"} | {f"{p}_conv1d__weight": [64, 1, 4] for p in "qkv"} | dict(b_proj__weight=[4, 64], g_proj__weight=[64, 64], A_log=[4], dt_bias=[64], o_norm__weight=[16])
    lingts = {"model.word_embeddings.weight": [320, 64], "model.norm.weight": [64], "lm_head.weight": [320, 64], **at(0, **kda), **mla(1), **mla(2), **norms(0), **norms(1), **norms(2), **gated("model.layers.0.mlp", 96), **{k: v for i in (1, 2) for k, v in
              {**experts(i), **shared(i), f"model.layers.{i}.mlp.gate.expert_bias": [2]}.items()}, **names(2, eh_proj__weight=[64, 128], enorm__weight=[64], hnorm__weight=[64], final_layernorm__weight=[64])}
    c["ling-3.0"] = dict(raw=True, tok="bpe", config=ling, tensors=bf(lingts))
    c["ling-3.0-vl"] = dict(raw=True, tok="bpe", config={"architectures": ["BailingMoeV3VLForConditionalGeneration"], "model_type": "x", "vision_config": {}, "text_config": {**{k: v for k, v in ling.items() if k != "architectures"}, "mrope_section": [1, 1, 2]}},
        tensors=bf({**lingts, "linear_proj.0.weight": [32, 32], "model.visual.merger.norm.weight": [32]}))
    delta = {f"self_attn__{p}_proj__weight": [64, 64] for p in "qkvo"} | {f"self_attn__{p}_conv1d__weight": [64, 1, 4] for p in "qkv"} | dict(self_attn__b_proj__weight=[4, 64], self_attn__f_a_proj__weight=[16, 64], self_attn__f_b_proj__weight=[64, 16],
        self_attn__A_log=[4], self_attn__dt_bias=[64], self_attn__o_norm__weight=[16])
    latent = dict(self_attn__q_a_proj__weight=[24, 64], self_attn__q_a_layernorm__weight=[24], self_attn__q_b_proj__weight=[96, 24], self_attn__kv_a_proj_with_mqa__weight=[40, 64], self_attn__kv_a_layernorm__weight=[32],
        self_attn__kv_b_proj__weight=[128, 32], self_attn__o_proj__weight=[64, 64])
    k3 = {k: v for k, v in raw("x", "kimi_linear", linear_attn_config={"full_attn_layers": [2], "kda_layers": [1], "head_dim": 16, "num_heads": 4, "short_conv_kernel_size": 4, "gate_lower_bound": -5.0}, mla_use_nope=True, moe_renormalize=True,
        moe_router_activation_func="sigmoid", num_experts=2, num_experts_per_token=2, num_shared_experts=1, routed_scaling_factor=2.446, routed_expert_hidden_size=32, hidden_act="situ", activation_situ_beta=1.5, activation_situ_linear_beta=2.0,
        attn_res_block_size=4, rope_scaling=None, vocab_size=300, kv_lora_rank=32, q_lora_rank=24, qk_nope_head_dim=16, qk_rope_head_dim=8, v_head_dim=16, moe_intermediate_size=32, first_k_dense_replace=1, bos_token_id=290, eos_token_id=293,
        num_key_value_heads=4).items() if k != "architectures"}
    res = lambda i: names(i, self_attention_res_norm__weight=[64], self_attention_res_proj__weight=[1, 64], mlp_res_norm__weight=[64], mlp_res_proj__weight=[1, 64])
    k3ts = {**vocab(300), **norms(0), **names(0, **{**delta, "self_attn__g_proj__weight": [64, 64]}), **gated("model.layers.0.mlp", 96), **norms(1), **names(1, **{**latent, "self_attn__g_proj__weight": [64, 64]}), **res(0), **res(1),
            "model.output_attn_res_norm.weight": [64], "model.output_attn_res_proj.weight": [1, 64], **names(1, block_sparse_moe__gate__weight=[2, 64], block_sparse_moe__gate__e_score_correction_bias=[2], block_sparse_moe__routed_expert_down_proj__weight=[32, 64],
            block_sparse_moe__routed_expert_up_proj__weight=[64, 32], block_sparse_moe__routed_expert_norm__weight=[32]), **gated("model.layers.1.block_sparse_moe.shared_experts", 32)}
    ex = {f"model.layers.1.block_sparse_moe.experts.{i}.{w}.weight": [32, 32] for i in range(2) for w in ("w1", "w2", "w3")}
    kimi = {"architectures": ["KimiK3ForConditionalGeneration"], "model_type": "kimi_k3", "text_config": k3, "bos_token_id": 290, "eos_token_id": 293}
    c["kimi-k3"] = dict(raw=True, tok="kimi", config=kimi, tensors=bf(under("language_model.", {**k3ts, **ex}) | {"vision_tower.patch_embed.pos_emb": [4, 32], "mm_projector.pre_norm.weight": [32]}))
    c["kimi-k3-mxfp4"] = dict(raw=True, tok="kimi", config={**kimi, "quantization_config": {"quant_method": "compressed-tensors", "format": "mxfp4-pack-quantized"}}, tensors=sorted(bf(under("language_model.", k3ts)) +
        [["language_model." + k + s, "U8", [32, n]] for k in ex for s, n in (("_packed", 16), ("_scale", 1))]))
    hc = lambda p, n: {p + "_fn": [24, 256], p + "_base": [24], p + "_scale": [3]}
    index = dict(self_attn__indexer__wq_b__weight=[32, 24], self_attn__indexer__wk__weight=[16, 64], self_attn__indexer__k_norm__weight=[16], self_attn__indexer__k_norm__bias=[16], self_attn__indexer__weights_proj__weight=[2, 64])
    topk = dict(index_topk=16, index_head_dim=16, index_n_heads=2)
    moe = dict(n_routed_experts=2, num_experts_per_tok=2, moe_intermediate_size=48, n_shared_experts=1, first_k_dense_replace=1, routed_scaling_factor=2.5, norm_topk_prob=True)
    nope = {**latent, "self_attn__q_b_proj__weight": [64, 24], "self_attn__kv_a_proj_with_mqa__weight": [32, 64]}
    glm = {k: v for k, v in raw("x", "glm5_next_text", layer_types=["linear_attention", "full_attention"], linear_attn_config={"head_dim": 16, "num_heads": 4, "short_conv_kernel_size": 4, "gate_lower_bound": -5.0}, mla_use_nope=True, mlp_layer_types=["dense", "sparse"], qk_rope_head_dim=0,
        kv_lora_rank=32, q_lora_rank=24, qk_nope_head_dim=16, v_head_dim=16, index_kpool=4, indexer_types=["shared", "full"], hc_mult=4, hc_sinkhorn_iters=20, hc_eps=1e-6, swiglu_limit=7.0, scoring_func="sigmoid", n_group=1, topk_group=1,
        num_nextn_predict_layers=1, num_key_value_heads=4, head_dim=16, **topk, **moe).items() if k != "architectures"}
    streams = lambda i: names(i, **hc("hc_attn", 0), **hc("hc_ffn", 0))
    pool = dict(self_attn__indexer__index_kpool_compress_gate=[16, 64], self_attn__indexer__index_kpool_compress_ape=[4, 16])
    c["glm-5.3"] = dict(raw=True, tok="glm", pre="glm4", config={"architectures": ["Glm5NextForConditionalGeneration"], "model_type": "glm5_next", "text_config": glm, "vision_config": {}}, tensors=bf({**{k.replace("model.", "model.language_model.", 1): v
        for k, v in {**ends, **names(0, **{**delta, "self_attn__g_a_proj__weight": [16, 64], "self_attn__g_b_proj__weight": [64, 16]}), **names(1, **nope, **index, **pool), **names(2, **nope, **index, **pool), **{k: v for i in range(3) for k, v in
        {**norms(i), **streams(i)}.items()}, **gated("model.layers.0.mlp", 96), **{k: v for i in (1, 2) for k, v in {**experts(i), **shared(i), f"model.layers.{i}.mlp.gate.e_score_correction_bias": [2]}.items()},
        **names(2, eh_proj__weight=[64, 128], enorm__weight=[64], hnorm__weight=[64], shared_head__norm__weight=[64])}.items()}, "model.visual.merger.norm.weight": [32]}))
    pre = lambda i: {f"model.layers.{i}.hc_{p}_layer.hc_pre.hc_{k}": s for p in ("attn", "mlp") for k, s in (("fn", [8, 256]), ("base", [8]), ("scale", [2]))}
    hy = raw("HYV4ForCausalLM", "hy_v4", kv_lora_rank=32, q_lora_rank=24, qk_rope_head_dim=8, qk_nope_head_dim=16, v_head_dim=16, num_key_value_heads=8, n_group=1, topk_group=1, mlp_layer_types=["dense", "sparse"], swiglu_limit=7.0, hc_mult=4, hc_eps=1e-6,
        hc_magnitude=2.0, indexer_types=["full", "shared"], enable_lm_head_fp32=True, num_nextn_predict_layers=1, **topk, **moe)
    hyts = {**ends, **names(0, **latent, **index), **names(1, **latent), **{k: v for i in range(2) for k, v in {**norms(i), **pre(i), **names(i, self_attn__learnable_sink_param=[4], self_attn__linear_gate__weight=[64, 64])}.items()},
            **gated("model.layers.0.mlp", 96), **names(1, mlp__gate__weight=[2, 64], mlp__gate__e_score_correction_bias=[2], mlp__experts__gate_up_proj=[2, 96, 64], mlp__experts__down_proj=[2, 64, 48]), **shared(1),
            "model.hc_head.hc_head_fn": [4, 256], "model.hc_head.hc_head_base": [4], "model.hc_head.hc_head_scale": [1], "model.mtp_layers.0.enorm.weight": [64]}
    c["hy4"] = dict(raw=True, tok="bpe", config=hy, tensors=bf(hyts))
    wide = {**latent, "self_attn__q_b_proj__weight": [48, 24], "self_attn__kv_a_proj_with_mqa__weight": [24, 64], "self_attn__kv_a_layernorm__weight": [16], "self_attn__kv_b_proj__weight": [64, 16], "self_attn__o_proj__weight": [64, 32]}
    d3 = lambda i, n: names(i, self_attn__g_proj__weight=[n, 64], self_attn__k_rope_only_layernorm__weight=[8])
    c["dots3-note"] = dict(raw=True, tok="bpe", files={"tokenizer.json": renamed("bpe", **{"<tool>": "<|endofassistant|>"})}, config=raw("Dots3NoteTextForCausalLM", "dots3_note_text", layer_types=["full_attention", "sliding_attention"], scoring_func="sigmoid",
        kv_lora_rank=32, q_lora_rank=24, qk_rope_head_dim=8, qk_nope_head_dim=16, v_head_dim=16, num_key_value_heads=4, swa_num_attention_heads=2, swa_num_key_value_heads=2, swa_kv_lora_rank=16, swa_q_lora_rank=24, swa_qk_rope_head_dim=8, swa_qk_nope_head_dim=16, swa_v_head_dim=16,
        swa_head_dim=24, sliding_window_size=32, swa_rope_theta=5000.0, apply_mla_qkv_lora_rescale=True, head_dim=24, moe_shared_expert_intermediate_size=48, **topk, **moe), tensors=bf({**ends, **names(0, **latent, **index), **names(1, **wide), **names(2, **wide), **d3(0, 4), **d3(1, 2), **d3(2, 2),
        **norms(0), **norms(1), **norms(2), **gated("model.layers.0.mlp", 96), **{k: v for i in (1, 2) for k, v in {**experts(i), **shared(i), f"model.layers.{i}.mlp.gate.e_score_correction_bias": [2]}.items()}, "model.mtp.embed_tokens.weight": [320, 64],
        **names(2, eh_proj__weight=[64, 128], enorm__weight=[64], hnorm__weight=[64], shared_head__norm__weight=[64]), "vision_encoder.post_trunk_norm.weight": [32], "audio_encoder.audio_adapter.proj.1.weight": [32, 32]}))
    deepseek4(c, h, moe, topk)
    qwen4(c, h, names, experts, shared)


def deepseek4(c, h, moe, topk):
    no_width = lambda *a, **k: {n: v for n, v in h.raw(*a, **k).items() if n != "intermediate_size"}
    at = lambda i, **k: [[f"layers.{i}.{n.replace('__', '.')}", *v] for n, v in k.items()]
    fp8 = lambda i, n, a, b: [[f"layers.{i}.{n}.weight", "F8_E4M3", [a, b]], [f"layers.{i}.{n}.scale", "F8_E8M0", [(a + 127) // 128, (b + 127) // 128]]]
    ts = [["embed.weight", "BF16", [320, 64]], ["norm.weight", "BF16", [64]], ["head.weight", "BF16", [320, 64]], ["hc_head_fn", "F32", [4, 256]], ["hc_head_base", "F32", [4]], ["hc_head_scale", "F32", [1]], ["mtp.0.norm.weight", "BF16", [64]]]
    for i in range(2):
        ts += at(i, attn_norm__weight=("BF16", [64]), ffn_norm__weight=("BF16", [64]), attn__attn_sink=("F32", [4]), attn__q_norm__weight=("BF16", [32]), attn__kv_norm__weight=("BF16", [32]), ffn__gate__weight=("BF16", [2, 64]), ffn__gate__bias=("F32", [2]))
        ts += at(i, **{f"hc_{p}_{k}": ("F32", s) for p in ("attn", "ffn") for k, s in (("fn", [24, 256]), ("base", [24]), ("scale", [3]))})
        ts += [t for n, a, b in (("attn.wq_a", 32, 64), ("attn.wq_b", 128, 32), ("attn.wkv", 32, 64), ("attn.wo_a", 64, 64), ("attn.wo_b", 64, 64), ("ffn.shared_experts.w1", 32, 64), ("ffn.shared_experts.w2", 64, 32), ("ffn.shared_experts.w3", 32, 64)) for t in fp8(i, n, a, b)]
        ts += [[f"layers.{i}.ffn.experts.{e}.{w}.{k}", d, [a, b // n]] for e in range(2) for w, a, b in (("w1", 32, 64), ("w2", 64, 32), ("w3", 32, 64)) for k, d, n in (("weight", "I8", 2), ("scale", "F8_E8M0", 32))]
    ts += at(0, ffn__gate__tid2eid=("I64", [320, 2]))
    ts += at(1, attn__compressor__ape=("F32", [4, 64]), attn__compressor__wkv__weight=("F32", [64, 64]), attn__compressor__wgate__weight=("F32", [64, 64]), attn__compressor__norm__weight=("BF16", [32]), attn__indexer__weights_proj__weight=("BF16", [2, 64]),
             attn__indexer__compressor__ape=("F32", [4, 32]), attn__indexer__compressor__wkv__weight=("F32", [32, 64]), attn__indexer__compressor__wgate__weight=("F32", [32, 64]), attn__indexer__compressor__norm__weight=("BF16", [16])) + fp8(1, "attn.indexer.wq_b", 32, 32)
    c["deepseek-v4-flash"] = dict(raw=True, tok="bpe", config=no_width("DeepseekV4ForCausalLM", "deepseek_v4", head_dim=32, num_key_value_heads=1, q_lora_rank=32, qk_rope_head_dim=8, sliding_window=32, scoring_func="sqrtsoftplus", swiglu_limit=10.0, o_groups=2,
        o_lora_rank=32, compress_ratios=[0, 4], compress_rope_theta=40000.0, hc_mult=4, hc_sinkhorn_iters=20, hc_eps=1e-6, num_hash_layers=1, num_nextn_predict_layers=1, quantization_config={"quant_method": "fp8", "fmt": "e4m3", "scale_fmt": "ue8m0",
        "weight_block_size": [128, 128]}, rope_scaling={"type": "yarn", "factor": 16.0, "beta_fast": 32.0, "beta_slow": 1.0, "original_max_position_embeddings": 64}, **topk, **{k: v for k, v in moe.items() if k != "first_k_dense_replace"}), tensors=sorted(ts))


def qwen4(c, h, names, experts, shared):
    mix = lambda p: {p + ".hc_norm.weight": [256], p + ".input_mix_weight_down.weight": [8, 256], p + ".input_mix_weight_up.weight": [256, 8]}
    lin = dict(linear_conv_kernel_dim=4, linear_key_head_dim=16, linear_value_head_dim=16, linear_num_key_heads=2, linear_num_value_heads=4)
    ts = {"embed_tokens.weight": [320, 64], **mix("hyper_connection_mixer")}
    for i in range(2):
        ts |= {f"layers.{i}.{k}": v for p in ("attn", "mlp") for k, v in {**mix(f"{p}_hyper_connection"), f"{p}_hyper_connection.block_inject_weight.weight": [4, 256]}.items()}
        ts |= {k.removeprefix("model."): v for k, v in {**experts(i), **shared(i, "shared_expert"), f"model.layers.{i}.mlp.shared_expert_gate.weight": [1, 64]}.items()}
    ts |= {f"layers.0.linear_attn.{k}": v for k, v in (("in_proj_qkv.weight", [128, 64]), ("in_proj_z.weight", [64, 64]), ("in_proj_a.weight", [4, 64]), ("in_proj_b.weight", [4, 64]), ("A_log", [4]), ("dt_bias", [4]), ("conv1d.weight", [128, 1, 4]),
           ("norm.weight", [16]), ("out_proj.weight", [64, 64]))}
    ts |= {f"layers.1.self_attn.{k}.weight": v for k, v in (("q_proj", [128, 64]), ("k_proj", [32, 64]), ("v_proj", [32, 64]), ("o_proj", [64, 64]), ("q_norm", [16]), ("k_norm", [16]), ("indexer.index_qk_proj", [48, 64]), ("indexer.q_layernorm", [16]),
           ("indexer.k_layernorm", [16]))}
    ts |= {f"layers.0.ple.{k}.weight": v for k, v in (("key_proj", [256, 64]), ("value_proj", [64, 64]), ("norm_key", [256]), ("norm_query", [256]), ("norm_conv", [256]), ("conv1d", [256, 1, 3]))}
    ts |= {f"layers.0.ple.ple_embedding.ngram_embedding.shard_{i}.weight": [256, 16] for i in range(2)}
    text = {k: v for k, v in h.raw("x", "qwen4_exp_text", head_dim=16, layer_types=["linear_attention", "full_attention"], num_experts=2, num_experts_per_tok=2, moe_intermediate_size=48, shared_expert_intermediate_size=48, hc_count=4, hc_lowrank=8,
            indexer_n_heads=2, indexer_kv_heads=1, indexer_head_dim=16, indexer_budget=64, indexer_compress_ratio=4, ple_layer_ids=[1], ngram_size=3, heads_per_ngram=2, ple_conv_kernel_size=3, split_ngram_parts=2, eos_token_id=[300, 0], image_token_id=301, mtp_num_hidden_layers=1,
            rope_parameters={"rope_type": "default", "rope_theta": 1000000.0, "partial_rotary_factor": 0.25, "mrope_section": [1, 1, 0]}, **lin).items() if k != "architectures"}
    whole = [[f"model.language_model.layers.0.ple.ple_embedding.{k}", "I64", [n]] for k, n in (("layer_multipliers", 3), ("ngram_heads_offsets", 4), ("ngram_heads_vocab_sizes", 4))]
    c["qwen3.8-next"] = dict(raw=True, tok="qwen2", config={"architectures": ["Qwen4ExpForConditionalGeneration"], "model_type": "qwen4_exp", "vision_config": {}, "text_config": text}, tensors=sorted(whole + h.bf({**{"model.language_model." + k: v for k, v in ts.items()},
        "lm_head.weight": [320, 64], "mtp.norm.weight": [64], "model.visual.merger.norm.weight": [32]})))
