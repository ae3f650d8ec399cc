#!/usr/bin/env python3
"""Changes keys and tensors of small models and compares logits with llama.cpp's. For each file:

  go test -c -o arch.test ./engine/internal/arch
  LLAMA_CPP_SRC=.../llama.cpp/src internal/bench/variants/sweep.py arch.test COMBINATIONS FILE.gguf... > report.txt

Files come from `test-llama-archs -o DIR/ -s SEED`, or from `LATENTGO_WRITE=DIR go test -run 'TestSketches|TestRelatives|
TestHybrids$' ./engine/internal/arch`. Needs numpy, gguf and llama-cpp-python (LLAMA_CPP_LIB_PATH for a build of one's
own). A file takes about 10 s of one core per hundred variants.

Each change alone, then random combinations. Tensors get the shapes that llama.cpp's errors ask for, so that a change of a
key makes a whole model. Lines of the report: DIFFERS (more than its limit, and more than llama.cpp differs from itself with
a cache in single precision), REFUSED (only here), LOADS (only here), PANIC; what agrees is counted.
"""
import json, os, random, re, shutil, subprocess, sys, tempfile

import changes
import files
import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
ENCODERS = {"bert", "nomic-bert", "nomic-bert-moe", "jina-bert-v2", "jina-bert-v3", "modern-bert", "gemma-embedding", "eurobert", "neo-bert"}


class Judge:
    """llama.cpp in a process of its own."""

    def __init__(self, folder, ids):
        self.path, self.ids = os.path.join(folder, "try.gguf"), ids
        self.p = subprocess.Popen([sys.executable, HERE + "/judge.py"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, g, path=None, out=None, single=False):
        path = path or self.path
        files.write(g, path)
        q = {"path": path, "out": out, "ids": self.ids, "embed": g.arch in ENCODERS, "single": single}
        self.p.stdin.write(json.dumps(q) + "\n")
        self.p.stdin.flush()
        for line in self.p.stdout:
            if line.startswith("{"):  # a crash may say something too
                return json.loads(line).get("error")
        sys.exit("llama.cpp's side has ended")

    def counts(self, error):
        """Tensors in the file and those used, of an error about their number."""
        m = re.search(r"wrong number of tensors; expected (\d+), got (\d+)", error or "")
        return m and (int(m[1]), int(m[2]))

    def repaired(self, g, seed=1):
        """g with tensors in the shapes that llama.cpp wants, and an error or None."""
        g = g.copy()
        for _ in range(400):
            error = self.ask(g)
            shape = re.search(r"tensor '([^']+)' has wrong shape; expected ([\d ,]+), got", error or "")
            absent = re.search(r"missing tensor '([^']+)'|tensor '([^']+)' not found", error or "")
            if shape:
                self.reshape(g, shape[1], tuple(map(int, re.findall(r"\d+", shape[2]))), seed)
            elif absent:
                name = absent[1] or absent[2]
                like = g.groups().get(files.part(name)[1])
                g.tensors[name] = files.random(name, g.tensors[like[0]][0] if like else (7,), seed)
            elif self.counts(error):
                if not self.prune(g, self.counts(error)[1]):
                    return g, error
            else:
                return g, error
        return g, "no end of repairs"

    def reshape(self, g, name, shape, seed):
        layer, what = files.part(name)
        old = g.tensors[name][0]
        for n in g.groups()[what]:
            if g.tensors[n][0] == old and files.part(n)[0] >= layer:
                g.tensors[n] = files.random(n, shape, seed)

    def prune(self, g, used):
        """Removes tensors that llama.cpp does not read; reports whether just so many are left."""
        for n in list(g.tensors):
            if files.part(n)[0] >= g.layers:
                del g.tensors[n]
        for n in list(g.tensors):
            if len(g.tensors) == used:
                break
            t = g.tensors.pop(n)
            error = self.ask(g)
            if error and (self.counts(error) or (0, 0))[1] != used:
                g.tensors[n] = t
        return len(g.tensors) == used


class Sweep:
    """The variants of one model in a folder."""

    def __init__(self, path, program, names):
        self.folder, self.program, self.names = tempfile.mkdtemp(), program, names
        self.label = os.path.basename(path)[:-5]
        self.base = files.read(path)
        rng = random.Random(5)
        n = self.base.tensors.get("position_embd.weight", ((0, 112),))[0][1] - 4
        tokens = self.base.tensors["token_embd.weight"][0][1] - 8
        self.ids = [rng.randrange(tokens) for _ in range(min(108, n))]
        self.judge = Judge(self.folder, self.ids)
        self.refused, self.good = {}, {}
        json.dump(self.ids, open(self.folder + "/ids.json", "w"))

    def lean(self):
        """Leaves out of the base what llama.cpp can do without."""
        for what, names in self.base.groups().items():
            if what.endswith((".bias", "scale", "rope_freqs.weight", "rope_factors_long.weight", "rope_factors_short.weight")):
                g = self.base.copy()
                for n in names:
                    del g.tensors[n]
                if not self.judge.ask(g, None, self.judge.path + ".f32"):  # what it loads may crash
                    self.base = g

    def add(self, name, g, repair=True, seed=2):
        error = None
        if repair:
            g, error = self.judge.repaired(g, seed)
        name = re.sub(r"[^\w.+,:-]", "_", name)
        path = os.path.join(self.folder, name)
        out = path + ".logits.f32"
        error = self.judge.ask(g, path + ".gguf", None if error else out) or error
        if not error:
            self.good[name] = g
            return
        self.refused[name] = error
        if os.path.exists(out):
            os.remove(out)

    def fill(self, combinations):
        rng = random.Random(self.label)
        self.add("full", self.base, False)
        self.lean()
        self.add("base", self.base, False)
        for name, k in changes.keys(self.base, self.names).items():
            self.add(name, self.base.changed(k))
        for what, names in changes.candidates(self.base, self.names):
            self.try_tensor(what, names)
        for name, g in {**changes.types(self.base, rng), **changes.without(self.base), "fused": changes.fused(self.base)}.items():
            if g:
                self.add(name, g, False)
        picks = [n for n in self.good if not n.startswith(("full", "base", "without", "last-without"))]
        for i in range(combinations):
            chosen = rng.sample(picks, min(len(picks), rng.choice([2, 3, 4])))
            self.add("both%d:" % i + ",".join(chosen), self.merged(chosen), True, seed=10 + i)

    def try_tensor(self, what, names):
        """Adds a tensor to all layers, then to every second one, if llama.cpp reads it."""
        g = changes.with_tensors(self.base, names, 3)
        n = self.judge.counts(self.judge.ask(g))
        if n and n[1] <= len(self.base.tensors):
            return
        g, error = self.judge.repaired(g, 3)
        if error or what not in g.groups():
            return
        self.add("with:" + what, g, False)
        if len(names) > 1:
            g = g.copy()
            for n in g.groups()[what][::2]:
                del g.tensors[n]
            self.add("odd-with:" + what, g, False)

    def merged(self, names):
        g = self.base.copy()
        for n in names:
            v = self.good[n]
            for ours, theirs, base in ((g.keys, v.keys, self.base.keys), (g.tensors, v.tensors, self.base.tensors)):
                ours.update({k: x for k, x in theirs.items() if base.get(k) != x})
                for k in base.keys() - theirs.keys():
                    ours.pop(k, None)
        return g

    def ours(self):
        """What the engine says, by variant. A crash ends the program: it goes on behind it."""
        got = {}
        while True:
            left = sorted(n[:-5] for n in os.listdir(self.folder) if n.endswith(".gguf") and n != "try.gguf" and n[:-5] not in got)
            if not left:
                return got
            json.dump(left, open(self.folder + "/names.json", "w"))
            p = subprocess.run([self.program, "-test.run", "^TestVariantsOfFolder$", "-test.v"], env=dict(os.environ, LATENTGO_VARIANTS=self.folder),
                               capture_output=True, text=True)
            began = None
            for line in p.stdout.splitlines():
                if line.startswith("BEGIN "):
                    began = line[6:]
                elif line.startswith("{"):
                    r = json.loads(line)
                    got[r["name"]], began = r, None
            if began is None and left[0] not in got:
                sys.exit(p.stdout[-500:] + p.stderr[-500:])
            if began:
                said, crash = p.stdout + p.stderr, re.compile(r"panic: .*|fatal error: .*")
                failed = re.findall(r"_test\.go:\d+: (.*)", said)  # such as: more tokens than positions
                got[began] = {"error": failed[-1]} if failed and not crash.search(said) else {"panic": (crash.findall(said) or ["?"])[0]}

    def noise(self, name):
        """How much llama.cpp's logits change with a cache in single precision."""
        path = os.path.join(self.folder, name)
        if self.judge.ask(self.good[name], None, path + ".single", True):
            return 0
        a, b = (np.fromfile(path + x, "<f4").astype(float) for x in (".logits.f32", ".single"))
        return ((a - b) ** 2).sum() / (a ** 2).sum()

    def line(self, name, r):
        """How a variant is counted, and what the report says."""
        theirs = self.refused.get(name)
        if "panic" in r:
            return "PANIC", r["panic"]
        if "error" in r:
            return ("both refuse", None) if theirs else ("REFUSED", r["error"])
        if theirs:
            return "LOADS", "llama.cpp: " + theirs
        worst, middle = max(r["errors"]), max(r["errors"][1::2])
        limit = 6e-3 if "Q8_0" in name else 1e-3 if "BF16" in name else 3e-5 if "F16" in name else 1e-5
        if worst < limit:
            return "agree", None
        if middle < limit / 3:
            return "agree but for some tokens' experts", None
        noise = self.noise(name)
        if worst < 20 * noise:
            return "within llama.cpp's own differences", None
        return "DIFFERS", "error %.2g, of half the tokens %.2g; llama.cpp's own %.2g" % (worst, middle, noise)

    def report(self):
        counts, lines = {}, []
        for name, r in sorted(self.ours().items()):
            kind, what = self.line(name, r)
            counts[kind] = counts.get(kind, 0) + 1
            if what:
                lines.append("  %-8s %s: %s" % (kind, name, what[-240:]))
        print(self.label, counts, *lines, sep="\n", flush=True)
        shutil.rmtree(self.folder)


def main():
    program, combinations = os.path.abspath(sys.argv[1]), int(sys.argv[2])
    names = changes.Names(os.environ["LLAMA_CPP_SRC"])
    for path in sys.argv[3:]:
        s = Sweep(path, program, names)
        s.fill(combinations)
        s.report()


if __name__ == "__main__":
    main()
