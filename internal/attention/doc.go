// Package attention is attention at run time: over the keys and values of the model (GQA), over the same as rows of
// latent attention (MLA), and over compressed rows. Package attn has the equations of the first two.
//
// Compressed rows are of two kinds. In the first, R values are rotated by RoPE when they are cached and the others
// never (NewLatent), as in DeepSeek's models. In the second nothing needs to be rotated (NewCompressed): recent tokens
// are kept as the model has them in a ring beside the rows, and for the others RoPE is applied to the query when rows
// are read, by blocks of positions (RecentWindow, BlockRope).
//
// Store.Append caches; Layer.Decode (one token, split over cached positions) or Layer.Prefill (many tokens) attends.
// Scores are computed in float32 from half-precision or 8-bit rows, with an online softmax. Nothing here starts
// goroutines or allocates while attending; callers split the work and own all buffers.
package attention
