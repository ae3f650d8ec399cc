// Package huggingface reads models as they lie on the Hugging Face Hub, a folder with config.json, tokenizer.json or
// tokenizer.model and model*.safetensors, as GGUF files.
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
// script asks Python's transformers for what config.json leaves out, the defaults of that library are in
// defaults.json. [Classes] lists the classes of models; others are refused with an error that names the class.
//
// One thing is more liberal. The script knows a byte-level BPE tokenizer by the tokens of a sample text, and refuses
// one whose tokens it has not seen. This package knows it by that too, and otherwise by the rules in tokenizer.json, which
// say the same for a vocabulary of somebody's own.
//
// # Quantised checkpoints
//
// Weights in FP8 with scales per block, row or tensor are multiplied out. The experts of gpt-oss in MXFP4 stay as they
// are, in the order of bits that GGUF has. Other forms (GPTQ, AWQ, bitsandbytes, NVFP4) are refused: convert the
// original.
package huggingface
