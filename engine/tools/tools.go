// Package tools holds answers to calls of tools.
//
//	choice := tools.Choice{Mode: tools.Required}
//	for piece, err := range tools.Chat(ctx, session, conv, choice, nil) {
//		answer.Add(piece.Calls...)
//	}
//
// Session.Chat alone offers a conversation's tools and takes the calls out of what the model writes. Chat adds a
// grammar: a call has the form that the model was trained on, the name of a tool, and arguments that satisfy its
// schema. So the calls of an answer that was not cut always parse. docs/tools.md lists the forms.
//
// The arguments are in the order of the schema and have no others (grammar.Schema).
package tools

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"strings"

	"github.com/latentgo/latentgo/engine"
	"github.com/latentgo/latentgo/engine/grammar"
	"github.com/latentgo/latentgo/tokenizer"
	"github.com/latentgo/latentgo/tokenizer/chat"
	"github.com/latentgo/latentgo/tokenizer/chat/notation"
	"github.com/latentgo/latentgo/tokenizer/chat/reply"
)

// Chat is Session.Chat with a choice among the tools that the conversation offers. It sets opt.Grammar, which must be
// nil but with None. Options and errors are those of Session.Chat and, in the first pair, of Grammar.
func Chat(ctx context.Context, s *engine.Session, conv chat.Conversation, choice Choice, opt *engine.GenerateOptions) iter.Seq2[engine.Piece, error] {
	var own engine.GenerateOptions
	if opt != nil {
		own = *opt
	}
	err := choice.check()
	switch {
	case err != nil:
	case choice.Mode == None:
		conv = without(conv)
	case s.Model() == nil: // which Session.Chat reports
	case own.Grammar != nil:
		err = errors.New("a choice of tools sets GenerateOptions.Grammar: it must be nil")
	default:
		own.Grammar, err = Grammar(ctx, s.Model(), conv, choice)
	}
	if err != nil {
		return func(yield func(engine.Piece, error) bool) { yield(engine.Piece{Token: -1}, err) }
	}
	return s.Chat(ctx, conv, &own)
}

// without returns the conversation without tools.
func without(conv chat.Conversation) chat.Conversation {
	var vars []chat.Field
	for _, f := range conv.Vars.Fields() {
		if f.Name != "tools" {
			vars = append(vars, f)
		}
	}
	conv.Tools, conv.Vars = nil, chat.NewObject(vars...)
	return conv
}

// Grammar returns the grammar of the answer to a conversation; nil where any answer will do: with None, and with Auto if
// the conversation offers no tools or the model's format has no grammar for them.
//
// Errors: with Required, one that wraps reply.ErrNoGrammar for schemas that the model's format cannot follow, and
// grammar.Schema's for a schema that cannot be enforced, for which Auto takes any value of its type; for a Name that no
// tool has; ErrChoice; those of Model.RenderChat.
func Grammar(ctx context.Context, m *engine.Model, conv chat.Conversation, choice Choice) (*grammar.Grammar, error) {
	if err := choice.check(); err != nil || choice.Mode == None {
		return nil, err
	}
	offered := conv.Offered()
	auto := choice.Mode != Required
	if auto && len(offered) == 0 {
		return nil, nil
	}
	tok, err := m.Tokenizer()
	if err != nil {
		return nil, err
	}
	t, err := m.Template()
	if err != nil {
		return nil, err
	}
	conv.AddGenerationPrompt = true
	prompt, err := m.RenderChat(ctx, conv)
	if err != nil {
		return nil, err
	}
	p := parts{any: auto, token: controls(tok), grammars: map[string]*grammar.Grammar{}}
	text, err := reply.FormatOf(t).Grammar(offered, reply.GrammarOptions{
		Name: choice.Name, Several: !choice.Single, Lazy: auto, Prompt: prompt, Token: p.token, Schema: p.add,
	})
	if auto && errors.Is(err, reply.ErrNoGrammar) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return kept.grammar(text, p)
}

// controls finds control tokens that an answer may have.
func controls(tok *tokenizer.Tokenizer) func(string) (int32, bool) {
	return func(text string) (int32, bool) {
		id, ok := tok.Lookup(text)
		return id, ok && !tok.IsEOG(id) && len(tok.AppendPiece(nil, id, false)) == 0
	}
}

// parts are the grammars of schemas, by the names that stand for them.
type parts struct {
	any      bool // where a schema cannot be enforced
	token    func(string) (int32, bool)
	texts    []string // schemas, notations and tokens
	grammars map[string]*grammar.Grammar
}

// add is reply.GrammarOptions.Schema.
func (p *parts) add(schema chat.Object, n *notation.Notation) (string, error) {
	data, err := schema.MarshalJSON()
	if err != nil {
		return "", err
	}
	text := string(data)
	var opt *grammar.SchemaOptions
	if n != nil {
		p.texts = append(p.texts, fmt.Sprintf("%+v", *n))
		opt = &grammar.SchemaOptions{Notation: n, Token: p.found}
	}
	g, err := grammar.Schema(text, opt)
	if p.any && errors.Is(err, grammar.ErrUnsupported) {
		text = loose(schema)
		g, err = grammar.Schema(text, opt)
	}
	if err != nil {
		return "", err
	}
	name := fmt.Sprintf("schema%d", len(p.grammars))
	p.texts = append(p.texts, text)
	p.grammars[name] = g
	return name, nil
}

// found is a token of the vocabulary, which a grammar then depends on.
func (p *parts) found(text string) (int32, bool) {
	id, ok := p.token(text)
	if ok {
		p.texts = append(p.texts, fmt.Sprint(text, id))
	}
	return id, ok
}

// loose returns a schema of the values of another's type.
func loose(schema chat.Object) string {
	if t, ok := schema.Get("type"); ok {
		if data, err := json.Marshal(t); err == nil {
			return `{"type": ` + string(data) + "}"
		}
	}
	if _, ok := schema.Get("properties"); ok {
		return `{"type": "object"}`
	}
	return "true"
}

// key returns what a grammar of the text depends on.
func (p *parts) key(text string) string { return text + "\x00" + strings.Join(p.texts, "\x00") }
