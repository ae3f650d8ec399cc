#!/usr/bin/env python3
"""Writes golden_encoders.json.gz: what llama.cpp makes of a few hundred texts with WordPiece and Unigram vocabularies.

  pip install llama-cpp-python gguf; python3 golden_encoders.py

The form is that of golden.py, from which most comes. A vocabulary of Unigram also has "charsmap", the bytes of its rules.
"""
import collections, ctypes, gzip, json, os, random, struct, tempfile
import llama_cpp as L
from golden import encode, broken, quiet, texts, train, write, finish

ACCENTS = "ÀÉÎõüŸǅẤḍ̇ﬁΐϔЙйيّकि각힣가ｱ①㎏豈金樂\u2000\u3000\u200b\u00ad\ufeff\u0000\x01\x1f\x85\x7f\ue000\U00020000\U0002B830\u0378\U000e0041İΣſ€©+=~$`"


def odd(seed, n):
    r = random.Random(seed)
    return ["".join(r.choice(ACCENTS) if r.random() < .3 else r.choice("aàbeé élm. ,!_-'12\n\tАб中文ABC<s>") for _ in range(1 + r.randrange(60)))
            for _ in range(n)]


def pieces(seqs, count):
    merges, known = train(seqs, count)
    return sorted(t for t in known if "\0" not in t)  # which ends a token of llama.cpp's


def wordpiece():
    plain = [t.lower() for t in texts(11, 500) + odd(12, 200)]
    seqs = [["▁" + w[0], *w[1:]] for t in plain for w in t.split() if w]
    tokens = pieces(seqs, 700)
    r = random.Random(13)
    tokens = sorted({t for t in tokens if r.random() < .93} | {"▁"})
    first = [("[PAD]", 3), ("[UNK]", 2), ("[CLS]", 3), ("[SEP]", 3), ("[MASK]", 3), ("", 1)]
    more = [("<s>", 4), ("bé", 4), ("▁ab", 5), ("ÉA", 0)]
    tokens = [t for t in tokens if t not in dict(first)]
    return finish([t for t, _ in first] + tokens, [k for _, k in first] + [1] * len(tokens), more, [])


RULES = {"ﬀ": "ff", "é": "e\u0301", "\u3000": " ", "\u200b": "", "\t": " ", "①": "1", "ｱ": "ア", "㎏": "kg", "\u00ad": "", "À": "A\u0300",
         "ÉA": "X y", "中": "文", "\x01": " ", "12": "3", "123": " 1 ", "각": "가", "\U00020000": "豈", "...": "…", "\x7f": "", "ſ": "s"}


def charsmap():
    """The rules as a double array, see charsmap.go; every node gets the first place where its children fit."""
    text, place = b"", {}
    for to in dict.fromkeys(RULES.values()):
        place[to] = len(text)
        text += to.encode() + b"\0"
    trie = {}
    for src, to in RULES.items():
        at = trie
        for b in src.encode():
            at = at.setdefault(b, {})
        at[0] = place[to]
    nodes, queue = {0: 0}, [(0, trie)]
    while queue:
        i, children = queue.pop(0)
        base = next(b for b in range(1, 1 << 20) if all(i ^ b ^ c not in nodes for c in children))
        nodes[i] |= base << 10 | (0 in children) << 8
        for c, child in children.items():
            at = i ^ base ^ c
            nodes[at] = 1 << 31 | child if c == 0 else c
            if c:
                queue.append((at, child))
    size = (max(nodes) | 255) + 1  # llama.cpp dies of a step outside the array
    return list(struct.pack("<I", 4 * size) + b"".join(struct.pack("<I", nodes.get(i, 0)) for i in range(size)) + text)


def unigram(seed):
    plain = texts(21, 500) + odd(22, 200)
    seqs = [list("▁" + t.replace(" ", "▁")) for t in plain]
    tokens = pieces(seqs, 900)
    r = random.Random(seed)
    tokens = [t for t in tokens if r.random() < .95]
    first = [("<pad>", 3), ("</s>", 3), ("<unk>", 2), ("<s>", 3), ("<mask>", 3)] + [("<0x%02X>" % b, 6) for b in range(65, 70)]
    more = [("ﬁé", 4), ("lmé\u0301m", 4), ("bel", 4), ("▁▁", 4), ("mle", 5), ("ABC", 5), ("A\u0300m", 0)]
    tokens = [t for t in tokens if t not in dict(first)]
    v = finish([t for t, _ in first] + tokens, [k for _, k in first] + [1] * len(tokens), more, [])
    v["scores"] = [-round(r.uniform(2, 9) + len(t) ** .5 / 2, 3) if k in (1, 4, 5) else 0.0 for t, k in zip(v["tokens"], v["types"])]
    v["charsmap"] = charsmap()
    return v


def runs():
    key = lambda **k: {"tokenizer.ggml." + n.replace("__", "."): x for n, x in k.items()}
    bert = dict(model="bert", bos_token_id=2, seperator_token_id=3, unknown_token_id=1, padding_token_id=0, mask_token_id=4)
    for more in ({}, {"normalizer__lowercase": False}, {"normalizer__strip_accents": False}, {"normalizer__lowercase": False, "normalizer__strip_accents": True},
                 {"add_bos_token": False, "add_eos_token": True}):
        for special in (False, True):
            yield {"vocab": "wordpiece", "set": key(**bert, **more), "special": special}
    t5 = dict(model="t5")
    for more in ({}, {"add_space_prefix": True}, {"remove_extra_whitespaces": True}, {"add_space_prefix": True, "remove_extra_whitespaces": True},
                 {"add_space_prefix": True, "remove_extra_whitespaces": True, "bos_token_id": 3, "add_bos_token": True, "add_eos_token": False}):
        for vocab in ("unigram", "unmapped"):
            yield {"vocab": vocab, "set": key(**t5, **more), "special": False}
        yield {"vocab": "unigram", "set": key(**t5, **more), "special": True}


def main():
    L.llama_log_set(quiet, ctypes.c_void_p(0))
    L.llama_backend_init()
    unmapped = unigram(24)
    del unmapped["charsmap"]
    vocabs = {"wordpiece": wordpiece(), "unigram": unigram(23), "unmapped": unmapped}
    for v in vocabs.values():
        v.pop("merges")
    raws = [t.encode() for t in texts(31, 60) + odd(32, 90)]
    raws += list(broken(raws[-40:]))
    all_runs, ids = list(runs()), []
    with tempfile.TemporaryDirectory() as tmp:
        for run in all_runs:
            path = os.path.join(tmp, "v.gguf")
            write(path, vocabs[run["vocab"]], run["set"])
            result = encode(path, raws, run["special"])
            if result not in ids:
                ids.append(result)
            run["ids"] = ids.index(result)
    golden = {"vocabs": vocabs, "texts": [raw.decode("latin-1") for raw in raws], "runs": all_runs, "ids": ids}
    with open("golden_encoders.json.gz", "wb") as f, gzip.GzipFile(fileobj=f, mode="wb", mtime=0) as z:
        z.write(json.dumps(golden, separators=(",", ":")).encode())
    print(len(raws), "texts,", len(all_runs), "runs,", len(ids), "behaviours")


if __name__ == "__main__":
    main()
