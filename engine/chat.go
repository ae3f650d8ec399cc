package engine

import (
	"context"
	"iter"

	"github.com/latentgo/latentgo/tokenizer/chat"
	"github.com/latentgo/latentgo/tokenizer/chat/reply"
)

// Chat renders the conversation with the model's template and streams the assistant's answer, which the caller appends
// to the conversation for the next turn. What the template renders as before is not evaluated again.
// AddGenerationPrompt is always set. Messages cannot open or end turns by the texts of control tokens, see EncodeChat.
//
// Thoughts and calls of the conversation's tools are taken out of the text, as the template says that the model writes
// them (package reply), unless GenerateOptions.Special is set. An answer that Generate goes on with is plain text.
func (s *Session) Chat(ctx context.Context, conv chat.Conversation, opt *GenerateOptions) iter.Seq2[Piece, error] {
	if err := s.made(); err != nil {
		return s.generateOr(ctx, nil, err, opt, nil)
	}
	conv.AddGenerationPrompt = true
	var ids []int32
	r, err := s.m.RenderChat(ctx, conv)
	if err == nil {
		ids, err = s.m.encodeRendering(r)
	}
	if err != nil || opt != nil && opt.Special {
		return s.generateOr(ctx, ids, err, opt, nil)
	}
	t, err := s.m.Template() // the one that was rendered
	return s.generateOr(ctx, ids, err, opt, func() *reply.Parser {
		return reply.FormatOf(t).NewParser(reply.Options{Tools: conv.Offered(), Prompt: r})
	})
}
