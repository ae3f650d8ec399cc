package main

import (
	"errors"
	"strings"
)

// runCmd is `chat run [MODEL] [PROMPT]`: one prompt, one answer. The text streams to standard output; --json prints
// answered. Without a prompt standard input is one; on a terminal a conversation begins.
type runCmd struct {
	jsonFlag
	cachedFlags
	sessionFlags
	answerFlags
	samplingFlags
	guessFlags

	Prompt string   `short:"p" xor:"prompt" type:"nonempty" placeholder:"TEXT" help:"The same as PROMPT; piped text is not added."`
	File   string   `short:"f" xor:"prompt" type:"nonempty" placeholder:"FILE" help:"File with the prompt; - is standard input. A .json file holds a list of token ids, which are used as they are, or an object, which is a text."`
	System string   `placeholder:"TEXT" help:"System prompt."`
	Raw    bool     `help:"Continue the text itself, without the chat template."`
	Words  []string `arg:"" optional:"" name:"prompt" help:"The prompt in quotes, after a model if -m names none; piped text is added to it."`
}

// Validate implements kong's hook.
func (c *runCmd) Validate() error {
	_, text, err := modelAndPrompt(c.Model, c.Words)
	switch {
	case err != nil:
		return err
	case text != "" && c.Prompt+c.File != "":
		return errors.New("the prompt is given twice")
	case len(c.Words) > 0 && strings.TrimSpace(strings.Join(c.Words, " ")) == "":
		return errors.New("the prompt is empty")
	case c.Raw && c.System != "":
		return errors.New("--system is a message, for which --raw leaves no place: put it into the text")
	}
	return validate(&c.cachedFlags, &c.sessionFlags, &c.answerFlags, &c.samplingFlags)
}

// Run implements kong's command.
func (c *runCmd) Run(a *app) error {
	p := onePrompt{text: c.Prompt, system: c.System, raw: c.Raw, trust: c.TrustText}
	var words string
	c.Model, words, _ = modelAndPrompt(c.Model, c.Words) // Validate has seen the error
	var err error
	switch {
	case c.Prompt != "":
	case c.File != "":
		err = a.file(c.File, &p)
	case words != "":
		p.text = words
		err = a.piped(&p)
	case a.interactive() && !c.Raw && !c.JSON:
		chat := &chatCmd{cachedFlags: c.cachedFlags, sessionFlags: c.sessionFlags, answerFlags: c.answerFlags, samplingFlags: c.samplingFlags, guessFlags: c.guessFlags, System: c.System}
		return chat.Run(a)
	case isTerminal(a.stdin):
		return usagef("run", "no prompt: -p TEXT or -f FILE gives one")
	default:
		if err = a.input(&p); err == nil && strings.TrimSpace(p.text) == "" {
			return usagef("run", "no prompt: -p TEXT or -f FILE gives one, and standard input is empty")
		}
	}
	if err != nil {
		return err
	}
	return c.answer(a, p)
}

// answer loads the model and answers p.
func (c *runCmd) answer(a *app, p onePrompt) error {
	m, err := a.load(&c.cachedFlags)
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
	draft, err := c.guessFlags.apply(a, opt, c.count(a))
	if err != nil {
		return err
	}
	defer draft.Close()
	o := &oneAnswer{a: a, m: m, s: s, opt: opt, json: c.JSON, verbose: c.Verbose}
	return o.run(p)
}
