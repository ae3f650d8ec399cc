// Package safetensors reads and writes safetensors files, the form in which models lie on the Hugging Face Hub:
//
//	u64 n, little-endian    n bytes of JSON    the tensors' data, rows one after the other
//
//	{"__metadata__": {"format": "pt"},
//	 "model.norm.weight": {"dtype": "BF16", "shape": [576], "data_offsets": [0, 1152]}, …}
//
// Offsets count from the end of the JSON, shapes have the slowest dimension first.
//
// A file is hostile until checked: [Open] reads the header and nothing else, and accepts what the reference
// implementation accepts. The header has at most 100 MB, names are unique, a tensor's bytes are what its type and shape
// take, and the tensors cover the rest of the file without gaps and without sharing bytes. No input makes the package
// panic, or allocate more than a small multiple of the header.
//
// [Writer] collects tensors and cuts them into files, which can be read before, or without that, they are written.
package safetensors
