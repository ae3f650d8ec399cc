// Package attn describes the attention of a transformer layer: its [Geometry], its rotary position embedding ([Rope]),
// and the exact form in which grouped-query attention (GQA) is multi-head latent attention (MLA), [Exact].
//
// With H query heads, G key/value heads (each shared by H/G query heads), head sizes d (keys) and v (values):
//
//	GQA   score(h, j) = q_h · k_g(h),j · scale        out_h = Σ_j softmax_j(score) · v_g(h),j      caches k, v of all G heads
//	MLA   score(h, j) = (q_h K_h) · row_j · scale     out_h = Σ_j softmax_j(score) · row_j V_h     caches one row = [R rotated | L latent]
//
// K_h and V_h are the up-projections of head h, absorbed into the query and the output. That each GQA is an MLA is the
// observation of TransMLA (arXiv 2502.07864). Package transmla finds forms with fewer cached values.
package attn
