package engine

import (
	"errors"

	"github.com/latentgo/latentgo/engine/internal/convert"
	"github.com/latentgo/latentgo/engine/internal/embed"
	"github.com/latentgo/latentgo/engine/internal/language"
	"github.com/latentgo/latentgo/engine/internal/model"
	"github.com/latentgo/latentgo/engine/internal/schedule"
)

// Errors that callers may want to tell apart; test with errors.Is.
var (
	// ErrContextFull is returned when tokens do not fit into the session's context.
	ErrContextFull = errors.New("context is full")
	// ErrNoWeights is returned by NewSession for a file that holds, or was asked for, only a vocabulary.
	ErrNoWeights = errors.New("no weights")
	// ErrNoTokenizer is returned when text is given to a model whose file has no tokenizer that this engine knows.
	ErrNoTokenizer = convert.ErrNoTokenizer
	// ErrNoTemplate is returned by Chat for a model without a chat template.
	ErrNoTemplate = language.ErrNoTemplate
	// ErrClosed is returned after Close.
	ErrClosed = schedule.ErrClosed
	// ErrBusy is returned for a call to a session that another call is using: one in another goroutine, or the
	// Generate, Chat or EvalAll whose loop or function the call comes from.
	ErrBusy = schedule.ErrBusy
	// ErrLimit is returned when a call would exceed one of the limits of Options.
	ErrLimit = schedule.ErrLimit
	// ErrUnsupported is returned by Load for an architecture, tensor type or feature that the engine does not run.
	ErrUnsupported = model.ErrUnsupported
	// ErrInvalid is returned by Load for a file whose metadata or tensors contradict each other or the architecture.
	ErrInvalid = model.ErrInvalid
	// ErrConverted is returned by Load and Convert when another form of attention is asked for than a file has that
	// holds compressed or latent attention already.
	ErrConverted = convert.ErrConverted
	// ErrDamaged is returned by Load and Convert for a conversion whose result is too far from the original on text
	// held back: nothing is written or kept. The error says what to do.
	ErrDamaged = convert.ErrDamaged
	// ErrDraft is returned for a draft model with another vocabulary.
	ErrDraft = errors.New("not a draft model for this one")
	// ErrTooLong is returned by Embed and Rerank for a text of more tokens than the model takes.
	ErrTooLong = embed.ErrTooLong
	// ErrToken is returned when a token id is outside the model's vocabulary.
	ErrToken = errors.New("token outside the vocabulary")
)
