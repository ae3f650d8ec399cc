"""llama.cpp's side of sweep.py, a process of its own. For each line {"path", "ids", "out", "embed", "single"} on standard
input it answers {"ok": true} or {"error": why}: it loads the model, and where "out" names a file writes the logits of all
tokens there, or with "embed" an encoder's rows. All tokens but the last 8 are one batch. "single" keeps keys and values in
single precision. Each request runs in a child, which may crash.
"""
import ctypes, json, os, sys, tempfile

import llama_cpp as L
import numpy as np

STEPS = 8  # tokens that are evaluated one by one in the end
log = []


@L.llama_log_callback
def keep(level, text, user):
    text = text.decode("utf-8", "replace")
    if level >= 3 or "error" in text:
        log.append(text.strip())


def context(model, q):
    p = L.llama_context_default_params()
    p.n_ctx, p.n_batch, p.n_ubatch = 256, 512, 512
    p.n_threads = p.n_threads_batch = 1
    p.no_perf = True
    if q.get("single"):
        p.type_k = p.type_v = 0
        p.flash_attn_type = 0
    if q["embed"]:
        p.embeddings, p.pooling_type = True, 0
    return L.llama_init_from_model(model, p)


def rows(model, ctx, part, at, embed):
    b = L.llama_batch_init(len(part), 0, 1)
    b.n_tokens = len(part)
    for i, t in enumerate(part):
        b.token[i], b.pos[i], b.n_seq_id[i], b.seq_id[i][0], b.logits[i] = t, at + i, 1, 0, 1
    if L.llama_decode(ctx, b) != 0:
        return None
    if embed:
        return np.ctypeslib.as_array(L.llama_get_embeddings(ctx), shape=(len(part), L.llama_model_n_embd(model))).copy()
    vocab = L.llama_vocab_n_tokens(L.llama_model_get_vocab(model))
    return np.ctypeslib.as_array(L.llama_get_logits(ctx), shape=(len(part), vocab)).copy()


def judge(q):
    p = L.llama_model_default_params()
    p.n_gpu_layers = 0
    model = L.llama_model_load_from_file(q["path"].encode(), p)
    if not model:
        return {"error": " | ".join(log[-6:])}
    if not q.get("out"):
        return {"ok": True}
    ctx = context(model, q)
    if not ctx:
        return {"error": "context: " + " | ".join(log[-4:])}
    ids, out, at = q["ids"], [], 0
    for part in [ids] if q["embed"] else [ids[:-STEPS]] + [[i] for i in ids[-STEPS:]]:
        x = rows(model, ctx, part, at, q["embed"])
        if x is None:
            return {"error": "decode: " + " | ".join(log[-4:])}
        out.append(x)
        at += len(part)
    x = np.concatenate(out)
    x.astype("<f4").tofile(q["out"])
    return {"ok": True} if np.isfinite(x).all() else {"error": "logits are not finite"}


def main():
    L.llama_log_set(keep, ctypes.c_void_p(0))
    L.llama_backend_init()
    for line in sys.stdin:
        with tempfile.TemporaryFile("w+") as err:
            pid = os.fork()
            if pid == 0:
                os.dup2(err.fileno(), 2)
                print(json.dumps(judge(json.loads(line))), flush=True)
                os._exit(0)
            status = os.waitpid(pid, 0)[1]
            if status != 0:
                err.seek(0)
                said = [s for s in err.read().splitlines() if "ASSERT" in s or "rror" in s]
                print(json.dumps({"error": "crash: " + (said or ["?"])[-1][-200:]}), flush=True)


main()
