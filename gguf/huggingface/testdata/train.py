#!/usr/bin/env python3
"""Trains the small tokenizers in tokenizers/."""
import io, json
from pathlib import Path
from tokenizers import Tokenizer, Regex, models, pre_tokenizers, decoders, trainers, processors, normalizers, AddedToken

here = Path(__file__).parent / "tokenizers"
TEXT = ["The quick brown fox jumps over the lazy dog, and it's fun! 12345 times.", "Grüße aus München: 3,14 ≈ π …", "def main():\n    print('hello world')\n",
        "We ate the apples that they had, then he said that the other was better."] * 3
TEMPLATE = "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
LLAMA3 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"


def save(name, tok, config):
    d = here / name
    d.mkdir(parents=True, exist_ok=True)
    tok.save(str(d / "tokenizer.json"), pretty=False)
    (d / "tokenizer_config.json").write_text(json.dumps(config))


def bytelevel(name, pre, config, specials, post=None, ignore=False):
    tok = Tokenizer(models.BPE(ignore_merges=ignore))
    tok.pre_tokenizer, tok.decoder = pre, decoders.ByteLevel()
    tok.post_processor = processors.ByteLevel(trim_offsets=False)
    tok.train_from_iterator(TEXT, trainers.BpeTrainer(vocab_size=300, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), special_tokens=specials[:2]))
    tok.add_special_tokens(specials)
    tok.add_tokens([AddedToken("<tool>", special=False, normalized=False), AddedToken("<|think|>", special=False, normalized=False)])
    if post: tok.post_processor = post(tok)
    save(name, tok, config)


split = lambda r: pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(r), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
common = {"tokenizer_class": "PreTrainedTokenizerFast", "bos_token": "<|im_start|>", "eos_token": "<|im_end|>", "pad_token": "<|endoftext|>", "chat_template": TEMPLATE}
bytelevel("bpe", pre_tokenizers.ByteLevel(add_prefix_space=False), {**common, "unk_token": "<|endoftext|>"}, ["<|endoftext|>", "<|im_start|>", "<|im_end|>"])
bytelevel("llama3", split(LLAMA3), {**common, "bos_token": "<|begin_of_text|>", "eos_token": "<|eot_id|>"}, ["<|begin_of_text|>", "<|eot_id|>", "<|endoftext|>"], ignore=True,
          post=lambda t: processors.Sequence([processors.ByteLevel(trim_offsets=False), processors.TemplateProcessing(
              single="<|begin_of_text|> $A", pair="<|begin_of_text|> $A <|begin_of_text|> $B:1", special_tokens=[("<|begin_of_text|>", t.token_to_id("<|begin_of_text|>"))])]))
bytelevel("qwen2", split(LLAMA3.replace("{1,3}", "")), {**common, "bos_token": None, "add_prefix_space": False, "add_bos_token": False}, ["<|endoftext|>", "<|im_start|>", "<|im_end|>"])
GPT4O = r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
bytelevel("gpt4o", split(GPT4O), {**common, "bos_token": "<|startoftext|>", "eos_token": "<|return|>"}, ["<|startoftext|>", "<|return|>", "<|endoftext|>"])
bytelevel("glm", split(LLAMA3), {**common, "eos_token": "<|endoftext|>"}, ["<|endoftext|>", "[gMASK]", "<sop>", "<|user|>", "<|observation|>"], ignore=True)

# SentencePiece's BPE without tokenizer.model
tok = Tokenizer(models.BPE(byte_fallback=True, unk_token="<unk>", fuse_unk=True))
tok.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
tok.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
tok.train_from_iterator(TEXT, trainers.BpeTrainer(vocab_size=420, special_tokens=["<unk>", "<s>", "</s>"] + [f"<0x{i:02X}>" for i in range(256)]))
j = json.loads(tok.to_str())
j["added_tokens"] = [a for a in j["added_tokens"] if not a["content"].startswith("<0x")]
tok = Tokenizer.from_str(json.dumps(j))
tok.add_special_tokens(["<|user|>"])
tok.add_tokens([AddedToken("<extra>", special=False)])
tok.post_processor = processors.TemplateProcessing(single="<s> $A", pair="<s> $A <s> $B", special_tokens=[("<s>", 1)])
save("llamabpe", tok, {"tokenizer_class": "PreTrainedTokenizerFast", "bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "additional_special_tokens": ["<|user|>"], "add_bos_token": True})

# WordPiece
tok = Tokenizer(models.WordPiece(unk_token="[UNK]"))
tok.normalizer, tok.pre_tokenizer, tok.decoder = normalizers.BertNormalizer(lowercase=True), pre_tokenizers.BertPreTokenizer(), decoders.WordPiece()
tok.train_from_iterator(TEXT, trainers.WordPieceTrainer(vocab_size=200, special_tokens=["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]))
tok.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
save("wordpiece", tok, {"tokenizer_class": "BertTokenizer", "cls_token": "[CLS]", "sep_token": "[SEP]", "pad_token": "[PAD]", "unk_token": "[UNK]", "mask_token": "[MASK]", "do_lower_case": True})

# SentencePiece
import sentencepiece as sp
b = io.BytesIO()
sp.SentencePieceTrainer.train(sentence_iterator=iter(TEXT * 5), model_writer=b, vocab_size=400, model_type="bpe", byte_fallback=True, character_coverage=1.0,
                              user_defined_symbols=["<tool>"], normalization_rule_name="identity", hard_vocab_limit=False)
d = here / "spm"
d.mkdir(parents=True, exist_ok=True)
(d / "tokenizer.model").write_bytes(b.getvalue())
n = sp.SentencePieceProcessor(model_proto=b.getvalue()).vocab_size()
(d / "added_tokens.json").write_text(json.dumps({"<extra>": n}))
(d / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "LlamaTokenizer", "bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "add_bos_token": True, "add_eos_token": False,
    "chat_template": TEMPLATE, "added_tokens_decoder": {"0": {"content": "<unk>", "special": True}, "1": {"content": "<s>", "special": True}, "2": {"content": "</s>", "special": True},
    str(n): {"content": "<extra>", "special": False}, str(n + 1): {"content": "<|user|>", "special": False}}}))
print("spm", n)

# SentencePiece's unigrams, with the library's file and with tokenizer.json
b = io.BytesIO()
sp.SentencePieceTrainer.train(sentence_iterator=iter(TEXT * 5), model_writer=b, vocab_size=130, model_type="unigram", character_coverage=1.0, hard_vocab_limit=False, normalization_rule_name="identity")
special = {"tokenizer_class": "XLMRobertaTokenizer", "bos_token": "<s>", "eos_token": "</s>", "cls_token": "<s>", "sep_token": "</s>", "unk_token": "<unk>", "pad_token": "<pad>", "mask_token": "<mask>"}
d = here / "unigram"
d.mkdir(parents=True, exist_ok=True)
(d / "sentencepiece.bpe.model").write_bytes(b.getvalue())
(d / "tokenizer_config.json").write_text(json.dumps(special))
p = sp.SentencePieceProcessor(model_proto=b.getvalue())
vocab = [("<s>", 0.0), ("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0)] + [(p.id_to_piece(i), p.get_score(i)) for i in range(3, p.vocab_size())] + [("<mask>", 0.0)]
tok = Tokenizer(models.Unigram(vocab, unk_id=3, byte_fallback=False))
tok.pre_tokenizer = tok.decoder = None
tok.pre_tokenizer, tok.decoder = pre_tokenizers.Metaspace(), decoders.Metaspace()
tok.normalizer = normalizers.Precompiled(bytes.fromhex("00000000") ) if False else None
tok.add_special_tokens(["<s>", "<pad>", "</s>", "<unk>", "<mask>"])
tok.post_processor = processors.TemplateProcessing(single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)])
save("unigramjson", tok, {**special, "clean_up_tokenization_spaces": True, "add_prefix_space": True})
j = json.loads((here / "unigramjson" / "tokenizer.json").read_text())
j["normalizer"] = {"type": "Precompiled", "precompiled_charsmap": "AAAAAA=="}
(here / "unigramjson" / "tokenizer.json").write_text(json.dumps(j))

# tiktoken's form of byte-level BPE: a line per token, bytes in base64 and number. Special tokens are in code beside it.
import base64
from transformers.convert_slow_tokenizer import bytes_to_unicode
tok = Tokenizer(models.BPE())
tok.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
tok.train_from_iterator(TEXT, trainers.BpeTrainer(vocab_size=290, initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
byte = {c: b for b, c in bytes_to_unicode().items()}
joined = ["".join(m) if isinstance(m, list) else m.replace(" ", "") for m in json.loads(tok.to_str())["model"]["merges"]]
tokens = [bytes([b]) for b in range(256)] + [bytes(byte[c] for c in text) for text in joined]
lines = "".join(f"{base64.b64encode(t).decode()} {i}\n" for i, t in enumerate(tokens))
n = len(tokens)
for name, file, config in (("kimi", "tiktoken.model", {"tokenizer_class": "TikTokenTokenizer", "bos_token": "[BOS]", "eos_token": "<|im_end|>", "pad_token": "[PAD]", "chat_template": TEMPLATE,
        "added_tokens_decoder": {str(n): {"content": "[BOS]", "special": True}, str(n + 1): {"content": "[EOS]", "special": True}, str(n + 2): {"content": "<|im_end|>", "special": True}, str(n + 5): {"content": "[PAD]", "special": True}}}),
        ("hy", "hy.tiktoken", {"tokenizer_class": "HYTokenizer", "bos_token": "<|startoftext|>", "eos_token": "<|eos|>", "pad_token": "<|pad|>", "chat_template": TEMPLATE})):
    d = here / name
    d.mkdir(parents=True, exist_ok=True)
    (d / file).write_text(lines)
    (d / "tokenizer_config.json").write_text(json.dumps(config))
print("tiktoken", n)
