#!/usr/bin/env python3
"""This engine against llama.cpp on the same CPU: one table, both measured in turns in one run.

  pip install llama-cpp-python        (builds llama.cpp for this machine; brings numpy along)
  internal/bench/vs_llamacpp.py [--quick] [--rows REGEX] [--json OUT] [--cpu avx2] [--llama-python PATH]

It needs Go, Linux or another system with /proc, and a quiet machine. It builds chat, makes the model files in a work
folder (2.1 GB of random weights with randgguf, variants of SmolLM2 with llama.cpp's quantizer) and keeps them there
for the next run. A row takes at least five rounds; in each, both programs do the same work one after the other, in
changing order, each stopped while the other runs, loaded and warmed up before. Shown are the medians of both and
the median of the rounds' ratios, which slow drifts of the machine do not touch. Rates are tokens per second.

--cpu sets LATENTGO_CPU for this engine; for llama.cpp, --llama-python names the interpreter of an environment in which
the package was built otherwise, such as with
  CMAKE_ARGS="-DGGML_NATIVE=OFF -DGGML_AVX2=ON -DGGML_FMA=ON -DGGML_F16C=ON" pip install --no-binary llama-cpp-python llama-cpp-python
"""
import argparse, json, os, re, statistics, subprocess, sys, time

sys.dont_write_bytecode = True  # no __pycache__ in the source tree
from sides import Side

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
PROMPT = "The capital of France is"


class Bench:
    """What all rows share: options, programs, files."""

    def __init__(self, args):
        self.args = args
        self.rounds = args.rounds or (2 if args.quick else 5)
        self.env = {"LATENTGO_CPU": args.cpu} if args.cpu else {}
        self.bandwidth = []  # GB/s, every measurement of the run
        os.makedirs(args.work, exist_ok=True)
        for tool in ("./cmd/chat", "./internal/randgguf", "./internal/bench/membw"):
            self.run(["go", "build", "-o", args.work + os.sep, tool], cwd=ROOT)
        self.llama = [args.llama_python, os.path.join(HERE, "llama_side.py")]
        self.version = json.loads(self.run(self.llama + ["version"]))

    def tool(self, name):
        return os.path.join(self.args.work, name)

    def run(self, command, **options):
        """Runs a program to its end; returns its output."""
        p = subprocess.run(command, stdout=subprocess.PIPE, text=True, env=dict(os.environ, **self.env), **options)
        if p.returncode != 0:
            sys.exit("%s ended with code %d" % (" ".join(command[:4]), p.returncode))
        return p.stdout

    def tokens(self, n):
        return max(8, n // 4) if self.args.quick else n

    def ours(self, model, threads=None):
        return Side([self.tool("chat"), "bench", "--serve", "-m", self.file(model), "-t", str(threads or self.args.threads)], self.env)

    def theirs(self, model, context):
        return Side(self.llama + ["serve", self.file(model), str(self.args.threads), str(context)])

    def file(self, model):
        """The path of NAME-TYPE, made if it is not there; that of any other file is its own."""
        if os.path.exists(model):
            return model
        name, typ = model.rsplit("-", 1)
        if model == "smollm2-Q4_1":
            if not self.args.model:
                self.args.model = json.loads(self.run([self.tool("chat"), "pull", "--json"]))["path"]
            return self.args.model
        path = self.tool(model + ".gguf")
        if not os.path.exists(path):
            note("making " + path)
            if name == "smollm2":
                self.run(self.llama + ["quantize", self.file("smollm2-Q4_1"), path + ".part", typ])
                os.rename(path + ".part", path)
            else:
                self.run([self.tool("randgguf"), "-o", path, "-preset", name, "-type", typ])
        return path

    def pairs(self, a, b, between=None, **request):
        """One reply of each side per round, as pairs of rates; a first round does not count."""
        kind = "prompt" if "prompt" in request else "decode"
        rates = []
        for i in range(self.rounds + 1):
            order = (a, b) if i % 2 else (b, a)
            got = {s: s.ask(**request)[kind]["median"] for s in order}
            if i:
                rates.append((got[a], got[b]))
            if between:
                between()
        return rates

    def measure_bandwidth(self):
        out = self.run([self.tool("membw"), "-t", str(self.args.threads), "-r", "5"])
        self.bandwidth.append(json.loads(out)["gb_per_s"]["best"])


def note(text):
    print(text, file=sys.stderr, flush=True)


def result(ours, theirs, ratio, ok, unit="tokens/s", samples=None):
    return {"ours": ours, "theirs": theirs, "ratio": ratio, "ok": ok, "unit": unit, "samples": samples}


def compared(pairs, target, invert=False, unit="tokens/s"):
    """The result of pairs of which the larger number is better, or the smaller one if invert."""
    ratio = statistics.median(b / a if invert else a / b for a, b in pairs)
    return result(statistics.median(a for a, _ in pairs), statistics.median(b for _, b in pairs), ratio, ratio >= target, unit, pairs)


# Each kind of row is a function of the bench and the row's own arguments that returns a list of results, one per target.

def rate_row(bench, targets, model, **request):
    """Both sides' rates for one request."""
    context = max(512, request.get("prompt", 0), request.get("depth", 0) + request.get("decode", 0)) + 64
    if "decode" in request:
        request["decode"] = bench.tokens(request["decode"])
    with bench.ours(model) as a, bench.theirs(model, context) as b:
        return [compared(bench.pairs(a, b, **request), targets[0])]


def large_row(bench, targets, model, decode):
    """Decoding a model that no cache holds: rates, and how much of the memory bandwidth they are. The matrices are tied, so
    that every byte of the weights is read once per token."""
    with bench.ours(model) as a, bench.theirs(model, 512) as b:
        size = a.info["weight_bytes"] / 1e9
        start = len(bench.bandwidth)
        pairs = bench.pairs(a, b, bench.measure_bandwidth, decode=bench.tokens(decode))
        limit = statistics.median(bench.bandwidth[start:])
    rate = compared(pairs, targets[0])
    share = rate["ours"] * size / limit
    return [rate, result(rate["ours"] * size, rate["theirs"] * size, share, share >= targets[1], "GB/s of %.1f" % limit)]


def threads_row(bench, targets, model, **request):
    """The engine with all threads against itself with one."""
    if "decode" in request:
        request["decode"] = bench.tokens(request["decode"])
    with bench.ours(model) as a, bench.ours(model, 1) as b:
        return [compared(bench.pairs(a, b, **request), targets[0])]


def first_row(bench, targets, model):
    """Milliseconds to the first token of a short prompt: the whole process here, without Python's start there."""
    path, threads, pairs = bench.file(model), str(bench.args.threads), []
    for i in range(bench.rounds + 1):
        start = time.perf_counter()
        bench.run([bench.tool("chat"), "run", "-m", path, "-t", threads, "--raw", "--temp", "0", "-n", "1", "-p", PROMPT])
        ours = time.perf_counter() - start
        theirs = json.loads(bench.run(bench.llama + ["first", path, threads, PROMPT]))["seconds"]
        if i:
            pairs.append((1e3 * ours, 1e3 * theirs))
    return [compared(pairs, targets[0], True, "ms")]


def memory_row(bench, targets, model, depth):
    """Peak resident memory beyond file and caches after a prompt of 512 and some steps at depth."""
    with bench.ours(model) as a:
        loaded = a.memory("VmRSS")
        a.ask(prompt=512)
        a.ask(decode=8)
        caches = a.ask(decode=8, depth=depth)["cache_bytes"]
        peak = a.memory("VmHWM")
    rest = (peak - os.path.getsize(bench.file(model)) - caches) / 1e6
    note("  %.1f MB resident after loading, %.1f MB at the peak, of it caches %.1f MB" % (loaded / 1e6, peak / 1e6, caches / 1e6))
    return [result(rest, None, None, rest <= targets[0], "MB", {"loaded": loaded, "peak": peak, "caches": caches})]


def allocations_row(bench, targets, model):
    """Heap allocations per token: those of 96 steps less those of 32, since the runtime makes some of its own now and then;
    and what the engine's test says."""
    with bench.ours(model) as a:
        a.ask(decode=96)
        counts = [(a.ask(decode=96)["allocs"] - a.ask(decode=32)["allocs"]) / 64 for _ in range(2 * bench.rounds + 1)]
    bench.run(["go", "test", "-count=1", "-run", "TestDecodeDoesNotAllocate", "./engine"], cwd=ROOT)
    n = round(statistics.median(counts), 1)
    return [result(n, None, None, n <= targets[0], "", counts)]


def rows(args):
    """The table: label, targets, function, its arguments."""
    for typ, target in (("Q4_1", 1.5), ("Q8_0", 1.2), ("Q4_0", 1.2), ("Q4_K_M", 1.2), ("Q5_K_M", 1.2), ("Q6_K", 1.2)):
        yield "decode, SmolLM2 " + typ, [target], rate_row, dict(model="smollm2-" + typ, decode=128)
    for typ in ("Q4_K_M", "Q8_0"):
        yield "decode, 1B " + typ, [1.0, 0.85], large_row, dict(model="llama-1b-" + typ, decode=32)
    for typ, target in (("Q4_1", 3.0), ("Q8_0", 1.3), ("Q4_0", 1.3), ("Q4_K_M", 1.3)):
        yield "prompt of 512, SmolLM2 " + typ, [target], rate_row, dict(model="smollm2-" + typ, prompt=512)
    yield "decode at depth 4,096, SmolLM2 Q4_1", [2.0], rate_row, dict(model="smollm2-Q4_1", decode=32, depth=4096)
    threads = "%d threads instead of 1: " % args.threads
    yield threads + "prompt of 512, SmolLM2 Q4_1", [1.8], threads_row, dict(model="smollm2-Q4_1", prompt=512)
    yield threads + "decode, SmolLM2 Q4_1", [1.5], threads_row, dict(model="smollm2-Q4_1", decode=128)
    for label, model in (("SmolLM2 Q4_1", "smollm2-Q4_1"), ("1B Q4_K_M", "llama-1b-Q4_K_M")):
        yield "start to first token, " + label, [1.0], first_row, dict(model=model)
    for label, model in (("SmolLM2 Q4_1", "smollm2-Q4_1"), ("SmolLM2 Q4_K_M", "smollm2-Q4_K_M"), ("1B Q4_K_M", "llama-1b-Q4_K_M")):
        yield "memory beyond file and caches, " + label, [80], memory_row, dict(model=model, depth=2048)
    yield "heap allocations per token", [0], allocations_row, dict(model="smollm2-Q4_1")


def number(x):
    return "–" if x is None else "%.0f" % x if abs(x) >= 1000 else "%.1f" % x if abs(x) >= 10 else "%.2f" % x


def line(label, target, r):
    """A row of the Markdown table."""
    wanted = "≥ %.2f" % target if r["ratio"] is not None else "≤ %g" % target
    ratio = "–" if r["ratio"] is None else "%.2f" % r["ratio"]
    return "| %s | %s %s | %s | %s | %s | %s |" % (label, number(r["ours"]), r["unit"], number(r["theirs"]), ratio, wanted,
                                                "yes" if r["ok"] else "**no**")


def machine():
    """What the results depend on."""
    with open("/proc/cpuinfo") as f:
        cpu = re.search(r"model name\s*: (.*)", f.read())
    return {"cpu": cpu[1] if cpu else "unknown", "processors": os.cpu_count(), "load": os.getloadavg()[0]}


def parse():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--quick", action="store_true", help="two rounds of a quarter of the tokens: a look, not a result")
    p.add_argument("--rounds", type=int, help="rounds per row (default 5)")
    p.add_argument("--rows", default="", metavar="REGEX", help="only rows whose label matches")
    p.add_argument("--json", metavar="OUT", help="write every sample to this file")
    p.add_argument("--cpu", metavar="PATH", help="kernel path of this engine: generic, avx2, avx512")
    p.add_argument("--threads", type=int, default=2, help="threads of both (default 2)")
    p.add_argument("--work", default="/tmp/latentgo-bench", help="folder for programs and models (default %(default)s)")
    p.add_argument("--model", metavar="FILE", help="SmolLM2 as Q4_1 (default: what chat pull fetches)")
    p.add_argument("--llama-python", default=sys.executable, metavar="PATH", help="interpreter that has llama_cpp (default: this one)")
    return p.parse_args()


def main():
    args = parse()
    bench, about = Bench(args), machine()
    if about["load"] > 0.3 * about["processors"]:
        note("the machine is busy (load %.1f): these figures mean little" % about["load"])
    print("%s, %d threads; LATENTGO_CPU %s; llama-cpp-python %s: %s; %d rounds\n" % (
        about["cpu"], args.threads, args.cpu or "not set", bench.version["llama_cpp_python"], bench.version["system"], bench.rounds))
    print("| work | ours | llama.cpp | ratio | target | reached |\n|---|---|---|---|---|---|", flush=True)
    kept = []
    for label, targets, function, arguments in rows(args):
        if not re.search(args.rows, label):
            continue
        for target, r in zip(targets, function(bench, targets, **arguments)):
            name = label + (": share of the memory bandwidth" if r["unit"].startswith("GB/s") else "")
            print(line(name, target, r), flush=True)
            kept.append(dict(r, work=name, target=target))
    others = Side.others / max(Side.wall, 1e-9)
    if others > 0.05:
        note("other programs used %.0f %% of a processor meanwhile: measure again on a quiet machine" % (100 * others))
    if args.json:
        out = {"machine": dict(about, others=others), "llama": bench.version, "options": vars(args), "bandwidth_gb_per_s": bench.bandwidth, "rows": kept}
        with open(args.json, "w") as f:
            json.dump(out, f, indent=1)
    sys.exit(0 if all(r["ok"] for r in kept) else 1)


if __name__ == "__main__":
    main()
