#!/usr/bin/env python3
"""Makes small models with transformers' classes, converts them with llama.cpp's convert_hf_to_gguf.py, and writes what
TestJudge needs: configuration, names of tensors and the SHA-256 of the file, as NAME.json beside this script.

  python judge.py LLAMA_CPP_SOURCE [NAME …] [--keep DIR]

needs: pip install torch transformers tokenizers sentencepiece gguf. Weights are not kept: both sides compute them from the tensor's
name, see fill below and fill_test.go. With --keep the folders and the GGUF files stay in DIR.
"""
import hashlib, json, os, shutil, struct, sys, tempfile
from pathlib import Path
import numpy as np

here = Path(__file__).parent
source = Path(sys.argv[1])
keep = Path(sys.argv[sys.argv.index("--keep") + 1]) if "--keep" in sys.argv else None
want = [a for i, a in enumerate(sys.argv[2:], 2) if not a.startswith("--") and sys.argv[i - 1] != "--keep"]
sys.path[:0] = [str(source / "gguf-py"), str(source)]
import gguf, torch, transformers
from transformers import AutoConfig, AutoModelForCausalLM, AutoModel
import conversion
from conversion.base import ModelBase, TextModel
import logging
logging.disable(logging.INFO)

# MKL's exp is wrong in the last bit now and then, on other processors elsewhere: here it is the nearest number.
exp = torch.exp
torch.exp = lambda x: exp(x.double()).to(x.dtype)

PRE = {"bpe": "gpt-2", "llama3": "llama-bpe", "qwen2": "qwen2", "wordpiece": "bert-bge", "gpt4o": "gpt-4o", "kimi": "kimi-k2", "hy": "hunyuan"}


def fill(name, dtype, n):
    """n elements of a tensor, as bytes."""
    h = 2166136261
    for b in name.encode():
        h = (h ^ b) * 16777619 & 0xFFFFFFFF
    x = (np.arange(n, dtype=np.uint64) * 2654435761 + h).astype(np.uint32)
    x ^= x >> np.uint32(15)
    x = (x.astype(np.uint64) * 2246822519).astype(np.uint32)
    x ^= x >> np.uint32(13)
    f = ((x >> np.uint32(8)).astype(np.float32) / np.float32(1 << 24) - np.float32(0.5)) * np.float32(0.5)
    if dtype == "F32": return f.tobytes()
    if dtype == "F16": return f.astype(np.float16).tobytes()
    if dtype == "BF16": return torch.from_numpy(f).to(torch.bfloat16).view(torch.uint16).numpy().tobytes()
    if dtype in ("U8",): return ((x >> np.uint32(8)) & np.uint32(0x7F)).astype(np.uint8).tobytes()
    if dtype == "F8_E4M3": return ((x >> np.uint32(8)) & np.uint32(0xF7)).astype(np.uint8).tobytes()
    if dtype == "F8_E8M0": return ((x >> np.uint32(8)) & np.uint32(0x07) | np.uint32(0x78)).astype(np.uint8).tobytes()
    if dtype == "I8": return ((x >> np.uint32(8)) & np.uint32(0xFF)).astype(np.uint8).tobytes()
    if dtype == "I64": return (x & np.uint32(0xFF)).astype(np.int64).tobytes()
    raise ValueError(dtype)


SIZE = {"F32": 4, "F16": 2, "BF16": 2, "U8": 1, "F8_E4M3": 1, "F8_E8M0": 1, "I8": 1, "I64": 8}


def write_safetensors(path, tensors):
    head, data, at = {}, [], 0
    for name, dtype, shape in tensors:
        b = fill(name, dtype, int(np.prod(shape, dtype=np.int64)))
        head[name] = {"dtype": dtype, "shape": shape, "data_offsets": [at, at + len(b)]}
        at += len(b)
        data.append(b)
    raw = json.dumps(head).encode()
    path.write_bytes(struct.pack("<Q", len(raw)) + raw + b"".join(data))


def gguf_reader(path):
    import gguf
    return gguf.GGUFReader(path)


def header(folder):
    out = []
    for p in sorted(folder.glob("model*.safetensors")):
        with open(p, "rb") as f:
            n = struct.unpack("<Q", f.read(8))[0]
            for name, e in json.loads(f.read(n)).items():
                if name != "__metadata__":
                    out.append([name, e["dtype"], e["shape"]])
    return sorted(out)


load_hparams = ModelBase.load_hparams
MAPPINGS = dict(gguf.TensorNameMap.block_mappings_cfg)  # which some architectures change for all others


def fixed_baichuan(self, data, name, bid):
    """The script's own maps names again and again, without an end."""
    if name.endswith("W_pack.weight"): yield from baichuan(self, data, name, bid)
    else: yield self.map_tensor_name(name), data


def plamo_heads(self, data, rows):
    """The script's own takes 40 heads of 128 only."""
    heads, width = self.hparams["num_attention_heads"], self.hparams["hidden_size"]
    at = torch.arange(width).reshape(heads // 5, 5, width // heads).permute(1, 0, 2).reshape(width)
    return data[at] if rows else data[:, at]


from conversion.plamo import PlamoModel
PlamoModel.shuffle_attn_q_weight = lambda self, data: plamo_heads(self, data, True)
PlamoModel.shuffle_attn_output_weight = lambda self, data: plamo_heads(self, data, False)
from conversion.baichuan import BaichuanModel
baichuan, BaichuanModel.modify_tensors = BaichuanModel.modify_tensors, fixed_baichuan


from conversion.cogvlm import CogVLMModel
filtered = CogVLMModel.filter_tensors.__func__


def with_images(cls, item):
    """The script's own drops the weights for images, without which llama.cpp does not load the file."""
    return item if ".vision_expert_" in item[0] or ".vision_mlp." in item[0] else filtered(cls, item)


CogVLMModel.filter_tensors = classmethod(with_images)


def convert(folder, out, pre, extra, raw, eager):
    gguf.TensorNameMap.block_mappings_cfg.clear()
    gguf.TensorNameMap.block_mappings_cfg.update(MAPPINGS)
    TextModel.get_vocab_base_pre = lambda self, tok: pre
    ModelBase.load_hparams = staticmethod(lambda *a, **k: {**load_hparams(*a, **k), **extra})  # what transformers 5 drops and the script wants
    if raw: ModelBase.load_hparams = staticmethod(lambda *a, **k: json.loads((folder / "config.json").read_text()))  # without transformers' defaults
    hparams = ModelBase.load_hparams(folder, False)
    cls = conversion.get_model_class(conversion.get_model_architecture(hparams, conversion.ModelType.TEXT))
    with torch.inference_mode():
        m = cls(folder, gguf.LlamaFileType.GUESSED, out, eager=eager)
        m.write()


class Tiktoken:
    """What the script asks a tokenizer with code of its own: Kimi's or Hunyuan's, which are known by their files."""

    def __init__(self, folder):
        import base64, types
        kimi, qwen = (folder / "tiktoken.model").exists(), (folder / "qwen.tiktoken").exists()
        lines = (folder / ("tiktoken.model" if kimi else "qwen.tiktoken" if qwen else "hy.tiktoken")).read_text().splitlines()
        ranks = {base64.b64decode(l.split()[0]): i for i, l in enumerate(lines)}
        config, n = json.loads((folder / "tokenizer_config.json").read_text()), len(ranks)
        if kimi:
            named = {int(i): t["content"] for i, t in config["added_tokens_decoder"].items()}
            self.special_tokens = {named.get(i, f"<|reserved_token_{i}|>"): i for i in range(n, n + 258)}
            self.eos_id = self.special_tokens[config["eos_token"]]
        elif qwen:
            self.special_tokens = {t: n + i for i, t in enumerate(["<|endoftext|>", "<|im_start|>", "<|im_end|>"] + [f"<|extra_{i}|>" for i in range(205)])}
        else:
            texts = ["<|endoftext|>", "<|startoftext|>", "<|bos|>", "<|eos|>", "<|pad|>"] + [f"<|extra_{i}|>" for i in range(205)]
            self.special_tokens = {t: n + i for i, t in enumerate(texts)}
        self.mergeable_ranks, self.model = ranks, types.SimpleNamespace(_mergeable_ranks=ranks)
        self.vocab_size = n + len(self.special_tokens)

    def get_vocab(self):
        return {**self.mergeable_ranks, **self.special_tokens}


from transformers import AutoTokenizer
from_pretrained, add_bos = AutoTokenizer.from_pretrained, gguf.GGUFWriter.add_bos_token_id


def tokenizer_of(path, *a, trust_remote_code=False, **k):
    if any((Path(path) / f).exists() for f in ("tiktoken.model", "hy.tiktoken", "qwen.tiktoken")):
        if not trust_remote_code: raise ValueError("this tokenizer has code of its own")
        tok = Tiktoken(Path(path))
        # 127959 is <|bos|> of Hunyuan's own vocabulary, of which the one here is a small copy.
        gguf.GGUFWriter.add_bos_token_id = lambda self, i: add_bos(self, tok.special_tokens["<|bos|>"] if i == 127959 else i)
        return tok
    gguf.GGUFWriter.add_bos_token_id = add_bos
    tok = from_pretrained(path, *a, trust_remote_code=trust_remote_code, **k)
    config = Path(path, "tokenizer_config.json")
    if config.exists() and json.loads(config.read_text()).get("add_bos_token"):  # which transformers 5 forgets
        tok.__class__ = type(tok.__class__.__name__, (tok.__class__,), {"add_bos_token": True})
    return tok


AutoTokenizer.from_pretrained = tokenizer_of


def make(name, case, root):
    folder = root / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    torch.manual_seed(0)
    if "tensors" in case:
        tensors, config = case["tensors"], case["config"]
    else:
        cfg = case["config"]() if callable(case["config"]) else case["config"]
        model = case.get("cls", AutoModelForCausalLM.from_config)(cfg)
        model = model.to(case.get("dtype", torch.bfloat16))
        model.save_pretrained(folder)
        tensors = header(folder)
        config = json.loads((folder / "config.json").read_text())
        for p in folder.iterdir():
            p.unlink()
    config.update(case.get("set", {}))
    for k in case.get("unset", []):
        config.pop(k, None)
    tensors = [list(t) for t in (case["change"](tensors) if "change" in case else tensors)]
    write_safetensors(folder / "model.safetensors", tensors)
    (folder / "config.json").write_text(json.dumps(config))
    for p in (here / "tokenizers" / case["tok"]).iterdir():
        shutil.copy(p, folder / p.name)
    for k, v in case.get("files", {}).items():
        (folder / k).parent.mkdir(exist_ok=True)
        (folder / k).write_text(v)
    for k, ts in case.get("more", {}).items():
        (folder / k).parent.mkdir(exist_ok=True)
        write_safetensors(folder / k, ts)
    out = root / (name + ".gguf")
    convert(folder, out, case.get("pre", PRE.get(case["tok"], "default")), case.get("hparams", {}), case.get("raw", False), case.get("eager", False))
    sum = hashlib.sha256(out.read_bytes()).hexdigest()
    lines = ",\n  ".join(json.dumps(t) for t in tensors)
    more = ' "more": %s,\n' % json.dumps(case["more"]) if "more" in case else ""
    text = '{"tokenizer": %s, "sha256": "%s",\n "config": %s,\n "files": %s,\n%s "tensors": [\n  %s]}\n' % (
        json.dumps(case["tok"]), sum, json.dumps(config), json.dumps(case.get("files", {})), more, lines)
    (here / (name + ".json")).write_text(text)
    print(name, len(tensors), sum[:12], flush=True)


if __name__ == "__main__":
    from cases import cases
    root = keep or Path(tempfile.mkdtemp())
    failed = []
    for name, case in cases().items():
        if want and name not in want: continue
        try:
            make(name, case, root)
        except Exception as e:
            import traceback; traceback.print_exc(limit=-3)
            failed.append(name)
    if not keep: shutil.rmtree(root)
    print("failed:", failed)
