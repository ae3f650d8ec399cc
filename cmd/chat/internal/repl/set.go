package repl

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/mattn/go-runewidth"

	"github.com/latentgo/latentgo/cmd/chat/internal/human"
	"github.com/latentgo/latentgo/engine/sample"
)

// setting is a parameter of the conversation itself; those of the sampler are sample.Fields.
type setting struct {
	name, help string
	get        func(r *repl) string
	set        func(r *repl, value string) error
}

// settings in the order of /set; they come before the sampler's.
var settings = []setting{
	{"system", "system prompt; empty is the template's own", func(r *repl) string { return strconv.Quote(r.System) }, (*repl).setSystem},
	{"verbose", "on prints the speed after each answer", func(r *repl) string { return onOff(r.Verbose) }, (*repl).setVerbose},
	{"max_tokens", "length of an answer; 0 is no limit", func(r *repl) string { return strconv.Itoa(r.Options.MaxTokens) }, (*repl).setMaxTokens},
	{"stop", `texts that end an answer: one, or a JSON list; empty is none`, func(r *repl) string { return list(r.Options.Stop) }, (*repl).setStop},
}

// set implements /set [NAME [VALUE]].
func (r *repl) set(args string) bool {
	given, value := cutWord(args)
	if given == "parameter" { // Ollama's word for it
		given, value = cutWord(value)
	}
	name := canonical(given)
	switch {
	case name == "":
		r.printSettings()
	case !isParameter(name):
		r.unknown(given, name)
	case value == "":
		r.printOne(given, name, " ("+helpOf(name)+")")
	default:
		if err := r.setOne(name, unquote(value)); err != nil {
			r.printf("chat: %v\n", err)
			return false
		}
		r.printOne(given, name, "")
	}
	return false
}

// setOne changes a parameter. After an error it has its old value.
func (r *repl) setOne(name, value string) error {
	for _, s := range settings {
		if s.name == name {
			return s.set(r, value)
		}
	}
	return r.sampling.Set(name, value)
}

// getOne returns a parameter's value as a text.
func (r *repl) getOne(name string) string {
	for _, s := range settings {
		if s.name == name {
			return s.get(r)
		}
	}
	value, err := r.sampling.Get(name)
	if err != nil {
		return "?"
	}
	return value
}

// helpOf says what a parameter does.
func helpOf(name string) string {
	for _, s := range settings {
		if s.name == name {
			return s.help
		}
	}
	for _, f := range sample.Fields() {
		if f.Name == name {
			return f.Help
		}
	}
	return ""
}

// printOne shows a parameter under the name that it was asked for by.
func (r *repl) printOne(given, name, help string) {
	r.printf("%s = %s%s\n", given, r.getOne(name), help)
}

// The columns of /set alone: two of them fit a terminal of 80.
const (
	nameWidth  = 21
	valueWidth = 15
)

// printSettings lists all parameters with their values, in as many columns as the terminal has room for.
func (r *repl) printSettings() {
	names := parameterNames()
	columns := 2
	if width := r.width(); width > 0 && width <= columns*(nameWidth+valueWidth+3) {
		columns = 1
	}
	rows := (len(names) + columns - 1) / columns
	for i := range rows {
		line := ""
		for j := i; j < len(names); j += rows {
			value := runewidth.Truncate(human.Line(r.getOne(names[j])), valueWidth, "…")
			line += fmt.Sprintf("  %-*s %s", nameWidth, names[j], runewidth.FillRight(value, valueWidth))
		}
		r.printf("%s\n", strings.TrimRight(line, " "))
	}
	r.printf("/set NAME tells what a parameter does, /set NAME VALUE changes it\n")
}

// width is the terminal's, 0 when it is not known.
func (r *repl) width() int {
	if r.Width == nil {
		return 0
	}
	return r.Width()
}

// parameterNames lists what /set knows.
func parameterNames() []string {
	var names []string
	for _, s := range settings {
		names = append(names, s.name)
	}
	for _, f := range sample.Fields() {
		names = append(names, f.Name)
	}
	return names
}

// setSystem changes the system prompt from the next message on; the conversation so far stays.
func (r *repl) setSystem(value string) error {
	r.System = value
	return nil
}

// setVerbose reads on or off, in the words that people use for it.
func (r *repl) setVerbose(value string) error {
	switch strings.ToLower(value) {
	case "on", "true", "1", "yes":
		r.Verbose = true
	case "off", "false", "0", "no":
		r.Verbose = false
	default:
		return fmt.Errorf("verbose is on or off, not %q", value)
	}
	return nil
}

// setMaxTokens reads a length; -1 is no limit, as on the command line.
func (r *repl) setMaxTokens(value string) error {
	n, err := strconv.Atoi(value)
	if err != nil || n < -1 {
		return fmt.Errorf("max_tokens is a number of tokens or 0, not %q", value)
	}
	r.Options.MaxTokens = max(n, 0)
	return nil
}

// setStop reads one stop text or a JSON list of them.
func (r *repl) setStop(value string) error {
	var stops []string
	if strings.HasPrefix(value, "[") {
		if err := json.Unmarshal([]byte(value), &stops); err != nil {
			return fmt.Errorf("stop is a text or a JSON list of texts: %w", err)
		}
	} else if value != "" {
		stops = []string{value}
	}
	r.Options.Stop = stops
	return nil
}

// unquote reads a value in double quotes as a Go string, so that it may be empty or hold line ends.
func unquote(s string) string {
	if len(s) >= 2 && s[0] == '"' && s[len(s)-1] == '"' {
		if u, err := strconv.Unquote(s); err == nil {
			return u
		}
	}
	return s
}

// onOff is the inverse of setVerbose.
func onOff(b bool) string {
	if b {
		return "on"
	}
	return "off"
}

// list is the inverse of setStop.
func list(s []string) string {
	raw, err := json.Marshal(s)
	if err != nil || len(s) == 0 {
		return "[]"
	}
	return string(raw)
}
