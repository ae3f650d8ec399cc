#!/usr/bin/env python3
"""llama.cpp's side of vs_llamacpp.py and compat_check.py, through its Python package. Every result is one line of JSON.

  version                        version of the package, what llama.cpp was built for
  quantize SRC DST TYPE          writes SRC as TYPE, requantising where it must
  first    MODEL THREADS TEXT    seconds from before the load to the first greedy token after TEXT
  perplexity MODEL THREADS FILE CTX WINDOWS  of FILE's text: windows that do not overlap, no BOS, a window's first token is
                                 not scored
  follow   MODEL THREADS IDS N   a greedy text, IDS, a file with a list of ids, of which the last N were chosen: how many
                                 of those this side would have chosen, and by how much it prefers others
  serve    MODEL THREADS CONTEXT measurements on request, the protocol of `chat bench --serve`: a line about the model,
                                 then for {"prompt": N} or {"decode": N, "depth": N} on standard input a line with the rate
"""
import ctypes, json, math, os, sys, time
import llama_cpp as L
import numpy as np

WARM = 16  # tokens before each measurement, as on the other side
BATCH = 512


@L.llama_log_callback
def silent(level, text, user):
    pass


def say(value):
    print(json.dumps(value), flush=True)


class Model:
    """A loaded model and one context."""

    def __init__(self, path, threads, context):
        L.llama_backend_init()
        mp = L.llama_model_default_params()
        mp.n_gpu_layers = 0
        self.model = L.llama_model_load_from_file(path.encode(), mp)
        if not self.model:
            sys.exit("llama.cpp does not load " + path)
        self.vocab = L.llama_model_get_vocab(self.model)
        self.n_vocab = L.llama_vocab_n_tokens(self.vocab)
        cp = L.llama_context_default_params()
        cp.n_ctx, cp.n_batch, cp.n_ubatch = context, BATCH, BATCH
        cp.n_threads = cp.n_threads_batch = threads
        cp.flash_attn_type = L.LLAMA_FLASH_ATTN_TYPE_ENABLED
        cp.no_perf = True
        self.ctx = L.llama_init_from_model(self.model, cp)
        if not self.ctx:
            sys.exit("llama.cpp makes no context of %d tokens" % context)
        self.mem = L.llama_get_memory(self.ctx)
        self.one = (L.llama_token * 1)()

    def clear(self):
        L.llama_memory_clear(self.mem, True)

    def eval(self, ids):
        """Appends the tokens and returns the most likely next one."""
        for at in range(0, len(ids), BATCH):
            part = ids[at:at + BATCH]
            self._decode((L.llama_token * len(part))(*part), len(part))
        return self._best()

    def steps(self, token, n):
        """Decodes n tokens greedily, the first one being token."""
        for _ in range(n):
            self.one[0] = token
            self._decode(self.one, 1)
            token = self._best()

    def _decode(self, array, n):
        rc = L.llama_decode(self.ctx, L.llama_batch_get_one(array, n))
        if rc != 0:
            sys.exit("llama_decode says %d" % rc)

    def _best(self):
        return int(np.ctypeslib.as_array(L.llama_get_logits_ith(self.ctx, -1), shape=(self.n_vocab,)).argmax())

    def tokens(self, text, special=True):
        """The ids of text: with BOS and EOS, or without them and with special tokens in the text found."""
        raw = text.encode()
        buf = (L.llama_token * (len(raw) + 16))()
        return list(buf[:L.llama_tokenize(self.vocab, raw, len(raw), buf, len(buf), special, not special)])

    def logits(self, ids):
        """Evaluates the tokens from an empty context and returns the logits after each."""
        self.clear()
        rows = []
        for at in range(0, len(ids), BATCH):
            part = ids[at:at + BATCH]
            b = L.llama_batch_init(len(part), 0, 1)
            b.n_tokens = len(part)
            for i, token in enumerate(part):
                b.token[i], b.pos[i], b.n_seq_id[i], b.seq_id[i][0], b.logits[i] = token, at + i, 1, 0, 1
            rc = L.llama_decode(self.ctx, b)
            if rc != 0:
                sys.exit("llama_decode says %d" % rc)
            rows.append(np.ctypeslib.as_array(L.llama_get_logits(self.ctx), shape=(len(part), self.n_vocab)).copy())
            L.llama_batch_free(b)
        return np.concatenate(rows)


class Server:
    """Answers the requests; what an earlier one left of a context's tokens is used again."""

    def __init__(self, path, threads, context):
        self.m = Model(path, threads, context)
        self.threads, self.kept = threads, 0
        margin = min(100, self.m.n_vocab // 4)
        rng = np.random.default_rng(0)
        self.ids = [int(x) for x in rng.integers(margin, self.m.n_vocab - margin, context)]

    def fill(self, n):
        self.kept = min(self.kept, n - 1)
        if not L.llama_memory_seq_rm(self.m.mem, 0, self.kept, -1):
            self.kept = 0
            self.m.clear()
        best = self.m.eval(self.ids[self.kept:n])
        self.kept = n
        return best

    def prompt(self, n):
        self.m.clear()
        self.m.eval(self.ids[:WARM])
        self.m.clear()
        self.kept = 0
        start = time.perf_counter()
        self.m.eval(self.ids[:n])
        return n / (time.perf_counter() - start)

    def decode(self, n, depth):
        depth = max(depth, 1)
        self.m.steps(self.fill(depth), min(n, WARM))
        token = self.fill(depth)
        start = time.perf_counter()
        self.m.steps(token, n)
        return n / (time.perf_counter() - start)

    def answer(self, prompt=0, decode=0, depth=0):
        rate = self.prompt(prompt) if prompt else self.decode(decode, depth)
        return {"threads": self.threads, "depth": depth, "prompt" if prompt else "decode": {"best": rate, "median": rate}}


def serve(path, threads, context):
    s = Server(path, int(threads), int(context))
    say({"parameters": L.llama_model_n_params(s.m.model), "weight_bytes": L.llama_model_size(s.m.model)})
    for line in sys.stdin:
        say(s.answer(**json.loads(line)))


def first(path, threads, text):
    start = time.perf_counter()
    m = Model(path, int(threads), 512)
    token = m.eval(m.tokens(text))
    say({"seconds": time.perf_counter() - start, "id": token})


def perplexity(path, threads, file, ctx, windows):
    ctx, nll = int(ctx), 0.0
    m = Model(path, int(threads), ctx)
    with open(file, encoding="utf-8") as f:
        ids = m.tokens(f.read(), special=False)
    windows = min(int(windows), len(ids) // ctx)
    for w in range(windows):
        part = ids[w * ctx:(w + 1) * ctx]
        x = m.logits(part)[:-1].astype(np.float64)
        peak = x.max(1)
        nll += float((peak + np.log(np.exp(x - peak[:, None]).sum(1)) - x[np.arange(ctx - 1), part[1:]]).sum())
    n = windows * (ctx - 1)
    say({"ppl": math.exp(nll / n), "tokens": n, "ctx": ctx, "windows": windows})


def follow(path, threads, file, n):
    with open(file) as f:
        ids = json.load(f)
    n = int(n)
    m = Model(path, int(threads), len(ids))
    x = m.logits(ids[:-1])[-n:]
    chosen = x[np.arange(n), ids[-n:]]
    say({"tokens": n, "agree": int((x.argmax(1) == ids[-n:]).sum()), "gap": float((x.max(1) - chosen).max())})


def quantize(src, dst, typ):
    p = L.llama_model_quantize_default_params()
    p.ftype = getattr(L, "LLAMA_FTYPE_MOSTLY_" + typ)
    p.allow_requantize = True
    rc = L.llama_model_quantize(src.encode(), dst.encode(), ctypes.byref(p))
    if rc != 0:
        sys.exit("llama.cpp's quantizer says %d" % rc)
    say({"bytes": os.path.getsize(dst)})


def version():
    say({"llama_cpp_python": L.__version__, "system": L.llama_print_system_info().decode().strip()})


if __name__ == "__main__":
    commands = {f.__name__: f for f in (version, quantize, first, perplexity, follow, serve)}
    if len(sys.argv) < 2 or sys.argv[1] not in commands:
        sys.exit(__doc__)
    L.llama_log_set(silent, ctypes.c_void_p(0))
    commands[sys.argv[1]](*sys.argv[2:])
