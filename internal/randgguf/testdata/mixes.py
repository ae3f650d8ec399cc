#!/usr/bin/env python3
"""Writes mixes.json: which types llama.cpp's quantiser gives to the tensors of a file, per shape and mixture.

  pip install llama-cpp-python && go build -o randgguf .. && ./mixes.py ./randgguf > mixes.json

A tensor's types are listed over the layers, runs as TYPE*COUNT. Needs the package gguf to read types.
"""
import ctypes, itertools, json, re, subprocess, sys, tempfile
import gguf
import llama_cpp as L

SHAPES = ["-layers 17 -heads 4 -kv 1", "-layers 16 -width 192 -heads 6 -kv 2 -head-size 32 -ff 768",
          "-layers 9 -tied=false", "-layers 2 -width 96 -heads 3 -kv 3 -ff 80 -tied=false"]
TYPES = "F16 BF16 Q4_0 Q4_1 Q5_0 Q5_1 Q8_0 Q2_K Q3_K_S Q3_K_M Q3_K_L Q4_K_S Q4_K_M Q5_K_S Q5_K_M Q6_K IQ4_NL IQ4_XS".split()


@L.llama_log_callback
def silent(level, text, user):
    pass


def quantize(src, dst, typ):
    p = L.llama_model_quantize_default_params()
    p.ftype, p.nthread = getattr(L, "LLAMA_FTYPE_MOSTLY_" + typ), 1
    if L.llama_model_quantize(src.encode(), dst.encode(), ctypes.byref(p)) != 0:
        sys.exit("llama.cpp does not write " + typ)


def types(path):
    """Maps a tensor's name without its layer to the types over the layers."""
    out = {}
    for t in gguf.GGUFReader(path).tensors:
        m = re.match(r"(?:blk\.(\d+)\.)?(.*)\.weight$", t.name)
        out.setdefault(m[2], []).append((int(m[1] or 0), t.tensor_type.name))
    runs = lambda ts: " ".join("%s*%d" % (k, len(list(g))) for k, g in itertools.groupby(n for _, n in sorted(ts)))
    return {k: runs(v) for k, v in sorted(out.items()) if "norm" not in k}


L.llama_log_set(silent, ctypes.c_void_p(0))
rows = []
with tempfile.TemporaryDirectory() as d:
    for shape in SHAPES:
        subprocess.run([sys.argv[1], "-o", d + "/f", "-type", "F16", *shape.split()], check=True, stdout=subprocess.DEVNULL)
        for typ in TYPES:
            quantize(d + "/f", d + "/q", typ)
            rows.append(json.dumps({"flags": shape, "type": typ, "tensors": types(d + "/q")}))
print("[\n" + ",\n".join(rows) + "\n]")
