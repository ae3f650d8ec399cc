package reply

import (
	"os"
	"strings"
	"testing"

	"github.com/latentgo/latentgo/internal/testenv"
	"github.com/latentgo/latentgo/tokenizer/chat"
)

// Templates are recognised as docs/models.md has it, their switches change what they render, and they know the token
// that ends an answer.
func TestModelsTable(t *testing.T) {
	for _, r := range testenv.Models(t) {
		if r.Template == "" {
			continue
		}
		src, err := os.ReadFile(testenv.Shared(t, "vectors/chat/"+r.Template+".jinja"))
		if err != nil {
			t.Fatal(err)
		}
		tmpl, err := chat.Parse(string(src))
		if err != nil {
			t.Fatal(err)
		}
		f := FormatOf(tmpl)
		thoughts := ""
		if len(f.thinking) > 0 {
			thoughts = strings.TrimSpace(f.thinking[0].open)
		}
		if f.Name() != r.Calls || thoughts != r.Thoughts {
			t.Errorf("%s: calls %q, thoughts %q", r.Template, f.Name(), thoughts)
		}
		if !strings.Contains(string(src), r.Ends) && !strings.Contains(string(src), "eos_token") {
			t.Errorf("%s: the template has no %q", r.Template, r.Ends)
		}
		if r.Switch == "" {
			continue
		}
		plain, err1 := rendered(t, tmpl, chat.Object{})
		switched, err2 := rendered(t, tmpl, chat.NewObject(chat.Field{Name: r.Switch, Value: valueOf(r.SwitchValue)}))
		if err1 != nil || err2 != nil || plain == switched {
			t.Errorf("%s: %s=%s changes nothing: %v, %v", r.Template, r.Switch, r.SwitchValue, err1, err2)
		}
	}
}

// valueOf is a value of a variable as the table writes it.
func valueOf(s string) any {
	switch s {
	case "true", "false":
		return s == "true"
	case "0":
		return 0
	}
	return s
}

func rendered(t *testing.T, tmpl *chat.Template, vars chat.Object) (string, error) {
	c := chat.Conversation{Messages: []chat.Message{chat.NewMessage("user", "Hi")}, AddGenerationPrompt: true, Vars: vars}
	r, err := tmpl.Render(t.Context(), c, chat.RenderOptions{})
	return r.String(), err
}
