// Package quantize turns the weights of a model into other types: fewer bits for each, or more.
//
// A [FileType] such as Q4_K_M is a mixture: it says which type each tensor gets, since some suffer more from few bits
// than others. The mixtures are those of llama.cpp, so that a name means the same tensors in the same types.
//
//	plan, err := quantize.NewPlan(f, quantize.Options{Type: fileType})
//	w := new(gguf.Writer)
//	err = plan.Add(w)
//	err = w.WriteFile(ctx, "out.gguf", nil)
//
// Nothing is computed before the file is written, and then a piece of a tensor at a time. [Importance] says which
// columns of a tensor matter more than others; types of few bits gain much by it.
package quantize
