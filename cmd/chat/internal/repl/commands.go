package repl

import (
	"maps"
	"regexp"
	"slices"
	"sort"
	"strings"

	"github.com/latentgo/latentgo/cmd/chat/internal/suggest"
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

// commandRE is the first word of a command: a slash and letters. A path, a fraction or a comment is a text.
var commandRE = regexp.MustCompile(`^/(\?|[A-Za-z][A-Za-z_-]*)$`)

// isCommand reports whether a line is a command, known or not.
func isCommand(line string) bool {
	name, _ := cutWord(line)
	return commandRE.MatchString(name)
}

// cutWord splits a line after its first word.
func cutWord(line string) (word, rest string) {
	if i := strings.IndexAny(line, " \t"); i >= 0 {
		return line[:i], strings.TrimSpace(line[i:])
	}
	return line, ""
}

// command runs a line for which isCommand holds.
func (r *repl) command(line string) (leave bool) {
	name, args := cutWord(line)
	lower := strings.ToLower(name)
	if a, ok := aliases[lower]; ok {
		lower = a
	}
	for _, c := range commands {
		if c.name == lower {
			return c.run(r, args)
		}
	}
	r.printf("chat: unknown command %s%s\n", name, didYouMean(name, commandNames()))
	r.printf("hint: /help lists the commands; to send a text that starts with a slash, put a space or quotes (\"\"\") in front\n")
	return false
}

// didYouMean is the end of a message about an unknown name: what may have been meant, "" if nothing comes near.
func didYouMean(name string, known []string) string {
	near := suggest.Nearest(name, known)
	if near == "" {
		return ""
	}
	return ": did you mean " + near + "?"
}

// commandNames lists all names that command knows.
func commandNames() []string {
	var names []string
	for _, c := range commands {
		names = append(names, c.name)
	}
	return append(names, slices.Sorted(maps.Keys(aliases))...)
}

// help lists commands and keys.
func (r *repl) help(string) bool {
	for _, c := range commands {
		r.printf("  %-22s %s\n", strings.TrimSpace(c.name+" "+c.args), c.help)
	}
	r.printf("  %-22s %s\n", `""" … """`, "several lines; a line that ends in \\ goes on, too")
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
