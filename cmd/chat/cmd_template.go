package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/latentgo/latentgo/tokenizer"
	"github.com/latentgo/latentgo/tokenizer/chat"
)

// templateCmd is `chat template`: a conversation rendered with a chat template. Standard output gets the rendering and
// nothing else, not even a line end; with --json {"text": "…"}. The conversation is
//
//	{"messages": [{"role": "user", "content": "…"}, …], "tools": […], "add_generation_prompt": true}
type templateCmd struct {
	jsonFlag
	modelFlag

	Template string  `type:"nonempty" placeholder:"FILE" help:"File with a Jinja template; without it the model's own is used."`
	File     string  `short:"f" required:"" type:"nonempty" placeholder:"FILE" help:"Conversation as JSON: messages, tools, add_generation_prompt."`
	BOS      *string `name:"bos" placeholder:"TEXT" help:"Text of the BOS token (default: the model's, or none)."`
	EOS      *string `name:"eos" placeholder:"TEXT" help:"Text of the EOS token (default: the model's, or none)."`
	Now      string  `placeholder:"TIME" help:"Date and time that the template sees, as 2026-01-02T03:04:05, with or without a zone (default: now)."`
}

// Run implements kong's command.
func (c *templateCmd) Run(a *app) error {
	if c.Template != "" && c.Model != "" {
		return usagef("template", "--template and -m exclude each other")
	}
	opt := chat.RenderOptions{Now: time.Now()}
	var err error
	if opt.Now, err = parseNow(c.Now); err != nil {
		return err
	}
	conv, err := c.conversation(a)
	if err != nil {
		return err
	}
	t, err := c.template(a, &opt)
	if err != nil {
		return err
	}
	if c.BOS != nil {
		opt.BOS = *c.BOS
	}
	if c.EOS != nil {
		opt.EOS = *c.EOS
	}
	r, err := t.Render(a.ctx, conv, opt)
	if err != nil {
		return err
	}
	text := r.String()
	if c.JSON {
		return a.printJSON(map[string]string{"text": text})
	}
	a.printf("%s", text)
	return nil
}

// parseNow reads the clock's setting; "" is the present.
func parseNow(s string) (time.Time, error) {
	if s == "" {
		return time.Now(), nil
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02 15:04:05", time.DateOnly} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, nil
		}
	}
	return time.Time{}, usagef("template", "--now %q is not a time like 2026-01-02T03:04:05Z", s)
}

// conversation reads the messages.
func (c *templateCmd) conversation(a *app) (conv chat.Conversation, err error) {
	raw, err := a.readFile(c.File)
	if err != nil {
		return conv, err
	}
	if err := json.Unmarshal(raw, &conv); err != nil {
		return conv, fmt.Errorf("%s: %w", c.File, err)
	}
	if len(conv.Messages) == 0 {
		return conv, fmt.Errorf(`%s: no messages: expected {"messages": [{"role": "user", "content": "…"}], "add_generation_prompt": true}`, c.File)
	}
	return conv, nil
}

// template reads the template file, or takes the model's own together with its BOS and EOS texts.
func (c *templateCmd) template(a *app, opt *chat.RenderOptions) (*chat.Template, error) {
	if c.Template != "" {
		src, err := a.readFile(c.Template)
		if err != nil {
			return nil, err
		}
		t, err := chat.Parse(string(src))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", c.Template, err)
		}
		return t, nil
	}
	m, err := a.loadVocab(&c.modelFlag)
	if err != nil {
		return nil, err
	}
	t, err := m.Template()
	if tok, terr := m.Tokenizer(); terr == nil {
		opt.BOS, opt.EOS = tokenText(tok, tok.BOS), tokenText(tok, tok.EOS)
	}
	return t, errors.Join(err, m.Close())
}

// tokenText returns the text of a token that a model may have.
func tokenText(tok *tokenizer.Tokenizer, which func() (int32, bool)) string {
	id, ok := which()
	if !ok {
		return ""
	}
	return tok.Text(id)
}
