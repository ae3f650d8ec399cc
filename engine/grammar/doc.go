// Package grammar constrains what a model writes: only tokens that a grammar allows can be drawn.
//
//	g, err := grammar.Schema(`{"type": "object", "properties": {"age": {"type": "integer"}}, "required": ["age"]}`, nil)
//	opt := &engine.GenerateOptions{Grammar: g}
//
// A grammar comes from one of
//
//	GBNF    llama.cpp's notation: rules of characters, repetitions and other rules
//	Schema  a JSON Schema
//	Regexp  a regular expression in Go's syntax, which the whole text matches
//	Choice  a list of strings
//
// and is the same thing afterwards: an automaton over the bytes of the text, with a stack for rules that contain each
// other. Its states come into being as texts reach them, with tables of where each byte leads, and are shared by all
// users of a Grammar.
//
// # Tokens
//
// A Matcher follows one text, token by token. A Vocab holds the tokens of a model as a tree of their bytes; the tokens
// that a state allows are found by walking the tree and the automaton side by side, and are kept with the state.
//
// A token may begin or end within a character: the automaton reads bytes. A control token stands for no text, so no
// text of a grammar allows it, only <name> or <[id]> in GBNF do. The tokens that end an answer are allowed exactly
// where the text may end.
//
// A text that was cut, by a limit of tokens for example, is the beginning of one that matches. Matcher.CanEnd tells
// whether it is complete.
//
// # Limits
//
// Grammars may come from strangers. Size of a grammar, depth of rules within each other, and the work for one token are
// limited, and what exceeds a limit is an error that wraps ErrLimit: see the constants. Left recursion is refused.
package grammar
