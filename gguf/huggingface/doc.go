// Package huggingface reads models as they lie on the Hugging Face Hub, a folder with config.json, tokenizer.json or
// tokenizer.model and model*.safetensors, as GGUF files, and writes GGUF files as such folders.
//
//	m, err := huggingface.Open(os.DirFS("SmolLM2-135M-Instruct"), "SmolLM2-135M-Instruct", nil)
//	…
//	w := new(gguf.Writer)
//	err = w.AddFile(m.File)
//	err = w.WriteFile(ctx, "SmolLM2-135M-Instruct.gguf", nil)
//
// The GGUF file exists nowhere: its header is made from the folder's files, and what is read of a tensor is read from
// the folder then, renamed, reordered and rounded as the format wants it. Memory does not grow with the model. Any
// [io/fs.FS] will do whose large files implement io.ReaderAt, so the folder need not be on this machine.
//
// # Equal to llama.cpp
//
// Names, order, types and bytes of tensors and all keys are those of llama.cpp's convert_hf_to_gguf.py, which is the
// judge in the tests: a file that this package gives is the file that the script writes, byte for byte. Where the
// script asks Python's transformers for what config.json leaves out, the defaults of that library are in defaults.json.
// [Classes] lists the classes of models; others are refused with an error that names the class.
//
// Few numbers are not the script's. Where weights are an exponential (state spaces) they are the nearest to it, while
// the script's differ in the last bit where the processor's vector library does, for one in a hundred. Means and
// lengths of whole matrices (BitNet, Ling Lite) are the nearest too, and PyTorch's depend on the order in which it
// adds. And EXAONE 3.5's epsilon and that of Qwen's first generation get the key that llama.cpp reads, which the script
// misses. Vocabularies of tiktoken (Kimi's, Hunyuan's, Qwen's first) have their rules and some special tokens in code
// beside them: those are built in here, and <|bos|> of Hunyuan-A13B is found by its place behind the vocabulary, where
// the script has its number. The script has templates of its own for DeepSeek V4, Kimi K3 and MiniMax M1, whose folders
// may have none; this package takes the folder's only. Baichuan, which the script does not get to the end of in this
// version, and CogVLM, whose weights for images it drops, are as they were meant.
//
// One thing is more liberal. The script knows a byte-level BPE tokenizer by the tokens of a sample text, and refuses
// one whose tokens it has not seen. This package knows it by that too, and otherwise by the rules in tokenizer.json,
// which say the same for a vocabulary of somebody's own.
//
// # Quantised checkpoints
//
// Weights in FP8 with scales per block, row or tensor are multiplied out. The experts of gpt-oss in MXFP4 stay as they
// are, in the order of bits that GGUF has, and so do DeepSeek V4's and Kimi K3's; the rest of DeepSeek V4, FP8, becomes
// Q8_0, as in the script. Other forms (GPTQ, AWQ, bitsandbytes, NVFP4) are refused: convert the original.
//
// # The other way
//
//	e, err := huggingface.NewExport(f, nil)
//	err = e.Write(ctx, "SmolLM2-135M-Instruct", false, nil)
//
// makes a folder of a file. It uses the same descriptions: the names of a class's tensors and keys are read the other
// way, and what a class does to tensors has its inverse beside it. [Exportable] lists the architectures. The judge is
// the reader: a folder is read back before it is written, and what differs from the file is an error. Latent attention
// in llama.cpp's form (architecture deepseek2 without experts) becomes DeepSeek V3's; docs/serving.md tells what its
// numbers are made of.
package huggingface
