#!/usr/bin/env python3
"""What a compressed cache gives in speed: one table, from scratch.

  pip install llama-cpp-python        (builds llama.cpp for this machine; brings numpy along)
  internal/bench/mla_speed.py [--model FILE] [--quick] [--rounds N] [--json OUT] [--llama-python PATH]

SmolLM2 as it is (exact, off) and compressed to 50 % and 25 % of its cached values, each with a cache of half floats and of
8-bit blocks, decodes at depth 0 and 4,096 in turns with llama.cpp (half floats, flash attention on) on the file before the
conversion; a round is one measurement of each, see vs_llamacpp.py. Then a model of random weights with Llama 3 8B's attention
in four layers at depth 8,192, in turns with this engine's own `--mla off`. Conversions take a minute or two and are kept in the
user's cache. Rates are tokens per second; reads are what a step reads, weights and cache; µs are those that a cached
token costs.
"""
import argparse, json, os, statistics, sys

sys.dont_write_bytecode = True  # no __pycache__ in the source tree
import vs_llamacpp as vs
from sides import Side

FORMS = ("off", "exact", "50%", "25%")
CACHES = ("f16", "q8")
# The rate at a depth that is wanted, as a multiple of llama.cpp's, or of --mla off.
LLAMA_TARGETS = {("50%", "f16", 4096): 2.5, ("25%", "f16", 4096): 3.0}
OFF_TARGETS = {("50%", "f16", 0): 1.0, ("25%", "f16", 0): 1.0}


class Bench(vs.Bench):
    """vs_llamacpp.py's programs and files, with conversions."""

    def side(self, model, form, cache):
        command = [self.tool("chat"), "bench", "--serve", "-m", self.file(model), "-t", str(self.args.threads), "--cache", cache, "--mla", form]
        if self.args.calib and form not in ("off", "exact") and not model.startswith("llama-8b"):
            command += ["--calib", self.args.calib]
        if model.startswith("llama-8b") and form not in ("off", "exact"):
            command += ["--calib-tokens", "512"]  # random weights are as good on little text
        return Side(command, self.env)

    def rounds_of(self, sides, depth, tokens):
        """One list of replies per side; a first round does not count."""
        kept = [[] for _ in sides]
        for i in range(self.rounds + 1):
            order = range(len(sides)) if i % 2 else reversed(range(len(sides)))
            for j in order:
                reply = sides[j].ask(decode=self.tokens(tokens), depth=depth)
                if i:
                    kept[j].append(reply)
        return kept


def rate(replies):
    return statistics.median(r["decode"]["median"] for r in replies)


def ratio(a, b):
    """The median of the rounds' ratios."""
    return statistics.median(x["decode"]["median"] / y["decode"]["median"] for x, y in zip(a, b))


def measure(bench, model, forms, depths, tokens, llama):
    """{(form, cache, depth): replies}, with ("llama.cpp", "f16", depth) where it is wanted. All sides are loaded at once and
    stopped while another one runs."""
    names = [(f, c) for f in forms for c in CACHES]
    sides = [bench.side(model, *n) for n in names]
    if llama:
        names.append(("llama.cpp", "f16"))
        sides.append(bench.theirs(model, max(depths) + tokens + 64))
    out = {}
    try:
        for depth in depths:
            for name, replies in zip(names, bench.rounds_of(sides, depth, tokens)):
                out[name + (depth,)] = replies
    finally:
        for s in sides:
            s.__exit__()
    return out


def table(title, got, depths, targets):
    """Prints one row per form and cache; returns whether all targets are reached."""
    first, last = depths[0], depths[-1]
    print("\n%s\n" % title)
    base = "llama.cpp" if ("llama.cpp", "f16", last) in got else "off"
    print("| attention | cache | " + " | ".join("depth %d | × %s | × off" % (d, base) for d in depths) + " | µs per cached token | reads at depth %d |" % last)
    print("|" + "---|" * (4 + 3 * len(depths)))
    ok = True
    for form, cache in dict.fromkeys(k[:2] for k in got):
        cells = []
        for d in depths:
            replies = got[form, cache, d]
            against = [ratio(replies, got[b, "f16", d]) for b in (base, "off")]
            cells += ["%.1f" % rate(replies)] + ["%.2f" % r for r in against]
            for r, wanted in zip(against, (targets[0].get((form, cache, d)), targets[1].get((form, cache, d)))):
                if wanted and r < wanted:
                    ok = False
                    cells[-1] += " (wanted: %.1f × %s)" % (wanted, base if wanted == targets[0].get((form, cache, d)) else "off")
        slope = "–"
        if first != last:
            slope = "%.2f" % (1e6 * (1 / rate(got[form, cache, last]) - 1 / rate(got[form, cache, first])) / (last - first))
        size = got[form, cache, last][0].get("step_bytes")
        print("| %s | %s | %s | %s | %s |" % (form, cache, " | ".join(cells), slope, "%.1f MB" % (size / 1e6) if size else "–"), flush=True)
    return ok


def parse():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--quick", action="store_true", help="two rounds of a quarter of the tokens: a look, not a result")
    p.add_argument("--rounds", type=int, help="rounds (default 5)")
    p.add_argument("--json", metavar="OUT", help="write every sample to this file")
    p.add_argument("--cpu", metavar="PATH", help="kernel path of this engine: generic, avx2, avx512")
    p.add_argument("--threads", type=int, default=2, help="threads of both (default 2)")
    p.add_argument("--work", default="/tmp/latentgo-bench", help="folder for programs and models (default %(default)s)")
    p.add_argument("--model", metavar="FILE", help="SmolLM2 as Q4_1 (default: what chat pull fetches)")
    p.add_argument("--calib", metavar="TEXT", help="text to calibrate on (default: what the model writes)")
    p.add_argument("--no-large", action="store_true", help="without the model with Llama 3 8B's attention")
    p.add_argument("--llama-python", default=sys.executable, metavar="PATH", help="interpreter that has llama_cpp (default: this one)")
    return p.parse_args()


def main():
    args = parse()
    bench, about = Bench(args), vs.machine()
    if about["load"] > 0.3 * about["processors"]:
        vs.note("the machine is busy (load %.1f): these figures mean little" % about["load"])
    print("%s, %d threads; llama-cpp-python %s; %d rounds" % (about["cpu"], args.threads, bench.version["llama_cpp_python"], bench.rounds))
    got = measure(bench, "smollm2-Q4_1", FORMS, (0, 4096), 32, True)
    ok = table("SmolLM2-135M, Q4_1", got, (0, 4096), (LLAMA_TARGETS, OFF_TARGETS))
    kept = {"smollm2": got}
    if not args.no_large:
        got = measure(bench, "llama-8b-attn-Q4_K_M", ("off", "50%"), (0, 8192), 16, False)
        ok = table("Llama 3 8B's attention in four layers, random weights, Q4_K_M", got, (0, 8192), ({("50%", "f16", 8192): 1.0}, {})) and ok
        kept["llama-8b-attn"] = got
    if args.json:
        with open(args.json, "w") as f:
            json.dump({"machine": about, "llama": bench.version, "rows": {m: [dict(zip(("form", "cache", "depth"), k), replies=v) for k, v in g.items()]
                                                                          for m, g in kept.items()}}, f, indent=1)
    sys.exit(0 if ok else 1)


if __name__ == "__main__":
    main()
