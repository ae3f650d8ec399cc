package tokenizer

import "errors"

var (
	// ErrNoVocab is returned by New when the file has no vocabulary that text could be turned into: no
	// tokenizer.ggml.model, or one of "none", "no_vocab" and "test".
	ErrNoVocab = errors.New("no vocabulary")

	// ErrUnsupported is returned by New for a tokenizer.ggml.model or tokenizer.ggml.pre that is unknown or not
	// implemented.
	ErrUnsupported = errors.New("unsupported")

	// ErrVocab is returned by New when the vocabulary contradicts itself; the message names key and index.
	ErrVocab = errors.New("bad vocabulary")
)
