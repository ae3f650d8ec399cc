// Package transmla finds compressed forms of grouped-query attention: multi-head latent attention whose cached row has
// fewer values than the keys and values of the model (TransMLA, arXiv 2502.07864).
//
// From second moments of a layer's keys, values and queries on some text ([Moments]), [Compress] makes an encoder for
// the row of a token, [R rotated | L latent], and the projections that read it. For each RoPE pair of the keys, a
// Hermitian PCA over the key heads finds complex components that commute with the rotation. R/2 of them keep RoPE; the
// rest of the keys and all values share the latent, found by a joint PCA in the metric of their effect on scores and
// outputs. Keys in the latent are not rotated: one complex constant stands in for each pair's rotation. [Fit] replaces
// it by factors per query head, from samples of text. Where the attention makes up for the rotation itself, when it
// reads rows, [CompressOptions].Keeps says for which pairs.
package transmla
