package huggingface

import "errors"

var (
	// ErrUnsupported is wrapped by errors about a model, a tokenizer or a form of weights that can't be converted.
	ErrUnsupported = errors.New("not supported")

	// ErrFolder is wrapped by errors about a folder whose files are damaged, missing, or contradict each other.
	ErrFolder = errors.New("not a valid model folder")

	// ErrFile is wrapped by errors about a GGUF file that contradicts itself, or lacks what a folder needs.
	ErrFile = errors.New("not a valid model file")
)
