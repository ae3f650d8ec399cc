#!/usr/bin/env python3
"""Makes low-rank adapters for models of judge.py whose matrices stand together in the folder, and the logits that PEFT
and transformers give with them. TestAdapters reads lora/NAME.json and lora/NAME.f32.

  python judge.py LLAMA_CPP_SOURCE phi3-mini pythia-70m mixtral-8x7b qwen3moe --keep WORK_DIR
  python peft_judge.py LLAMA_CPP_SOURCE WORK_DIR

needs: pip install torch transformers peft. Adapters for parameters that hold all experts (target_parameters) are applied
by PEFT; experts one by one, as PEFT saved them with transformers 4, are added to the weights here.
"""
import json, sys
from pathlib import Path
here, work = Path(__file__).parent, Path(sys.argv[2])
sys.argv[2:] = []
from judge import fill, write_safetensors  # noqa: E402
import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM

RANK, ALPHA, SCALE = 2, 6.0, 0.75
EXPERTS = 4
hidden, inner, moe = 64, 96, 32


def linear(module, rows, cols):
    return [[module + ".lora_A.weight", "F32", [RANK, cols]], [module + ".lora_B.weight", "F32", [rows, RANK]]]


def fused(module, rows, cols):
    return [[module + ".lora_A.weight", "F32", [RANK * EXPERTS, cols]], [module + ".lora_B.weight", "F32", [rows, RANK * EXPERTS]]]


at = lambda i, s: f"base_model.model.model.layers.{i}.{s}"
neox = lambda i, s: f"base_model.model.gpt_neox.layers.{i}.{s}"
CASES = {
    "phi3-mini": (dict(target_modules=["qkv_proj", "o_proj", "gate_up_proj", "down_proj"]), [t for i in range(2) for t in
        linear(at(i, "self_attn.qkv_proj"), 128, hidden) + linear(at(i, "self_attn.o_proj"), hidden, hidden) + linear(at(i, "mlp.gate_up_proj"), 2 * inner, hidden) + linear(at(i, "mlp.down_proj"), hidden, inner)]),
    "pythia-70m": (dict(target_modules=["query_key_value", "dense", "dense_h_to_4h", "dense_4h_to_h"]), [t for i in range(2) for t in
        linear(neox(i, "attention.query_key_value"), 3 * hidden, hidden) + linear(neox(i, "attention.dense"), hidden, hidden) + linear(neox(i, "mlp.dense_h_to_4h"), inner, hidden) + linear(neox(i, "mlp.dense_4h_to_h"), hidden, inner)]),
    "mixtral-8x7b": (dict(target_modules=["q_proj", "k_proj"], target_parameters=["mlp.experts.gate_up_proj", "mlp.experts.down_proj"]), [t for i in range(2) for t in
        linear(at(i, "self_attn.q_proj"), hidden, hidden) + linear(at(i, "self_attn.k_proj"), 32, hidden) + fused(at(i, "mlp.experts.base_layer"), 2 * inner, hidden) + fused(at(i, "mlp.experts"), hidden, inner)]),
    # One by one; expert 2 of layer 0 has none, and no expert one for its way up.
    "qwen3moe": (dict(target_modules=["gate_proj", "down_proj"]), [t for i in range(2) for e in range(EXPERTS) if (i, e) != (0, 2) for t in
        linear(at(i, f"mlp.experts.{e}.gate_proj"), moe, hidden) + linear(at(i, f"mlp.experts.{e}.down_proj"), hidden, moe)]),
}


def tensor(t):
    return torch.frombuffer(bytearray(fill(t[0], t[1], t[2][0] * t[2][1])), dtype=torch.float32).reshape(t[2])


def add_experts(model, tensors):
    """Adds products for experts one by one to the parameters that hold all."""
    by = {t[0]: tensor(t) for t in tensors}
    with torch.no_grad():
        for name, a in by.items():
            if not name.endswith(".lora_A.weight"): continue
            _, layer, _, number, part = name.removeprefix("base_model.model.").removesuffix(".lora_A.weight").replace("model.layers.", "layers.").replace("mlp.experts", "experts").split(".")
            delta = SCALE * ALPHA / RANK * by[name.replace("lora_A", "lora_B")] @ a
            experts = model.model.layers[int(layer)].mlp.experts
            if part == "gate_proj": experts.gate_up_proj[int(number), :moe] += delta
            else: experts.down_proj[int(number)] += delta


for name, (target, tensors) in CASES.items():
    config = {"peft_type": "LORA", "r": RANK, "lora_alpha": ALPHA, "base_model_name_or_path": "x/y", "use_rslora": False, "use_dora": False, "fan_in_fan_out": False, "task_type": "CAUSAL_LM", "lora_dropout": 0.0, **target}
    tensors.sort()
    d = work / ("peft-" + name)
    d.mkdir(parents=True, exist_ok=True)
    write_safetensors(d / "adapter_model.safetensors", tensors)
    (d / "adapter_config.json").write_text(json.dumps({**config, "lora_alpha": ALPHA * SCALE}))
    # What no file says and all real models have: the weights of a token's experts add up to 1.
    settings = {"norm_topk_prob": True} if name == "qwen3moe" else {}
    model = AutoModelForCausalLM.from_pretrained(work / name, dtype=torch.float32, **settings).eval()
    with torch.inference_mode(): (work / (name + ".plain")).write_bytes(model(torch.arange(10, 22)[None]).logits[0, -1].numpy().astype("<f4").tobytes())
    if name == "qwen3moe": add_experts(model, tensors)
    else: model = PeftModel.from_pretrained(model, d)
    with torch.inference_mode():
        logits = model(torch.arange(10, 22)[None]).logits[0, -1]
    (here / "lora" / (name + ".f32")).write_bytes(logits.numpy().astype("<f4").tobytes())
    (here / "lora" / (name + ".json")).write_text(json.dumps({"config": config, "scale": SCALE, "hashes": {}, "tensors": tensors}).replace('["base', '\n["base') + "\n")
    print(name, len(tensors), logits.std().item(), flush=True)
