package repl

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

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
	args = strings.TrimPrefix(args, "parameter ") // Ollama's word for it
	name, value, given := strings.Cut(args, " ")
	switch {
	case name == "":
		r.printSettings()
	case !given:
		r.printOne(name)
	default:
		if err := r.setOne(name, unquote(strings.TrimSpace(value))); err != nil {
			r.printf("chat: %v\nhint: /set lists the parameters\n", err)
			return false
		}
		r.printOne(name)
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
func (r *repl) getOne(name string) (string, error) {
	for _, s := range settings {
		if s.name == name {
			return s.get(r), nil
		}
	}
	return r.sampling.Get(name)
}

// printOne shows a parameter.
func (r *repl) printOne(name string) {
	value, err := r.getOne(name)
	if err != nil {
		r.printf("chat: %v\nhint: /set lists the parameters\n", err)
		return
	}
	r.printf("%s = %s\n", name, value)
}

// printSettings lists all parameters.
func (r *repl) printSettings() {
	for _, s := range settings {
		r.printf("  %-22s %-10s %s\n", s.name, s.get(r), s.help)
	}
	for _, f := range sample.Fields() {
		value, err := r.sampling.Get(f.Name)
		if err != nil {
			value = "?"
		}
		r.printf("  %-22s %-10s %s\n", f.Name, value, f.Help)
	}
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
