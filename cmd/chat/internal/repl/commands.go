package repl

import (
	"sort"
	"strings"
)

// command is one of the REPL's commands.
type command struct {
	name, args, help string
	run              func(r *repl, args string) (leave bool)
}

// commands in the order of /help; set at start because /help reads the list.
var commands []command

// init fills the list.
func init() {
	commands = []command{
		{"/help", "", "show this list", (*repl).help},
		{"/clear", "", "forget the conversation", (*repl).clear},
		{"/set", "[NAME [VALUE]]", "change or show a parameter; alone, list them", (*repl).set},
		{"/show", "", "describe the model, its cache and the parameters", (*repl).show},
		{"/bye", "", "leave", func(*repl, string) bool { return true }},
	}
}

// aliases are other names that people try.
var aliases = map[string]string{"/?": "/help", "/exit": "/bye", "/quit": "/bye", "/reset": "/clear", "/info": "/show"}

// command runs a line that starts with a slash.
func (r *repl) command(line string) (leave bool) {
	name, args, _ := strings.Cut(line, " ")
	if a, ok := aliases[name]; ok {
		name = a
	}
	for _, c := range commands {
		if c.name == name {
			return c.run(r, strings.TrimSpace(args))
		}
	}
	r.printf("chat: unknown command %s\nhint: /help lists the commands; to send a text that starts with a slash, put a space or quotes (\"\"\") in front\n", name)
	return false
}

// help lists commands and keys.
func (r *repl) help(string) bool {
	for _, c := range commands {
		r.printf("  %-22s %s\n", strings.TrimSpace(c.name+" "+c.args), c.help)
	}
	r.printf("  %-22s %s\n", `""" … """`, "a message of several lines; a line that ends in \\ goes on, too")
	r.printf("  %-22s %s\n", "Ctrl-C", "stop the answer; drop the line")
	r.printf("  %-22s %s\n", "Ctrl-D", "leave")
	return false
}

// clear forgets the conversation but not the settings.
func (r *repl) clear(string) bool {
	r.history = nil
	r.Backend.Reset()
	r.printf("(conversation cleared)\n")
	return false
}

// Complete returns the words that may follow a line: commands, and names of parameters after /set.
func Complete(line string) []string {
	var words []string
	switch {
	case strings.HasPrefix(line, "/set ") && strings.Count(line, " ") == 1:
		words = parameterNames()
		sort.Strings(words)
	case strings.HasPrefix(line, "/") && !strings.Contains(line, " "):
		for _, c := range commands {
			words = append(words, c.name)
		}
	}
	return words
}
