#!/usr/bin/env python3
"""Writes llamacpp.json: llama.cpp's ten highest logits after each token of prose.txt.

    pip install llama-cpp-python && python3 llamacpp.py MODEL > llamacpp.json

MODEL is SmolLM2-135M-Instruct as Q4_1; llama.cpp runs with its defaults on two threads.
"""
import ctypes, json, os, sys
import numpy as np
import llama_cpp

here = os.path.dirname(os.path.abspath(__file__))
llm = llama_cpp.Llama(sys.argv[1], n_ctx=1024, n_batch=1024, n_threads=2, logits_all=True, verbose=False)
ids = llm.tokenize(open(os.path.join(here, "prose.txt"), "rb").read(), add_bos=False, special=True)
llm.eval(ids)
logits = np.array(llm.scores[: len(ids)])
top = np.argsort(-logits, axis=1)[:, :10]
rows = np.take_along_axis(logits, top, axis=1)
out = {"ids": ids, "top": top.tolist(), "logits": [[round(float(x), 3) for x in r] for r in rows]}
json.dump(out, sys.stdout, separators=(",", ":"))
print()
