#!/usr/bin/env python3
"""Writes golden.json.gz: what llama.cpp makes of a few hundred texts, for every name of a pre-tokeniser.

  pip install llama-cpp-python gguf; python3 golden.py

Two small vocabularies are trained on random text. Their merges know no word limits, so wherever a pre-tokeniser cuts, the
ids tell. Of many random texts those are kept that tell the most pre-tokenisers apart.

  {"vocabs": {name: {"tokens": [...], "types": [...], "scores": [...], "merges": [...]}},
   "texts":  [...],                       each code point is one byte of the text
   "runs":   [{"vocab": name, "set": {key: value}, "special": bool, "ids": index in "ids"}],
   "ids":    [[ids of each text], ...]}   with add_special = parse_special = "special"
"""
import collections, ctypes, gzip, itertools, json, os, random, re, tempfile
import gguf, llama_cpp as L

# One name for each kind of behaviour, and all the others of current llama.cpp.
PRE = """default minicpm5 llama3 llama-v3 llama-bpe falcon3 falcon-h1 pixtral midm-2.0 lfm2 jina-v5-nano deepseek-llm
deepseek-coder deepseek-v3 spark2_5 youtu falcon mpt starcoder gpt-2 phi-2 jina-es jina-de gigachat jina-v2-es jina-v2-de
a.x-4.0 mellum modern-bert jais-2 jina-v1-en jina-v2-code roberta-bpe refact command-r qwen2 deepseek-r1-qwen kormo f2llmv2
qwen35 stablelm2 olmo dbrx smaug-bpe poro-chat chatglm-bpe glm4 glm5 viking jais tekken smollm codeshell bloom gpt3-finnish
exaone exaone4 exaone-moe chameleon minerva-7b megrez gpt-4o llama4 kanana2 talkie granite-embed-multi-97m tiny_aya
cohere2moe superbpe trillion granite-docling bailingmoe bailingmoe2 llada-moe seed-coder hunyuan hunyuan-dense hy_v4
joyai-llm kimi-k2 ufakzeka grok-2 afmoe laguna minimax-m2 solar-open mellum2""".split()

# Few members of each class, so that merges across every kind of border are learnt.
WHITE = [9, 10, 13, 32, 0x85, 0xA0, 0x2003, 0x2028, 0x3000]
ODD = [1, 0x7F, 0xAD, 0x200B, 0xFFFD, 0xE000, 0x378, 0x2FFC, 0x2EBF0, 0xFA6E, 0x10FFFF]
DIGITS, NUMBERS = "0123", "012²٣Ⅷ"
LATIN, LETTERS, MARKS = "abelmrstvdABELMRSTVD", "éÉʰбБωאअกﬀ𐐀", "\u0301\u093f\u0e31"
CJK = "一語龥龦㐀豈ぁアㄅㄱ각퟿ｱ𠀀"
ASCII, WIDE = "!#$'()+,-./:<>?[\\]^_`|~", "«—’“…。，（）।€©×→😀"
TAILS = ["'s", "'t", "'re", "'ve", "'m", "'ll", "'d", "'S", "'T", "'RE", "'vE", "'Ll", "'D", "'x", "'", "’s", "'r", "'v"]
NAMES = ["<sentinel:12>", "<sentinel:>", "IMGIMGABZ", "IMGIMGABCDEZ", "<s>", "<|endoftext|>", "<|im_start|>", "▁▁", "http", "[MASK]",
         " <mask> ", "<unk>"]


def segment(r):
    n = min(1 + int(r.expovariate(0.45)), 12)
    many = lambda s: "".join(r.choice(s) for _ in range(n))
    kinds = [(16, lambda: many(LATIN)), (8, lambda: many(LETTERS)), (6, lambda: many(LATIN + LETTERS + MARKS)), (6, lambda: many(CJK)),
             (9, lambda: many(DIGITS)), (4, lambda: many(NUMBERS)), (6, lambda: many(ASCII)), (4, lambda: many(WIDE)),
             (8, lambda: many("!.)/" + "\r\n/ ")), (8, lambda: r.choice(TAILS)), (5, lambda: " "), (4, lambda: " " * n),
             (4, lambda: "".join(chr(r.choice(WHITE)) for _ in range(n))), (5, lambda: many(" \t\r\n")), (2, lambda: many("\r\n")),
             (2, lambda: chr(r.choice(ODD))), (2, lambda: r.choice(NAMES)), (1, lambda: " " * r.choice([16, 33, 65])),
             (6, lambda: r.choice("table rest I'LL camelCase ABCdef ÉBб éB a\u0301b अ\u093fअ".split()))]
    return r.choices([k[1] for k in kinds], [k[0] for k in kinds])[0]()


def texts(seed, n):
    r = random.Random(seed)
    return ["".join(segment(r) + (" " if r.random() < .15 else "") for _ in range(1 + int(r.expovariate(0.12))))[:300] for _ in range(n)]


def printable():
    seen = [*range(33, 127), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    rest = [b for b in range(256) if b not in seen]
    return {**{b: chr(b) for b in seen}, **{b: chr(256 + i) for i, b in enumerate(rest)}}


def train(seqs, count):
    """Byte pair encoding over lists of strings; several pairs that do not touch each other are merged per round."""
    merges, known = [], set(itertools.chain(*seqs))
    while len(merges) < count:
        pairs = collections.Counter()
        for s in seqs:
            pairs.update(zip(s, s[1:]))
        used = set()
        for (a, b), n in pairs.most_common(12):
            if n < 2 or len(a + b) > 16 or {a, b} & used or len(merges) == count:
                continue
            merges.append((a, b))
            known.add(a + b)
            used |= {a, b, a + b}
            for k, s in enumerate(seqs):
                if a in s and b in s:
                    out = []
                    for x in s:
                        if out and x == b and out[-1] == a:
                            out[-1] = a + b
                        else:
                            out.append(x)
                    seqs[k] = out
        if not used:
            break
    return merges, known


def byte_vocab():
    spell = printable()
    word = lambda t: [spell[b] for b in t.encode()]
    seqs = [word(t) for t in texts(1, 900)]
    whole = collections.Counter("".join(word(w)) for t in texts(1, 900) for w in re.findall(r" ?[^\W\d_]{2,4}|\d{2,3}", t))
    merges, known = train(seqs, 1300)
    tokens = list(spell.values()) + sorted(known - set(spell.values()))
    tokens += [w for w, n in whole.most_common() if w not in tokens][:200]  # found without merges only
    special = [("<|endoftext|>", 3), ("<|im_start|>", 3), ("<|im_end|>", 3), ("<mask>", 3), ("▁▁", 4), ("<s>", 3), ("<unk>", 2),
               ("http", 4), ("[MASK]", 3), ("\n\n\n", 4), ("  ", 4)]
    return finish(tokens, [1] * len(tokens), special, merges)


def raw_vocab():
    seqs = [list(part) for t in texts(3, 700) for part in t.replace(" ", "▁").replace("\n", "\n\0").split("\0")]
    merges, known = train(seqs, 700)
    first = [("<pad>", 3), ("<eos>", 3), ("<bos>", 3), ("<unk>", 2), ("<s>", 3), ("</s>", 3), ("<|endoftext|>", 3)]
    first += [("<0x%02X>" % b, 6) for b in range(256)]
    rest = sorted(known - {t for t, _ in first})
    random.Random(4).shuffle(rest)
    special = [("\n" * n, 1 + 3 * (n % 3 == 0)) for n in range(2, 8)] + [("<|im_start|>", 3), ("<|im_end|>", 3), ("http", 4)]
    v = finish([t for t, _ in first] + rest, [t for _, t in first] + [1] * len(rest), special, merges)
    r = random.Random(5)
    v["scores"] = [-float(r.randrange(40)) if y == 1 else 0.0 for t, y in zip(v["tokens"], v["types"])]
    return v


def finish(tokens, types, special, merges):
    for text, kind in special:
        if text not in tokens:
            tokens.append(text)
            types.append(kind)
    return {"tokens": tokens, "types": types, "merges": [a + " " + b for a, b in merges]}


def write(path, v, keys):
    w = gguf.GGUFWriter(path, "llama")
    for k in ("context_length", "embedding_length", "block_count", "feed_forward_length", "attention.head_count"):
        w.add_uint32("llama." + k, 64)
    w.add_float32("llama.attention.layer_norm_rms_epsilon", 1e-5)
    w.add_token_list([t.encode() for t in v["tokens"]])
    w.add_token_types(v["types"])
    if "scores" in v:
        w.add_token_scores(v["scores"])
    if "merges" in v:
        w.add_token_merges(v["merges"])
    if "charsmap" in v:
        w.add_precompiled_charsmap(bytes(v["charsmap"]))
    for k, x in keys.items():
        (w.add_bool if isinstance(x, bool) else w.add_uint32 if isinstance(x, int) else w.add_string)(k, x)
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.close()


def encode(path, raws, special):
    mp = L.llama_model_default_params()
    mp.vocab_only, mp.n_gpu_layers = True, 0
    model = L.llama_model_load_from_file(path.encode(), mp)
    vocab = L.llama_model_get_vocab(model)
    out = []
    for raw in raws:
        buf = (L.llama_token * (4 * len(raw) + 16))()
        out.append(list(buf[:L.llama_tokenize(vocab, raw, len(raw), buf, len(buf), special, special)]))
    L.llama_model_free(model)
    return out


def runs():
    ends = {"tokenizer.ggml.bos_token_id": 5, "tokenizer.ggml.eos_token_id": 6}
    for pre in PRE:
        yield {"vocab": "bytes", "set": {"tokenizer.ggml.model": "gpt2", "tokenizer.ggml.pre": pre, **ends}, "special": False}
    for pre in ("llama3", "gpt-2", "jina-v2-de"):
        yield {"vocab": "bytes", "set": {"tokenizer.ggml.model": "gpt2", "tokenizer.ggml.pre": pre, **ends}, "special": True}
    yield {"vocab": "bytes", "set": {"tokenizer.ggml.model": "gpt2", **ends}, "special": False}
    ends = {"tokenizer.ggml.bos_token_id": 2, "tokenizer.ggml.eos_token_id": 1}
    for model, pre in (("gpt2", "gemma4"), ("gpt2", "granite-embed-multi-311m"), ("gpt2", "sarvam-moe"), ("gemma4", None), ("llama", None),
                       ("whitespace", "whitespace")):
        keys = {"tokenizer.ggml.model": model, **({"tokenizer.ggml.pre": pre} if pre else {}), **ends}
        for special in (False, True):
            yield {"vocab": "raw", "set": keys, "special": special}
    keys = {"tokenizer.ggml.model": "llama", **ends, "general.name": "A Phi-3 Model", "tokenizer.ggml.add_eos_token": True}
    yield {"vocab": "raw", "set": keys, "special": True}
    yield {"vocab": "raw", "set": {**keys, "tokenizer.ggml.add_space_prefix": False}, "special": True}


def broken(raws):
    """Texts that are not UTF-8; llama.cpp dies on code points above U+10FFFF, which are left out."""
    r = random.Random(6)
    for raw in raws:
        b = bytearray(raw)
        for _ in range(3):
            i = r.randrange(len(b) + 1)
            b[i:i + r.randrange(2)] = r.choice([b"\x80", b"\xc3", b"\xe2", b"\xe2\x96", b"\xf0", b"\xff", b"\xc0\x80", b"\xed\xa0\x80"])
        yield bytes(x for x in b if not 0xF4 <= x <= 0xF7)


def select(all_runs, results, candidates, count):
    """Greedy choice of texts: each tells apart as many pairs of runs as possible that few texts so far tell apart."""
    keep, score = [], collections.Counter()
    firsts = [r for r, run in enumerate(all_runs) if not run["special"]]
    gains = {t: [p for p in itertools.combinations(firsts, 2) if results[p[0]][t] != results[p[1]][t]] for t in range(candidates)}
    for _ in range(count):
        best = max(gains, key=lambda t: sum(1 / (1 + score[p]) ** 2 for p in gains[t]))
        score.update(gains.pop(best))
        keep.append(best)
    return sorted(keep)


def main():
    L.llama_log_set(quiet, ctypes.c_void_p(0))
    L.llama_backend_init()
    vocabs = {"bytes": byte_vocab(), "raw": raw_vocab()}
    raws = [t.encode() for t in texts(7, 1500)]
    raws += broken(raws[:12])
    all_runs, results = list(runs()), []
    with tempfile.TemporaryDirectory() as tmp:
        for run in all_runs:
            path = os.path.join(tmp, "v.gguf")
            write(path, vocabs[run["vocab"]], run["set"])
            results.append(encode(path, raws, run["special"]))
    keep = select(all_runs, results, 1500, 60) + list(range(1500, len(raws)))
    ids = []
    for run, result in zip(all_runs, results):
        part = [result[i] for i in keep]
        if part not in ids:
            ids.append(part)
        run["ids"] = ids.index(part)
    golden = {"vocabs": vocabs, "texts": [raws[i].decode("latin-1") for i in keep], "runs": all_runs, "ids": ids}
    with open("golden.json.gz", "wb") as f, gzip.GzipFile(fileobj=f, mode="wb", mtime=0) as z:
        z.write(json.dumps(golden, separators=(",", ":")).encode())
    print(len(keep), "texts,", len(all_runs), "runs,", len(ids), "behaviours")


@L.llama_log_callback
def quiet(level, text, user):
    pass


if __name__ == "__main__":
    main()
