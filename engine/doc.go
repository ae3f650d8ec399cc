// Package engine runs language models from GGUF files, in pure Go, on the CPU.
//
//	model, err := engine.Load("model.gguf", nil)
//	session, err := model.NewSession(nil)
//	for piece, err := range session.GenerateText(ctx, "The capital of France is", nil) {
//		fmt.Print(piece.Text)
//	}
//
// Load maps the file into memory and checks it; weights are used where they lie. While loading, each layer's
// grouped-query attention becomes multi-head latent attention in the exact form (package attn), unless Options.MLA says
// otherwise: a compressed form caches less per token and changes what the model says a little. Convert writes such a
// model to a file, Load makes one on the fly and keeps it in the user's cache directory. Model.Conversion tells how a
// model was made.
//
// A Model is immutable and serves any number of Sessions, each for one call at a time; a second one gets ErrBusy. A
// Session holds tokens and what the model caches of them: a prompt that starts as the last one did is evaluated only
// from where they differ, an empty one goes on where the last answer ended. Session.Fork and Session.Save copy one, in
// memory and to a file. Options.PrefixCache keeps the caches of closed sessions for prompts that begin as theirs did.
//
// Sessions that run at the same time share forward passes: the weights are read once for a token of each. Tokens of
// answers come between the layers of a long prompt's passes. What a session says does not depend, to the bit, on who
// else is there. Models with compressed or DeepSeek's latent attention give each session passes of its own. A
// context.Context ends a wait at once and a pass of one's own within a layer. A nil context is context.Background()
// everywhere.
//
// GenerateOptions.Grammar holds an answer to a grammar or a JSON Schema (package engine/grammar, engine/structured).
// GenerateOptions.Speculate and Draft guess several tokens and check them in one pass: the same answer in fewer passes,
// where it repeats the text before it or a smaller model agrees.
//
// Model.Embed makes vectors of texts, for search, and Model.Rerank scores documents for a query.
//
// About a hundred architectures run: the README names the families, docs/architectures.md tells how to add one.
package engine
