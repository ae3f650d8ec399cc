#!/usr/bin/env python3
"""What smaller caches lose: this engine's and llama.cpp's in one table, from scratch.

  pip install llama-cpp-python        (builds llama.cpp for this machine; brings numpy along)
  internal/bench/mla_quality.py [--model FILE …] [--text FILE …] [--calib FILE] [--self] [--caches …] [--mla …] [--llama …]
                                [--context 1024x10 …] [--recall 2000x8,6000x16] [--plot FILE.png] [--json]

For each model, text and context: all bytes of a session at the end of a window as a share of those of half floats, the ratio of
perplexities, the mean divergence in nats, how often both find the same token likeliest, and how many codes are found again that were
hidden in a text of so many tokens, with the mean log-probability of their digits. `chat compare` measures this engine, calibrated on
--calib, with --self on text that the model writes as well; llama_caches.py measures llama.cpp's types, on the same windows and codes.
Shares are of each program's own half floats. Calibrations are kept in the user's cache, so that a second run is quicker.
"""
import argparse, json, os, pathlib, subprocess, sys, tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
SHARED = pathlib.Path(os.environ.get("LATENTGO_SHARED", ROOT.parent / "shared"))


def arguments():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--model", action="append", help="as for chat -m (default smollm2); may be repeated")
    p.add_argument("--text", action="append", help="text to measure on (default eval.txt of ../shared); may be repeated")
    p.add_argument("--calib", default=SHARED / "text" / "calib.txt", help="text to calibrate on")
    p.add_argument("--self", action="store_true", help="also calibrate on text that the model writes")
    p.add_argument("--caches", default="q8,q4,20%,14%,10%", help="caches of this engine (default %(default)s)")
    p.add_argument("--mla", default="", help="forms of attention too, such as 67%%,50%%")
    p.add_argument("--llama", default="f16,q8_0,q4_0", help="llama.cpp's types, the first to compare with; empty for none (default %(default)s)")
    p.add_argument("--context", action="append", help="tokens of a window x windows (default 1024x10); may be repeated")
    p.add_argument("--recall", default="2000x8", help="tokens x codes, several with commas, or - (default %(default)s)")
    p.add_argument("--llama-python", default=sys.executable, metavar="PATH", help="interpreter that has llama_cpp (default: this one)")
    p.add_argument("-t", "--threads", default="2")
    p.add_argument("--plot", metavar="FILE.png", help="draw the first table: perplexity against bytes")
    p.add_argument("--json", action="store_true")
    args = p.parse_args()
    args.model, args.text = args.model or ["smollm2"], args.text or [str(SHARED / "text" / "eval.txt")]
    args.contexts = [tuple(map(int, c.split("x"))) for c in args.context or ["1024x10"]]
    args.recalls = [] if args.recall == "-" else [tuple(map(int, r.split("x"))) for r in args.recall.split(",")]
    return args


def run(command):
    return json.loads(subprocess.run(list(map(str, command)), check=True, stdout=subprocess.PIPE, cwd=ROOT).stdout)


def ours(chat, args, model, text, context, calib, recalls, plot=()):
    """What chat compare says. It asks for one number of codes at a time: those after the first take runs of their own."""
    command = [chat, "compare", model, "-f", text, "--ctx", context[0], "-t", args.threads, "--json"]
    calibrated = args.mla or any(c.startswith("auto") or c.endswith("%") and float(c[:-1]) < 28 for c in args.caches.split(","))
    for flag, value in (("--cache", args.caches), ("--mla", args.mla), ("--calib", calib if calibrated else None)):
        command += [flag, value] if value else []
    asked = [["--recall", tokens, "--facts", facts] for tokens, facts in recalls]
    out = run(command + ["--windows", context[1], *plot] + sum(asked[:1], []))
    for flags in asked[1:]:
        again = run(command + ["--windows", 1] + flags)
        for a, b in zip([out["reference"]] + out["models"], [again["reference"]] + again["models"]):
            a["recall"] += b["recall"]
    return out


def rows(result, label):
    """The rows of a result of chat compare, its reference first."""
    first = result["reference"]
    first.update(ratio=1.0, kl_mean=0.0, top1=1.0)
    return [dict(m, label=label % m["asked"] if m is not first else "f16", share=m["session_bytes"] / first["session_bytes"])
            for m in [first] + result["models"]]


def measure(chat, args, model, text, context, recalls, plot):
    """One table: rows of both programs."""
    path = run([chat, "inspect", model, "--json"])["file"] if not os.path.exists(model) else model
    theirs = []
    if args.llama:
        recall = ",".join("%dx%d" % r for r in recalls) or "-"
        theirs = run([args.llama_python, HERE / "llama_caches.py", path, args.threads, text, *context, args.llama, recall])["models"]
        for r in theirs:
            r["label"] = "llama.cpp " + r["asked"]
    with tempfile.NamedTemporaryFile("w", suffix=".csv") as curve:
        draw = ()
        if plot:
            draw = ["--plot", plot, "--force"]
            if theirs[1:]:
                curve.write("llama.cpp's types\n" + "".join("%g,%g\n" % (100 * r["share"], r["ratio"]) for r in theirs[1:]))
                curve.flush()
                draw += ["--curve", curve.name]
        out = rows(ours(chat, args, path, text, context, args.calib, recalls, draw), "%s")
    if args.self:
        out += rows(ours(chat, args, path, text, context, None, recalls), "%s, self-written")[1:]
    return out + theirs


def table(title, got, recalls):
    print("\n" + title + "\n")
    print("| cache | bytes | perplexity | KL mean | same top |" + "".join(" %d codes in %d | log-prob |" % (f, n) for n, f in recalls))
    print("|" + "---|" * (5 + 2 * len(recalls)))
    for r in got:
        cells = [r["label"], "%.1f %%" % (100 * r["share"]), "%.4f" % r["ratio"], "%.4f" % r["kl_mean"], "%.1f %%" % (100 * r["top1"])]
        for x in r.get("recall") or ():
            cells += [str(x["right"]), "%.3f" % x["log_prob"]]
        print("| " + " | ".join(cells) + " |", flush=True)


def main():
    args = arguments()
    kept, plot = [], args.plot
    with tempfile.TemporaryDirectory() as tmp:
        chat = os.path.join(tmp, "chat")
        subprocess.run(["go", "build", "-o", chat, "./cmd/chat"], cwd=ROOT, check=True)
        for model in args.model:
            recalls = args.recalls  # of a model once
            for text in args.text:
                for context in args.contexts:
                    got = measure(chat, args, model, text, context, recalls, plot)
                    kept.append({"model": model, "text": text, "context": context, "rows": got})
                    if not args.json:
                        table("%s, %s, %d windows of %d" % (os.path.basename(model), os.path.basename(text), context[1], context[0]), got, recalls)
                    recalls, plot = [], None
    if args.json:
        json.dump(kept, sys.stdout)


if __name__ == "__main__":
    main()
