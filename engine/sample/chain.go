package sample

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
)

// None is what Sample returns when no token can be drawn.
const None int32 = -1

// Options connects a Chain to its model. The zero value is enough unless DRY is on.
type Options struct {
	// Vocab tells DRY which tokens contain a sequence breaker. Needed if DRY is on and has breakers, and by infill,
	// which wants one that is Ends too.
	Vocab Vocab
	// Encode turns a text into tokens without adding or parsing special ones. Params.TextBias needs it. DRY uses it for
	// breakers that are split over several tokens; nil leaves those out.
	Encode func(text string) []int32
	// Context bounds the tokens remembered for windows of −1, usually to the context's size; 0 is no bound.
	Context int
	// Suppress lists tokens that are never drawn, whatever Params.LogitBias adds to them: those that a model file
	// forbids (tokenizer.Tokenizer.Suppressed). New copies it. Ids outside the vocabulary are ignored.
	Suppress []int32
	// Stages are stages of the caller's own, by names that Params.Samplers has to hold, once or several times. With
	// Mirostat they do not run, as others don't.
	Stages map[string]Stage
}

// stage changes the candidates. A grammar's mask would be one more of these, in front of all others.
type stage interface {
	name() string
	apply(c *candidates)
}

// picker ends the chain: it draws a token, or returns None. It and every stage with a reseed method have their random
// numbers started by Chain.Reset.
type picker interface {
	name() string
	pick(c *candidates) int32
	reseed(seed uint64)
}

// Chain samples the tokens of one sequence. It is not safe for concurrent use; make one with New.
type Chain struct {
	given      Params
	params     Params     // given, spelled out
	seed       int64      // in use, ≥ 0
	history    history    // read by the penalties and DRY
	candidates candidates // buffers, of no meaning between calls
	stages     []stage    // that are on, in order
	picker     picker
}

// New builds the chain that the parameters describe. It returns an error that wraps ErrParam if they are not valid, or
// if DRY has sequence breakers and there is no Options.Vocab to find them in.
func New(p Params, opt Options) (*Chain, error) {
	if err := p.validate(opt.Stages); err != nil {
		return nil, err
	}
	if err := checkStages(opt.Stages, p.Samplers); err != nil {
		return nil, err
	}
	ch := &Chain{given: p, params: p.spelled()}
	ch.history.limit = remembered(&ch.params, opt.Context)
	if len(p.LogitBias)+len(p.TextBias)+len(opt.Suppress) > 0 {
		s := newBiasStage(p.LogitBias, opt.Suppress)
		if err := p.TextBias.addTo(s, opt.Encode); err != nil {
			return nil, err
		}
		ch.stages = append(ch.stages, s)
	}
	if err := ch.build(opt); err != nil {
		return nil, err
	}
	ch.Reset()
	return ch, nil
}

// remembered is the history's limit: the larger window of the stages that look back.
func remembered(p *Params, context int) int {
	if p.Mirostat != 0 {
		return 0
	}
	windows := [2]int{}
	if p.penalised() {
		windows[0] = p.RepeatLastN
	}
	if p.dry() {
		windows[1] = p.DryPenaltyLastN
	}
	if min(windows[0], windows[1]) < 0 {
		if context <= 0 {
			return -1
		}
		return max(context, windows[0], windows[1])
	}
	return max(windows[0], windows[1])
}

// build appends the stages after the bias, and the picker. Mirostat replaces all stages but the bias and the
// temperature, penalties included, as in llama.cpp.
func (ch *Chain) build(opt Options) error {
	p := &ch.params
	m := controller{tau: p.MirostatTau, eta: p.MirostatEta}
	switch p.Mirostat {
	case 1:
		ch.stages = append(ch.stages, temperature{value: p.Temperature})
		ch.picker = &mirostat1{m}
		return nil
	case 2:
		ch.stages = append(ch.stages, temperature{value: p.Temperature})
		ch.picker = &mirostat2{m}
		return nil
	}
	ch.picker = new(distribution)
	order, err := samplerOrder(p.Samplers, opt.Stages)
	if err != nil {
		return err
	}
	for _, name := range p.effective(order) {
		s, err := ch.stage(name, opt)
		if err != nil {
			return err
		}
		if s != nil {
			ch.stages = append(ch.stages, s)
		}
	}
	return nil
}

// effective leaves out of the default order the stages that cannot change a greedy choice: what only cuts the less
// probable candidates always keeps the best one. Not so if typical-p or XTC, which may drop it, see what the others
// left.
func (p *Params) effective(order []string) []string {
	if p.Temperature > 0 || p.TypicalP < 1 || p.xtc() || p.AdaptiveTarget >= 0 || len(p.Samplers) > 0 {
		return order
	}
	return []string{"penalties", "dry", "temperature"}
}

// stage makes one stage by its name; nil if the parameters turn it off, so that a stage that is off costs nothing per
// token.
func (ch *Chain) stage(name string, opt Options) (stage, error) {
	p := &ch.params
	switch {
	case opt.Stages[name] != nil:
		return &ownStage{called: name, fn: opt.Stages[name]}, nil
	case name == infillName:
		return newInfill(opt.Vocab)
	case name == "adaptive_p" && p.AdaptiveTarget >= 0:
		ch.picker = &adaptive{target: p.AdaptiveTarget, decay: p.AdaptiveDecay}
	case name == "penalties" && p.penalised():
		return &penalties{history: &ch.history, lastN: p.RepeatLastN, repeat: float32(p.repeat()),
			frequency: float32(p.FrequencyPenalty), presence: float32(p.PresencePenalty)}, nil
	case name == "dry" && p.dry():
		return ch.dry(opt)
	case name == "top_n_sigma" && p.TopNSigma > 0:
		return topNSigma{p.TopNSigma}, nil
	case name == "top_k" && p.TopK > 0:
		return topKStage{p.TopK}, nil
	case name == "typ_p" && p.TypicalP < 1:
		return typical{p.TypicalP, p.MinKeep}, nil
	case name == "top_p" && p.TopP < 1:
		return topP{p.TopP, p.MinKeep}, nil
	case name == "min_p" && p.MinP > 0:
		return minP{p.MinP, p.MinKeep}, nil
	case name == "xtc" && p.xtc():
		return &xtc{probability: p.XTCProbability, threshold: p.XTCThreshold, keep: p.MinKeep}, nil
	case name == "temperature":
		return temperature{p.Temperature, p.DynatempRange, p.DynatempExponent}, nil
	}
	return nil, nil
}

// dry makes the DRY stage.
func (ch *Chain) dry(opt Options) (stage, error) {
	p := &ch.params
	s := &dry{history: &ch.history, lastN: p.DryPenaltyLastN, allowed: p.DryAllowedLength,
		multiplier: p.DryMultiplier, base: p.DryBase}
	if len(p.DrySequenceBreakers) == 0 {
		return s, nil
	}
	if opt.Vocab == nil {
		return nil, fmt.Errorf("%w dry_sequence_breakers: no vocabulary to find them in", ErrParam)
	}
	s.breakers = newBreakers(p.DrySequenceBreakers, opt.Vocab, opt.Encode)
	return s, nil
}

// Sample returns the next token for the logits, one per token of the vocabulary, which it does not change. A logit of
// −Inf or NaN excludes its token. If that leaves no token, or there are no logits, Sample returns None. The token is
// not accepted: call Accept.
func (ch *Chain) Sample(logits []float32) int32 {
	if len(logits) == 0 {
		return None
	}
	c := &ch.candidates
	c.load(logits)
	for _, s := range ch.stages {
		s.apply(c)
	}
	token := ch.picker.pick(c)
	c.dense = nil // do not hold on to the caller's logits
	return token
}

// Accept adds tokens to the history that penalties and DRY look back at, and to the average of adaptive_p. As in llama.cpp, the prompt's tokens count as
// well as the sampled ones.
func (ch *Chain) Accept(tokens ...int32) {
	a, _ := ch.picker.(*adaptive)
	for _, token := range tokens {
		ch.history.add(token)
		if a != nil {
			a.accept(token)
		}
	}
}

// Reset forgets the accepted tokens and the Mirostat state and starts the random numbers again: at Params.Seed, or at a
// new random seed if that is 0 or −1.
func (ch *Chain) Reset() {
	ch.seed = ch.params.Seed
	if ch.seed < 0 {
		ch.seed = 1 + int64(rand.Uint32N(math.MaxUint32)) // 32 bits are enough and easy to type again
	}
	ch.history.reset()
	for _, s := range ch.stages {
		if r, ok := s.(interface{ reseed(uint64) }); ok {
			r.reseed(uint64(ch.seed))
		}
	}
	ch.picker.reseed(uint64(ch.seed))
}

// Seed returns the seed in use, which repeats the draws as Params.Seed, or given to Params.Set. It is 0 only for Zero.
func (ch *Chain) Seed() int64 { return ch.seed }

// Params returns the parameters that the chain was built with.
func (ch *Chain) Params() Params { return ch.given }

// String names the stages that are on, in order, e.g. "top_k → top_p → min_p → temperature → draw".
func (ch *Chain) String() string {
	var b strings.Builder
	for _, s := range ch.stages {
		b.WriteString(s.name() + " → ")
	}
	return b.String() + ch.picker.name()
}
