#!/usr/bin/env python3
"""Makes low-rank adapters in PEFT's form for two models of judge.py, and what llama.cpp makes of them: the tensors of
convert_lora_to_gguf.py, and logits with --lora. TestAdapter and TestAdapters read lora/NAME.json and lora/NAME.f32.

  python lora.py LLAMA_CPP_SOURCE CHAT LLAMA_PYTHON WORK_DIR

CHAT is this repository's program, LLAMA_PYTHON a Python that imports llama_cpp.
"""
import base64, hashlib, json, subprocess, sys
from pathlib import Path
here = Path(__file__).parent
source, chat, llama, work = sys.argv[1:5]
sys.argv[2:] = []
from judge import fill, write_safetensors, gguf_reader  # noqa: E402
import numpy as np

RANK, ALPHA, SCALE = 4, 12.0, 0.75
LOGITS = '''
import sys, json, ctypes, numpy as np
import llama_cpp as L
model, lora, scale, out = sys.argv[1:5]
L.llama_backend_init()
mp = L.llama_model_default_params(); m = L.llama_model_load_from_file(model.encode(), mp)
cp = L.llama_context_default_params(); cp.n_ctx, cp.n_batch, cp.n_ubatch, cp.n_threads = 64, 64, 64, 1
cp.flash_attn_type = 0
cp.type_k = cp.type_v = 0
c = L.llama_init_from_model(m, cp)
a = L.llama_adapter_lora_init(m, lora.encode())
assert a
if hasattr(L, "llama_set_adapter_lora"):
    assert L.llama_set_adapter_lora(c, a, float(scale)) == 0
else:
    assert L.llama_set_adapters_lora(c, (ctypes.c_void_p * 1)(a), 1, (ctypes.c_float * 1)(float(scale))) == 0
ids = list(range(10, 22))
b = L.llama_batch_init(len(ids), 0, 1); b.n_tokens = len(ids)
for i, t in enumerate(ids):
    b.token[i], b.pos[i], b.n_seq_id[i], b.seq_id[i][0], b.logits[i] = t, i, 1, 0, 1
assert L.llama_decode(c, b) == 0
n = L.llama_vocab_n_tokens(L.llama_model_get_vocab(m))
np.ctypeslib.as_array(L.llama_get_logits(c), shape=(len(ids), n)).astype("<f4").tofile(out)
'''

for model in ["SmolLM2-135M-Instruct", "qwen3"]:
    j = json.loads((here / (model + ".json")).read_text())
    tensors = []
    for name, _, shape in j["tensors"]:
        if name.endswith("_proj.weight") and ("layers.0" in name or "mlp" in name):
            module = "base_model.model." + name.removesuffix(".weight")
            tensors += [[module + ".lora_A.weight", "F32", [RANK, shape[1]]], [module + ".lora_B.weight", "BF16", [shape[0], RANK]]]
    tensors.sort()
    config = {"peft_type": "LORA", "r": RANK, "lora_alpha": ALPHA, "base_model_name_or_path": "x/y", "use_rslora": False, "use_dora": False, "fan_in_fan_out": False}
    d = Path(work) / ("adapter-" + model)
    d.mkdir(parents=True, exist_ok=True)
    write_safetensors(d / "adapter_model.safetensors", tensors)
    (d / "adapter_config.json").write_text(json.dumps(config))
    base, out = Path(work) / model, Path(work) / ("adapter-" + model + ".gguf")
    subprocess.run([sys.executable, source + "/convert_lora_to_gguf.py", str(d), "--base", str(base), "--outfile", str(out), "--outtype", "f32"], check=True, stderr=subprocess.DEVNULL)
    f32 = Path(work) / (model + "-f32.gguf")
    subprocess.run([chat, "convert", str(base), str(f32), "--type", "F32", "--force"], check=True, stdout=subprocess.DEVNULL)
    subprocess.run([llama, "-c", LOGITS, str(f32), str(out), str(SCALE), str(here / "lora" / (model + ".f32"))], check=True, stderr=subprocess.DEVNULL)
    h = {}
    for t in gguf_reader(str(out)).tensors:
        h[t.name] = hashlib.sha256(np.ascontiguousarray(t.data).astype("<f4").tobytes()).hexdigest()[:16]
    (here / "lora" / (model + ".json")).write_text(json.dumps({"config": config, "scale": SCALE, "hashes": h, "tensors": tensors}).replace('["base', '\n["base') + "\n")
    print(model, len(tensors), len(h))
