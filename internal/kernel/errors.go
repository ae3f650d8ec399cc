package kernel

import "errors"

var (
	// ErrType is returned when a tensor type cannot be computed with, or not be encoded to.
	ErrType = errors.New("unsupported tensor type")
	// ErrShape is returned when a shape does not fit the type's blocks or the bytes given.
	ErrShape = errors.New("shape does not fit")
	// ErrValue is returned when a weight to be encoded is NaN or infinite.
	ErrValue = errors.New("weight is not finite")
)
