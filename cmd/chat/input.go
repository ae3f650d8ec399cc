package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/latentgo/latentgo/internal/models"
)

// readFile returns the text of a file, of standard input for "-". A byte order mark in front of UTF-8 is no part of it;
// one of another encoding is an error, since every use here expects UTF-8.
func (a *app) readFile(path string) ([]byte, error) {
	if path != "-" {
		raw, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		return decodeText(path, raw)
	}
	raw, err := io.ReadAll(a.stdin)
	if err != nil {
		return nil, fmt.Errorf("read standard input: %w", err)
	}
	return decodeText("standard input", raw)
}

// byteOrderMarks are those of other encodings, the longer ones first.
var byteOrderMarks = []struct{ mark, encoding string }{
	{"\x00\x00\xfe\xff", "UTF-32"}, {"\xff\xfe\x00\x00", "UTF-32"}, {"\xfe\xff", "UTF-16"}, {"\xff\xfe", "UTF-16"},
}

// decodeText returns raw without its byte order mark. name is for errors.
func decodeText(name string, raw []byte) ([]byte, error) {
	for _, m := range byteOrderMarks {
		if bytes.HasPrefix(raw, []byte(m.mark)) {
			return nil, fmt.Errorf("%s is a text in %s: save it as UTF-8", name, m.encoding)
		}
	}
	return bytes.TrimPrefix(raw, []byte("\ufeff")), nil
}

// takeFile sets *file to what a command's argument names; one of both must be there.
func takeFile(file *string, arg string) error {
	switch {
	case arg != "" && *file != "":
		return fmt.Errorf("the text is named twice: %q and -f %q", arg, *file)
	case arg != "":
		*file = arg
	case *file == "":
		return errors.New("no text: FILE or -f FILE names one")
	}
	if models.LooksLike(*file) == models.IsAName {
		return fmt.Errorf("%s is a model and no text: -m names it", *file)
	}
	return nil
}
