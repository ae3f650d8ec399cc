package lineedit

import (
	"bufio"
	"io"
	"os"
	"strings"
)

// Plain reads lines without editing, for terminals that cannot move their cursor and for tests. Ctrl-C arrives as a
// signal there: New's caller passes it on.
type Plain struct {
	out        io.Writer
	lines      chan readResult
	interrupts <-chan os.Signal
}

// readResult is one line or the end.
type readResult struct {
	line string
	err  error
}

// NewPlain reads from in and writes prompts to out. interrupts, which may be nil, ends a waiting ReadLine.
func NewPlain(in io.Reader, out io.Writer, interrupts <-chan os.Signal) *Plain {
	p := &Plain{out: out, lines: make(chan readResult), interrupts: interrupts}
	go p.read(bufio.NewReader(in))
	return p
}

// read sends line after line until the end, which it repeats for whoever asks again.
func (p *Plain) read(r *bufio.Reader) {
	for {
		line, err := r.ReadString('\n')
		if err != nil && line != "" {
			p.lines <- readResult{line: line}
			line = ""
		}
		p.lines <- readResult{line, err}
		if err != nil {
			close(p.lines)
			return
		}
	}
}

// ReadLine shows prompt and returns the next line without its end. Errors: ErrInterrupt, io.EOF, or what reading gave.
func (p *Plain) ReadLine(prompt string) (string, error) {
	if _, err := io.WriteString(p.out, prompt); err != nil {
		return "", err
	}
	select {
	case r, ok := <-p.lines:
		if !ok || r.err != nil {
			_, _ = io.WriteString(p.out, "\n") // what follows starts on a line of its own
		}
		if !ok {
			return "", io.EOF
		}
		return strings.TrimRight(r.line, "\r\n"), r.err
	case <-p.interrupts:
		_, _ = io.WriteString(p.out, "\n")
		return "", ErrInterrupt
	}
}

// Remember does nothing: there is no way to recall entries.
func (p *Plain) Remember(string) {}

// Close does nothing.
func (p *Plain) Close() error { return nil }
