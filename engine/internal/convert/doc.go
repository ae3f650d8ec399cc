// Package convert turns a model's grouped-query attention into latent attention that caches less. It takes a file and
// the spec of its model, and gives tensors that replace some of the file's, and the model that runs with them.
//
// [Run] is the pipeline:
//
//   - plan.go chooses the shape of each layer's cached rows;
//   - package calibration cuts the text that statistics come from, or lets the model write it;
//   - layers.go goes through the layers in order, with the residual streams of the original and of what has been converted so
//     far (package statistics): attention.go makes a layer's compressed attention from the moments of its keys, values and
//     queries (package transmla), repair.go fits the output projection to what is left (package regression);
//   - package refine improves the form for llama.cpp by gradients through the whole model;
//   - the model is loaded anew with what was made, and measured on text held back: judge.go refuses a broken one, as it
//     leaves a layer exact that would be broken.
//
// [Cached] does so once and keeps the result in the user's cache directory. [Result.Write] writes a file of it, for
// this engine or for llama.cpp (package llamacpp). Whatever is computed of activations is computed by package model's
// one forward pass.
package convert
