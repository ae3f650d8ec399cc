package main

import "github.com/latentgo/latentgo/engine"

// samplingFlags override the model's sampling parameters; names are llama.cpp's. Values are read by the engine, so
// that the command line and /set accept the same.
type samplingFlags struct {
	Seed             *string `short:"s" group:"Sampling" placeholder:"N" help:"Random seed; -1 is a new one each time."`
	Temp             *string `group:"Sampling" placeholder:"X" help:"Temperature; 0 is greedy."`
	TopK             *string `group:"Sampling" placeholder:"N" help:"Keep the N most probable tokens; 0 is off."`
	TopP             *string `group:"Sampling" placeholder:"X" help:"Keep the most probable tokens up to this mass; 1 is off, 0 keeps one."`
	MinP             *string `group:"Sampling" placeholder:"X" help:"Drop tokens below this share of the best one; 0 is off."`
	TypicalP         *string `name:"typical" aliases:"typical-p" group:"Sampling" placeholder:"X" help:"Locally typical sampling; 1 is off."`
	TopNSigma        *string `name:"top-nsigma" aliases:"top-n-sigma" group:"Sampling" placeholder:"X" help:"Keep tokens within X standard deviations; -1 is off."`
	XTCProbability   *string `name:"xtc-probability" group:"Sampling" placeholder:"X" help:"Chance to exclude top choices; 0 is off."`
	XTCThreshold     *string `name:"xtc-threshold" group:"Sampling" placeholder:"X" help:"Probability that makes a top choice."`
	RepeatLastN      *string `group:"Sampling" placeholder:"N" help:"Tokens the penalties look back; -1 is all."`
	RepeatPenalty    *string `group:"Sampling" placeholder:"X" help:"Penalty on seen tokens; 1 is off."`
	PresencePenalty  *string `group:"Sampling" placeholder:"X" help:"Presence penalty; 0 is off."`
	FrequencyPenalty *string `group:"Sampling" placeholder:"X" help:"Frequency penalty; 0 is off."`
	DryMultiplier    *string `group:"Sampling" placeholder:"X" help:"Penalty on repeated sequences; 0 is off."`
	DryBase          *string `group:"Sampling" placeholder:"X" help:"Its growth per token."`
	DryAllowedLength *string `group:"Sampling" placeholder:"N" help:"Length that is not penalised."`
	DryPenaltyLastN  *string `group:"Sampling" placeholder:"N" help:"Tokens it looks back; -1 is all."`
	DynatempRange    *string `group:"Sampling" placeholder:"X" help:"Dynamic temperature range; 0 is off."`
	DynatempExp      *string `group:"Sampling" placeholder:"X" help:"Its exponent."`
	Mirostat         *string `group:"Sampling" placeholder:"N" help:"Mirostat 1 or 2; 0 is off."`
	MirostatLR       *string `name:"mirostat-lr" group:"Sampling" placeholder:"X" help:"Its learning rate."`
	MirostatEnt      *string `name:"mirostat-ent" group:"Sampling" placeholder:"X" help:"Its target entropy."`
	AdaptiveTarget   *string `group:"Sampling" placeholder:"X" help:"Probability that drawn tokens have on average; -1 is off."`
	AdaptiveDecay    *string `group:"Sampling" placeholder:"X" help:"How much of the past counts for that."`
	TextBias         *string `group:"Sampling" placeholder:"JSON" help:"Added to the tokens of texts, such as {\" no\": -2}."`
	Samplers         *string `group:"Sampling" placeholder:"LIST" help:"Stages in order, separated by semicolons."`
}

// pairs lists the flags with the names that the engine knows them by.
func (f *samplingFlags) pairs() []struct {
	name  string
	value *string
} {
	return []struct {
		name  string
		value *string
	}{
		{"seed", f.Seed}, {"temperature", f.Temp}, {"top_k", f.TopK}, {"top_p", f.TopP}, {"min_p", f.MinP},
		{"typical_p", f.TypicalP}, {"top_n_sigma", f.TopNSigma}, {"xtc_probability", f.XTCProbability},
		{"xtc_threshold", f.XTCThreshold}, {"repeat_last_n", f.RepeatLastN}, {"repeat_penalty", f.RepeatPenalty},
		{"presence_penalty", f.PresencePenalty}, {"frequency_penalty", f.FrequencyPenalty},
		{"dry_multiplier", f.DryMultiplier}, {"dry_base", f.DryBase}, {"dry_allowed_length", f.DryAllowedLength},
		{"dry_penalty_last_n", f.DryPenaltyLastN}, {"dynatemp_range", f.DynatempRange}, {"dynatemp_exponent", f.DynatempExp},
		{"mirostat", f.Mirostat}, {"mirostat_eta", f.MirostatLR}, {"mirostat_tau", f.MirostatEnt}, {"samplers", f.Samplers},
		{"adaptive_target", f.AdaptiveTarget}, {"adaptive_decay", f.AdaptiveDecay}, {"text_bias", f.TextBias},
	}
}

// Validate checks the values: they are tried on the defaults, before a model is loaded.
func (f *samplingFlags) Validate() error {
	var p engine.Sampling // a scratch one: only errors count here
	return f.apply(&p)
}

// apply sets in p what the command line gave.
func (f *samplingFlags) apply(p *engine.Sampling) error {
	for _, o := range f.pairs() {
		if o.value == nil {
			continue
		}
		if err := p.Set(o.name, *o.value); err != nil {
			return err
		}
	}
	return nil
}
