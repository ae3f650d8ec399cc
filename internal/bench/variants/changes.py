"""What sweep.py changes in a model: keys, and tensors that llama.cpp can do with or without."""
import os
import re

from files import (BF16, FLOAT16, FLOAT32, Q8_0, STR, ARR, F32, I32, Model, cast, f32, f32s, flag, flags, i32s, part, random, text, u32, u32s)

# Files of llama.cpp whose name is not the architecture's, and those that others use.
FILES = {
    "bert": "bert", "ernie4_5": "ernie4-5", "ernie4_5-moe": "ernie4-5", "glm4moe": "glm4-moe", "gpt-oss": "openai-moe", "granite_swa": "granite-swa",
    "granitehybrid": "granite-hybrid", "granitemoe": "granite-moe", "hrm_text": "hrm-text", "hunyuan-dense": "hunyuan-vl", "hunyuan_vl": "hunyuan-vl",
    "hy_v3": "hy-v3", "hy_v4": "hy-v4", "jina-bert-v2": "bert", "jina-bert-v3": "bert", "mistral4": "deepseek2", "nemotron_h": "nemotron-h",
    "nemotron_h_moe": "nemotron-h", "nomic-bert": "bert", "nomic-bert-moe": "bert", "paddleocr": "ernie4-5", "pangu-embedded": "pangu-embed",
    "seed_oss": "seed-oss", "spark2_5": "spark2-5",
}
# Tensors that every architecture is tried with.
COMMON = ["OUTPUT", "OUTPUT_NORM", "ROPE_FREQS", "ROPE_FACTORS_LONG", "ROPE_FACTORS_SHORT", "ATTN_Q", "ATTN_K", "ATTN_V", "ATTN_OUT", "ATTN_QKV",
          "FFN_GATE", "FFN_UP", "FFN_DOWN", "ATTN_NORM", "FFN_NORM"]


class Names:
    """Names of keys and tensors, and what of them an architecture reads, out of llama.cpp's source."""

    def __init__(self, src):
        self.src = src
        listed = open(os.path.join(src, "llama-arch.cpp")).read()
        self.keys = {k: v.replace("%s.", "") for k, v in re.findall(r'LLM_KV_([A-Z0-9_]+), *"([^"]+)"', listed)}
        self.tensors = dict(reversed(re.findall(r'LLM_TENSOR_([A-Z0-9_]+), *"([^"]+)"', listed)))

    def text(self, arch):
        paths = [os.path.join(self.src, "models", n + ".cpp") for n in {FILES.get(arch, arch), arch}]
        return "".join(open(p).read() for p in paths if os.path.exists(p))

    def read_keys(self, arch):
        return {k: self.keys[k] for k in re.findall(r"LLM_KV_([A-Z0-9_]+)", self.text(arch)) if k in self.keys}

    def read_tensors(self, arch):
        names = sorted(set(re.findall(r"LLM_TENSOR_([A-Z0-9_]+)", self.text(arch))) | set(COMMON))
        return [self.tensors[n] for n in names if n in self.tensors and self.tensors[n].count("%d") < 2]


def cycle(values, n):
    return [values[i % len(values)] for i in range(n)]


def heads(b):
    """Numbers and sizes of heads."""
    n, count, kv = b.layers, b.get("attention.head_count"), b.get("attention.head_count_kv")
    uniform = isinstance(count, int)
    most = count if uniform else max((count or (0, [4]))[1])

    def kvs(values):
        return u32s(x if isinstance(kv, int) or not kv or kv[1][i] else 0 for i, x in enumerate(cycle(values, n)))

    sizes = lambda k, v, rot: {"attention.key_length": u32(k), "attention.value_length": u32(v), "rope.dimension_count": u32(rot)}
    out = {"kv-1": {"attention.head_count_kv": kvs([1])}, "kv-all": {"attention.head_count_kv": kvs([most])}, "kv-none": {"attention.head_count_kv": None},
           "kv-list": {"attention.head_count_kv": kvs([2, 1, most])},
           "keys-32": sizes(32, 32, 32), "keys-32-part": sizes(32, 32, 16), "keys-40": sizes(40, 40, 40), "keys-24-40": sizes(24, 40, 24),
           "keys-32-16": sizes(32, 16, 32), "values-32": {"attention.value_length": u32(32)}}
    if uniform:
        out["heads-list"] = {"attention.head_count": u32s(cycle([most, 2, most], n)), "attention.head_count_kv": u32s(cycle([2, 1, 1], n))}
        out["heads-6"] = dict(sizes(16, 16, 16), **{"attention.head_count": u32(6), "attention.head_count_kv": u32(3)})
    return out


def positions(b):
    """Position embeddings and their scaling."""
    rot = b.get("rope.dimension_count") or b.get("attention.key_length") or 16
    yarn = {"rope.scaling.type": text("yarn"), "rope.scaling.factor": f32(4), "rope.scaling.original_context_length": u32(32)}
    with_yarn = lambda **k: dict(yarn, **{"rope.scaling." + n: f32(v) for n, v in k.items()})
    out = {
        "rope-half": {"rope.dimension_count": u32(max(2, rot // 2))}, "rope-none": {"rope.dimension_count": None}, "base-1e6": {"rope.freq_base": f32(1e6)},
        "linear": {"rope.scaling.type": text("linear"), "rope.scaling.factor": f32(4)}, "linear-old": {"rope.scale_linear": f32(4)},
        "linear-untyped": {"rope.scaling.factor": f32(3)}, "factor-0": {"rope.scaling.type": text("yarn"), "rope.scaling.factor": f32(0)},
        "no-scaling": {"rope.scaling.type": text("none"), "rope.scaling.factor": f32(4)}, "attn-factor": {"rope.scaling.attn_factor": f32(1.3)},
        "yarn": yarn, "yarn-context": {"rope.scaling.type": text("yarn"), "rope.scaling.factor": f32(4)}, "yarn-half": with_yarn(factor=.5),
        "yarn-1": with_yarn(factor=1), "yarn-attn": with_yarn(attn_factor=1.3), "yarn-log": with_yarn(yarn_log_multiplier=.1),
        "yarn-log-attn": with_yarn(yarn_log_multiplier=.7, attn_factor=.8), "yarn-range": with_yarn(yarn_beta_fast=12, yarn_beta_slow=2),
        "yarn-ext": with_yarn(yarn_ext_factor=.5, yarn_attn_factor=.9), "yarn-part": dict(yarn, **{"rope.dimension_count": u32(max(2, rot // 2))}),
        "longrope": {"rope.scaling.type": text("longrope"), "rope.scaling.original_context_length": u32(32), "rope.scaling.attn_factor": f32(1.2)},
        "finetuned": {"rope.scaling.finetuned": flag(True)}, "not-finetuned": {"rope.scaling.finetuned": flag(False)}, "alpha": {"rope.scaling.alpha": f32(1000)},
        "context-32": {"context_length": u32(32)},
    }
    if b.get("rope.dimension_sections"):
        q = rot // 2
        for name, n in {"turns": [(q + 2) // 3, (q + 1) // 3, q // 3, 0], "uneven": [q // 2, q // 4, q - q // 2 - q // 4, 0], "first": [q, 0, 0, 0],
                        "fourth": [q // 4] * 4, "zero": [0] * 4}.items():
            out["sections-" + name] = {"rope.dimension_sections": i32s(n)}
    return out


def windows(b, keys):
    if "ATTENTION_SLIDING_WINDOW" not in keys:
        return {}
    n, rot, size = b.layers, b.get("rope.dimension_count") or 16, b.get("attention.key_length") or 16
    w = lambda **k: dict({"attention.sliding_window": u32(16)}, **{"attention." + x: v for x, v in k.items()})
    out = {"window-%d" % v: {"attention.sliding_window": u32(v)} for v in (1, 8, 200)}
    out["window-none"] = {"attention.sliding_window": None, "attention.sliding_window_pattern": None}
    out.update({"pattern-%d" % p: w(sliding_window_pattern=u32(p)) for p in range(5)})
    for name, v in {"list": cycle([1, 1, 0], n), "other": cycle([0, 1, 1], n), "all": [1] * n}.items():
        out["pattern-" + name] = w(sliding_window_pattern=flags(v))
    out["pattern-numbers"] = w(sliding_window_pattern=u32s(cycle([1, 1, 0], n)))
    out["window-base"] = dict(w(), **{"rope.freq_base_swa": f32(500)})
    out["window-rope"] = dict(w(), **{"rope.dimension_count_swa": u32(max(2, rot // 2))})
    out["window-size"] = dict(w(key_length_swa=u32(2 * size), value_length_swa=u32(2 * size)), **{"rope.dimension_count_swa": u32(2 * size)})
    out["window-linear"] = dict(w(), **{"rope.scaling.type": text("linear"), "rope.scaling.factor": f32(4)})
    return out


def experts(b):
    n = b.layers
    out = {"ffn-160": {"feed_forward_length": u32(160)}, "ffn-list": {"feed_forward_length": u32s(cycle([96, 64, 128], n))}}
    if not b.get("expert_count"):
        return out
    one = {"expert_used_count": [u32(1), u32(b.get("expert_count")), u32s(cycle([2, 3, 1], n))], "expert_weights_norm": [flag(True), flag(False)],
           "expert_gating_func": [u32(i) for i in range(5)], "expert_weights_scale": [f32(2.5), f32(0), None], "expert_shared_count": [u32(2), None],
           "expert_shared_feed_forward_length": [u32(24), u32(0), None], "leading_dense_block_count": [u32(0), u32(min(2, n)), u32(n), None],
           "interleave_moe_layer_step": [u32(1), u32(3)], "expert_feed_forward_length": [u32s(cycle([32, 64, 16], n)), None],
           "expert_latent_length": [u32(40)], "moe_latent_size": [u32(40)]}
    out.update({"%s-%d" % (k, i): {k: v} for k, values in one.items() for i, v in enumerate(values)})
    out["experts-3-of-8"] = {"expert_count": u32(8), "expert_used_count": u32(3)}
    out["groups"] = {"expert_count": u32(8), "expert_used_count": u32(2), "expert_group_count": u32(4), "expert_group_used_count": u32(2)}
    return out


def switches(b, keys):
    """Values of keys that only some architectures read."""
    n = b.layers
    values = {
        "ATTENTION_SCALE": [f32(.3), f32(0)], "LOGIT_SCALE": [f32(.25), None], "FINAL_LOGIT_SOFTCAPPING": [f32(2), None], "ATTN_LOGIT_SOFTCAPPING": [f32(1.5), None],
        "ROUTER_LOGIT_SOFTCAPPING": [f32(1.5)], "EMBEDDING_SCALE": [f32(3), f32(0), None], "RESIDUAL_SCALE": [f32(.4), f32(0), None],
        "ATTENTION_TEMPERATURE_SCALE": [f32(.2), f32(0), None], "ATTENTION_TEMPERATURE_LENGTH": [u32(16), None], "ATTENTION_CLAMP_KQV": [f32(.05), f32(0), None],
        "SWIGLU_CLAMP_EXP": [f32(.1), f32s(cycle([.1, 0, .2], n))], "SWIGLU_CLAMP_SHEXP": [f32(.1), None], "ATTENTION_OUTPUT_SCALE": [f32(.5)],
        "ATTENTION_VALUE_SCALE": [f32(.5), f32(0)], "ATTENTION_MAX_ALIBI_BIAS": [f32(2), f32(0), None], "ATTENTION_LAYERNORM_EPS": [f32(.05)],
        "ATTENTION_LAYERNORM_RMS_EPS": [f32(.05)], "HIDDEN_ACT": [text("gelu"), text("silu")], "SSM_CONV_KERNEL": [u32(3), u32(2)], "SSM_GROUP_COUNT": [u32(1), u32(2)],
        "SSM_TIME_STEP_RANK": [u32(4), u32(8)], "SSM_STATE_SIZE": [u32(16), u32(32)], "SSM_INNER_SIZE": [u32(128)], "SSM_DT_B_C_RMS": [flag(True), flag(False)],
        "FULL_ATTENTION_INTERVAL": [u32(1), u32(2), u32(3), None], "ATTENTION_RECURRENT_LAYERS": [u32s(cycle([0, 1, 1], n)), flags(cycle([1, 0], n))],
        "USE_PARALLEL_RESIDUAL": [flag(True), flag(False), None], "SHORTCONV_L_CACHE": [u32(2), u32(4)], "ATTENTION_Q_LORA_RANK": [u32(0), u32(24)],
        "ATTENTION_KV_LORA_RANK": [u32(24)], "ATTENTION_SHARED_KV_LAYERS": [u32(0), u32(1), u32(2), None], "EMBEDDING_LENGTH_PER_LAYER": [u32(0), u32(16)],
        "MOE_EVERY_N_LAYERS": [u32(0), u32(1), u32(3)], "NUM_LOOPS": [u32(1), u32(3), None], "SKIP_LOOP_FINAL_NORM": [flag(True), flag(False)],
        "EXPERTS_PER_GROUP": [u32(1), u32(3)], "EXPERT_GROUP_SCALE": [f32(.3)], "ATTENTION_INDEXER_TOP_K": [u32(16), u32(200)],
        "ATTENTION_ROPE_PATTERN": [u32s(cycle([1, 0], n)), flags(cycle([0, 1], n))], "ACTIVATION_SITU_BETA": [f32(.5)], "ACTIVATION_SITU_LINEAR_BETA": [f32(.5)],
        "ATTN_RES_BLOCK_SIZE": [u32(1), u32(3)], "KDA_GATE_LOWER_BOUND": [f32(-2), None], "HYPER_CONNECTION_COUNT": [u32(2), u32(3)],
        "HYPER_CONNECTION_MAGNITUDE": [f32(.5)], "HYPER_CONNECTION_EPSILON": [f32(.01)], "HYPER_CONNECTION_SINKHORN_ITERATIONS": [u32(1), u32(5)],
        "ATTENTION_KEY_LENGTH_MLA": [u32(96)], "ATTENTION_VALUE_LENGTH_MLA": [u32(48)], "ATTENTION_INDEXER_TYPES": [u32s([1] * n), u32s(cycle([1, 0, 0], n))],
        "HRM_H_CYCLES": [u32(1)], "HRM_L_CYCLES": [u32(1)], "ATTENTION_INDEXER_BLOCK_SIZE": [u32(8)], "ATTENTION_INDEXER_KPOOL": [u32(2)],
    }
    out = {"%s-%d" % (keys[k], i): {keys[k]: v} for k, l in values.items() if k in keys for i, v in enumerate(l)}
    for name in keys.values():
        kind, v = b.keys.get(b.arch + "." + name, (0, None))
        if v is not None:
            out["without:" + name] = {name: None}
        if isinstance(v, bool):
            out["not:" + name] = {name: flag(not v)}
    return out


def sizes(b):
    out = {"layers-%d" % n: {"block_count": u32(n)} for n in (1, 3, 5) if n != b.layers}
    out["next-layer"] = {"block_count": u32(b.layers + 1), "nextn_predict_layers": u32(1)}
    n = b.tensors["token_embd.weight"][0][1] - 8
    tokens = b.keys["tokenizer.ggml.tokens"][1][1]
    out["fewer-tokens"] = {"tokenizer.ggml.tokens": (ARR, (STR, tokens[:n])), "vocab_size": u32(n)}
    for key, of, v in (("scores", F32, 0.0), ("token_type", I32, 1)):
        if "tokenizer.ggml." + key in b.keys:
            out["fewer-tokens"]["tokenizer.ggml." + key] = ARR, (of, [v] * n)
    out["vocab-size"] = {"vocab_size": u32(n)}
    out["pooled"] = {"pooling_type": u32(1)}
    return out


def keys(b, names):
    """Changes of keys by name."""
    read = names.read_keys(b.arch)
    return {**heads(b), **positions(b), **windows(b, read), **experts(b), **switches(b, read), **sizes(b)}


def retyped(b, pick):
    """A copy whose matrices have other types."""
    g = b.copy()
    for n, t in b.tensors.items():
        if len(t[0]) < 2 or t[1] != FLOAT32 or re.search("norm|conv|ssm_a|ffn_gate_inp|bias", n):
            continue
        kind = pick()
        g.tensors[n] = cast(t, FLOAT16 if kind == Q8_0 and t[0][0] % 32 else kind)
    return g


def fused(b):
    """A copy with one matrix for queries, keys and values, None where there are not three."""
    g = b.copy()
    for i in range(b.layers):
        three = ["blk.%d.attn_%s.weight" % (i, c) for c in "qkv"]
        if all(n in g.tensors and g.tensors[n][1] == FLOAT32 for n in three):
            shapes, data = zip(*[(g.tensors[n][0], g.tensors.pop(n)[2]) for n in three])
            g.tensors["blk.%d.attn_qkv.weight" % i] = (shapes[0][0], sum(s[1] for s in shapes)), FLOAT32, b"".join(data)
    return g if g.tensors.keys() != b.tensors.keys() else None


def types(b, rng):
    """Copies with matrices of other types, by name."""
    out = {}
    for name, kind in (("F16", FLOAT16), ("BF16", BF16), ("Q8_0", Q8_0)):
        out["all-" + name] = retyped(b, lambda: kind)
        out["some-" + name] = retyped(b, lambda: kind if rng.random() < .5 else FLOAT32)
    out["mixed-Q8_0"] = retyped(b, lambda: rng.choice([FLOAT32, FLOAT16, BF16, Q8_0]))
    return out


def without(b):
    """Copies without a tensor: in all layers, and in the last that has it."""
    out = {}
    for name, found in b.groups().items():
        for label, drop in (("without:", found), ("last-without:", found[-1:])):
            g = b.copy()
            for n in drop:
                del g.tensors[n]
            if label == "without:" or len(found) > 1:
                out[label + name] = g
    return out


def candidates(b, names):
    """Tensors that the architecture may read and b does not have: (name, names in all layers)."""
    have = b.groups()
    for pattern in names.read_tensors(b.arch):
        for kind in (".weight", ".bias", ".scale"):
            what = pattern.replace("blk.%d.", "") + kind
            if what not in have and not what.startswith(("enc.", "dec.")):
                yield what, ["blk.%d.%s" % (i, what) for i in range(b.layers)] if "%d" in pattern else [what]


def with_tensors(b, names, seed):
    """A copy with tensors of a shape that is surely wrong."""
    g = b.copy()
    for n in names:
        g.tensors[n] = random(n, (7,), seed)
    return g
