package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/latentgo/latentgo/engine"
)

// readFile returns the content of a file, of standard input for "-".
func (a *app) readFile(path string) ([]byte, error) {
	if path != "-" {
		return os.ReadFile(path)
	}
	raw, err := io.ReadAll(a.stdin)
	if err != nil {
		return nil, fmt.Errorf("read standard input: %w", err)
	}
	return raw, nil
}

// readIDs reads a file of token ids: a .json file with a list of numbers, or a text that m's tokenizer turns into ids
// (no BOS added, special tokens found).
func (a *app) readIDs(m *engine.Model, path string) ([]int32, error) {
	raw, err := a.readFile(path)
	if err != nil {
		return nil, err
	}
	if !strings.HasSuffix(path, ".json") {
		return m.Encode(string(raw), false, true)
	}
	ids, err := parseIDs(raw)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return ids, nil
}

// parseIDs reads a JSON list of token ids.
func parseIDs(raw []byte) ([]int32, error) {
	var ids []int32
	if err := json.Unmarshal(raw, &ids); err != nil {
		return nil, fmt.Errorf("not a JSON list of token ids: %w", err)
	}
	if ids == nil {
		return nil, fmt.Errorf("not a JSON list of token ids: it holds null")
	}
	return ids, nil
}

// piped returns the text that a pipe or a file holds on standard input, "" for a terminal or anything else.
func (a *app) piped() (string, error) {
	// Neither a terminal nor, say, an inherited socket is read: nothing might ever come.
	if f, ok := a.stdin.(*os.File); ok {
		st, err := f.Stat()
		if err != nil || !st.Mode().IsRegular() && st.Mode()&os.ModeNamedPipe == 0 {
			return "", nil
		}
	}
	raw, err := a.readFile("-")
	return strings.TrimRight(string(raw), "\r\n"), err
}
