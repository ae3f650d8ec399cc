package calibration

import (
	"math"
	"math/rand/v2"

	"github.com/viterin/vek/vek32"

	"github.com/latentgo/latentgo/engine/internal/model"
)

const (
	leastProbability = 0.02 // tokens less likely than this share of the likeliest are never drawn: they derail small models
	maxCuts          = 8    // loops that are cut out of a window before the rest is taken as it comes
)

// window is a window under way.
type window struct {
	ids   []int32 // written so far; all but the last are in seq
	start int     // where the current document starts
	queue []int32 // tokens to come that are not drawn
	after []int32 // what follows the end of a chat's question, or nil
	docs  int     // documents begun
	cuts  int
	no    int // which window
	r     *rand.Rand
	seq   *model.Sequence
}

// next adds the token that is to come.
func (w *window) next() {
	w.ids = append(w.ids, w.queue[0])
	w.queue = w.queue[1:]
}

// take adds a token that was drawn. Behind the end of a document it starts another.
func (w *window) take(id int32, lang Language, p *prompts) {
	switch {
	case lang == nil || !lang.EndOfText(id):
		w.ids = append(w.ids, id)
		w.cutLoop(p)
	case w.after != nil: // the question is complete
		w.ids = append(w.ids, w.after[0])
		w.queue, w.after = w.after[1:], nil
	default:
		w.ids = append(w.ids, id)
		w.document(p)
	}
}

// document starts another document behind what there is.
func (w *window) document(p *prompts) {
	w.start = len(w.ids)
	w.queue, w.after = p.document(w.r, w.no+w.docs)
	w.docs++
}

// A document loops when its last loopSpan tokens have few different triples; it is looked at every loopCheck tokens.
const (
	loopSpan  = 96
	loopCheck = 16
	loopShare = 0.7
)

// cutLoop takes the end of a document that has begun to repeat itself away and starts another one there.
func (w *window) cutLoop(p *prompts) {
	n := len(w.ids) - w.start
	if n < loopSpan || n%loopCheck != 0 || w.cuts >= maxCuts {
		return
	}
	if distinct(w.ids[len(w.ids)-loopSpan:]) >= loopShare {
		return
	}
	w.cuts++
	w.ids = w.ids[:len(w.ids)-loopSpan]
	w.document(p)
	w.next()
}

// distinct returns which share of the triples of tokens differ from all others.
func distinct(ids []int32) float64 {
	seen := map[[3]int32]bool{}
	for i := range len(ids) - 2 {
		seen[[3]int32(ids[i:i+3])] = true
	}
	return float64(len(seen)) / float64(len(ids)-2)
}

// draw draws a token at a temperature, 0 for 1. It may change the logits.
func draw(r *rand.Rand, logits []float32, temperature float64) int32 {
	if temperature != 0 && temperature != 1 {
		vek32.MulNumber_Inplace(logits, float32(1/temperature))
	}
	peak := vek32.Max(logits)
	least := peak + float32(math.Log(leastProbability))
	sum := 0.0
	for _, v := range logits {
		if v >= least {
			sum += math.Exp(float64(v - peak))
		}
	}
	u := r.Float64() * sum
	last := int32(0)
	for i, v := range logits {
		if v >= least {
			last = int32(i)
			if u -= math.Exp(float64(v - peak)); u < 0 {
				break
			}
		}
	}
	return last
}
