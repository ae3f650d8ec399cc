// Package language is what a model's file says of texts: its tokenizer and its chat template together.
package language

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/latentgo/latentgo/gguf"
	"github.com/latentgo/latentgo/tokenizer"
	"github.com/latentgo/latentgo/tokenizer/chat"
)

// ErrNoTemplate is wrapped by errors about models that have no chat template.
var ErrNoTemplate = errors.New("no chat template")

// Language reads and writes the tokens of a model. It is safe for concurrent use. Methods that make tokens want a
// tokenizer; it implements convert.Language.
type Language struct {
	file     *gguf.File
	tok      *tokenizer.Tokenizer // nil without one
	template func() (*chat.Template, error)
}

// New returns the language of a file; tok is its tokenizer, or nil.
func New(f *gguf.File, tok *tokenizer.Tokenizer) *Language {
	l := &Language{file: f, tok: tok}
	l.template = sync.OnceValues(l.parse)
	return l
}

// templateKey is where a file keeps its chat template.
const templateKey = "tokenizer.chat_template"

// Template returns the file's chat template, or ChatML when it has none but the vocabulary has ChatML's tokens.
func (l *Language) Template() (*chat.Template, error) { return l.template() }

func (l *Language) parse() (*chat.Template, error) {
	if !l.file.Has(templateKey) {
		if l.speaksChatML() {
			return chat.Parse(chat.ChatML)
		}
		return nil, fmt.Errorf("%s: %w", l.file.Name(), ErrNoTemplate)
	}
	src, err := l.file.String(templateKey)
	if err != nil {
		return nil, err
	}
	t, err := chat.Parse(src)
	if err != nil {
		return nil, fmt.Errorf("%s: %s: %w", l.file.Name(), templateKey, err)
	}
	return t, nil
}

func (l *Language) speaksChatML() bool {
	if l.tok == nil {
		return false
	}
	_, start := l.tok.Lookup("<|im_start|>")
	_, end := l.tok.Lookup("<|im_end|>")
	return start && end
}

// Render renders a conversation with the template and the texts of BOS and EOS.
func (l *Language) Render(ctx context.Context, conv chat.Conversation) (chat.Rendering, error) {
	t, err := l.Template()
	if err != nil {
		return nil, err
	}
	var opt chat.RenderOptions
	if l.tok != nil {
		opt.BOS, opt.EOS = l.text(l.tok.BOS()), l.text(l.tok.EOS())
	}
	return t.Render(ctx, conv, opt)
}

func (l *Language) text(id int32, ok bool) string {
	if !ok {
		return ""
	}
	return l.tok.Text(id)
}

// EncodeRendering tokenises a rendered conversation. Only what the template wrote can become a control token. BOS is
// put in front if the model asks for it and the template has not written it; EOS is never added.
func (l *Language) EncodeRendering(r chat.Rendering) []int32 {
	var plain []tokenizer.Range
	at := 0
	for _, s := range r {
		if !s.FromTemplate {
			plain = append(plain, tokenizer.Range{Lo: at, Hi: at + len(s.Text)})
		}
		at += len(s.Text)
	}
	ids := l.tok.Encode(r.String(), tokenizer.EncodeOptions{ParseSpecial: true, Plain: plain})
	bos, ok := l.tok.BOS()
	if ok && l.tok.AddBOS() && (len(ids) == 0 || ids[0] != bos) {
		ids = slices.Insert(ids, 0, bos)
	}
	return ids
}

// Encode tokenises text, special tokens in it found when special, without BOS and EOS.
func (l *Language) Encode(text string, special bool) ([]int32, error) {
	return l.tok.Encode(text, tokenizer.EncodeOptions{ParseSpecial: special}), nil
}

// EndOfText says whether a token ends a text.
func (l *Language) EndOfText(id int32) bool { return l.tok.IsEOG(id) }

// Separator returns the token that stands between texts.
func (l *Language) Separator() (id int32, ok bool) {
	if id, ok = l.tok.Lookup("<|endoftext|>"); ok {
		return id, true
	}
	if id, ok = l.tok.BOS(); ok {
		return id, true
	}
	return l.tok.EOS()
}

// Question returns what stands before and after a user's question in a conversation. A template that can't be used
// gives nothing.
func (l *Language) Question(ctx context.Context) (before, after []int32) {
	const mark = "QUESTION"
	conv := chat.Conversation{Messages: []chat.Message{chat.NewMessage("user", mark)}, AddGenerationPrompt: true}
	text, err := l.Render(ctx, conv)
	start, end, ok := strings.Cut(text.String(), mark)
	if err != nil || !ok {
		return nil, nil
	}
	after, _ = l.Encode(end, true)
	return l.EncodeRendering(chat.Rendering{{Text: start, FromTemplate: true}}), after
}
