// Command search finds the lines of text files that are closest in meaning to a question:
//
//	go run ./examples/search -m MODEL.gguf "how do I cook rice" notes.txt …
//
// MODEL is an embedding model, such as bge, nomic-embed-text, EmbeddingGemma or Qwen3-Embedding; a chat model needs
// -pooling mean or last, and finds less. Models that were trained with prefixes get them by -query and -document:
//
//	go run ./examples/search -m nomic-embed-text-v1.5.Q8_0.gguf -query "search_query: " -document "search_document: " …
package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/latentgo/latentgo/engine"
)

func main() {
	if err := run(context.Background(), os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "search:", err)
		os.Exit(1)
	}
}

// found is a line and the cosine of its vector and the question's.
type found struct {
	file   string
	line   int
	text   string
	cosine float32
}

func run(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("search", flag.ContinueOnError)
	path := flags.String("m", "", "embedding `model`, a GGUF file")
	pooling := flags.String("pooling", "", "mean, cls or last, for a model whose file does not say")
	query := flags.String("query", "", "`prefix` of the question")
	document := flags.String("document", "", "`prefix` of each line")
	most := flags.Int("n", 5, "`lines` to show")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *path == "" || flags.NArg() < 2 {
		return errors.New("usage: search -m MODEL.gguf QUESTION FILE…")
	}
	lines, texts, err := read(flags.Args()[1:], *document)
	if err != nil {
		return err
	}
	model, err := engine.Load(*path, nil)
	if err != nil {
		return err
	}
	defer model.Close()
	opt := &engine.EmbedOptions{Pooling: engine.Pooling(*pooling), Truncate: true}
	vectors, err := model.Embed(ctx, append(texts, *query+flags.Arg(0)), opt)
	if err != nil {
		return err
	}
	question := vectors[len(lines)]
	for i := range lines {
		for k, v := range vectors[i] {
			lines[i].cosine += v * question[k] // all vectors have a length of 1
		}
	}
	slices.SortStableFunc(lines, func(a, b found) int { return cmp.Compare(b.cosine, a.cosine) })
	for _, f := range lines[:min(*most, len(lines))] {
		fmt.Fprintf(out, "%.3f  %s:%d  %s\n", f.cosine, f.file, f.line, f.text)
	}
	return nil
}

// read returns the lines of files that are not blank, and what the model gets of each.
func read(files []string, prefix string) (lines []found, texts []string, err error) {
	for _, name := range files {
		f, err := os.Open(name)
		if err != nil {
			return nil, nil, err
		}
		defer f.Close()
		scanner := bufio.NewScanner(f)
		for n := 1; scanner.Scan(); n++ {
			if text := strings.TrimSpace(scanner.Text()); text != "" {
				lines, texts = append(lines, found{file: name, line: n, text: text}), append(texts, prefix+text)
			}
		}
		if err := scanner.Err(); err != nil {
			return nil, nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return lines, texts, nil
}
