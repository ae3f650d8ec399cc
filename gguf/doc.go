// Package gguf reads GGUF model files.
//
// A GGUF file is, in one byte order throughout:
//
//	"GGUF"  u32 version (2 or 3)  u64 tensor count  u64 key count
//	key count ×     string key, u32 kind, value
//	tensor count ×  string name, u32 n_dims, u64 dims[n_dims] (fastest first), u32 type, u64 offset
//	padding to general.alignment (32 when absent)
//	tensor data, each tensor at its offset from here, aligned likewise
//
//	string = u64 length, bytes        array = u32 kind of the elements, u64 count, elements
//
// A model may be split over files named NAME-00001-of-00003.gguf; see [Open].
//
// # Use
//
// [Open] maps a file, and checks its whole header before anything else looks at it. [File.String], [File.Uint] and the
// other getters read metadata, [File.Tensor] and [Tensor.Bytes] give a tensor's data without copying it. [OpenFS],
// [OpenReaderAt] and [OpenBytes] do the same for what is no file of the system. Package gguf/ollama is for programs
// that work with Ollama's fs/ggml.
//
// # A file is hostile until checked
//
// No input makes the package panic, and opening a file allocates at most a small multiple of the file's size. The
// header is copied into memory in one piece, checked there, and everything about a file except tensor data is served
// from that copy: a file that is overwritten later cannot contradict what was checked. What tensors and keys mean to a
// model is not this package's business.
//
// # Caveats
//
// Tensor data of a little-endian file stays in the file: a slice from [Tensor.Bytes] is a window onto it. When another
// process truncates the file, or its disk dies, touching the slice is a memory fault, which Go treats as fatal unless
// told otherwise. Code that reads tensors runs inside [File.Guard], or recovers by itself with [File.FaultError]; then
// it is an error. After [File.Close] the slices must not be touched at all.
package gguf
