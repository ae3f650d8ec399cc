package calibration

import (
	"context"
	"errors"
)

// ErrNoTokenizer is returned when text is given for a model without a tokenizer.
var ErrNoTokenizer = errors.New("no tokenizer")

// Language is what a conversion needs of a model's tokenizer and chat template.
type Language interface {
	// Encode tokenises text without a BOS; names of special tokens in it become those tokens when special.
	Encode(text string, special bool) ([]int32, error)
	// EndOfText reports whether a document or an answer ends with a token.
	EndOfText(id int32) bool
	// Separator returns the token that an empty document starts with; ok is false when there is none.
	Separator() (id int32, ok bool)
	// Question returns the tokens of a chat up to a user's question, and from its end on up to the answer; nil without
	// a chat template.
	Question(ctx context.Context) (before, after []int32)
}
