package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/mattn/go-runewidth"

	"github.com/latentgo/latentgo/engine"
)

// isJSON reports whether a file is JSON by its name.
func isJSON(path string) bool { return strings.HasSuffix(strings.ToLower(path), ".json") }

// isObject reports whether JSON is an object, which is no list of anything: a text that is to be read by a model.
func isObject(raw []byte) bool { return bytes.HasPrefix(bytes.TrimSpace(raw), []byte("{")) }

// readIDs reads a file of token ids: a .json file with a list of numbers, or a text that m's tokenizer turns into ids
// (no BOS added, special tokens found).
func (a *app) readIDs(m *engine.Model, path string) ([]int32, error) {
	raw, err := a.readFile(path)
	if err != nil {
		return nil, err
	}
	if !isJSON(path) {
		return m.Encode(string(raw), false, true)
	}
	return parseIDs(path, raw)
}

// readTexts reads a file of texts: a .json file with a list of strings, or one text. list tells which.
func (a *app) readTexts(path string) (texts []string, list bool, err error) {
	raw, err := a.readFile(path)
	if err != nil || !isJSON(path) || isObject(raw) {
		return []string{string(raw)}, false, err
	}
	texts = []string{}
	err = parseList(path, raw, "strings", func(t json.Token) (ok bool) {
		s, ok := t.(string)
		texts = append(texts, s)
		return ok
	})
	return texts, true, err
}

// parseIDs reads a JSON list of token ids. name is the file's, for errors.
func parseIDs(name string, raw []byte) ([]int32, error) {
	ids := []int32{}
	err := parseList(name, raw, "token ids", func(t json.Token) bool {
		n, ok := t.(json.Number)
		if !ok {
			return false
		}
		id, err := strconv.ParseInt(n.String(), 10, 32)
		ids = append(ids, int32(id))
		return err == nil
	})
	return ids, err
}

// parseList reads a JSON list and gives each element to add, which says whether it may be one. Errors tell the place
// and what is wrong there.
func parseList(name string, raw []byte, what string, add func(json.Token) bool) error {
	l := &list{in: json.NewDecoder(bytes.NewReader(raw)), name: name, what: what, raw: raw}
	l.in.UseNumber()
	if t, err := l.next(); err != nil || t != json.Delim('[') {
		return l.wrong(t, cmp.Or(err, errNoBracket))
	}
	for l.in.More() {
		if t, err := l.next(); err != nil || !add(t) {
			return l.wrong(t, err)
		}
		l.n++
	}
	if t, err := l.next(); err != nil {
		return l.wrong(t, err)
	}
	if t, err := l.next(); !errors.Is(err, io.EOF) {
		return l.wrong(t, errAfterEnd)
	}
	return nil
}

// What is wrong around a list.
var (
	errNoBracket = errors.New("it does not begin with a bracket")
	errAfterEnd  = errors.New("something follows its end")
)

// list is a JSON list that is being read.
type list struct {
	in         *json.Decoder
	name, what string
	raw        []byte
	n          int // elements so far
	at         int // where the last token begins, in bytes
}

// next reads a token.
func (l *list) next() (json.Token, error) {
	l.at = int(l.in.InputOffset())
	comma := l.n > 0
	for ; l.at < len(l.raw); l.at++ {
		if c := l.raw[l.at]; c == ',' && comma {
			comma = false
		} else if c != ' ' && c != '\t' && c != '\r' && c != '\n' {
			break
		}
	}
	return l.in.Token()
}

// wrong returns the error about the last token t, which err, if not nil, says could not be read.
func (l *list) wrong(t json.Token, err error) error {
	before := string(l.raw[:min(l.at, len(l.raw))])
	line := strings.Count(before, "\n") + 1
	column := utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:]) + 1
	return fmt.Errorf("%s:%d:%d: not a JSON list of %s: %s", l.name, line, column, l.what, l.reason(t, err))
}

// reason says what is wrong with the last token.
func (l *list) reason(t json.Token, err error) string {
	switch {
	case errors.Is(err, io.EOF) && l.in.InputOffset() == 0:
		return "it is empty"
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		return "it ends before its closing bracket"
	case err != nil && err != errAfterEnd && l.at < len(l.raw) && l.raw[l.at] == ']':
		return "a comma with nothing behind it"
	case err != nil:
		return err.Error()
	}
	return fmt.Sprintf("%s is none", describe(t))
}

// describe names a token.
func describe(t json.Token) string {
	switch t := t.(type) {
	case nil:
		return "null"
	case string:
		return "the text " + strconv.Quote(runewidth.Truncate(t, 40, "…"))
	case json.Delim:
		return map[json.Delim]string{'[': "a list", '{': "an object"}[t]
	}
	return fmt.Sprint(t)
}
