"""Writes llamacpp.json: candidates that llama.cpp's samplers leave, for sample's TestLlamaCpp.

    pip install llama-cpp-python
    python llamacpp.py MODEL.gguf > llamacpp.json      (any model with a BPE vocabulary; only its tokens are used)

A case holds parameters in the JSON form of sample.Params over everything off, logits (null is -Inf), the accepted tokens,
and the surviving candidates as {id: probability}. DRY cases use a few real tokens, renumbered from 0, and carry their
texts and the tokens of all suffixes of the sequence breakers.
"""
import ctypes, json, math, random, sys
import llama_cpp as L

rnd = random.Random(20240607)
quiet = L.llama_log_callback(lambda *a: None)  # kept, or it is freed
L.llama_log_set(quiet, None)
L.llama_backend_init()
mp = L.llama_model_default_params()
mp.vocab_only = True
model = L.llama_model_load_from_file(sys.argv[1].encode(), mp)
vocab = L.llama_model_get_vocab(model)

OFF = dict(seed=1, temperature=1.0, dynatemp_range=0.0, dynatemp_exponent=1.0, top_k=0, top_p=1.0, min_p=0.0,
           typical_p=1.0, top_n_sigma=-1.0, xtc_probability=0.0, xtc_threshold=0.1, min_keep=0, repeat_last_n=64,
           repeat_penalty=1.0, frequency_penalty=0.0, presence_penalty=0.0, dry_multiplier=0.0, dry_base=1.75,
           dry_allowed_length=2, dry_penalty_last_n=64, dry_sequence_breakers=[], mirostat=0, mirostat_tau=5.0,
           mirostat_eta=0.1)
ORDER = ["penalties", "dry", "top_n_sigma", "top_k", "typ_p", "top_p", "min_p", "xtc", "temperature"]


def stage(name, p, n):
    if name == "penalties":
        return L.llama_sampler_init_penalties(n, p["repeat_last_n"], p["repeat_penalty"], p["frequency_penalty"], p["presence_penalty"])
    if name == "dry":
        b = p["dry_sequence_breakers"]
        arr = (ctypes.c_char_p * max(1, len(b)))(*[s.encode() for s in b])
        return L.llama_sampler_init_dry(vocab, p["dry_multiplier"], p["dry_base"], p["dry_allowed_length"], p["dry_penalty_last_n"], arr, len(b))
    return {
        "top_n_sigma": lambda: L.llama_sampler_init_top_n_sigma(p["top_n_sigma"]),
        "top_k": lambda: L.llama_sampler_init_top_k(p["top_k"]),
        "typ_p": lambda: L.llama_sampler_init_typical(p["typical_p"], p["min_keep"]),
        "top_p": lambda: L.llama_sampler_init_top_p(p["top_p"], p["min_keep"]),
        "min_p": lambda: L.llama_sampler_init_min_p(p["min_p"], p["min_keep"]),
        "xtc": lambda: L.llama_sampler_init_xtc(p["xtc_probability"], p["xtc_threshold"], p["min_keep"], p["seed"]),
        "temperature": lambda: L.llama_sampler_init_temp_ext(p["temperature"], p["dynatemp_range"], p["dynatemp_exponent"]),
    }[name]()


def run(p, logits, history, ids=None):
    """Returns {index: probability} of the surviving candidates."""
    ids = ids or list(range(len(logits)))
    chain = L.llama_sampler_chain_init(L.llama_sampler_chain_default_params())
    if p["mirostat"]:
        L.llama_sampler_chain_add(chain, L.llama_sampler_init_temp(p["temperature"]))
        m = (L.llama_sampler_init_mirostat(len(logits), 1, p["mirostat_tau"], p["mirostat_eta"], 100) if p["mirostat"] == 1
             else L.llama_sampler_init_mirostat_v2(1, p["mirostat_tau"], p["mirostat_eta"]))
        L.llama_sampler_chain_add(chain, m)
    else:
        for name in p.get("samplers") or ORDER:
            L.llama_sampler_chain_add(chain, stage(name, p, 1 << 20))
    for t in history:
        L.llama_sampler_accept(chain, t)
    data = (L.llama_token_data * len(logits))(*[L.llama_token_data(ids[i], l, 0) for i, l in enumerate(logits)])
    cur = L.llama_token_data_array(data, len(logits), -1, False)
    L.llama_sampler_apply(chain, ctypes.byref(cur))
    out = {cur.data[i].id: cur.data[i].logit for i in range(cur.size) if cur.data[i].logit > -math.inf}
    L.llama_sampler_free(chain)
    top = max(out.values())
    total = sum(math.exp(l - top) for l in out.values())
    back = {t: i for i, t in enumerate(ids)}
    return {str(back[t]): float("%.6g" % (math.exp(l - top) / total)) for t, l in sorted(out.items(), key=lambda kv: back[kv[0]])}


def f32(x):
    return float("%.4f" % x)


def random_logits(n, banned=0.0):
    spread = rnd.choice([0.5, 2.0, 4.0])
    return [-math.inf if rnd.random() < banned else f32(rnd.gauss(0, spread)) for _ in range(n)]


cases = []


def case(name, logits=None, history=(), ids=None, real_history=None, extra=None, **params):
    logits = logits or random_logits(rnd.randint(2, 40))
    p = dict(OFF, **params)
    out = run(p, logits, list(real_history if real_history is not None else history), ids)
    c = dict(name=name, params=params, logits=[None if l == -math.inf else l for l in logits], history=list(history), out=out)
    c.update(extra or {})
    cases.append(c)


def u(lo, hi):
    return f32(rnd.uniform(lo, hi))


def singles(rounds):
    for _ in range(rounds):
        keep = rnd.choice([0, 0, 3, 7])
        case("top_k", top_k=rnd.randint(1, 50))
        case("top_p", top_p=u(0, 1), min_keep=keep)
        case("min_p", min_p=u(0.001, 0.9), min_keep=keep)
        case("typical_p", typical_p=u(0.05, 0.999), min_keep=keep)
        case("top_n_sigma", top_n_sigma=u(0.1, 2.5))
        case("xtc", xtc_probability=1.0, xtc_threshold=u(0.01, 0.3), min_keep=keep)
        case("temperature", temperature=u(0.1, 2))
        case("dynatemp", temperature=u(0.3, 2), dynatemp_range=u(0.1, 1.5), dynatemp_exponent=u(0.3, 2))
        n = rnd.randint(2, 40)
        case("penalties", random_logits(n), [rnd.randrange(n) for _ in range(rnd.randint(0, 90))],
             repeat_penalty=u(0.8, 1.6), frequency_penalty=u(-0.5, 1), presence_penalty=u(-0.5, 1), repeat_last_n=rnd.choice([1, 5, 64]))
        case("mirostat", random_logits(rnd.choice([5, 40, 150])), mirostat=1, mirostat_tau=u(0.3, 6), temperature=u(0.5, 1.5))
        case("mirostat_v2", random_logits(rnd.choice([5, 40, 150])), mirostat=2, mirostat_tau=u(0.3, 3), temperature=u(0.5, 1.5))


def chains(rounds):
    for _ in range(rounds):
        n = rnd.randint(20, 60)
        p = dict(top_k=rnd.choice([0, 10, 40]), top_p=u(0.6, 1), min_p=u(0, 0.1), typical_p=rnd.choice([1.0, u(0.5, 1)]),
                 top_n_sigma=rnd.choice([-1.0, u(1, 3)]), xtc_probability=rnd.choice([0.0, 1.0]), xtc_threshold=u(0.02, 0.2),
                 repeat_penalty=u(1, 1.3), temperature=u(0.2, 1.5))
        if rnd.random() < 0.5:
            p["samplers"] = rnd.sample(ORDER, len(ORDER))
        # llama.cpp's typical-p computes 0*ln 0 = NaN when a candidate is at -Inf.
        banned = 0.1 if p["typical_p"] == 1 else 0
        p["top_n_sigma"] = p["top_n_sigma"] if banned else -1.0
        case("chain", random_logits(n, banned), [rnd.randrange(n) for _ in range(70)], **p)


def tokens(text):
    buf = (L.llama_token * 64)()
    n = L.llama_tokenize(vocab, text, len(text), buf, 64, False, False)
    return list(buf[:n])


def piece(t):
    buf = ctypes.create_string_buffer(64)
    n = L.llama_token_to_piece(vocab, t, buf, 64, 0, True)
    return buf.raw[:n].decode("latin-1")


def dry(rounds):
    for r in range(rounds):
        pool = [t for w in (b" a", b" b", b" the", b" cat", b"\n", b":", b" end", b"User", b" Us", b"*", b"er", b":\n", b"U") for t in tokens(w)]
        ids = list(dict.fromkeys(pool))
        breakers = rnd.choice([[], ["\n", ":", "\"", "*"], ["User:"], ["*"], ["User: \n", "cat"]])
        suffixes = {b[i:] for b in breakers for i in range(1, len(b))}
        enc = {s: tokens(s.encode()) for s in suffixes}
        n = len(ids)
        alphabet = rnd.sample(range(n), rnd.randint(2, n))
        hist = []
        while len(hist) < rnd.randint(5, 80):
            if len(hist) > 6 and rnd.random() < 0.3:
                i = rnd.randrange(len(hist) - 3)
                hist += hist[i:i + rnd.randint(2, 8)]
            hist.append(rnd.choice(alphabet))
        number = {t: i for i, t in enumerate(ids)}
        for e in enc.values():
            for t in e:
                number.setdefault(t, len(number))
        texts = [piece(t) for t in number]
        case("dry", random_logits(n), hist, ids, [ids[i] for i in hist],
             dict(pieces=texts, encode={s: [number[t] for t in e] for s, e in enc.items()}),
             dry_multiplier=u(0.1, 1.5), dry_base=u(1, 2), dry_allowed_length=rnd.choice([0, 1, 2, 3]),
             dry_penalty_last_n=rnd.choice([10, 64, 200]), dry_sequence_breakers=breakers)


singles(12)
chains(60)
dry(60)
print("[\n" + ",\n".join(json.dumps(c, separators=(",", ":")) for c in cases) + "\n]")
