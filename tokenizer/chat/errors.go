package chat

import (
	"errors"
	"fmt"

	"github.com/latentgo/latentgo/internal/jinja"
)

var (
	// ErrSyntax is returned by Parse when the source is not a template of the supported language: an unclosed tag, an
	// unknown statement, an expression that does not parse, nesting that is too deep.
	ErrSyntax = jinja.ErrSyntax

	// ErrEval is returned by Render when an operation is impossible for its operands, where Jinja2 would raise an
	// UndefinedError, TypeError or ValueError: an attribute of an undefined value, a string plus a list, an unknown
	// filter.
	ErrEval = jinja.ErrEval

	// ErrLimit is returned by Render when one of the Limits was reached, and by Parse when the source is longer than 1
	// MiB.
	ErrLimit = jinja.ErrLimit

	// ErrConversation is returned when a conversation is not one: messages missing, a message that is not an object,
	// arguments that are not JSON, content other than text.
	ErrConversation = errors.New("conversation")
)

// RaiseError is the error of a template that called raise_exception, the way in which templates refuse a conversation
// (roles that do not alternate, a system message that the model does not know). Find it with errors.As.
type RaiseError struct {
	// Message is the text the template gave, unchanged.
	Message string
}

// Error returns the message with a prefix that says where it is from.
func (e *RaiseError) Error() string { return "template raised: " + e.Message }

// TemplateError adds the line of the template to an error. Err wraps one of the sentinels, or is a *RaiseError or the
// cause of a context's end.
type TemplateError struct {
	// Line is the line of the template's source, from 1.
	Line int
	// Err is what happened there.
	Err error
}

// Error returns the reason with its line.
func (e *TemplateError) Error() string {
	return fmt.Sprintf("chat template line %d: %v", e.Line, e.Err)
}

// Unwrap returns the reason.
func (e *TemplateError) Unwrap() error { return e.Err }

// templateError returns an error of the template engine as one of this package.
func templateError(err error) error {
	at, ok := errors.AsType[*jinja.Error](err)
	if !ok {
		return fmt.Errorf("chat template: %w", err)
	}
	inner := at.Err
	if raised, ok := inner.(*jinja.RaiseError); ok {
		inner = &RaiseError{raised.Message}
	}
	return &TemplateError{Line: at.Line, Err: inner}
}
