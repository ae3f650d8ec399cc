#!/usr/bin/env python3
"""llama.cpp's side of mla_quality.py: what its quantised KV caches lose, as one line of JSON.

  llama_caches.py MODEL THREADS TEXT CTX WINDOWS TYPES RECALL

TYPES are such as f16,q8_0,q4_0, for keys and values alike, or q8_0/q4_0 for keys and values; the first one is what the others are
compared with. RECALL is such as 2000x8,6000x16, tokens and codes, or - for none; the text, the codes and the questions are those of
package engine/measure. Windows do not overlap and have no BOS; a window's first token is not scored.
"""
import ctypes, json, math, os, sys
import llama_cpp as L
import numpy as np

TYPES = {"f16": 1, "q4_0": 2, "q4_1": 3, "q5_0": 6, "q5_1": 7, "q8_0": 8, "iq4_nl": 20}
BITS = {"f16": 16, "q4_0": 4.5, "q4_1": 5, "q5_0": 5.5, "q5_1": 6, "q8_0": 8.5, "iq4_nl": 4.5}
BATCH = 512
NAMES = ["Amsel", "Birke", "Calder", "Dunmore", "Elster", "Farrow", "Ginster", "Hollis", "Iverna", "Jasper", "Kestrel", "Linden",
         "Marlow", "Norwick", "Oberon", "Pinta", "Quill", "Rowan", "Saffron", "Tarn", "Umber", "Verity", "Wexford", "Yarrow"]


@L.llama_log_callback
def silent(level, text, user):
    pass


class Random:
    """Go's math/rand/v2 PCG, so that both sides hide the same codes."""

    def __init__(self, hi, lo):
        self.state = hi << 64 | lo

    def uint64(self):
        mask = (1 << 64) - 1
        self.state = (self.state * (2549297995355413924 << 64 | 4865540595714422341) + (6364136223846793005 << 64 | 1442695040888963407)) & ((1 << 128) - 1)
        hi, lo = self.state >> 64, self.state & mask
        hi ^= hi >> 32
        hi = hi * 0xda942042e4dd58b5 & mask
        hi ^= hi >> 48
        return hi * (lo | 1) & mask

    def below(self, n):
        """rand.IntN for n that is no power of two."""
        while True:
            product = (self.uint64() >> 32) * n
            if product & 0xffffffff >= (1 << 32) % n:
                return product >> 32


class Context:
    """A context with one type of cache."""

    def __init__(self, model, n_vocab, types, size, threads):
        self.types, self.n_vocab, self.at = types, n_vocab, 0
        keys, _, values = types.partition("/")
        self.share = (BITS[keys] + BITS[values or keys]) / 32
        p = L.llama_context_default_params()
        p.n_ctx, p.n_batch, p.n_ubatch = size, BATCH, BATCH
        p.n_threads = p.n_threads_batch = threads
        p.type_k, p.type_v, p.flash_attn_type, p.no_perf = TYPES[keys], TYPES[values or keys], L.LLAMA_FLASH_ATTN_TYPE_ENABLED, True
        self.ctx = L.llama_init_from_model(model, p)
        if not self.ctx:
            sys.exit("llama.cpp makes no context of %d tokens with a cache of %s" % (size, types))
        self.memory = L.llama_get_memory(self.ctx)

    def cut(self, n):
        """Forgets all but the first n tokens."""
        L.llama_memory_seq_rm(self.memory, 0, n, -1)
        self.at = n

    def eval(self, ids, logits):
        """Appends tokens; returns the logits after each of them, or nothing."""
        rows = []
        for s in range(0, len(ids), BATCH):
            part = ids[s:s + BATCH]
            b = L.llama_batch_init(len(part), 0, 1)
            b.n_tokens = len(part)
            for i, t in enumerate(part):
                b.token[i], b.pos[i], b.n_seq_id[i], b.seq_id[i][0], b.logits[i] = t, self.at + i, 1, 0, logits or i == len(part) - 1
            if L.llama_decode(self.ctx, b) != 0:
                sys.exit("llama_decode fails")
            if logits:
                rows.append(np.ctypeslib.as_array(L.llama_get_logits(self.ctx), shape=(len(part), self.n_vocab)).copy())
            L.llama_batch_free(b)
            self.at += len(part)
        return np.concatenate(rows) if logits else None


def log_softmax(x):
    x -= x.max(1, keepdims=True)
    x -= np.log(np.exp(x).sum(1, keepdims=True, dtype=np.float64)).astype(np.float32)
    return x


def windows_of(contexts, ids, ctx, windows):
    """{type: [negative log-likelihood, divergence, same top token]} as sums, and how many tokens they are of."""
    sums, n = {c.types: np.zeros(3) for c in contexts}, 0
    for w in range(min(windows, len(ids) // ctx)):
        part = ids[w * ctx:(w + 1) * ctx]
        first = None
        for c in contexts:
            c.cut(0)
            own = log_softmax(c.eval(part, True)[:-1])
            first = own if first is None else first
            kl = np.einsum("ij,ij->i", np.exp(first), first - own).sum(dtype=np.float64) if c is not contexts[0] else 0
            likely = own[np.arange(ctx - 1), part[1:]].sum(dtype=np.float64)
            sums[c.types] += [-likely, kl, (first.argmax(1) == own.argmax(1)).sum()]
        n += ctx - 1
    return sums, n


def recall(c, encode, text, tokens, facts):
    """engine/measure.Recall."""
    rng = Random(facts, 11)
    asked, codes, said, room = [], [], [], tokens
    for name in NAMES[:facts]:
        parts = [encode("\nThe code of %s is" % name), encode(" %05d" % rng.below(100000)), encode(".\n")]
        asked.append(parts[0])
        codes.append(parts[1])
        said.append(sum(parts, []))
        room -= len(said[-1])
    piece = room // (facts + 1)
    c.cut(0)
    for i in range(facts + 1):
        c.eval(text[i * piece:(i + 1) * piece] + (said[i] if i < facts else []), False)
    end, right, total, digits = c.at, 0, 0.0, 0
    for question, code in zip(asked, codes):
        own = log_softmax(c.eval(question + code[:-1], True)[len(question) - 1:])
        right += bool((own.argmax(1) == code).all())
        total, digits = total + own[np.arange(len(code)), code].sum(), digits + len(code)
        c.cut(end)
    return {"tokens": end, "facts": facts, "right": right, "log_prob": float(total / digits)}


def main(model, threads, text, ctx, windows, types, recalls):
    ctx, windows, threads = int(ctx), int(windows), int(threads)
    recalls = [] if recalls == "-" else [tuple(map(int, r.split("x"))) for r in recalls.split(",")]
    L.llama_log_set(silent, ctypes.c_void_p(0))
    L.llama_backend_init()
    mp = L.llama_model_default_params()
    mp.n_gpu_layers = 0
    m = L.llama_model_load_from_file(model.encode(), mp)
    if not m:
        sys.exit("llama.cpp does not load " + model)
    vocab = L.llama_model_get_vocab(m)

    def encode(s):
        raw = s.encode()
        buf = (L.llama_token * (len(raw) + 16))()
        return list(buf[:L.llama_tokenize(vocab, raw, len(raw), buf, len(buf), False, True)])

    with open(text, encoding="utf-8") as f:
        ids = encode(f.read())
    size = max([ctx] + [n + 64 for n, _ in recalls])
    contexts = [Context(m, L.llama_vocab_n_tokens(vocab), t, size, threads) for t in types.split(",")]
    sums, n = windows_of(contexts, ids, ctx, windows)
    reference = sums[contexts[0].types][0]
    out = []
    for c in contexts:
        nll, kl, top = sums[c.types]
        out.append({"asked": c.types, "share": c.share, "ppl": math.exp(nll / n), "ratio": math.exp((nll - reference) / n), "kl_mean": kl / n, "top1": top / n,
                    "recall": [recall(c, encode, ids, *r) for r in recalls]})
    print(json.dumps({"tokens": n, "models": out}))


if __name__ == "__main__":
    main(*sys.argv[1:8])
