// Package model runs the forward pass of a decoder: from tokens of one or several sequences to logits.
//
// An architecture (package arch) reads a file's metadata and builds a [Spec]: which layers there are, how each mixes
// tokens and what its feed-forward network is. [Load] finds the tensors that the spec names, no more and no less, and
// starts the worker pool. [Model.Run] is the one call that evaluates anything: it takes rows of several sequences at
// once, prompts and decode steps mixed, and is what sessions, perplexity, calibration and text generation share.
//
// One layer is
//
//	x += post(mixer(norm(x)))        mixer: attention in one of its forms (attention.go, compressed.go, mla.go)
//	x += post(ffn(norm(x)))          ffn: a gated or plain network or a mixture of experts (ffn.go, plain_ffn.go, experts.go)
//
// or with both parts side by side on the layer's input, or with norms on the sums; it is written once, in layer.go.
// What a mixer remembers of a sequence is its [State].
//
// All workers run the same pass (SPMD) and meet at barriers, which are the executor's business: a mixer or a network
// shares out its work with the helpers in pass.go and ends where the next step may read all of its output.
// Statistics for conversions come from a [Probe]: a pass over a range of one layer that shows what it computes.
package model
