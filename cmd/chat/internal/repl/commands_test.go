package repl

import (
	"slices"
	"strings"
	"testing"

	"github.com/mattn/go-runewidth"
)

func TestHelpAndUnknownCommands(t *testing.T) {
	p := &parrot{}
	screen, _ := talk(t, p, Config{}, "/help", "/nonsense", "/bye", "never read")
	for _, c := range commands {
		wantText(t, screen, c.name, c.help)
	}
	wantText(t, screen, "unknown command /nonsense", "/help lists", ">>> /bye\n")
	if len(p.asked) != 0 || strings.Contains(screen, "never read") {
		t.Errorf("asked %v\n%s", p.asked, screen)
	}
}

func TestClear(t *testing.T) {
	p := &parrot{}
	talk(t, p, Config{System: "s"}, "one", "/clear", "two")
	if got := contents(p.asked[1]); p.resets != 1 || !slices.Equal(got, []string{"system:s", "user:two"}) {
		t.Errorf("%d resets, then %q", p.resets, got)
	}
}

func TestSetSampling(t *testing.T) {
	p := &parrot{}
	screen, _ := talk(t, p, Config{}, "/set temp 0.25", "/set parameter top_k 7", "/set top-p", "/set temp warm", "/set nonsense 1", "/set nonsense", "x")
	wantText(t, screen, "temp = 0.25", "top_k = 7", "top-p = 0.95 (keep the most probable tokens", `"warm"`, "unknown parameter nonsense", "/set lists", "unknown parameter nonsense")
	if s := p.options[0].Sampling; s.Temperature != 0.25 || s.TopK != 7 {
		t.Errorf("the engine got %+v", s)
	}
}

func TestSetConversation(t *testing.T) {
	p := &parrot{}
	screen, _ := talk(t, p, Config{}, "/set system You are a pirate.", "/set max_tokens 12", `/set stop ["###", "END"]`, "/set verbose on", "ahoy",
		`/set system ""`, "/set max_tokens -1", `/set stop "\n\n"`, "/set verbose off", "again", "/set verbose perhaps", "/set max_tokens many", "/set stop [1")
	wantText(t, screen, `system = "You are a pirate."`, "max_tokens = 12", `stop = ["###","END"]`, "verbose = on", "(prompt 0 tokens",
		`system = ""`, "max_tokens = 0", `stop = ["\n\n"]`, "verbose = off", "verbose is on or off", "max_tokens is a number", "stop is a text")
	if got := contents(p.asked[0]); got[0] != "system:You are a pirate." || p.options[0].MaxTokens != 12 || !slices.Equal(p.options[0].Stop, []string{"###", "END"}) {
		t.Errorf("first: %q %+v", got, p.options[0])
	}
	if got := contents(p.asked[1]); got[0] != "user:ahoy" || p.options[1].MaxTokens != 0 || !slices.Equal(p.options[1].Stop, []string{"\n\n"}) {
		t.Errorf("second: %q %+v", got, p.options[1])
	}
}

// /set alone fits a terminal of 80 columns and 24 rows, whatever the values are.
func TestSetAloneFitsTheScreen(t *testing.T) {
	long := `"` + strings.Repeat("a long text with 日本 ", 20) + `"`
	lines := []string{"/set system " + long, "/set stop " + long, `/set logit_bias {"1": 2, "3": 4, "5": 6, "7": 8}`, "/set seed 9223372036854775807", "/clear", "/set"}
	for _, width := range []int{0, 60, 80, 200} {
		screen, _ := talk(t, &parrot{}, Config{Width: func() int { return width }}, lines...)
		_, listed, _ := strings.Cut(screen, ">>> /set\n")
		listed, _, _ = strings.Cut(listed, ">>> ")
		wantText(t, listed, "temperature           0.8")
		for _, name := range parameterNames() {
			wantText(t, listed, name)
		}
		rows := strings.Split(strings.TrimSuffix(shown(t, listed), "\n"), "\n")
		if len(rows) > 22 && width != 60 {
			t.Errorf("width %d: %d rows", width, len(rows))
		}
		for _, row := range rows {
			if n := runewidth.StringWidth(row); n > 79 || width > 0 && n >= width {
				t.Errorf("width %d: a row of %d columns: %q", width, n, row)
			}
		}
	}
}

// Each parameter's help is shown when it is asked for.
func TestSetNameTellsWhatItDoes(t *testing.T) {
	for _, name := range parameterNames() {
		screen, _ := talk(t, &parrot{}, Config{}, "/set "+name)
		wantText(t, screen, name+" = ", helpOf(name))
	}
}

// What people of other programs or hasty fingers type is answered with what they may have meant.
func TestSuggestions(t *testing.T) {
	for line, want := range map[string]string{
		"/hlep":                        "unknown command /hlep: did you mean /help?",
		"/hepl me":                     "did you mean /help?",
		"/claer":                       "did you mean /clear?",
		"/shwo":                        "did you mean /show?",
		"/qiut":                        "did you mean /quit?",
		"/set num_ctx":                 "hint: it is fixed while a conversation runs: chat -c N",
		"/set num_ctx 4096":            "chat -c N",
		"/set parameter num_ctx 4096":  "chat -c N",
		"/set num-thread 4":            "chat -t N",
		"/set temprature 1":            "unknown parameter temprature: did you mean temperature?",
		"/set topk 1":                  "did you mean top_k?",
		"/set repeat_pen 1":            "did you mean repeat_penalty?",
		"/set num_predict 12":          "num_predict = 12",
		"/set parameter num_predict 7": "num_predict = 7",
	} {
		p := &parrot{}
		screen, _ := talk(t, p, Config{}, line)
		wantText(t, screen, want)
		if len(p.asked) != 0 {
			t.Errorf("%s was sent to the model", line)
		}
	}
}

// A text that begins with a slash but not with a slash and a word is a text.
func TestPathsAreTexts(t *testing.T) {
	for _, line := range []string{
		"/usr/bin is full", "/usr/bin", "/etc/hosts: what is it?", "//comment", "/* a comment */", "/ alone", "/dev/null", "/2 is a half", "/home/me/a file.txt", "/étude",
	} {
		p := &parrot{}
		talk(t, p, Config{}, line)
		if len(p.asked) != 1 || !slices.Equal(contents(p.asked[0]), []string{"user:" + line}) {
			t.Errorf("%q: the model got %v", line, p.asked)
		}
	}
	p := &parrot{}
	screen, _ := talk(t, p, Config{}, "/Help", "/unknown and more", "/?", "/set\ttemp", "/bye  ")
	if len(p.asked) != 0 {
		t.Errorf("the model got %v\n%s", p.asked, screen)
	}
}

func TestShow(t *testing.T) {
	screen, _ := talk(t, &parrot{used: 5}, Config{Path: "/m/p.gguf", System: "a\nb"}, "x", "/set repeat_penalty 1.5", "/show")
	wantText(t, screen, "Parrot", "/m/p.gguf", "r = 8", "L = 6", "100 bytes per token; 500 bytes in use by 5 tokens", "4096 tokens; trained for 4096",
		"2 threads, generic", "a↵b", "temperature 0.8, top_k 40", "repeat_penalty 1.5", "2 messages")
}

func TestComplete(t *testing.T) {
	if got := Complete("/s"); !slices.Contains(got, "/set") || !slices.Contains(got, "/show") {
		t.Errorf("commands: %q", got)
	}
	if got := Complete("/set te"); !slices.Contains(got, "temperature") || !slices.Contains(got, "system") {
		t.Errorf("parameters: %q", got)
	}
	if got := append(Complete("hello"), Complete("/set temperature ")...); len(got) != 0 {
		t.Errorf("nothing to complete, but %q", got)
	}
}
