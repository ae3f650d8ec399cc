package model

import "errors"

// Errors that reading a model wraps.
var (
	// ErrUnsupported is returned for what a file may ask for and this engine does not run.
	ErrUnsupported = errors.New("unsupported")
	// ErrInvalid is returned for metadata and tensors that no engine could run.
	ErrInvalid = errors.New("invalid model")
)
