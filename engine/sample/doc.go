// Package sample turns a model's logits into the next token.
//
// A [Chain] takes one float per token of the vocabulary and narrows, reweights and finally draws:
//
//	logits + bias → penalties → dry → top_n_sigma → top_k → typ_p → top_p → min_p → xtc → temperature → draw
//
// Options.Stages adds stages of the caller's own.
//
//	penalties     l ← (l > 0 ? l/r : l·r) − count·f − q          r repeat, f frequency, q presence penalty
//	dry           l ← l − m·b^(n−a)                              n tokens of a repetition would be extended
//	top_n_sigma   keep l ≥ max l − n·σ(l)
//	top_k         keep the k largest
//	typ_p         keep the smallest set nearest to the entropy whose mass exceeds p
//	top_p         keep the smallest set of the most probable whose mass reaches p
//	min_p         keep p_i ≥ p·max p
//	xtc           by chance, drop all but the least probable of those with p_i ≥ t
//	temperature   l ← l/T; T ≤ 0 keeps the largest only (greedy)
//	adaptive_p    l ← 5 − 10·d²/(1+d), d = |p − t| / 0.3         t holds the mean p of what is drawn at a target
//	draw          P(i) = exp(l_i) / Σ exp(l_j)
//	infill        end where that is probable, else keep what is sure; only where Params.Samplers names it
//
// Order, names, defaults and meaning are llama.cpp's, so that settings found elsewhere can be copied. With Mirostat on,
// the chain is bias → temperature → Mirostat, again as there.
//
// [DefaultParams] is what most programs want. In a [Params] made by hand every field that is left out is off, or at the
// default of what it tunes: the zero Params is greedy decoding, Params{Temperature: 0.8} draws from all tokens. A model
// file may carry its author's choice, which [FromMetadata] reads. [Stops] finds stop strings in the streamed text.
//
//	chain, err := sample.New(sample.DefaultParams(), sample.Options{})
//	…
//	chain.Accept(prompt...)
//	for {
//		token := chain.Sample(logits)
//		chain.Accept(token)
//		…
//	}
//
// # Basics
//
// Sample reads the logits and never writes to them. After the first calls neither Sample nor Accept allocates. A chain
// belongs to one sequence and one goroutine at a time.
//
// The same seed, parameters, accepted tokens and logits give the same tokens on every platform: the random numbers are
// math/rand/v2's PCG, and exponentials and logarithms are computed here in a fixed order of roundings. (The logits
// themselves may differ between processors in the last bits.)
//
// # Where it differs from llama.cpp
//
// The random numbers, so equal seeds do not give equal text. Ties go to the lower token id. A logit of −Inf or NaN
// takes the token out at once, where llama.cpp keeps it with probability 0 (dynamic temperature then counts it in the
// largest possible entropy). A temperature ≤ 0 is greedy even if a dynamic range is set. DRY searches the whole history
// by default (llama.cpp at the time of writing: the last 64 tokens), and −1 as a window means all of it. adaptive_p
// runs when its target is set, without being named; infill looks at the best 512 candidates. Sums are float64.
package sample
