// Package tokenizer turns text into the tokens of a model and back. Conversations become text in package chat below it.
//
// The vocabulary comes from the metadata of a GGUF file. Five schemes are implemented, all bit for bit as llama.cpp has
// them:
//
//	SPM  tokenizer.ggml.model "llama"   " " → U+2581, then merge the neighbours whose concatenation is the token with the
//	                                    highest score, until there are none; what is left over becomes bytes <0x00> … <0xFF>
//	BPE  tokenizer.ggml.model "gpt2"    cut the text into words (tokenizer.ggml.pre names the rules), spell the bytes of a
//	                                    word as printable characters, then merge the neighbours that stand first in
//	                                    tokenizer.ggml.merges, until there are none
//
//	WordPiece  "bert"                   strip accents and case, cut into words and punctuation marks; a word becomes the
//	                                    longest token that it begins with, and so on, or else the unknown token
//	Unigram    "t5"                     normalise by the file's charsmap, " " → U+2581, then cut into the tokens with the
//	                                    highest sum of scores
//	PLaMo 2    "plamo2"                 cut into the tokens with the highest sum of scores; a character in none of them
//	                                    becomes bytes <0x00> … <0xFF>
//
// with the variants "gemma4" (characters instead of bytes, no words), "whitespace" and "hybriddna" of BPE. RWKV
// vocabularies give ErrUnsupported.
//
// The rules for words are regular expressions with look-ahead in llama.cpp. Here they are matchers, one per
// alternative, which are put together in the table pretypes; see the comment of each for the expression that it stands
// for. All take time proportional to the text.
//
// Special tokens are found in text before anything else: user-defined ones always, control tokens such as <|im_end|>
// only if EncodeOptions.ParseSpecial is set, which text from outside must never get. Where a text has several authors,
// as a rendered conversation does, EncodeOptions.Plain says which parts came from outside.
//
// A vocabulary that llama.cpp loads is loaded, however odd it is, and [Tokenizer.Warnings] tells what is wrong with it:
// special tokens out of range, unknown token types, merges that no text can meet. Arrays that are too short and two
// tokens with one text are errors, as there.
//
// Differences to llama.cpp: a score that is not a number is the lowest; a byte token that names no byte stands for
// nothing; where BOS or EOS are to be added and do not exist, none is added (llama.cpp aborts); where several tokens
// could be the end of a turn, the choice is by a fixed order, not by that of a hash table; a character in a byte-level
// token that stands for no byte is decoded as itself, not as "[UNK_BYTE_0x…]"; bytes that would be a code point above
// U+10FFFF are U+FFFD; a charsmap that leads outside itself replaces nothing there (llama.cpp throws); PLaMo 2's scheme
// never makes control tokens of plain text, and BOS and EOS are added where the file says so.
package tokenizer
