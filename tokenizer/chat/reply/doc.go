// Package reply reads what a model writes in a conversation: it takes apart the answer's text, the thinking before it,
// and the calls of tools, each in the syntax that the model was trained on.
//
//	format := reply.FormatOf(template)
//	parser := format.NewParser(reply.Options{Tools: conv.Tools, Prompt: rendering})
//	for … {
//		for _, event := range parser.Push(piece) { … }
//	}
//	for _, event := range parser.Close() { … }
//
// FormatOf recognises the format by the texts in the model's chat template; docs/tools.md lists them. The engine's
// Session.Chat does all of this by itself.
//
// # Streaming
//
// A Parser is given the answer in pieces, and what it says does not depend on where the pieces were cut: the texts, the
// thoughts and the calls are the same. It holds back only what may still turn out to be a marker, and white space that
// a marker would take with it. Every byte comes out once: in a text, in a thought, in a call, or it is part of a
// marker, of a message's header, or of the white space around them.
//
// # Calls
//
// A call begins with CallStart once its name is known, goes on with CallArguments, pieces of one JSON object, and ends
// with CallEnd, which has the whole call. Arguments are always an object: JSON in a string is decoded, and formats that
// write values as bare text get their types from the tool's schema. What only looks like a call, since it is no JSON or
// names nothing, is text. A call that ends before it is complete has ErrCut; one whose arguments cannot be read has
// ErrArguments, and both have the text that the model wrote.
//
// Without tools no calls are looked for, and their markers are text like any other; only what gpt-oss addresses to
// another recipient than the user is a call all the same.
//
// # Control tokens
//
// Markers such as <tool_call> are control tokens in some vocabularies. A parser needs their texts, while other control
// tokens should stay hidden; Parser.ShowsToken tells them apart. Nothing that a conversation says becomes a marker: a
// parser sees only what the model wrote, and of the prompt only what the template wrote.
package reply
