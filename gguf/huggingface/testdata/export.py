#!/usr/bin/env python3
"""Judges `chat convert IN.gguf FOLDER --to huggingface`: transformers loads the folder in float32 on the CPU and must give
the token ids and logits that this program gives for the file.

  python export.py CHAT FILE.gguf FOLDER [--text FILE] [--windows N] [--ctx N]
  python export.py --same DIR

The second form takes what EXPORT_DIR=DIR go test -run 'TestExport$' . leaves: small models as transformers saves them,
and as they come back from a GGUF file. transformers must give the same logits and token ids for both. tokenizer.model of
these models merges spaces, which GGUF files do not say and real models do not do: there texts with runs of spaces have
other ids, and with Gemma's, which in files have no space in front, all.

needs: pip install torch transformers. CHAT is the program. Logits are compared on the first tokens of the text, perplexity
on N windows of it, as `chat perplexity` scores them: without BOS, every token of a window but its first.
"""
import argparse, json, math, subprocess, sys, tempfile
from pathlib import Path
import numpy as np, torch
from transformers import AutoConfig, AutoModel, AutoModelForCausalLM, AutoModelForImageTextToText, AutoModelForSequenceClassification, AutoTokenizer
from transformers import Step3p7Config, Step3p7ForConditionalGeneration

TEXTS = ["Hello, world! It's 2026; we'll see 3.14159 and 1234567 things.", "  two  spaces\n\n\ttab\r\nnew line ",
         "Füße, naïve, 我想在apple工作1314151天~, кириллица, 🦙🦙 emoji 👩‍👩‍👧", "def f(x):\n    return x**2  # comment\n", "don't WE'VE I'LL 'tis"]


def load(folder, **settings):
    config = AutoConfig.from_pretrained(folder, **settings)
    text, arch = config.get_text_config(), config.architectures[0]
    kind = AutoModelForCausalLM if arch.endswith(("ForCausalLM", "LMHeadModel")) else AutoModel
    if arch.endswith("ForSequenceClassification"): kind = AutoModelForSequenceClassification
    if config.model_type == "step3p5":  # whose language model has a class with a tower only
        config, kind = Step3p7Config(text_config=config, vision_config=dict(hidden_size=32, intermediate_size=32, num_hidden_layers=1, num_attention_heads=2, image_size=28)), Step3p7ForConditionalGeneration
    elif text is not config:
        kind = AutoModelForImageTextToText
        for k in ("depth", "num_hidden_layers"):  # of the tower, which no folder has here
            if hasattr(config.vision_config, k): setattr(config.vision_config, k, 1)
    for k in ("pad_token_id", "eos_token_id"):  # defaults that small vocabularies do not have
        if isinstance(getattr(text, k, None), int) and getattr(text, k) >= text.vocab_size: setattr(text, k, None)
    tower = dict(ignore_mismatched_sizes=True) if text is not config else {}
    model, info = kind.from_pretrained(folder, config=config, dtype=torch.float32, output_loading_info=True, **tower)
    ahead = tuple(f"model.{m}layers.{text.num_hidden_layers + i}." for i in range(3) for m in ("", "language_model.")) + ("mtp.", "model.mtp.")  # predict a token further on
    lost = [str(k) for k in [*info["missing_keys"], *info["unexpected_keys"], *info["mismatched_keys"]]]
    lost = [k for k in lost if not any(p in k for p in ("pooler", "vis", "audio", "projector")) and not k.startswith(ahead)]
    return AutoTokenizer.from_pretrained(folder), model.eval(), lost


def same(root):
    for d in sorted(root.iterdir()):
        try:
            again, b, lost = load(d / "after")
            # No GGUF file says what Gemma's scores are divided by: in real models the size of a head or the width per head. Nor
            # does one say that the weights of Qwen 3's experts add up to 1, or that Afmoe's embeddings are scaled, as in real models.
            keys = [k for k in ("query_pre_attn_scalar", "norm_topk_prob", "mup_enabled") if getattr(b.config, k, None) is not None]
            tok, a, _ = load(d / "before", **{k: getattr(b.config, k) for k in keys})
            ids = torch.tensor([[(7 * i + i * i) % a.config.get_text_config().vocab_size for i in range(40)]])
            with torch.inference_mode():
                out = lambda m: getattr(m(ids), "logits", None) if hasattr(m(ids), "logits") else m(ids).last_hidden_state
                diff = (out(a) - out(b)).abs().max().item()
            wrong = sum(tok.encode(t) != again.encode(t) for t in TEXTS)
            print(f"{d.name:24} {type(b).__name__:24} max abs {diff:.1e}, texts with other ids {wrong} of {len(TEXTS)}{', missing or superfluous: ' * bool(lost)}{lost or ''}", flush=True)
        except BaseException as e:
            print(f"{d.name:24} {type(e).__name__}: {str(e)[:300]}", flush=True)


if len(sys.argv) == 3 and sys.argv[1] == "--same":
    same(Path(sys.argv[2]))
    sys.exit()
p = argparse.ArgumentParser()
p.add_argument("chat"); p.add_argument("file"); p.add_argument("folder")
p.add_argument("--text", type=Path); p.add_argument("--windows", type=int, default=0)
p.add_argument("--ctx", type=int, default=256); p.add_argument("--tokens", type=int, default=128)
a = p.parse_args()
run = lambda *args: subprocess.run([a.chat, *args], check=True, capture_output=True, text=True).stdout

tok, model, _ = load(a.folder)
print(type(tok).__name__, type(model).__name__)
text = a.text.read_text() if a.text else " ".join(TEXTS)

wrong = 0
for t in TEXTS + [text[:4000]]:
    ours = json.loads(run("tokenize", "-m", a.file, "-p", t))["ids"]
    theirs = tok.encode(t, add_special_tokens=False)
    if ours != theirs:
        wrong += 1
        print("ids differ:", repr(t[:60]), ours[:20], theirs[:20])
print("texts with other token ids:", wrong, "of", len(TEXTS) + 1)

ids = json.loads(run("tokenize", "-m", a.file, "-p", text[:40000]))["ids"]
with tempfile.TemporaryDirectory() as d:
    Path(d, "ids.json").write_text(json.dumps(ids[:a.tokens]))
    run("logits", "-m", a.file, "-f", d + "/ids.json", "-o", d + "/x")
    ours = np.fromfile(d + "/x", dtype="<f4").reshape(len(ids[:a.tokens]), -1)
with torch.inference_mode():
    theirs = model(torch.tensor([ids[:a.tokens]])).logits[0].numpy()
diff = ours - theirs
print(f"logits of {len(ours)} tokens: max abs {np.abs(diff).max():.2e}, rms {np.sqrt((diff ** 2).mean()):.2e}, "
      f"NMSE {(diff ** 2).sum() / (theirs ** 2).sum():.2e}, of {np.abs(theirs).max():.1f} at most; "
      f"same best token {(ours.argmax(1) == theirs.argmax(1)).mean():.1%}")
if a.windows:
    part = [ids[i * a.ctx:(i + 1) * a.ctx] for i in range(min(a.windows, len(ids) // a.ctx))]
    with torch.inference_mode():
        x = torch.tensor(part)
        nll = [torch.nn.functional.cross_entropy(model(w[None]).logits[0, :-1], w[1:], reduction="mean").item() for w in x]
    theirs = math.exp(sum(nll) / len(nll))
    got = json.loads(run("perplexity", "-m", a.file, "-f", str(a.text), "--ctx", str(a.ctx), "--windows", str(len(part)), "--json"))
    print(f"perplexity of {len(part)} windows of {a.ctx}: transformers {theirs:.4f}, chat {got['ppl']:.4f}, {theirs / got['ppl'] - 1:+.3%}")
