package engine

import (
	"context"
	"strings"

	"github.com/latentgo/latentgo/tokenizer/chat"
)

// language is what a conversion needs of a model's tokenizer and chat template.
type language struct{ m *Model }

// Encode implements convert.Language.
func (l language) Encode(text string, special bool) ([]int32, error) {
	return l.m.Encode(text, false, special)
}

// EndOfText implements convert.Language.
func (l language) EndOfText(id int32) bool { return l.m.tok.IsEOG(id) }

// Separator implements convert.Language.
func (l language) Separator() (id int32, ok bool) {
	if id, ok = l.m.tok.Lookup("<|endoftext|>"); ok {
		return id, true
	}
	if id, ok = l.m.tok.BOS(); ok {
		return id, true
	}
	return l.m.tok.EOS()
}

// Question implements convert.Language. A template that can't be used is no reason not to convert.
func (l language) Question(ctx context.Context) (before, after []int32) {
	const mark = "QUESTION"
	conv := chat.Conversation{Messages: []chat.Message{chat.NewMessage("user", mark)}, AddGenerationPrompt: true}
	text, err := l.m.RenderChat(ctx, conv)
	start, end, ok := strings.Cut(text.String(), mark)
	if err != nil || !ok {
		return nil, nil
	}
	before, _ = l.m.encodeRendering(chat.Rendering{{Text: start, FromTemplate: true}})
	after, _ = l.m.Encode(end, false, true)
	return before, after
}
