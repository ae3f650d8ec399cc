// Package jinja runs chat templates: the language of Python's Jinja2 3.1 with the settings of Hugging Face's
// transformers, as an interpreter over one tree.
//
//	scan   source → segments: text, {{ … }}, {% … %}, white space trimmed by Jinja2's rules
//	parse  segments → statements and expressions, with the names that a frame hides (analyze)
//	eval   tree + variables → spans of text
//
// Values are Python's: integers of any size, floats, strings by character, lists, tuples, dicts that keep their order,
// None, undefined. Strings know which of their bytes came from the caller, see text; the output is cut where that
// changes, so that only what the template wrote can be taken for control tokens.
//
// A template comes from a stranger: Limits bound steps, bytes, output and depth, and nothing that it does reaches
// anything outside of its variables. Parser and evaluator end with a panic of type abort, which Parse and Render return
// as an error.
//
// Package tokenizer/chat has the public face and says what is different from transformers.
package jinja
