package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/latentgo/latentgo/engine"
)

// tokenizeCmd is `chat tokenize`: text to ids, no BOS added, special tokens found. Prints {"ids": […]}, or a list of
// lists for a list of texts. Files that hold only a vocabulary work.
type tokenizeCmd struct {
	jsonFlag
	modelFlag

	Text   string `short:"p" xor:"text" placeholder:"TEXT" help:"The text."`
	File   string `short:"f" xor:"text" placeholder:"FILE" help:"File with the text; - is standard input. A .json file that holds a list of strings gives a list of lists."`
	Pieces bool   `help:"Print one token per line: its id and, quoted, the bytes it stands for."`
}

// Validate implements kong's hook.
func (c *tokenizeCmd) Validate() error {
	if c.Text == "" && c.File == "" {
		return errors.New("no text: -p TEXT or -f FILE gives one")
	}
	return nil
}

// Run implements kong's command. Without --pieces the output is JSON in any case.
func (c *tokenizeCmd) Run(a *app) error {
	text := []byte(c.Text)
	if c.File != "" {
		var err error
		if text, err = a.readFile(c.File); err != nil {
			return err
		}
	}
	m, err := a.loadVocab(&c.modelFlag)
	if err != nil {
		return err
	}
	defer m.Close()
	texts, isList := textList(c.File, text)
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

// textList returns the strings of a .json file that is a list of them, and else the text itself.
func textList(name string, raw []byte) (texts []string, isList bool) {
	if strings.HasSuffix(name, ".json") && json.Unmarshal(raw, &texts) == nil && texts != nil {
		return texts, true
	}
	return []string{string(raw)}, false
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
