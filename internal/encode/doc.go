// Package encode turns weights into blocks of ggml's types, with as little error as their codes allow.
//
// All encoders of blocks do the same in two steps. For each group of 16 or 32 weights that has a scale of its own they
// look for the scale d (and the minimum m) with the least
//
//	Σ w·(x − d·q − m)²    q the nearest codes
//
// by trying scales around the one that just reaches the largest weight; for given codes the best d and m follow from
// sums (least squares). Then the scales of a block of 256 are themselves rounded to a few bits, beside a factor in half
// precision, and each group takes the best of the scales that are nearest, with its codes chosen again.
//
// The weight w of an error is the importance of the column (how large the activations are that it is multiplied by,
// see package quantize) times √(σ² + x²), with σ² the mean of x² in the block, or less of that (Magnitude);
// without importance it depends on x alone: large weights matter more than small ones.
//
// Without importance, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0 and the floats are those of ggml's reference, byte for byte.
package encode
