#!/usr/bin/env python3
"""Files that `chat convert --compat llama.cpp` writes, in llama.cpp: one table, from scratch.

  pip install llama-cpp-python        (builds llama.cpp for this machine; brings numpy along)
  internal/bench/compat_check.py [--mla 50%] [--model FILE] [--quick] [--json OUT]

For each form of --mla the model is converted twice with the same calibration text, to this engine's own form and to
llama.cpp's. Then, on text that neither has seen:

  own        perplexity of the own form in this engine
  ours       of the file for llama.cpp in this engine
  llama.cpp  of the same file in llama.cpp: at most 0.5 % from ours
  of own     llama.cpp's perplexity against the own form's at the same bytes: at most 5 % above
  greedy     greedy text of this engine with that file, token by token in llama.cpp: how many tokens it would have
             chosen too, and its largest preference for another one in logits; ok up to 0.5, what rounding can turn

Ends with code 1 when a limit is exceeded.
"""
import argparse, json, os, subprocess, sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
TEXT = os.path.join(os.path.dirname(ROOT), "shared", "text")
WINDOWS = ((256, 40), (1024, 10))
PROMPTS = ("The capital of France is", "Once upon a time there was a fox who", "def fibonacci(n):\n", "The most important thing about water is that")
GREEDY = 48  # tokens per prompt
LIMITS = {"llama": 0.005, "own": 0.05, "gap": 0.5}


class Check:
    """Options and programs."""

    def __init__(self, args):
        self.args = args
        os.makedirs(args.work, exist_ok=True)
        self.chat = os.path.join(args.work, "chat")
        run(["go", "build", "-o", self.chat, "./cmd/chat"], cwd=ROOT)
        self.llama = [args.llama_python, os.path.join(HERE, "llama_side.py")]
        self.version = json.loads(run(self.llama + ["version"]))
        if not args.model:
            args.model = json.loads(run([self.chat, "pull", "--json"]))["path"]

    def convert(self, form, name, *flags):
        """Converts the model; returns the file and its report."""
        path = os.path.join(self.args.work, "%s-%s.gguf" % (form.replace("%", "pc"), name))
        note("converting to %s: %s" % (form, name))
        out = run([self.chat, "convert", "--json", "--force", self.args.model, path, "--mla", form, "--calib", self.args.calib] + list(flags))
        return path, json.loads(out)

    def ours(self, path, ctx, windows):
        note("%s in this engine, context %d" % (os.path.basename(path), ctx))
        return json.loads(run([self.chat, "perplexity", "--json", "-m", path, "-f", self.args.eval, "-c", str(ctx), "--windows", str(windows)]))["ppl"]

    def theirs(self, path, ctx, windows):
        note("%s in llama.cpp, context %d" % (os.path.basename(path), ctx))
        return json.loads(run(self.llama + ["perplexity", path, str(self.args.threads), self.args.eval, str(ctx), str(windows)]))["ppl"]

    def greedy(self, path):
        """Our greedy texts through llama.cpp: tokens, those on which both agree, the largest preference for another one."""
        note("greedy text of " + os.path.basename(path))
        total = {"tokens": 0, "agree": 0, "gap": 0.0}
        for prompt in PROMPTS:
            r = json.loads(run([self.chat, "run", "--json", "--raw", "-m", path, "-p", prompt, "-n", str(GREEDY), "--temp", "0", "--ignore-eos"]))
            ids = os.path.join(self.args.work, "greedy.json")
            with open(ids, "w") as f:
                json.dump(r["prompt"] + r["ids"], f)
            got = json.loads(run(self.llama + ["follow", path, str(self.args.threads), ids, str(len(r["ids"]))]))
            total = {"tokens": total["tokens"] + got["tokens"], "agree": total["agree"] + got["agree"], "gap": max(total["gap"], got["gap"])}
        return total

    def form(self, form):
        """All figures of one form."""
        own, report = self.convert(form, "own")
        compat, other = self.convert(form, "llama", "--compat", "llama.cpp", *(["--refine", "--steps", str(self.args.steps)] if self.args.refine else []))
        row = {"form": form, "mla": other["mla"], "bytes": other["cache_bytes_after"], "own_bytes": report["cache_bytes_after"],
               "before_bytes": other["cache_bytes_before"], "file": os.path.getsize(compat), "own_file": os.path.getsize(own), "ppl": []}
        for ctx, windows in WINDOWS:
            n = max(1, windows // 8) if self.args.quick else windows
            row["ppl"].append({"ctx": ctx, "own": self.ours(own, ctx, n), "ours": self.ours(compat, ctx, n), "llama": self.theirs(compat, ctx, n)})
        row["greedy"] = self.greedy(compat)
        return row


def run(command, **options):
    """Runs a program to its end; returns its output."""
    p = subprocess.run(command, stdout=subprocess.PIPE, text=True, **options)
    if p.returncode != 0:
        sys.exit("%s ended with code %d" % (" ".join(command[:3]), p.returncode))
    return p.stdout


def note(text):
    print(text, file=sys.stderr, flush=True)


def mark(ok):
    return "" if ok else " !"


def show(row):
    """Prints one form's lines; returns whether all limits hold."""
    print("%s (%s): %d of %d bytes per token, file %.1f MB (own form %.1f MB)" % (
        row["form"], row["mla"], row["bytes"], row["before_bytes"], row["file"] / 1e6, row["own_file"] / 1e6))
    good = row["bytes"] == row["own_bytes"]
    if not good:
        print("  the own form caches %d bytes per token !" % row["own_bytes"])
    print("  %7s %10s %10s %10s %12s %10s" % ("context", "own", "ours", "llama.cpp", "from ours", "of own"))
    for p in row["ppl"]:
        off, cost = p["llama"] / p["ours"] - 1, p["llama"] / p["own"] - 1
        same, cheap = abs(off) <= LIMITS["llama"], cost <= LIMITS["own"]
        good = good and same and cheap
        print("  %7d %10.4f %10.4f %10.4f %10.2f %%%s %8.2f %%%s" % (
            p["ctx"], p["own"], p["ours"], p["llama"], 100 * off, mark(same), 100 * cost, mark(cheap)))
    g = row["greedy"]
    same = g["gap"] <= LIMITS["gap"]
    print("  greedy: %d of %d tokens, largest preference for another %.3f%s" % (g["agree"], g["tokens"], g["gap"], mark(same)))
    return good and same


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--mla", default="50%", metavar="FORMS", help="forms, separated by spaces (default %(default)s)")
    p.add_argument("--model", metavar="FILE", help="model to convert (default: what chat pull fetches)")
    p.add_argument("--calib", default=os.path.join(TEXT, "calib.txt"), metavar="FILE", help="calibration text (default %(default)s)")
    p.add_argument("--eval", default=os.path.join(TEXT, "eval.txt"), metavar="FILE", help="text to score (default %(default)s)")
    p.add_argument("--refine", action="store_true", help="improve the form for llama.cpp by gradients: some minutes more")
    p.add_argument("--steps", type=int, default=0, help="of refinement (default: what chat takes)")
    p.add_argument("--quick", action="store_true", help="an eighth of the windows: a look, not a result")
    p.add_argument("--threads", type=int, default=2, help="threads of llama.cpp (default %(default)s)")
    p.add_argument("--json", metavar="OUT", help="write the figures to this file")
    p.add_argument("--work", default="/tmp/latentgo-bench", help="folder for programs and models (default %(default)s)")
    p.add_argument("--llama-python", default=sys.executable, metavar="PATH", help="interpreter that has llama_cpp (default: this one)")
    args = p.parse_args()
    check = Check(args)
    rows = [check.form(form) for form in args.mla.split()]
    print("llama-cpp-python %(llama_cpp_python)s; %(system)s" % check.version)
    good = all([show(row) for row in rows])
    if args.json:
        with open(args.json, "w") as f:
            json.dump({"version": check.version, "rows": rows}, f, indent=1)
    sys.exit(not good)


if __name__ == "__main__":
    main()
