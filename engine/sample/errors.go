package sample

import "errors"

var (
	// ErrParam is returned when a parameter's value is outside its range or cannot be read; the message names the
	// parameter.
	ErrParam = errors.New("bad sampling parameter")

	// ErrUnknown is returned by Params.Set and Params.Get when no parameter has the name.
	ErrUnknown = errors.New("no such sampling parameter")
)
