// Package embed makes vectors of texts, and scores of pairs of them: the texts share passes, the rows that a pass gives
// for a text's tokens become one vector, and a head makes a score of it where the model has one.
package embed

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/latentgo/latentgo/engine/internal/model"
	"github.com/latentgo/latentgo/engine/internal/schedule"
	"github.com/latentgo/latentgo/tokenizer"
)

// ErrTooLong is returned for a text that is longer than the model takes.
var ErrTooLong = errors.New("text too long")

// Pooling says how the vectors of a text's tokens become one.
type Pooling string

// The ways of pooling.
const (
	PoolFile  Pooling = ""     // as the model's file says
	PoolMean  Pooling = "mean" // their mean
	PoolFirst Pooling = "cls"  // the first token's
	PoolLast  Pooling = "last" // the last token's
)

// Options say what is made of the vectors.
type Options struct {
	Pooling    Pooling
	Dimensions int // of the result, the first ones; 0 means all
	Raw        bool
	Truncate   bool
}

// Model is what texts are evaluated on.
type Model struct {
	Net       *model.Model
	Passes    *schedule.Scheduler
	Tokenizer *tokenizer.Tokenizer
	Room      func(bytes int) error // says whether caches may take so many bytes more
}

// Embed returns a vector for each text.
func (m *Model) Embed(ctx context.Context, texts []string, o Options) ([][]float32, error) {
	kind, err := m.pooling(o.Pooling)
	if err != nil {
		return nil, err
	}
	if n := m.Net.Dimensions(); o.Dimensions < 0 || o.Dimensions > n {
		return nil, fmt.Errorf("%d dimensions: the model's vectors have %d", o.Dimensions, n)
	}
	ids := make([][]int32, len(texts))
	for i, text := range texts {
		ids[i] = m.Tokenizer.Encode(text, tokenizer.EncodeOptions{AddSpecial: true})
		if n := m.Longest(); o.Truncate && len(ids[i]) > n {
			ids[i] = m.truncate(ids[i], n)
		}
		if err := m.check(ids[i]); err != nil {
			return nil, fmt.Errorf("text %d: %w", i, err)
		}
	}
	out, err := m.Vectors(ctx, ids, kind)
	if err != nil {
		return nil, err
	}
	for i, x := range out {
		x = m.Net.Dense(x)
		if o.Dimensions > 0 {
			x = x[:o.Dimensions:o.Dimensions]
		}
		if !o.Raw {
			normalise(x)
		}
		out[i] = x
	}
	return out, nil
}

// pooling returns how the model pools; the file decides for PoolFile.
func (m *Model) pooling(p Pooling) (model.Pooling, error) {
	const choose = `choose EmbedOptions.Pooling: "mean", "cls" or "last"`
	switch p {
	case PoolMean:
		return model.PoolMean, nil
	case PoolFirst:
		return model.PoolFirst, nil
	case PoolLast:
		return model.PoolLast, nil
	case PoolFile:
	default:
		return 0, fmt.Errorf("pooling %q is not known: %s", p, choose)
	}
	s, name := m.Net.Spec(), m.Net.File().Name()
	switch key := s.Arch + ".pooling_type"; s.Pooling {
	case model.PoolMean, model.PoolFirst, model.PoolLast:
		return s.Pooling, nil
	case model.PoolNone:
		return 0, fmt.Errorf("%s: no key %q says how vectors of tokens become one of a text: %s", name, key, choose)
	case model.PoolRank:
		return 0, fmt.Errorf("%s: key %q: the model scores pairs of texts (Rerank); for vectors %s", name, key, choose)
	default:
		return 0, fmt.Errorf("%s: key %q: pooling %d is not known: %s", name, key, s.Pooling, choose)
	}
}

// Longest returns the most tokens of a text: what an encoder takes in one pass, or the context that a model was trained
// for.
func (m *Model) Longest() int {
	n := m.Net.Spec().Context
	if m.Net.Spec().Encoder {
		n = min(n, m.Net.BatchSize())
	}
	return n
}

// truncate cuts a text to n tokens; the special token at its end stays there.
func (m *Model) truncate(ids []int32, n int) []int32 {
	last := ids[len(ids)-1]
	ids = ids[:n]
	if m.Tokenizer.AddEOS() {
		ids[n-1] = last
	}
	return ids
}

// check tells why a text can't be evaluated.
func (m *Model) check(ids []int32) error {
	switch n := m.Longest(); {
	case len(ids) == 0:
		return errors.New("it has no tokens")
	case len(ids) > n:
		return fmt.Errorf("%d tokens, the model takes %d: %w", len(ids), n, ErrTooLong)
	}
	return nil
}

// normalise makes the Euclidean length 1; a vector of zeros stays what it is.
func normalise(x []float32) {
	sum := 0.0
	for _, v := range x {
		sum += float64(v) * float64(v)
	}
	if sum == 0 {
		return
	}
	f := 1 / math.Sqrt(sum)
	for i, v := range x {
		x[i] = float32(float64(v) * f)
	}
}
