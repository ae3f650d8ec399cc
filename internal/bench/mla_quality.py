#!/usr/bin/env python3
"""What a compressed cache costs in perplexity: one table, from scratch.

    python3 internal/bench/mla_quality.py [--model FILE] [--eval TEXT] [--calib TEXT] [--budgets 83%,67%,50%,33%,25%] [--json]

For each budget, the ratio of the perplexity to that of the uncompressed model: calibrated on TEXT and on text that the model
writes itself, in windows of 256 tokens (40 of them) and of 1,024 (10). `chat compare` does the work and keeps conversions in
the user's cache, so that a second run takes a minute; --no-cache makes them anew. --plot FILE.png draws the first column
beside what TransMLA's own code gives (internal/bench/transmla.csv). Needs Go and Python 3, nothing else.
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
SHARED = pathlib.Path(os.environ.get("LATENTGO_SHARED", ROOT.parent / "shared"))
CONTEXTS = ((256, 40), (1024, 10))

# Targets of the project for SmolLM2-135M-Instruct, by budget: calibrated on a text, and on self-written text.
TARGETS = {"83%": (1.01, 1.02), "67%": (1.03, 1.05), "50%": (1.10, 1.15), "33%": (1.30, 1.40), "25%": (1.60, 1.75)}


def arguments():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--model", default=os.environ.get("LATENTGO_MODEL", "smollm2"), help="as for chat -m")
    p.add_argument("--eval", default=SHARED / "text" / "eval.txt", help="text that perplexity is measured on")
    p.add_argument("--calib", default=SHARED / "text" / "calib.txt", help="text to calibrate on")
    p.add_argument("--budgets", default=",".join(TARGETS))
    p.add_argument("--no-cache", action="store_true")
    p.add_argument("--threads", default="0")
    p.add_argument("--plot", help="PNG to draw")
    p.add_argument("--json", action="store_true")
    return p.parse_args()


def compare(chat, args, calib, ctx, windows, extra=()):
    """Runs chat compare and returns its JSON."""
    cmd = [chat, "compare", args.model, "-f", str(args.eval), "--ctx", str(ctx), "--windows", str(windows),
           "--mla", args.budgets, "-t", args.threads, "--json", *extra]
    if calib:
        cmd += ["--calib", str(calib)]
    if args.no_cache and ctx == CONTEXTS[0][0]:
        cmd.append("--no-cache")
    return json.loads(subprocess.run(cmd, check=True, stdout=subprocess.PIPE).stdout)


def measure(chat, args):
    """Returns {(source, context): result}."""
    out = {}
    for source, calib in (("calib", args.calib), ("self", None)):
        for ctx, windows in CONTEXTS:
            extra = ()
            if args.plot and (source, ctx) == ("calib", 256):
                extra = ("--plot", args.plot, "--force", "--curve", str(ROOT / "internal" / "bench" / "transmla.csv"))
            out[source, ctx] = compare(chat, args, calib, ctx, windows, extra)
    return out


def table(args, results):
    """Prints the results for people, as Markdown."""
    first = results["calib", 256]
    print(f"{first['reference']['model']}, {first['reference']['cache_bytes']} bytes of cache per token; perplexity of the original: "
          + ", ".join(f"{results['calib', c]['reference']['ppl']:.4f} at context {c}" for c, _ in CONTEXTS) + "\n")
    print("| budget | cache | calibrated on a text: 256 / 1024 | target | self-written: 256 / 1024 | target | KL, same top token (a text, 256) |")
    print("|---|---|---|---|---|---|---|")
    for i, budget in enumerate(args.budgets.split(",")):
        row = {k: r["models"][i] for k, r in results.items()}
        ratios = [" / ".join(f"{row[source, c]['ratio']:.3f}" for c, _ in CONTEXTS) for source in ("calib", "self")]
        want = [f"{x:.2f}" for x in TARGETS.get(budget, ())] if "smollm2" in first["reference"]["model"].lower() else []
        want = want or ("–", "–")
        m = row["calib", 256]
        print(f"| {budget} | {m['mla'].removeprefix('compressed ')} | {ratios[0]} | {want[0]} | {ratios[1]} | {want[1]} "
              f"| {m['kl_mean']:.4f}, {100 * m['top1']:.1f} % |")


def main():
    args = arguments()
    with tempfile.TemporaryDirectory() as tmp:
        chat = os.path.join(tmp, "chat")
        subprocess.run(["go", "build", "-o", chat, "./cmd/chat"], cwd=ROOT, check=True)
        results = measure(chat, args)
    if args.json:
        json.dump({f"{source} {ctx}": r for (source, ctx), r in results.items()}, sys.stdout)
    else:
        table(args, results)


if __name__ == "__main__":
    main()
