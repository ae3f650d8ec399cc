package engine

import (
	"context"
	"fmt"

	"github.com/latentgo/latentgo/engine/internal/embed"
)

// Pooling says how the vectors of a text's tokens become one.
type Pooling = embed.Pooling

// The ways of pooling.
const (
	PoolFile  = embed.PoolFile  // "", as the file says (pooling_type); an error where it doesn't
	PoolMean  = embed.PoolMean  // "mean"
	PoolFirst = embed.PoolFirst // "cls", the first token's
	PoolLast  = embed.PoolLast  // "last", the last token's: of a decoder the only one that saw the whole text
)

// EmbedOptions configures Embed. The zero value is the default.
type EmbedOptions struct {
	Pooling Pooling
	// Dimensions cuts the vectors to so many values, for models trained for it (Matryoshka); 0 means all there are.
	Dimensions int
	// Raw leaves the vectors as they are. Otherwise they are scaled, after cutting, to a Euclidean length of 1.
	Raw bool
	// Truncate cuts texts that are longer than the model takes, before the special token at the end where there is one.
	Truncate bool
}

// Embed returns a vector for each text, in their order, from encoders (BERT and what followed it) and from decoders. The
// texts, evaluated in passes that they share with each other and with sessions, begin and end with the special tokens
// that the model wants; such tokens in a text are text. Prefixes like "query: " that a model was trained with are the
// caller's. A text's vector does not depend on the others. nil options are the defaults.
//
// Errors: ErrTooLong for a text beyond Info.Context tokens (an encoder's limit may be lower), ErrNoTokenizer,
// ErrNoWeights, ErrLimit, ErrClosed, ctx's, and one for a file that leaves Pooling open.
func (m *Model) Embed(ctx context.Context, texts []string, opt *EmbedOptions) ([][]float32, error) {
	if opt == nil {
		opt = &EmbedOptions{}
	}
	return withTexts(m, func(e *embed.Model) ([][]float32, error) {
		return e.Embed(orBackground(ctx), texts, embed.Options(*opt))
	})
}

// Rerank returns how well each document answers the query, the higher the better: what the model's classification head
// makes of the two, a logit for most models, the probability of "yes" for Qwen3-Reranker. The error wraps
// ErrUnsupported for a model without a head; otherwise as Embed.
func (m *Model) Rerank(ctx context.Context, query string, docs []string) ([]float32, error) {
	return withTexts(m, func(e *embed.Model) ([]float32, error) { return e.Rerank(orBackground(ctx), query, docs) })
}

// withTexts calls fn with what evaluates texts.
func withTexts[T any](m *Model, fn func(*embed.Model) (T, error)) (out T, err error) {
	switch err = m.alive(); {
	case err != nil:
	case m.net == nil:
		err = fmt.Errorf("%s: %w", m.file.Name(), ErrNoWeights)
	case m.tok == nil:
		err = m.tokErr
	default:
		err = m.beginCall()
	}
	if err != nil {
		return out, err
	}
	defer m.endCall()
	out, err = fn(&embed.Model{Net: m.net, Passes: m.passes, Tokenizer: m.tok, Room: func(n int) error { return m.checkRoom(func() int { return n }) }})
	return out, m.fault(err)
}
