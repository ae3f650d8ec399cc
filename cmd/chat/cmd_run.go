package main

import (
	"errors"
	"strings"

	"github.com/latentgo/latentgo/tokenizer"
)

// runCmd is `chat run`: one prompt, one answer. The text streams to standard output; --json prints
// answered.
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
	if c.Raw && c.System != "" {
		return errors.New("--system is a message, for which --raw leaves no place: put it into the text")
	}
	return validate(&c.loadFlags, &c.sessionFlags, &c.answerFlags, &c.samplingFlags)
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
			if p.system != "" {
				err = usagef("run", "--system: %s holds token ids, which are used as they are", c.File)
			}
			return p, err
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
