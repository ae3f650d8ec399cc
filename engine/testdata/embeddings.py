#!/usr/bin/env python3
"""Writes embeddings.json: llama.cpp's vectors and scores of texts.

    LATENTGO_WRITE=DIR go test -run TestEmbed ./engine
    pip install llama-cpp-python && python3 embeddings.py DIR > embeddings.json

DIR has the models and texts.json. {"vectors": {model: [vector of each text]}, "scores": {model: [score of each pair]}}
"""
import ctypes, glob, json, os, sys
import llama_cpp as L


def run(path, ids, pooling=-1):
    """Pooled vectors of token lists; pooling -1 is the file's."""
    mp, cp = L.llama_model_default_params(), L.llama_context_default_params()
    mp.n_gpu_layers = 0
    model = L.llama_model_load_from_file(path.encode(), mp)
    n = max(map(len, ids)) + 8
    cp.n_ctx = cp.n_batch = cp.n_ubatch = n
    cp.embeddings, cp.pooling_type, cp.n_threads = True, pooling, 2
    ctx = L.llama_init_from_model(model, cp)
    width, out = L.llama_model_n_embd(model), []
    if L.llama_pooling_type(ctx) == 4:
        width = L.llama_model_n_cls_out(model)
    for one in ids:
        L.llama_memory_clear(L.llama_get_memory(ctx), True) if L.llama_get_memory(ctx) else None
        batch = L.llama_batch_init(len(one), 0, 1)
        batch.n_tokens = len(one)
        for i, t in enumerate(one):
            batch.token[i], batch.pos[i], batch.n_seq_id[i], batch.seq_id[i][0], batch.logits[i] = t, i, 1, 0, True
        assert L.llama_decode(ctx, batch) == 0
        out.append(L.llama_get_embeddings_seq(ctx, 0)[:width])
        L.llama_batch_free(batch)
    L.llama_free(ctx)
    L.llama_model_free(model)
    return out


def encode(path, texts, special, parse):
    mp = L.llama_model_default_params()
    mp.vocab_only = True
    model = L.llama_model_load_from_file(path.encode(), mp)
    vocab, out = L.llama_model_get_vocab(model), []
    for raw in texts:
        raw = raw.encode()
        buf = (L.llama_token * (4 * len(raw) + 16))()
        out.append(list(buf[:L.llama_tokenize(vocab, raw, len(raw), buf, len(buf), special, parse)]))
    facts = {"bos": L.llama_vocab_bos(vocab), "eos": L.llama_vocab_eos(vocab), "sep": L.llama_vocab_sep(vocab), "add_bos": L.llama_vocab_get_add_bos(vocab),
             "add_eos": L.llama_vocab_get_add_eos(vocab), "add_sep": L.llama_vocab_get_add_sep(vocab)}
    template = L.llama_model_chat_template(model, b"rerank")
    L.llama_model_free(model)
    return out, facts, template


def pair(path, query, doc):
    """What llama-server does: format_prompt_rerank."""
    (q, d), f, template = encode(path, [query, doc], False, False)
    if template:
        text = template.decode().replace("{query}", query).replace("{document}", doc)
        return encode(path, [text], False, True)[0][0]
    eos = f["eos"] if f["eos"] >= 0 else f["sep"]
    end = [eos] * f["add_eos"]
    return [f["bos"]] * f["add_bos"] + q + end + [f["sep"]] * f["add_sep"] + d + end


def normal(x):
    n = sum(v * v for v in x) ** .5
    return [round(v / n, 6) for v in x]


@L.llama_log_callback
def quiet(level, text, user):
    pass


def main():
    L.llama_log_set(quiet, ctypes.c_void_p(0))
    L.llama_backend_init()
    t = json.load(open(os.path.join(sys.argv[1], "texts.json")))
    out = {"vectors": {}, "scores": {}}
    for path in sorted(glob.glob(os.path.join(sys.argv[1], "*.gguf"))):
        name = os.path.basename(path)[:-5]
        if name.startswith("rank-"):
            out["scores"][name] = [round(x[0], 6) for x in run(path, [pair(path, t["query"], d) for d in t["texts"][:-1]])]
        else:
            out["vectors"][name] = [normal(x) for x in run(path, encode(path, t["texts"], True, False)[0])]
    json.dump(out, sys.stdout, separators=(",", ":"))
    print()


if __name__ == "__main__":
    main()
