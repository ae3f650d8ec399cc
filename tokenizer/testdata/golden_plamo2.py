#!/usr/bin/env python3
"""Writes golden_plamo2.json.gz: what llama.cpp makes of texts with a vocabulary of PLaMo 2's kind.

  pip install llama-cpp-python gguf; python3 golden_plamo2.py

The form is that of golden.py, from which most comes. Texts of control tokens are left out without "special": llama.cpp
finds them in plain text too, where this package never does.
"""
import ctypes, gzip, json, os, random, tempfile
import llama_cpp as L
from golden import broken, encode, finish, quiet, texts, train, write
from golden_encoders import odd

FIRST = [("<|plamo:unk|>", 2), ("<|plamo:bos|>", 3), ("<|plamo:eos|>", 3), ("<|plamo:pad|>", 3)]


def vocab(seed):
    r = random.Random(seed)
    merges, known = train([list(t) for t in texts(41, 500) + odd(42, 200)], 700)
    tokens = sorted(t for t in known if "\0" not in t and r.random() < .93)
    taken = {t for t, _ in FIRST}
    bytes_ = [("<0x%02X>" % b, 6) for b in range(256)]
    more = [("\ufffd", 1), ("\ufeffa", 1), ("ABC", 4), ("<s>", 4), ("mle", 5), ("bel", 0), ("<0x4", 1)]
    tokens = [t for t in tokens if t not in taken | {m for m, _ in more}]
    v = finish([t for t, _ in FIRST + bytes_] + tokens, [k for _, k in FIRST + bytes_] + [1] * len(tokens), more, [])
    score = lambda t: r.choice([0.0, -2000.0, -2500.0, 1.5, -999.9999, float(-len(t))]) if r.random() < .1 else -round(r.uniform(2, 9) + len(t) ** .5 / 2, r.choice([0, 3, 6]))
    v["scores"] = [score(t) for t in v["tokens"]]
    v.pop("merges")
    return v


def runs():
    for special in (False, True):
        yield {"vocab": "plamo2", "set": {"tokenizer.ggml.model": "plamo2"}, "special": special}


def main():
    L.llama_log_set(quiet, ctypes.c_void_p(0))
    L.llama_backend_init()
    vocabs = {"plamo2": vocab(43)}
    raws = [t.encode() for t in texts(44, 60) + odd(45, 90)] + [b"\xef\xbb\xbfabel", b"\xef\xbb\xbf", "a\ufeffa<s>\ufeffa".encode(), b"<0x41><0x4"]
    raws += list(broken(raws[-40:]))
    all_runs, ids = list(runs()), []
    with tempfile.TemporaryDirectory() as tmp:
        for run in all_runs:
            path = os.path.join(tmp, "v.gguf")
            write(path, vocabs[run["vocab"]], run["set"])
            ids.append(encode(path, raws, run["special"]))
            run["ids"] = len(ids) - 1
    golden = {"vocabs": vocabs, "texts": [raw.decode("latin-1") for raw in raws], "runs": all_runs, "ids": ids}
    with open("golden_plamo2.json.gz", "wb") as f, gzip.GzipFile(fileobj=f, mode="wb", mtime=0) as z:
        z.write(json.dumps(golden, separators=(",", ":")).encode())
    print(len(raws), "texts,", len(all_runs), "runs,", len(ids), "behaviours")


if __name__ == "__main__":
    main()
