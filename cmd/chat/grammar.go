package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/latentgo/latentgo/engine/grammar"
)

// grammarFlags hold answers to a grammar. Names are llama.cpp's; either flag takes the text itself or a file.
type grammarFlags struct {
	Grammar    string `type:"nonempty" placeholder:"FILE|GBNF" help:"Answers are texts of this grammar, in llama.cpp's notation."`
	JSONSchema string `name:"json-schema" short:"j" type:"nonempty" placeholder:"FILE|JSON" help:"Answers are JSON that satisfies this schema."`
}

// Validate reads the grammar, before a model is loaded.
func (f *grammarFlags) Validate() error {
	_, err := f.grammar()
	return err
}

// grammar returns the grammar, nil for none.
func (f *grammarFlags) grammar() (*grammar.Grammar, error) {
	switch {
	case f.Grammar != "" && f.JSONSchema != "":
		return nil, errors.New("--grammar and --json-schema exclude each other")
	case f.Grammar != "":
		return readGrammar("--grammar", f.Grammar, strings.Contains(f.Grammar, "::="), grammar.GBNF)
	case f.JSONSchema != "":
		isText := strings.HasPrefix(strings.TrimSpace(f.JSONSchema), "{")
		return readGrammar("--json-schema", f.JSONSchema, isText, func(text string) (*grammar.Grammar, error) {
			return grammar.Schema(text, nil)
		})
	}
	return nil, nil
}

// readGrammar parses what a flag gives, or the file that it names.
func readGrammar(flag, value string, isText bool, parse func(string) (*grammar.Grammar, error)) (*grammar.Grammar, error) {
	place := flag
	if !isText {
		b, err := os.ReadFile(value)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", flag, err)
		}
		place, value = flag+" "+value, string(b)
	}
	g, err := parse(value)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", place, err)
	}
	return g, nil
}
