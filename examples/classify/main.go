// Command classify sorts texts, one on each line of its input, into classes:
//
//	go run ./examples/classify MODEL.gguf sports politics science < headlines.txt
//
// Nothing is generated: the model says how probable each label is behind the text (Session.Score), which is an answer
// among the labels for certain, with a probability, and costs less. Several lines are under way at the same time and
// share the model's passes.
package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"math"
	"os"
	"strings"
	"sync"

	"github.com/latentgo/latentgo/engine"
)

func main() {
	if len(os.Args) < 4 {
		log.Fatal("usage: classify MODEL.gguf LABEL LABEL… < TEXTS")
	}
	if err := run(context.Background(), os.Args[1], os.Args[2:], os.Stdin, os.Stdout); err != nil {
		log.Fatal(err)
	}
}

// atOnce is how many texts are under way at the same time.
const atOnce = 8

// result is the class of a text.
type result struct {
	label       string
	probability float64 // among the labels
	err         error
}

func run(ctx context.Context, path string, labels []string, in io.Reader, out io.Writer) error {
	var texts []string
	scanner := bufio.NewScanner(in)
	for scanner.Scan() {
		texts = append(texts, scanner.Text())
	}
	if err := scanner.Err(); err != nil {
		return err
	}
	model, err := engine.Load(path, nil)
	if err != nil {
		return err
	}
	defer model.Close()
	results := make([]result, len(texts))
	var workers sync.WaitGroup
	for w := range atOnce {
		workers.Go(func() {
			session, err := model.NewSession(nil)
			for i := w; i < len(texts); i += atOnce {
				if results[i].err = err; err == nil {
					results[i] = classify(ctx, model, session, texts[i], labels)
				}
			}
			if err == nil {
				session.Close()
			}
		})
	}
	workers.Wait()
	var errs []error
	for i, r := range results {
		errs = append(errs, r.err)
		if r.err == nil {
			fmt.Fprintf(out, "%.2f  %-12s  %s\n", r.probability, r.label, texts[i])
		}
	}
	return errors.Join(errs...)
}

// classify compares the labels behind a text. What all prompts begin with is in the session's cache after the first.
func classify(ctx context.Context, model *engine.Model, session *engine.Session, text string, labels []string) result {
	prompt := fmt.Sprintf("The topics are: %s.\n\nText: %s\nTopic:", strings.Join(labels, ", "), text)
	prefix, err := model.Encode(prompt, true, false)
	if err != nil {
		return result{err: err}
	}
	continuations := make([][]int32, len(labels))
	for i, label := range labels {
		if continuations[i], err = model.Encode(" "+label+"\n", false, false); err != nil {
			return result{err: err}
		}
	}
	scores, err := session.Score(ctx, prefix, continuations)
	if err != nil {
		return result{err: err}
	}
	best, sum := 0, 0.0
	for i, s := range scores {
		sum += math.Exp(s.LogProb)
		if s.LogProb > scores[best].LogProb {
			best = i
		}
	}
	return result{label: labels[best], probability: math.Exp(scores[best].LogProb) / sum}
}
