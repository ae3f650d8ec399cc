package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/latentgo/latentgo/engine"
)

// tokenizeCmd is `chat tokenize [TEXT…]`: text to ids, no BOS added, special tokens found. Prints {"ids": […]}, or a
// list of lists for a list of texts. Files that hold only a vocabulary work.
type tokenizeCmd struct {
	jsonFlag
	modelFlag

	Text   string   `short:"p" xor:"text" type:"nonempty" placeholder:"TEXT" help:"The same as TEXT."`
	File   string   `short:"f" xor:"text" type:"nonempty" placeholder:"FILE" help:"File with the text; - is standard input. A .json file holds a list of strings and gives a list of lists, or an object, which is a text."`
	Pieces bool     `help:"Print one token per line: its id and, quoted, the bytes it stands for."`
	Words  []string `arg:"" optional:"" name:"text" help:"The text; without any, standard input is read."`
}

// Validate implements kong's hook.
func (c *tokenizeCmd) Validate() error {
	if len(c.Words) > 0 && c.Text+c.File != "" {
		return errors.New("the text is given twice")
	}
	return nil
}

// texts returns what to tokenise; list says that it was a list.
func (c *tokenizeCmd) texts(a *app) (texts []string, list bool, err error) {
	switch {
	case c.Text != "":
		return []string{c.Text}, false, nil
	case len(c.Words) > 0:
		return []string{strings.Join(c.Words, " ")}, false, nil
	case c.File != "":
		return a.readTexts(c.File)
	case isTerminal(a.stdin):
		return nil, false, usagef("tokenize", "no text: TEXT or -f FILE gives one")
	}
	raw, err := a.readFile("-")
	if err == nil && len(raw) == 0 {
		err = usagef("tokenize", "no text: TEXT or -f FILE gives one, and standard input is empty")
	}
	return []string{string(raw)}, false, err
}

// Run implements kong's command. Without --pieces the output is JSON in any case.
func (c *tokenizeCmd) Run(a *app) error {
	texts, isList, err := c.texts(a)
	if err != nil {
		return err
	}
	m, err := a.loadVocab(&c.modelFlag)
	if err != nil {
		return err
	}
	defer m.Close()
	ids := make([][]int32, len(texts))
	for i, t := range texts {
		if ids[i], err = m.Encode(t, false, true); err != nil {
			return err
		}
		if ids[i] == nil {
			ids[i] = []int32{}
		}
	}
	switch {
	case c.Pieces && !c.JSON:
		return a.printPieces(m, ids)
	case isList:
		return a.printJSON(map[string]any{"ids": ids})
	}
	return a.printJSON(map[string]any{"ids": ids[0]})
}

// printPieces lists tokens for people, with an empty line between texts.
func (a *app) printPieces(m *engine.Model, ids [][]int32) error {
	tok, err := m.Tokenizer()
	if err != nil {
		return err
	}
	for i, list := range ids {
		if i > 0 {
			a.printf("\n")
		}
		for _, id := range list {
			a.printf("%s\n", fmt.Sprintf("%7d  %s", id, strconv.Quote(string(tok.AppendPiece(nil, id, true)))))
		}
	}
	return nil
}
