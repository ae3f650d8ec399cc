#!/usr/bin/env python3
"""What smaller caches give in speed: one table, from scratch.

  pip install llama-cpp-python        (builds llama.cpp for this machine; brings numpy along)
  internal/bench/mla_speed.py [--model FILE] [--quick] [--rounds N] [--json OUT] [--llama-python PATH]

SmolLM2, and with --qwen FILE another model, decode at depth 0 and 4,096 with each cache (half floats, q8, q4, calibrated codes of 20 %
and 14 %) and with compressed rows (50 %), in turns with llama.cpp (half floats, flash attention on); a round is one measurement of
each, see vs_llamacpp.py. Then a model of random weights with Llama 3 8B's attention in four layers at depth 16,384, in turns with this
engine's own half floats. Calibrations take a minute or two and are kept in the user's cache. Rates are tokens per second; reads are
what a step reads, weights and cache; µs are those that a cached token costs, and how many times less that is than with half floats.
"""
import argparse, json, os, statistics, sys

sys.dont_write_bytecode = True  # no __pycache__ in the source tree
import vs_llamacpp as vs
from sides import Side

# Attention and cache.
FORMS = (("off", "f16"), ("exact", "f16"), ("exact", "q8"), ("exact", "q4"), ("exact", "20%"), ("exact", "14%"), ("50%", "f16"))
LARGE = (("exact", "f16"), ("exact", "q8"), ("exact", "q4"))  # random weights: nothing to calibrate on


class Bench(vs.Bench):
    """vs_llamacpp.py's programs and files, with conversions."""

    def side(self, model, form, cache):
        command = [self.tool("chat"), "bench", "--serve", "-m", self.file(model), "-t", str(self.args.threads), "--cache", cache, "--mla", form]
        if self.args.calib and (form not in ("off", "exact") or cache.endswith("%")):
            command += ["--calib", self.args.calib]
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
    names = list(forms)
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


def table(title, got, depths):
    """Prints one row per form and cache."""
    first, last = depths[0], depths[-1]
    print("\n%s\n" % title)
    base = ("exact", "f16")
    others = [("llama.cpp", "f16")] if ("llama.cpp", "f16", last) in got else []
    print("| attention | cache | " + " | ".join("depth %d | × %s" % (d, " | × ".join([o[0] for o in others] + ["f16"])) for d in depths)
          + " | µs per cached token | × f16 | reads at depth %d |" % last)
    print("|" + "---|" * (5 + (2 + len(others)) * len(depths)))

    def slope(form):
        return 1e6 * (1 / rate(got[form + (last,)]) - 1 / rate(got[form + (first,)])) / (last - first)

    for form in dict.fromkeys(k[:2] for k in got):
        cells = []
        for d in depths:
            cells += ["%.1f" % rate(got[form + (d,)])] + ["%.2f" % ratio(got[form + (d,)], got[o + (d,)]) for o in others + [base]]
        cells += ["%.2f" % slope(form), "%.2f" % (slope(base) / slope(form))]
        size = got[form + (last,)][0].get("step_bytes")
        print("| %s | %s | %s | %s |" % (form + (" | ".join(cells), "%.1f MB" % (size / 1e6) if size else "–")), flush=True)


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
    p.add_argument("--qwen", metavar="FILE", help="another model to measure likewise")
    p.add_argument("--no-large", action="store_true", help="without the model with Llama 3 8B's attention")
    p.add_argument("--llama-python", default=sys.executable, metavar="PATH", help="interpreter that has llama_cpp (default: this one)")
    return p.parse_args()


def main():
    args = parse()
    bench, about = Bench(args), vs.machine()
    if about["load"] > 0.3 * about["processors"]:
        vs.note("the machine is busy (load %.1f): these figures mean little" % about["load"])
    print("%s, %d threads; llama-cpp-python %s; %d rounds" % (about["cpu"], args.threads, bench.version["llama_cpp_python"], bench.rounds))
    kept = {}
    for model in ["smollm2-Q4_1"] + ([args.qwen] if args.qwen else []):
        kept[model] = measure(bench, model, FORMS, (0, 4096), 32, True)
        table(os.path.basename(model), kept[model], (0, 4096))
    if not args.no_large:
        kept["llama-8b-attn"] = measure(bench, "llama-8b-attn-Q4_K_M", LARGE, (0, 16384), 16, False)
        table("Llama 3 8B's attention in four layers, random weights, Q4_K_M", kept["llama-8b-attn"], (0, 16384))
    if args.json:
        with open(args.json, "w") as f:
            json.dump({"machine": about, "llama": bench.version, "rows": {m: [dict(zip(("form", "cache", "depth"), k), replies=v) for k, v in g.items()]
                                                                          for m, g in kept.items()}}, f, indent=1)


if __name__ == "__main__":
    main()
