package main

import (
	"context"
	"errors"
	"io"
	"strings"

	"github.com/latentgo/latentgo/cmd/chat/internal/human"
	"github.com/latentgo/latentgo/engine"
	"github.com/latentgo/latentgo/tokenizer"
)

// runCmd is `chat run`: one prompt, one answer. The text streams to standard output; with --json it is
//
//	{"prompt": [ids], "ids": [ids of the answer, the end token included], "text": "…"}
type runCmd struct {
	jsonFlag
	loadFlags
	sessionFlags
	answerFlags
	samplingFlags

	Prompt string `short:"p" xor:"prompt" type:"nonempty" placeholder:"TEXT" help:"The prompt."`
	File   string `short:"f" xor:"prompt" type:"nonempty" placeholder:"FILE" help:"File with the prompt; - is standard input. A .json file may hold a list of token ids, which are used as they are."`
	System string `placeholder:"TEXT" help:"System prompt."`
	Raw    bool   `help:"Continue the text itself, without the chat template."`
}

// Validate implements kong's hook.
func (c *runCmd) Validate() error {
	if c.Prompt == "" && c.File == "" {
		return errors.New("no prompt: -p TEXT or -f FILE gives one")
	}
	return validate(&c.loadFlags, &c.sessionFlags, &c.answerFlags, &c.samplingFlags)
}

// runResult is what `chat run --json` prints.
type runResult struct {
	Prompt []int32 `json:"prompt"`
	IDs    []int32 `json:"ids"`
	Text   string  `json:"text"`
}

// Run implements kong's command.
func (c *runCmd) Run(a *app) error {
	prompt, err := c.prompt(a)
	if err != nil {
		return err
	}
	m, err := a.load(&c.loadFlags)
	if err != nil {
		return err
	}
	defer m.Close()
	s, err := m.NewSession(c.sessionFlags.options())
	if err != nil {
		return err
	}
	defer s.Close()
	a.warn(s)
	opt, err := c.answerFlags.options(m, &c.samplingFlags)
	if err != nil {
		return err
	}
	o := &oneAnswer{a: a, m: m, s: s, opt: opt, json: c.JSON, verbose: c.Verbose}
	return o.run(prompt)
}

// prompt puts the prompt together from the flags.
func (c *runCmd) prompt(a *app) (onePrompt, error) {
	p := onePrompt{text: c.Prompt, system: c.System, raw: c.Raw}
	if c.File == "" {
		return p, nil
	}
	raw, err := a.readFile(c.File)
	if err != nil {
		return p, err
	}
	if strings.HasSuffix(c.File, ".json") {
		if ids, err := parseIDs(raw); err == nil {
			p.ids = ids
			return p, nil
		}
	}
	p.text = string(raw)
	if !p.raw {
		p.text = strings.TrimRight(p.text, "\r\n")
	}
	return p, nil
}

// onePrompt is what the model answers: ids as they are, or a text, or a message.
type onePrompt struct {
	ids          []int32
	text, system string
	raw          bool
}

// conversation is the prompt as messages.
func (p *onePrompt) conversation() tokenizer.Conversation {
	conv := tokenizer.Conversation{AddGenerationPrompt: true}
	if p.system != "" {
		conv.Messages = append(conv.Messages, tokenizer.NewMessage("system", p.system))
	}
	conv.Messages = append(conv.Messages, tokenizer.NewMessage("user", p.text))
	return conv
}

// oneAnswer streams the answer to one prompt, or prints it as JSON.
type oneAnswer struct {
	a             *app
	m             *engine.Model
	s             *engine.Session
	opt           *engine.GenerateOptions
	json, verbose bool
}

// run answers p.
func (o *oneAnswer) run(p onePrompt) error {
	res := runResult{Prompt: []int32{}, IDs: []int32{}}
	var text strings.Builder
	err := o.stream(p, &res, &text)
	if err != nil && !errors.Is(err, context.Canceled) {
		return err
	}
	// After Ctrl-C the line is ended and the speed shown, too.
	st := o.s.Stats()
	res.Text = text.String()
	switch {
	case o.json && err == nil:
		err = o.a.printJSON(res)
	case !o.json && !strings.HasSuffix(res.Text, "\n"):
		o.a.printf("\n")
	}
	if st.Reason == engine.ReasonContext {
		o.a.note("chat: the answer was cut: the context of %d tokens is full; -c makes it larger", o.s.Context())
	}
	if o.verbose {
		o.a.note("%s", human.Speed(st))
	}
	return err
}

// stream runs the generation, collects ids and text, and writes the text as it comes unless JSON is wanted.
func (o *oneAnswer) stream(p onePrompt, res *runResult, text *strings.Builder) error {
	out := io.Writer(text)
	if !o.json {
		out = io.MultiWriter(text, o.a.out)
	}
	seq := o.s.Chat(o.a.ctx, p.conversation(), o.opt)
	if p.ids != nil {
		seq = o.s.Generate(o.a.ctx, p.ids, o.opt)
	} else if p.raw {
		seq = o.s.GenerateText(o.a.ctx, p.text, o.opt)
	}
	for piece, err := range seq {
		if err != nil {
			return err
		}
		if len(res.Prompt) == 0 { // the engine has tokenised it by now
			st := o.s.Stats()
			res.Prompt = append(res.Prompt, o.s.Tokens()[:st.CachedTokens+st.PromptTokens]...)
		}
		if piece.Token >= 0 {
			res.IDs = append(res.IDs, piece.Token)
		}
		if _, err := io.WriteString(out, piece.Text); err != nil {
			return err
		}
	}
	return nil
}
