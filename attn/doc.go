// Package attn holds what a transformer's attention needs: RoPE, grouped-query attention (GQA), multi-head latent
// attention (MLA), their caches in fp16, and the conversion of one into the other.
//
// With H query heads, G key/value heads (each shared by H/G query heads), head sizes d (keys) and v (values):
//
//	GQA   score(h, j) = q_h · k_g(h),j · scale        out_h = Σ_j softmax_j(score) · v_g(h),j      caches k, v of all G heads
//	MLA   score(h, j) = (q_h K_h) · row_j · scale     out_h = Σ_j softmax_j(score) · row_j V_h     caches one row = [R rotated | L latent]
//
// K_h and V_h are the up-projections of head h, absorbed into the query and the output. TransMLA (arXiv 2502.07864) is
// the source of the idea that each GQA is an MLA; Latent says which form it has without loss, Compress finds one with fewer
// values. Of these there are two kinds. In the first, R values are rotated by RoPE when they are cached and the others never
// (NewLatent), as in DeepSeek's models. In the second nothing needs to be: near tokens are kept beside as the model has them, and
// of far ones RoPE is made up for when they are looked at, in blocks of positions (Reach).
//
// The engine drives it: Rope rotates, Store.Append caches, Layer.Decode (one token, split over cached positions) or
// Layer.Prefill (many tokens) attends. Scores are computed in float32 from fp16 rows, with an online softmax.
// Nothing here starts goroutines or allocates while attending; callers split the work and own all buffers.
package attn
