package chat_test

import (
	"context"
	"encoding/json"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/latentgo/latentgo/internal/testenv"
	"github.com/latentgo/latentgo/tokenizer/chat"
)

// marked shows a rendering with the caller's text in ⟨…⟩.
func marked(r chat.Rendering) string {
	var b strings.Builder
	for _, s := range r {
		if s.FromTemplate {
			b.WriteString(s.Text)
		} else {
			b.WriteString("⟨" + s.Text + "⟩")
		}
	}
	return b.String()
}

// TestProvenance: operations keep apart which characters came from the conversation. The variable u is "Ab <x>", d is a
// dict.
func TestProvenance(t *testing.T) {
	vars := chat.NewObject(chat.Field{Name: "u", Value: "Ab <x>"}, chat.Field{Name: "w", Value: "  p,q  "},
		chat.Field{Name: "d", Value: chat.NewObject(chat.Field{Name: "k", Value: "v"}, chat.Field{Name: "n", Value: 5})},
		chat.Field{Name: "l", Value: []any{"b", "a"}}, chat.Field{Name: "m", Value: "one\ntwo"}, chat.Field{Name: "q", Value: `a"b`})
	for src, want := range map[string]string{
		`{{ u }}`:        `⟨Ab <x>⟩`,
		`<s>{{ u }}</s>`: `<s>⟨Ab <x>⟩</s>`,
		`{{ '[' + u + ']' }}{{ '(' ~ u ~ 1 ~ ')' }}`:                    `[⟨Ab <x>⟩](⟨Ab <x>⟩1)`,
		`{{ ('[' + u + ']')[0:3] }}`:                                    `[⟨Ab⟩`,
		`{{ ('[' + u + ']')[::-1] }}`:                                   `]⟨>x< bA⟩[`,
		`{{ ('[' + u + ']')[1] }}{{ u[-1] }}`:                           `⟨A>⟩`,
		`{{ ('[' + u + ']')|upper }}`:                                   `[⟨AB <X>⟩]`,
		`{{ ('é' + u + 'É')|lower }}`:                                   `é⟨ab <x>⟩é`,
		`{{ w|trim }}{{ ('.' ~ w).strip(' .') }}`:                       `⟨p,qp,q⟩`,
		`{{ u.replace('b', 'B!') }}`:                                    `⟨A⟩B!⟨ <x>⟩`,
		`{{ 'x-y'.replace('-', u) }}`:                                   `x⟨Ab <x>⟩y`,
		`{{ '-'.join(l) }}{{ l|join(', ') }}`:                           `⟨b⟩-⟨ab⟩, ⟨a⟩`,
		`{{ u.join(['1', '2']) }}`:                                      `1⟨Ab <x>⟩2`,
		`{{ (',' ~ w ~ ',').split(',') }}`:                              `['', '⟨  p⟩', '⟨q  ⟩', '']`,
		`{{ d|tojson }}`:                                                `{"⟨k⟩": "⟨v⟩", "⟨n⟩": 5}`,
		`{{ d }}{{ l }}`:                                                `{'⟨k⟩': '⟨v⟩', '⟨n⟩': 5}['⟨b⟩', '⟨a⟩']`,
		`{{ {'a': q}|tojson }}`:                                         `{"a": "⟨a\"b⟩"}`,
		`{% for k, v in d|items %}<{{ k }}>{% endfor %}`:                `<⟨k⟩><⟨n⟩>`,
		`{{ '%s|%5s' % (u, l[0]) }}{{ '<%s>'|format(u) }}`:              `⟨Ab <x>⟩|    ⟨b⟩<⟨Ab <x>⟩>`,
		`{{ '{}|{:>3}'.format(u, l[0]) }}`:                              `⟨Ab <x>⟩|  ⟨b⟩`,
		`{{ u|e }}{{ m|indent(2) }}`:                                    `⟨Ab &lt;x&gt;one⟩` + "\n  " + `⟨two⟩`,
		`{{ u * 2 }}{{ '-' * 3 }}{{ ('.' ~ u[:1]) * 2 }}`:               `⟨Ab <x>Ab <x>⟩---.⟨A⟩.⟨A⟩`,
		`{{ u.center(8, '*') }}{{ u|center(8) }}`:                       `*⟨Ab <x>⟩* ⟨Ab <x>⟩ `,
		`{% macro m(x) %}<{{ x }}>{% endmacro %}{{ m(u) }}{{ m('t') }}`: `<⟨Ab <x>⟩><t>`,
		`{% set b %}[{{ u }}]{% endset %}{{ b }}{{ b[1:] }}`:            `[⟨Ab <x>⟩]⟨Ab <x>⟩]`,
		`{% filter upper %}q{{ u }}{% endfilter %}`:                     `Q⟨AB <X>⟩`,
		`{% set ns = namespace(s='') %}{% for c in l %}{% set ns.s = ns.s ~ c ~ ';' %}{% endfor %}{{ ns.s }}`: `⟨b⟩;⟨a⟩;`,
		`{{ 'yes' if u == 'Ab <x>' else u }}`:                               `yes`, // a constant that a test chose is the template's
		`{{ ('{"a": "' ~ l[0] ~ '"}')|from_json }}`:                         `{'⟨a⟩': '⟨b⟩'}`,
		`{{ u.partition(' ')[2] }}{{ m.splitlines()[1] }}{{ u|reverse }}`:   `⟨<x>two>x< bA⟩`,
		`{{ l|map('upper')|join }}{{ l|sort|first }}{{ d.values()|first }}`: `⟨BAav⟩`,
		`{{ u|truncate(4, true, '..', 0) }}{{ u|title }}{{ u|capitalize }}`: `⟨Ab⟩..⟨Ab <X>Ab <x>⟩`,
		`{{ u|urlencode }}{{ m|wordwrap(3) }}{{ u|striptags }}`:             `⟨Ab%20%3Cx%3Eone⟩` + "\n" + `⟨twoAb⟩`,
		`{{ bos_token }}{{ u[0:0] }}{{ eos_token }}`:                        `<s></s>`,
		`{{ '%c' % 60 }}`: `⟨<⟩`, // nobody knows where a number is from
	} {
		tmpl, err := chat.Parse(src)
		if err != nil {
			t.Fatal(err)
		}
		r, err := tmpl.Render(context.Background(), chat.Conversation{}, chat.RenderOptions{Vars: vars, BOS: "<s>", EOS: "</s>"})
		if got := marked(r); err != nil || got != want {
			t.Errorf("%s\ngot  %s, %v\nwant %s", src, got, err, want)
		}
	}
}

// TestProvenanceSpans: spans are not empty, and neighbours differ.
func TestProvenanceSpans(t *testing.T) {
	conv := chat.Conversation{Messages: []chat.Message{chat.NewMessage("user", ""), chat.NewMessage("user", "x")}}
	r, err := mustParse(t, `{% for m in messages %}{{ m.content }}{{ m.content }}a{{ 'b' }}{% endfor %}`).Render(context.Background(), conv, chat.RenderOptions{})
	if got := marked(r); err != nil || got != "ab⟨xx⟩ab" || len(r) != 3 {
		t.Errorf("got %s (%d spans), %v", got, len(r), err)
	}
	conv.TrustText = true
	r, err = mustParse(t, `{{ messages[1].content }}!`).Render(context.Background(), conv, chat.RenderOptions{})
	if err != nil || len(r) != 1 || !r[0].FromTemplate || r[0].Text != "x!" {
		t.Errorf("trusted: %v, %v", r, err)
	}
}

func mustParse(t *testing.T, src string) *chat.Template {
	t.Helper()
	tmpl, err := chat.Parse(src)
	if err != nil {
		t.Fatal(err)
	}
	return tmpl
}

// TestProvenanceRoles: usual roles may be part of a control token, others may not.
func TestProvenanceRoles(t *testing.T) {
	tmpl := mustParse(t, `{% for m in messages %}{{ '<|' + m['role'] + '|>' + m.content }}{% endfor %}`)
	for role, want := range map[string]string{
		"user": "<|user|>⟨x⟩", "assistant": "<|assistant|>⟨x⟩", "tool": "<|tool|>⟨x⟩", "end": "<|⟨end⟩|>⟨x⟩", "User": "<|⟨User⟩|>⟨x⟩",
		"user|>": "<|⟨user|>⟩|>⟨x⟩",
	} {
		r, err := tmpl.Render(context.Background(), chat.Conversation{Messages: []chat.Message{chat.NewMessage(role, "x")}}, chat.RenderOptions{})
		if got := marked(r); err != nil || got != want {
			t.Errorf("role %q: %s, %v, want %s", role, got, err, want)
		}
	}
}

// markup is the form of most control tokens.
var markup = regexp.MustCompile(`<\|[^<>|\s]*\|>|<｜[^<>]*｜>|\[/?[A-Z_]+\]`)

// TestProvenanceMarkup: in innocent conversations with all shared templates, what has the form of a control token is
// the template's from end to end.
func TestProvenanceMarkup(t *testing.T) {
	dir := testenv.Shared(t, "vectors/chat")
	var g templateGolden
	loadJSON(t, filepath.Join(dir, "golden.json"), &g)
	found := 0
	for file := range g.Expected {
		tmpl := compile(t, filepath.Join(dir, file))
		for name, conv := range g.Conversations {
			r, _ := tmpl.Render(context.Background(), conv, chat.RenderOptions{BOS: g.BOS, EOS: g.EOS})
			var own strings.Builder
			for _, s := range r {
				if s.FromTemplate {
					own.WriteString(s.Text)
				} else {
					own.WriteByte(' ')
				}
			}
			all := markup.FindAllString(r.String(), -1)
			if got := markup.FindAllString(own.String(), -1); !slices.Equal(got, all) {
				t.Errorf("%s, %s: the template's own control tokens are %q, of %q", file, name, got, all)
			}
			found += len(all)
		}
	}
	if found < 1000 {
		t.Errorf("only %d control tokens", found)
	}
}

// private moves every letter of the texts of a conversation to a private use area, but for the words that templates
// compare with.
func private(v any) any {
	switch v := v.(type) {
	case string:
		return strings.Map(func(c rune) rune { return c + 0xe000 }, v)
	case []any:
		for i := range v {
			v[i] = private(v[i])
		}
	case map[string]any:
		for k := range v {
			switch k {
			case "role", "type", "id", "tool_call_id", "required", "properties", "parameters", "name":
			default:
				v[k] = private(v[k])
			}
		}
	}
	return v
}

// TestProvenanceVectors: in all shared templates, what the conversation says is never taken for the template's.
func TestProvenanceVectors(t *testing.T) {
	dir := testenv.Shared(t, "vectors/chat")
	var g struct {
		Conversations map[string]any
		Expected      map[string]map[string]rendering
	}
	loadJSON(t, filepath.Join(dir, "golden.json"), &g)
	convs := map[string]chat.Conversation{}
	for name, c := range g.Conversations {
		data, err := json.Marshal(private(c))
		if err != nil {
			t.Fatal(err)
		}
		convs[name] = decode(t, string(data))
	}
	found := 0
	for file := range g.Expected {
		tmpl := compile(t, filepath.Join(dir, file))
		for name, conv := range convs {
			r, _ := tmpl.Render(context.Background(), conv, chat.RenderOptions{Now: time.Unix(0, 0)})
			for _, s := range r {
				isPrivate := strings.ContainsFunc(s.Text, func(c rune) bool { return c >= 0xe000 && c < 0xf000 })
				if isPrivate && s.FromTemplate {
					t.Errorf("%s, %s: %q counts as the template's", file, name, s.Text)
				}
				if strings.Contains(s.Text, "<|") && !s.FromTemplate {
					t.Errorf("%s, %s: %q counts as the caller's", file, name, s.Text)
				}
				if isPrivate {
					found++
				}
			}
		}
	}
	if found < 300 {
		t.Errorf("only %d spans of the caller's", found)
	}
}
