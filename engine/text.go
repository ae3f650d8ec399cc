package engine

import (
	"context"
	"fmt"

	"github.com/latentgo/latentgo/engine/internal/text"
	"github.com/latentgo/latentgo/tokenizer"
	"github.com/latentgo/latentgo/tokenizer/chat"
)

// Tokenizer returns the model's tokenizer, or an error that wraps ErrNoTokenizer.
func (m *Model) Tokenizer() (*tokenizer.Tokenizer, error) { return m.tok, m.tokErr }

// Encode tokenises text: BOS and EOS as the model asks for when addSpecial, special tokens in the text found when
// parseSpecial. The error wraps ErrNoTokenizer.
func (m *Model) Encode(text string, addSpecial, parseSpecial bool) ([]int32, error) {
	if m.tok == nil {
		return nil, m.tokErr
	}
	return m.tok.Encode(text, tokenizer.EncodeOptions{AddSpecial: addSpecial, ParseSpecial: parseSpecial}), nil
}

// CountTokens returns how many tokens text has, special tokens in it found, without BOS and EOS. The error wraps
// ErrNoTokenizer.
func (m *Model) CountTokens(text string) (int, error) {
	ids, err := m.Encode(text, false, true)
	return len(ids), err
}

// templateKey is where a file keeps its chat template.
const templateKey = "tokenizer.chat_template"

// Template returns the model's chat template, or ChatML when the file has none but its vocabulary has ChatML's tokens.
// The error wraps ErrNoTemplate when there is neither, and is the parser's when the template is wrong.
func (m *Model) Template() (*chat.Template, error) { return m.template() }

func (m *Model) parseTemplate() (*chat.Template, error) {
	if !m.file.Has(templateKey) {
		if m.speaksChatML() {
			return chat.Parse(chat.ChatML)
		}
		return nil, fmt.Errorf("%s: %w", m.file.Name(), ErrNoTemplate)
	}
	src, err := m.file.String(templateKey)
	if err != nil {
		return nil, err
	}
	t, err := chat.Parse(src)
	if err != nil {
		return nil, fmt.Errorf("%s: %s: %w", m.file.Name(), templateKey, err)
	}
	return t, nil
}

func (m *Model) speaksChatML() bool {
	if m.tok == nil {
		return false
	}
	_, start := m.tok.Lookup("<|im_start|>")
	_, end := m.tok.Lookup("<|im_end|>")
	return start && end
}

// RenderChat renders a conversation with the model's template and its BOS and EOS texts. What the template wrote and
// what came from the conversation are apart in it; EncodeChat gives the tokens.
func (m *Model) RenderChat(ctx context.Context, conv chat.Conversation) (chat.Rendering, error) {
	t, err := m.Template()
	if err != nil {
		return nil, err
	}
	return t.Render(orBackground(ctx), conv, chat.RenderOptions{BOS: m.bos(), EOS: m.eos()})
}

// EncodeChat renders a conversation with the model's template and returns its tokens, the prompt that Session.Chat
// evaluates. Only what the template wrote can become a control token: one that a message spells out stays text, unless
// conv.TrustText is set. BOS is put in front if the model asks for it and the template has not written it; EOS is never
// added, since an answer follows.
func (m *Model) EncodeChat(ctx context.Context, conv chat.Conversation) ([]int32, error) {
	r, err := m.RenderChat(ctx, conv)
	if err != nil {
		return nil, err
	}
	if m.tok == nil {
		return nil, m.tokErr
	}
	return text.Encode(m.tok, r), nil
}

// bos returns the text of the BOS token, "" when the model has none; eos that of EOS.
func (m *Model) bos() string {
	if m.tok == nil {
		return ""
	}
	return m.tokenText(m.tok.BOS())
}

func (m *Model) eos() string {
	if m.tok == nil {
		return ""
	}
	return m.tokenText(m.tok.EOS())
}

func (m *Model) tokenText(id int32, ok bool) string {
	if !ok {
		return ""
	}
	return m.tok.Text(id)
}
