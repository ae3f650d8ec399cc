// Command randgguf writes a GGUF file of any shape and quantisation with random weights, for benchmarks and tests:
//
//	go run ./internal/randgguf -o FILE [-preset NAME] [-arch A] [-layers N] [-width N] [-ff N] [-heads N] [-kv N]
//	    [-head-size N] [-vocab N] [-context N] [-rope-base X] [-tied] [-type Q4_K_M] [-seed N]
//
// A preset sets the whole shape, flags beside it override single values; without one the shape is tiny. The type is
// named as llama.cpp names it, mixtures such as Q4_K_M follow its rules for which tensors get more bits (mix.go).
//
// Nothing is encoded: blocks are random bytes under scales that are chosen for the wanted spread (block.go). To a
// kernel they are as good as encoded weights. Its time depends on shapes and bytes, not on values; an encoder could
// have produced nearly every such block; and a product of thousands of codes is normally distributed whether the codes
// are or not. So a file of gigabytes takes seconds, and no more than a piece of one tensor is in memory at a time.
//
// Weights of a matrix have mean 0 and the standard deviation 1/√columns: products of normed inputs have a spread of 1,
// activations neither explode nor die, logits are finite and differ from token to token. The same flags give the same
// bytes.
//
// The vocabulary is a byte-level one (vocab.go), with ChatML's tokens, so that every subcommand of chat runs on the
// file.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
)

// main only connects run to the process.
func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// options is a parsed command line.
type options struct {
	path  string
	typ   string
	seed  uint64
	shape shape
}

// run is the whole program; it returns the exit code: 0, 1 for an error, 2 for wrong usage.
func run(args []string, stdout, stderr io.Writer) int {
	opt, err := parse(args, stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		_, _ = fmt.Fprintf(stderr, "randgguf: %v\n", err)
		return 2
	}
	m, err := newModel(opt.shape, opt.typ)
	if err != nil {
		_, _ = fmt.Fprintf(stderr, "randgguf: %v\n", err)
		return 2
	}
	if err := writeFile(opt.path, m, opt.seed); err != nil {
		_, _ = fmt.Fprintf(stderr, "randgguf: %v\n", err)
		return 1
	}
	weights, bytes := m.size()
	_, _ = fmt.Fprintf(stdout, "%s: %s %s, %d weights in %.1f MB\n", opt.path, opt.shape.arch, opt.typ, weights, float64(bytes)/1e6)
	return 0
}

// parse reads the command line; errors are about its use.
func parse(args []string, stderr io.Writer) (*options, error) {
	opt := &options{shape: presets["tiny"]}
	if p := presetOf(args); p != "" {
		s, ok := presets[p]
		if !ok {
			return nil, fmt.Errorf("preset %q is none of %s", p, strings.Join(names(presets), ", "))
		}
		opt.shape = s
	}
	if err := opt.flags(stderr).Parse(args); err != nil {
		return nil, err
	}
	if opt.path == "" {
		return nil, errors.New("no output: -o FILE names it")
	}
	return opt, nil
}

// presetOf looks ahead for the preset: its values are the defaults of the other flags.
func presetOf(args []string) string {
	for i, a := range args {
		name, value, joined := strings.Cut(strings.TrimLeft(a, "-"), "=")
		switch {
		case name != "preset" || !strings.HasPrefix(a, "-"):
		case joined:
			return value
		case i+1 < len(args):
			return args[i+1]
		}
	}
	return ""
}

// flags describes the command line; defaults are the shape's values.
func (o *options) flags(stderr io.Writer) *flag.FlagSet {
	fs := flag.NewFlagSet("randgguf", flag.ContinueOnError)
	fs.SetOutput(stderr)
	s := &o.shape
	fs.StringVar(&o.path, "o", "", "write `FILE`")
	fs.StringVar(&o.typ, "type", "Q4_K_M", "quantisation: "+strings.Join(names(mixes), " "))
	fs.Uint64Var(&o.seed, "seed", 0, "another number gives other weights")
	fs.String("preset", "", "shape to start from: "+strings.Join(names(presets), " "))
	fs.StringVar(&s.arch, "arch", s.arch, "architecture: "+strings.Join(names(archs), " "))
	fs.IntVar(&s.layers, "layers", s.layers, "number of layers")
	fs.IntVar(&s.width, "width", s.width, "width of the residual stream")
	fs.IntVar(&s.ff, "ff", s.ff, "width of the feed-forward part")
	fs.IntVar(&s.heads, "heads", s.heads, "query heads")
	fs.IntVar(&s.kv, "kv", s.kv, "key and value heads; divides -heads")
	fs.IntVar(&s.headSize, "head-size", s.headSize, "size of a head; 0 is width/heads")
	fs.IntVar(&s.vocab, "vocab", s.vocab, "tokens")
	fs.IntVar(&s.context, "context", s.context, "context in tokens that the file names")
	fs.Float64Var(&s.ropeBase, "rope-base", s.ropeBase, "base of RoPE's frequencies")
	fs.BoolVar(&s.tied, "tied", s.tied, "use the embedding as output matrix, too")
	return fs
}
