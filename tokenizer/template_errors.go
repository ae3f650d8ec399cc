package tokenizer

import (
	"errors"
	"fmt"
)

// Sentinels of the chat templates; test for them with errors.Is.
var (
	// ErrTemplateSyntax is returned by NewTemplate when the source is not a
	// template of the supported language: an unclosed tag, an unknown
	// statement, an expression that does not parse, nesting that is too deep.
	ErrTemplateSyntax = errors.New("template syntax")

	// ErrTemplateEval is returned by Render when an operation is impossible
	// for its operands, where Jinja2 would raise an UndefinedError, TypeError
	// or ValueError: an attribute of an undefined value, a string plus a
	// list, an unknown filter.
	ErrTemplateEval = errors.New("template evaluation")

	// ErrTemplateLimit is returned by Render when a limit of TemplateLimits
	// was reached, and by NewTemplate when the source is over long.
	ErrTemplateLimit = errors.New("template limit")

	// ErrConversation is returned when JSON is well formed but is not a
	// conversation: messages missing, or a message that is not an object.
	ErrConversation = errors.New("conversation")
)

// RaiseError is the error of a template that called raise_exception, the way
// in which templates refuse a conversation (roles that do not alternate, a
// system message that the model does not know). Find it with errors.As.
type RaiseError struct {
	// Message is the text the template gave, unchanged.
	Message string
}

// Error returns the message with a prefix that says where it is from.
func (e *RaiseError) Error() string { return "template raised: " + e.Message }

// TemplateError adds the line of the template to an error. Err is one of the
// sentinels above with its reason, a *RaiseError, or a context's error.
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

// tmplSyntax returns an ErrTemplateSyntax for a line of the source.
func tmplSyntax(line int, format string, args ...any) error {
	reason := fmt.Sprintf(format, args...)
	return &TemplateError{Line: line, Err: fmt.Errorf("%w: %s", ErrTemplateSyntax, reason)}
}

// tmplEval returns an ErrTemplateEval; the caller of the operation adds the line.
func tmplEval(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrTemplateEval, fmt.Sprintf(format, args...))
}
