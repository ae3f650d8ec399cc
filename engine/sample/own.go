package sample

import "fmt"

// Stage is a stage of the caller's own. It gets the candidates that are left and their logits, in no certain order, and
// changes the logits in place; −Inf or NaN takes a candidate out. It keeps neither slice.
type Stage func(tokens []int32, logits []float32)

// ownStage makes a stage of a Stage.
type ownStage struct {
	called string
	fn     Stage
	tokens []int32
	logits []float32
}

func (s *ownStage) name() string { return s.called }

func (s *ownStage) apply(c *candidates) {
	s.tokens, s.logits = s.tokens[:0], s.logits[:0]
	for _, x := range c.listed() {
		s.tokens, s.logits = append(s.tokens, x.id), append(s.logits, x.logit)
	}
	s.fn(s.tokens, s.logits)
	kept := c.list[:0]
	for i, x := range c.list {
		if x.logit = s.logits[i]; x.logit > negInf {
			kept = append(kept, x)
		}
	}
	c.list, c.sorted = kept, false
}

// checkStages reports a stage of Options.Stages that would never run, or that has the name of another.
func checkStages(stages map[string]Stage, order []string) error {
	named := map[string]bool{}
	for _, name := range order {
		named[name] = true
	}
	for name, fn := range stages {
		switch _, err := samplerName(name); {
		case err == nil:
			return fmt.Errorf("%w samplers: there is a stage called %q already", ErrParam, name)
		case fn == nil:
			return fmt.Errorf("%w samplers: the stage %q is nil", ErrParam, name)
		case !named[name]:
			return fmt.Errorf("%w samplers: the stage %q is not among them", ErrParam, name)
		}
	}
	return nil
}
