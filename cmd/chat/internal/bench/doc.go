// Package bench measures how fast a model reads prompts and decodes, for `chat bench`.
//
// # What is measured
//
// A prompt of random tokens behind a depth of cached ones, and greedy steps after a depth, of one sequence or of
// several that decode together, each with tokens and a cache of its own. One short evaluation warms up, and some steps
// do before the first repetition of a row; what an earlier repetition cached of a depth is used again.
//
// A decode step has to read every weight once and each sequence's cache: these bytes times the steps per second are the
// bandwidth that was reached, to be held against what the memory gives (package internal/bandwidth), measured before
// and after. Multiply-adds are counted as the products that a token needs: one for each value of the matrices it goes
// through, and of plain attention (MLA exact or off) one for each cached value and query head; half of the depth's
// growth is counted for each token of a row, and of a prompt the output matrix once. Softmax, norms, recurrences and latents' attention are left out, so the
// real number is higher. Values of matrices are taken from the bytes that a step reads and the mean of bits per weight
// in the file, which is exact but for mixtures of experts with types of their own.
//
// # JSON
//
// `chat bench --json` prints one object; names and meanings stay, fields may be added:
//
//	layout              "latentgo-bench/1"
//	model, file_type, weight_bytes, threads, cpu, mla    as engine.Info
//	cache, token_bytes  how a session caches, and bytes per token
//	read_gb_per_s       RATE of plain reads of memory by as many threads, GB/s; absent with --bandwidth 0
//	rows                list of ROW, in the order in which they were measured
//	depth               of the first row
//	prompt, decode      tokens_per_s of the first row of each kind; absent without one
//	us_per_cached_token microseconds that a cached token adds to a step, from the first depth to the last
//
//	RATE {best, median, least, samples}    samples in the order in which they were taken
//	ROW  {
//	  kind              "prompt" or "decode"
//	  tokens            of the prompt, or decoded by each sequence
//	  depth, sequences
//	  tokens_per_s      RATE of all sequences together
//	  gmacs_per_s       10⁹ multiply-adds per second at the median
//	  weight_bytes, cache_bytes, gb_per_s, read_share
//	                    of decode only: what a step reads (the cache of one sequence at the depth), the bandwidth that
//	                    makes at the median, and its share of read_gb_per_s's median
//	  vs_tokens_per_s, vs_ratio
//	                    with --vs, where the other run has the row: its median, and ours divided by it
//	}
//
// A GB is 10⁹ bytes. --vs reads this layout, and what llama-bench prints with -o json: rows are the same when kind,
// tokens, depth and sequences are.
package bench
