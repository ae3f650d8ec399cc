// Package text makes tokens of rendered conversations.
package text

import (
	"context"
	"slices"
	"strings"

	"github.com/latentgo/latentgo/tokenizer"
	"github.com/latentgo/latentgo/tokenizer/chat"
)

// Encode tokenises a rendered conversation: only what the template wrote can become a control token. BOS is put in
// front if the model asks for it and the template has not written it.
func Encode(tok *tokenizer.Tokenizer, r chat.Rendering) []int32 {
	var plain []tokenizer.Range
	at := 0
	for _, s := range r {
		if !s.FromTemplate {
			plain = append(plain, tokenizer.Range{Lo: at, Hi: at + len(s.Text)})
		}
		at += len(s.Text)
	}
	ids := tok.Encode(r.String(), tokenizer.EncodeOptions{ParseSpecial: true, Plain: plain})
	bos, ok := tok.BOS()
	if ok && tok.AddBOS() && (len(ids) == 0 || ids[0] != bos) {
		ids = slices.Insert(ids, 0, bos)
	}
	return ids
}

// Language is what a conversion needs of a model's tokenizer and chat template: a convert.Language.
type Language struct {
	*tokenizer.Tokenizer
	Render func(context.Context, chat.Conversation) (chat.Rendering, error)
}

// Encode implements convert.Language.
func (l Language) Encode(text string, special bool) ([]int32, error) {
	return l.Tokenizer.Encode(text, tokenizer.EncodeOptions{ParseSpecial: special}), nil
}

// EndOfText implements convert.Language.
func (l Language) EndOfText(id int32) bool { return l.IsEOG(id) }

// Separator implements convert.Language.
func (l Language) Separator() (id int32, ok bool) {
	if id, ok = l.Lookup("<|endoftext|>"); ok {
		return id, true
	}
	if id, ok = l.BOS(); ok {
		return id, true
	}
	return l.EOS()
}

// Question implements convert.Language. A template that can't be used is no reason not to convert.
func (l Language) Question(ctx context.Context) (before, after []int32) {
	const mark = "QUESTION"
	conv := chat.Conversation{Messages: []chat.Message{chat.NewMessage("user", mark)}, AddGenerationPrompt: true}
	text, err := l.Render(ctx, conv)
	start, end, ok := strings.Cut(text.String(), mark)
	if err != nil || !ok {
		return nil, nil
	}
	before = Encode(l.Tokenizer, chat.Rendering{{Text: start, FromTemplate: true}})
	after, _ = l.Encode(end, true)
	return before, after
}
