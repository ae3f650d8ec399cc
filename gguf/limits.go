package gguf

// What the walk over a header accepts at most. Real files stay far below; without limits the Go structures for a file
// made of nothing but tiny keys would take several times its size.
const (
	maxKeys     = 1 << 16   // real files have up to about 100
	maxTensors  = 1 << 20   // per file; DeepSeek-V3 has about 1,100, one tensor per expert makes about 50,000
	maxKeyLen   = 1<<16 - 1 // bytes, the specification's limit
	maxNameLen  = 127       // bytes of a tensor name: llama.cpp takes 63, its relatives for images 127
	maxString   = 1 << 30   // bytes of a string value, as llama.cpp
	maxElements = 1 << 30   // of an array, as llama.cpp
	maxNesting  = 4         // arrays in arrays; the specification sets no limit, llama.cpp takes none
	maxDims     = 4         // of a tensor, GGML_MAX_DIMS
	maxParts    = 99999     // of a split model, five digits in its name

	defaultAlignment = 32
	alignmentKey     = "general.alignment"

	minKeySize    = 8 + 1 + 4 + 1         // bytes that a key and its value take at least
	minTensorSize = 8 + 1 + 4 + 0 + 4 + 8 // bytes that the entry of a tensor takes at least
)
