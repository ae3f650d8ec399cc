package jinja

import (
	"errors"
	"fmt"
)

var (
	// ErrSyntax is wrapped by Parse's errors for a source that is not a template of the language: an unclosed tag, an
	// unknown statement, an expression that does not parse, nesting that is too deep, a statement that needs other
	// templates.
	ErrSyntax = errors.New("template syntax")

	// ErrEval is wrapped when an operation is impossible for its operands, where Python would raise an UndefinedError,
	// TypeError, ValueError and the like.
	ErrEval = errors.New("template evaluation")

	// ErrLimit is wrapped when a rendering reached one of its Limits, or a source is longer than MaxSource.
	ErrLimit = errors.New("template limit")
)

// RaiseError is the error of a template that called raise_exception. Find it with errors.As.
type RaiseError struct {
	// Message is the text that the template gave, unchanged.
	Message string
}

// Error returns the message with a prefix that says where it comes from.
func (e *RaiseError) Error() string { return "template raised: " + e.Message }

// Error adds the line of the template to an error. Err wraps one of the sentinels, is a *RaiseError, or the cause of
// the context's end.
type Error struct {
	// Line is the line of the template's source, from 1.
	Line int
	// Err is what happened there.
	Err error
}

// Error returns the reason with its line.
func (e *Error) Error() string { return fmt.Sprintf("line %d: %v", e.Line, e.Err) }

// Unwrap returns the reason.
func (e *Error) Unwrap() error { return e.Err }

// abort is what parser and evaluator panic with; Parse and Render return its error. It never leaves the package.
type abort struct{ err error }

// caught returns the error of a recovered panic. What is not an abort is a fault of this package: an error too, because
// a template from a stranger must not take the program down.
func caught(r any, line int) error {
	if a, ok := r.(abort); ok {
		return a.err
	}
	return &Error{Line: line, Err: fmt.Errorf("%w: %w: %v", ErrEval, errInternal, r)}
}

// errInternal marks faults of this package; the fuzz tests look for it.
var errInternal = errors.New("internal fault of the template engine")
