package measure

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/viterin/vek/vek32"

	"github.com/latentgo/latentgo/engine"
	"github.com/latentgo/latentgo/internal/logprob"
)

// Recalled is what a session finds again of facts in a long text.
type Recalled struct {
	Tokens  int     `json:"tokens"`   // of the text, facts included
	Facts   int     `json:"facts"`    // how many were hidden in it, evenly spread, and asked for at its end
	Right   int     `json:"right"`    // answers that are right to the last digit
	LogProb float64 `json:"log_prob"` // mean log-probability of the tokens of codes, in nats
}

// names of what has a code.
var names = []string{
	"Amsel", "Birke", "Calder", "Dunmore", "Elster", "Farrow", "Ginster", "Hollis", "Iverna", "Jasper", "Kestrel", "Linden",
	"Marlow", "Norwick", "Oberon", "Pinta", "Quill", "Rowan", "Saffron", "Tarn", "Umber", "Verity", "Wexford", "Yarrow",
}

// Recall hides facts ("The code of NAME is NNNNN.") in other text, of tokens in all, and asks an empty session for each at
// the end. What a cache forgets shows here, where perplexity hides it. At most 24 facts; text must be long enough. The
// session holds the text afterwards.
func Recall(ctx context.Context, s *engine.Session, m *engine.Model, text []int32, tokens, facts int) (Recalled, error) {
	if facts < 1 || facts > len(names) {
		return Recalled{}, fmt.Errorf("%d facts: 1 to %d can be hidden", facts, len(names))
	}
	rng := rand.New(rand.NewPCG(uint64(facts), 11))
	var asked, codes, said [][]int32
	room := tokens
	for _, name := range names[:facts] {
		code := fmt.Sprintf(" %05d", rng.IntN(100000))
		var parts [3][]int32
		for i, text := range []string{"\nThe code of " + name + " is", code, ".\n"} {
			ids, err := m.Encode(text, false, false)
			if err != nil {
				return Recalled{}, err
			}
			parts[i] = ids
		}
		asked, codes = append(asked, parts[0]), append(codes, parts[1])
		fact := slices.Concat(parts[:]...)
		said, room = append(said, fact), room-len(fact)
	}
	piece := room / (facts + 1)
	if piece < 1 || len(text) < piece*(facts+1) {
		return Recalled{}, fmt.Errorf("a text of %d tokens: %d facts in %d tokens need %d to %d", len(text), facts, tokens, facts+1, room)
	}
	for i := range facts + 1 {
		part := text[i*piece:][:piece:piece]
		if i < facts {
			part = append(part, said[i]...)
		}
		if _, err := s.Eval(ctx, part); err != nil {
			return Recalled{}, err
		}
	}
	out := Recalled{Tokens: len(s.Tokens()), Facts: facts}
	digits := 0
	for i, question := range asked {
		right, sum, err := answer(ctx, s, question, codes[i])
		if err != nil {
			return out, err
		}
		if right {
			out.Right++
		}
		out.LogProb, digits = out.LogProb+sum, digits+len(codes[i])
	}
	out.LogProb /= float64(digits)
	return out, nil
}

// answer asks a fork and follows the right answer: it is right when each of its tokens is the likeliest.
func answer(ctx context.Context, s *engine.Session, question, code []int32) (right bool, sum float64, err error) {
	f, err := s.Fork()
	if err != nil {
		return false, 0, err
	}
	defer f.Close()
	right = true
	var probs logprob.Scratch
	ids := slices.Concat(question, code[:len(code)-1])
	err = f.EvalAll(ctx, ids, func(i int, logits []float32) error {
		if i -= len(question) - 1; i >= 0 {
			right = right && vek32.ArgMax(logits) == int(code[i])
			sum += float64(probs.Of(logits, code[i]))
		}
		return nil
	})
	return right, sum, err
}
