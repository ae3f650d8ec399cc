// Package llamacpp writes a compressed model as llama.cpp reads it: architecture deepseek2, DeepSeek's own latent
// attention. A compressed layer of one block is such a layer when its rotated pairs have frequencies in a geometric
// progression, the same in all layers, and rows come straight from the layer's input. With E the encoder, Q the query
// and V the value matrices of transmla.Compressed, R, L, n = d and v their sizes:
//
//	attn_q          per head [W_q | Q₁…R·W_q]        {width, heads·(n+R)}
//	attn_k_b        per head Q_R+1…R+L               {n, L, heads}
//	attn_v_b        per head V                       {L, v, heads}
//	attn_kv_a_mqa   [b·E_R+1…R+L ; E₁…R]             {width, L+R}
//	attn_kv_a_norm  √eps / b                         {L}
//
// The norm of latents can't be left out, but it is linear to rounding when b is so small that eps outweighs their mean
// square. Then attn_kv_a_mqa must be F32 (or BF16): its rows are too small for half precision. Scores there have the
// scale (1 + 0.1·ln factor)²/√(n+R); the rest of the model's scale is in Q.
package llamacpp
