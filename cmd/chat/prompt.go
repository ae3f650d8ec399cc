package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/latentgo/latentgo/internal/models"
	"github.com/latentgo/latentgo/tokenizer/chat"
)

// onePrompt is what the model answers: ids as they are, or a text, or a message.
type onePrompt struct {
	ids          []int32
	text, system string
	raw, trust   bool // trust: control tokens that it spells out act
}

// conversation is the prompt as messages.
func (p *onePrompt) conversation() chat.Conversation {
	conv := chat.Conversation{AddGenerationPrompt: true, TrustText: p.trust}
	if p.system != "" {
		conv.Messages = append(conv.Messages, chat.NewMessage("system", p.system))
	}
	conv.Messages = append(conv.Messages, chat.NewMessage("user", p.text))
	return conv
}

// add puts a text behind the prompt's, as a paragraph of its own. A message's line ends do not count.
func (p *onePrompt) add(text string) {
	if p.raw && p.text == "" {
		p.text = text
		return
	}
	text = strings.TrimRight(text, "\r\n")
	p.text = strings.Trim(p.text+"\n\n"+text, "\n")
}

// input adds standard input, until its end.
func (a *app) input(p *onePrompt) error {
	if isTerminal(a.stdin) {
		a.note("reading the prompt; Ctrl-D ends it")
	}
	raw, err := a.readFile("-")
	if err == nil {
		p.add(string(raw))
	}
	return err
}

// piped adds the text that a pipe or a file holds on standard input, nothing for a terminal or anything else.
func (a *app) piped(p *onePrompt) error {
	// Neither a terminal nor, say, an inherited socket is read: nothing might ever come.
	if f, ok := a.stdin.(*os.File); ok {
		st, err := f.Stat()
		if err != nil || !st.Mode().IsRegular() && st.Mode()&os.ModeNamedPipe == 0 {
			return nil
		}
	}
	return a.input(p)
}

// file sets the prompt to what a file holds: a .json file a list of token ids, or an object, which is a text like that
// of any other file.
func (a *app) file(path string, p *onePrompt) error {
	raw, err := a.readFile(path)
	if err != nil {
		return err
	}
	if !isJSON(path) || isObject(raw) {
		p.add(string(raw))
		return nil
	}
	if p.ids, err = parseIDs(path, raw); err != nil {
		return fmt.Errorf("%w; to send the text itself: -f - < %s", err, path)
	}
	if p.system != "" {
		return usagef("run", "--system: %s holds token ids, which are used as they are", path)
	}
	return nil
}

// modelAndPrompt reads the arguments of `chat run`: a prompt, or, as Ollama has it, a model and a prompt when -m names
// none. What may be meant in another way is an error.
func modelAndPrompt(model string, words []string) (name, prompt string, err error) {
	if model != "" || len(words) == 0 {
		return model, strings.Join(words, " "), nil
	}
	first, rest := words[0], words[1:]
	switch likeness := models.LooksLike(first); {
	case likeness == models.IsAName, likeness == models.MaybeAName && len(rest) > 0:
		return first, strings.Join(rest, " "), nil
	case likeness == models.MaybeAName:
		return "", "", fmt.Errorf("%q is a repository or a prompt: -m or -p tells which", first)
	case len(rest) > 0:
		return "", "", fmt.Errorf("%q is no model: a prompt of several words goes in quotes, or -m names the model", first)
	}
	return "", first, nil
}
