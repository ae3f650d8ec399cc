package engine

import (
	"context"
	"fmt"
	"strings"

	"github.com/latentgo/latentgo/tokenizer"
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

// templateKey is where a file keeps its chat template.
const templateKey = "tokenizer.chat_template"

// Template returns the model's chat template, or ChatML when the file has none but its vocabulary has ChatML's tokens.
// The error wraps ErrNoTemplate when there is neither, and is the parser's when the template is wrong.
func (m *Model) Template() (*tokenizer.Template, error) { return m.template() }

func (m *Model) parseTemplate() (*tokenizer.Template, error) {
	if !m.file.Has(templateKey) {
		if m.speaksChatML() {
			return tokenizer.NewTemplate(tokenizer.ChatML)
		}
		return nil, fmt.Errorf("%s: %w", m.file.Name(), ErrNoTemplate)
	}
	src, err := m.file.String(templateKey)
	if err != nil {
		return nil, err
	}
	t, err := tokenizer.NewTemplate(src)
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

// RenderChat renders a conversation with the model's template and its BOS and EOS texts.
func (m *Model) RenderChat(ctx context.Context, conv tokenizer.Conversation) (string, error) {
	t, err := m.Template()
	if err != nil {
		return "", err
	}
	return t.Render(orBackground(ctx), conv, tokenizer.RenderOptions{BOS: m.bos(), EOS: m.eos()})
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

// encodeChat tokenises a rendered conversation. Templates often write BOS themselves: it is not added twice.
func (m *Model) encodeChat(text string) ([]int32, error) {
	bos := m.bos()
	addSpecial := bos == "" || !strings.HasPrefix(text, bos)
	return m.Encode(text, addSpecial, true)
}
