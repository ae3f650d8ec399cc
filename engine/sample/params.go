package sample

// Params is the configuration of a Chain.
//
// Each field's zero value is off, or the default of a field that only tunes a stage that others turn on. So the zero
// Params decodes greedily, Params{Temperature: 0.8} draws from all tokens with a new seed each time, and
// Params{Temperature: 0.8, TopP: 0.9} does what it says. DefaultParams is llama.cpp's choice of stages.
//
// JSON names are those of llama.cpp's server, and so is the meaning of numbers there ({"top_p": 0} keeps one token):
// decoding a request over DefaultParams keeps the defaults of all that it leaves out. Copies may share Samplers,
// DrySequenceBreakers, LogitBias and TextBias, which nothing here changes in place.
type Params struct {
	// Seed of the random numbers, > 0; 0 or −1 is a new random seed at New and at each Reset, Zero is the seed 0.
	Seed int64 `json:"seed"`

	// Temperature divides the logits before the draw; ≤ 0 is greedy. DefaultParams has 0.8.
	Temperature float64 `json:"temperature"`
	// DynatempRange moves the temperature within ± this range, by the entropy of the candidates; 0 is off.
	DynatempRange float64 `json:"dynatemp_range"`
	// DynatempExponent shapes that movement: (entropy / largest possible entropy)^exponent; 0 is 1.
	DynatempExponent float64 `json:"dynatemp_exponent"`

	// TopK keeps that many candidates; ≤ 0 is off. DefaultParams has 40.
	TopK int `json:"top_k"`
	// TopP keeps the most probable candidates up to this mass, in [0, 1]; 0 and 1 are off. DefaultParams has 0.95.
	TopP float64 `json:"top_p"`
	// MinP drops candidates below this share of the largest probability, in [0, 1]; 0 is off. DefaultParams has 0.05.
	MinP float64 `json:"min_p"`
	// TypicalP keeps the candidates nearest to the entropy up to this mass, in [0, 1]; 0 and 1 are off.
	TypicalP float64 `json:"typical_p"`
	// TopNSigma keeps candidates within this many standard deviations of the largest logit; ≤ 0 is off.
	TopNSigma float64 `json:"top_n_sigma"`
	// XTCProbability is the chance, in [0, 1], that the most probable candidates are excluded; 0 is off.
	XTCProbability float64 `json:"xtc_probability"`
	// XTCThreshold is the probability from which a candidate may be excluded, in [0, 1]; > 0.5 is off, 0 is 0.1.
	XTCThreshold float64 `json:"xtc_threshold"`
	// MinKeep is the number of candidates that top-p, min-p, typical-p and XTC leave at least; 0 is one.
	MinKeep int `json:"min_keep"`

	// RepeatLastN is the number of last tokens that the three penalties look at; 0 is 64, −1 is all, Zero is off.
	RepeatLastN int `json:"repeat_last_n"`
	// RepeatPenalty divides positive logits of seen tokens and multiplies negative ones, > 0; 0 and 1 are off.
	RepeatPenalty float64 `json:"repeat_penalty"`
	// FrequencyPenalty is subtracted once per occurrence of a seen token; 0 is off.
	FrequencyPenalty float64 `json:"frequency_penalty"`
	// PresencePenalty is subtracted once from each seen token; 0 is off.
	PresencePenalty float64 `json:"presence_penalty"`

	// DryMultiplier scales the penalty on tokens that would extend a repetition, ≥ 0; 0 is off.
	DryMultiplier float64 `json:"dry_multiplier"`
	// DryBase is raised to the length of the repetition beyond DryAllowedLength, ≥ 1; < 1 is off, 0 is 1.75.
	DryBase float64 `json:"dry_base"`
	// DryAllowedLength is the length of a repetition, in tokens, from which it is penalised, ≥ 0; 0 is 2, Zero is 0.
	DryAllowedLength int `json:"dry_allowed_length"`
	// DryPenaltyLastN is the number of last tokens searched for repetitions; 0 and −1 are all, Zero is off.
	DryPenaltyLastN int `json:"dry_penalty_last_n"`
	// DrySequenceBreakers end the search: no repetition reaches across them. nil is "\n", ":", "\"", "*"; an empty list
	// is none.
	DrySequenceBreakers []string `json:"dry_sequence_breakers"`

	// Mirostat 1 or 2 replaces the truncating stages by a controller of the surprise per token; 0 is off.
	Mirostat int `json:"mirostat"`
	// MirostatTau is the surprise to hold, in bits, ≥ 0; 0 is 5.
	MirostatTau float64 `json:"mirostat_tau"`
	// MirostatEta is the controller's rate, ≥ 0; 0 is 0.1.
	MirostatEta float64 `json:"mirostat_eta"`

	// AdaptiveTarget draws tokens whose probabilities are near it on average, in [0, 1]; 0 and negative ones are off.
	AdaptiveTarget float64 `json:"adaptive_target"`
	// AdaptiveDecay is how much of the past counts for that average per token, in [0, 0.99]; 0 is 0.9.
	AdaptiveDecay float64 `json:"adaptive_decay"`

	// Samplers is the order of the stages by name, see SamplerNames; a stage that is not named does not run. Empty is
	// the default order.
	Samplers []string `json:"samplers,omitempty"`
	// LogitBias is added to the logits of single tokens before all else; −Inf bans a token.
	LogitBias Bias `json:"logit_bias,omitempty"`
	// TextBias is LogitBias for the tokens of texts.
	TextBias TextBias `json:"text_bias,omitempty"`
}

// defaultBreakers returns a fresh list.
func defaultBreakers() []string { return []string{"\n", ":", "\"", "*"} }

// DefaultParams returns llama.cpp's defaults, spelled out.
func DefaultParams() Params {
	return Params{
		Seed:                -1,
		Temperature:         0.8,
		DynatempExponent:    1,
		TopK:                40,
		TopP:                0.95,
		MinP:                0.05,
		TypicalP:            1,
		TopNSigma:           -1,
		XTCThreshold:        0.1,
		RepeatLastN:         64,
		RepeatPenalty:       1,
		DryBase:             1.75,
		DryAllowedLength:    2,
		DryPenaltyLastN:     -1,
		DrySequenceBreakers: defaultBreakers(),
		MirostatTau:         5,
		MirostatEta:         0.1,
		AdaptiveTarget:      -1,
		AdaptiveDecay:       0.9,
	}
}

// What follows is for parameters that are spelled out.

// penalised reports whether the penalties stage changes anything.
func (p *Params) penalised() bool {
	return p.RepeatLastN != 0 && (p.repeat() != 1 || p.FrequencyPenalty != 0 || p.PresencePenalty != 0)
}

// repeat is RepeatPenalty with its zero value read as off.
func (p *Params) repeat() float64 {
	if p.RepeatPenalty == 0 {
		return 1
	}
	return p.RepeatPenalty
}

// dry reports whether the DRY stage is on.
func (p *Params) dry() bool {
	return p.DryMultiplier != 0 && p.DryBase >= 1 && p.DryPenaltyLastN != 0
}

// xtc reports whether the XTC stage is on.
func (p *Params) xtc() bool { return p.XTCProbability > 0 && p.XTCThreshold <= 0.5 }
