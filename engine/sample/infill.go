package sample

import (
	"bytes"
	"fmt"
)

// Ends is what infill needs of a vocabulary beside Vocab; *tokenizer.Tokenizer satisfies it.
type Ends interface {
	// IsEOG tells whether a token ends an answer.
	IsEOG(id int32) bool
	// EOT and EOS return the tokens that end a turn and a text.
	EOT() (id int32, ok bool)
	EOS() (id int32, ok bool)
}

// mostInfilled is how many candidates infill looks at, the most probable: it compares all pairs. llama.cpp takes any
// number, and is used behind top-k.
const mostInfilled = 512

// infill decides for the text between a prefix and a suffix whether to end, and leaves only tokens that are sure
// (llama.cpp's infill). With n candidates, of which those that end have the probability E:
//
//	3·E·n > 1 − E      only tokens that end are left
//
// Otherwise a candidate whose text begins another's is one with it, and the more probable stands for both. Of those
// that do not end only p ≥ 0.2 are left, and of k such only p ≥ 1/(k+1) of what is left; without any, the end is.
type infill struct {
	vocab Vocab
	ends  Ends
	end   int32

	texts []byte // of the candidates
	at    []int  // where each begins, and the last ends
}

// newInfill makes the stage for a vocabulary that knows its ends.
func newInfill(v Vocab) (*infill, error) {
	ends, ok := v.(Ends)
	if !ok {
		return nil, fmt.Errorf("%w samplers: infill has no vocabulary that tells which tokens end an answer", ErrParam)
	}
	s := &infill{vocab: v, ends: ends}
	if s.end, ok = ends.EOT(); !ok {
		if s.end, ok = ends.EOS(); !ok {
			return nil, fmt.Errorf("%w samplers: infill needs a token that ends an answer, the vocabulary has none", ErrParam)
		}
	}
	return s, nil
}

func (s *infill) name() string { return "infill" }

func (s *infill) apply(c *candidates) {
	c.keepTop(mostInfilled)
	c.softmax()
	end := 0.0
	for _, x := range c.list {
		if s.ends.IsEOG(x.id) {
			end += x.p
		}
	}
	if 3*end*float64(len(c.list)) > 1-end {
		c.filter(func(x candidate) bool { return s.ends.IsEOG(x.id) })
		return
	}
	s.merge(c.list)
	c.filter(func(x candidate) bool { return x.logit > negInf && (x.p >= 0.2 || s.ends.IsEOG(x.id)) })
	sure, sum := 0, 0.0
	for _, x := range c.list {
		sum += x.p
		if !s.ends.IsEOG(x.id) {
			sure++
		}
	}
	if sure == 0 {
		c.list = append(c.list[:0], candidate{id: s.end, logit: 1})
		return
	}
	least := sum / float64(sure+1)
	c.filter(func(x candidate) bool { return x.p >= least || s.ends.IsEOG(x.id) })
}

// merge adds the probabilities of tokens of which one begins the other; the less probable gets −Inf.
func (s *infill) merge(list []candidate) {
	s.texts, s.at = s.texts[:0], append(s.at[:0], 0)
	for _, x := range list {
		s.texts = s.vocab.AppendPiece(s.texts, x.id, false)
		s.at = append(s.at, len(s.texts))
	}
	for i := range list {
		short := s.texts[s.at[i]:s.at[i+1]]
		for j := 0; j < len(list) && len(short) > 0 && list[i].logit > negInf; j++ {
			if i == j || !(list[j].logit > negInf) || !bytes.HasPrefix(s.texts[s.at[j]:s.at[j+1]], short) {
				continue
			}
			to, from := i, j
			if list[j].p > list[i].p {
				to, from = j, i
			}
			list[to].p += list[from].p
			list[from].p, list[from].logit = 0, negInf
		}
	}
}

// filter leaves the candidates of the list for which keep holds.
func (c *candidates) filter(keep func(candidate) bool) {
	kept := c.list[:0]
	for _, x := range c.list {
		if keep(x) {
			kept = append(kept, x)
		}
	}
	c.list = kept
}
