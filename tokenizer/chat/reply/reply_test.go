package reply_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/latentgo/latentgo/tokenizer/chat"
	"github.com/latentgo/latentgo/tokenizer/chat/reply"
)

// Templates of formats, by the texts that tell them.
var (
	hermes  = []string{"<tool_call>", "</think>"}
	coder   = []string{"<tool_call>", "<function=", "<parameter="}
	llama3  = []string{"<|python_tag|>"}
	mistral = []string{"[TOOL_CALLS]", "[ARGS]", "[THINK]"}
	harmony = []string{"<|channel|>"}
	kimi    = []string{"<|tool_calls_section_begin|>"}
	nothing = []string{"x"}
)

func tools(t testing.TB) []chat.Object {
	t.Helper()
	var list []chat.Object
	if err := json.Unmarshal([]byte(weatherTools), &list); err != nil {
		t.Fatal(err)
	}
	return list
}

// read reads an answer behind a prompt that ends with the template's text given.
func read(t testing.TB, template []string, prompt, said string) []reply.Event {
	t.Helper()
	list := tools(t)
	if template[0] == "python_too" {
		list = append(list, chat.NewObject(chat.Field{Name: "name", Value: "python"}))
	}
	p := formatWith(t, template...).NewParser(reply.Options{Tools: list, NewID: numbered(), Prompt: chat.Rendering{{Text: prompt, FromTemplate: true}}})
	return pushed(p, strings.Split(said, "")...)
}

// replyCase is an answer, behind a prompt that ends with the template's text given, and what it amounts to: calls are
// written name{arguments}, errors !cut and !bad.
type replyCase struct {
	name     string
	template []string
	prompt   string
	said     string
	want     string
}

var jsonReplies = []replyCase{
	{"text", hermes, "", " Hello <b> </think> \n", "text( Hello <b> </think> \n)"},
	{"a mark in text", hermes, "", "The tag <tool_call> begins a call.", "text(The tag <tool_call> begins a call.)"},
	{"a call without a name", hermes, "", `<tool_call>{"a": 1}</tool_call>`, `text(<tool_call>{"a": 1}</tool_call>)`},
	{"arguments that are text", hermes, "", `<tool_call>{"name": "run", "arguments": "{\"code\": \"x\"}"}</tool_call>`, `run{"code": "x"}`},
	{"no arguments", hermes, "", `<tool_call>{"name": "run"}</tool_call>`, `run{}`},
	{"arguments null", hermes, "", `<tool_call>{"name": "run", "arguments": null}</tool_call>`, `run{}`},
	{"arguments empty", hermes, "", `<tool_call>{"name": "run", "arguments": ""}</tool_call>`, `run{}`},
	{"arguments a list", hermes, "", `<tool_call>{"name": "run", "arguments": [1]}</tool_call> then`, `run!bad text(then)`},
	{"arguments first", hermes, "", `<tool_call>{"arguments": {"code": "x"}, "name": "run"}</tool_call>`, `run{"code": "x"}`},
	{"OpenAI's form", hermes, "", `<tool_call>{"type": "function", "function": {"name": "run", "arguments": {"code": "x"}}}</tool_call>`, `run{"code": "x"}`},
	{"parameters", hermes, "", `<tool_call>{"name": "run", "parameters": {"code": "x"}}</tool_call>`, `run{"code": "x"}`},
	{"a bracket missing", hermes, "", `<tool_call>{"name": "run", "arguments": {"code": "x"}</tool_call> ok`, `run{"code": "x"} text(ok)`},
	{"no JSON", hermes, "", `<tool_call>{"name": "run", "arguments": {code: 1}}</tool_call> ok`, `run!bad text(ok)`},
	{"line ends in a string", hermes, "", "<tool_call>{\"name\": \"run\", \"arguments\": {\"code\": \"a\nb\"}}</tool_call>", `run{"code": "a\nb"}`},
	{"cut in the arguments", hermes, "", `<tool_call>{"name": "run", "arguments": {"co`, `run!cut`},
	{"cut in the name", hermes, "", `<tool_call>{"na`, `!cut`},
	{"cut behind the arguments", hermes, "", `<tool_call>{"name": "run", "arguments": {"code": "x"}`, `run{"code": "x"}`},
	{"an ID first", hermes, "", `<tool_call>{"id": "x1", "name": "run", "arguments": {}}</tool_call>`, `run#x1{}`},
	{"an ID behind what was told", hermes, "", `<tool_call>{"name": "run", "arguments": {}, "id": "x1"}</tool_call>`, `run{}`},
	{"two calls and text", hermes, "", `One.<tool_call>{"name": "run", "arguments": {}}</tool_call>` + "\n" + `<tool_call>{"name": "run"}</tool_call>` + "\nTwo.",
		`text(One.) run{} run{} text(Two.)`},
	{"thoughts", hermes, "", "<think>\nHm. <tool_call> \n</think>\n\nYes.", "think(Hm. <tool_call>) text(Yes.)"},
	{"no thoughts", hermes, "", "<think>\n\n</think>\n\nYes.", "text(Yes.)"},
	{"opened by the prompt", hermes, "<|im_start|>assistant\n<think>\n", "Hm.\n</think>\n\nYes.", "think(Hm.) text(Yes.)"},
	{"closed by the prompt", hermes, "<|im_start|>assistant\n<think>\n\n</think>\n\n", "Yes.", "text(Yes.)"},
	{"thoughts that end with the answer", hermes, "<think>", "Hm. ", "think(Hm. )"},
	{"thoughts in text", hermes, "", "Use <think>x</think>.", "text(Use <think>x</think>.)"},
}

var taggedReplies = []replyCase{
	{"types by the schema", coder, "", "<tool_call>\n<function=get_weather>\n<parameter=city>\n42\n</parameter>\n<parameter=days>\n42\n</parameter>\n" +
		"<parameter=exact>\nTrue\n</parameter>\n<parameter=where>\n{\"lat\": 1.50}\n</parameter>\n</function>\n</tool_call>",
		`get_weather{"city":"42","days":42,"exact":true,"where":{"lat": 1.50}}`},
	{"types without a schema", coder, "", "<function=other>\n<parameter=a>\n42\n</parameter>\n<parameter=b>\nx y\n</parameter>\n<parameter=c>\n[1]\n</parameter>\n</function>",
		`other{"a":42,"b":"x y","c":[1]}`},
	{"a number that is none", coder, "", "<function=get_weather>\n<parameter=days>\na few\n</parameter>\n</function>", `get_weather{"days":"a few"}`},
	{"text keeps its line ends", coder, "", "<function=run>\n<parameter=code>\n\n  x\n\n</parameter>\n</function>", `run{"code":"\n  x\n"}`},
	{"cut in a value", coder, "", "<function=run>\n<parameter=code>\nprint(", `run!cut`},
	{"junk in a call", coder, "", "<function=run>\nhello</function> ok", `run!bad text(ok)`},
	{"include <functional>", coder, "", "#include <functional> and <function x>", "text(#include <functional> and <function x>)"},
}

var llamaReplies = []replyCase{
	{"bare", llama3, "", `{"name": "run", "parameters": {"code": "x"}}`, `run{"code": "x"}`},
	{"bare with a tag", llama3, "", `<|python_tag|>{"name": "run", "parameters": {"code": "x"}}`, `run{"code": "x"}`},
	{"bare with a header", llama3, "", "<|start_header_id|>assistant<|end_header_id|>\n\n" + `{"name": "run", "parameters": {"code": "x"}}`, `run{"code": "x"}`},
	{"two bare", llama3, "", `{"name": "run", "parameters": {"code": "x"}}; {"name": "run", "parameters": {"code": "y"}}`, `run{"code": "x"} run{"code": "y"}`},
	{"a JSON answer", llama3, "", `{"name": "Anna", "parameters": {"age": 3}}`, `text({"name": "Anna", "parameters": {"age": 3}})`},
	{"another JSON answer", llama3, "", `{"title": "run"} `, `text({"title": "run"} )`},
	{"JSON in text", llama3, "", `So: {"name": "run", "parameters": {}}`, `text(So: {"name": "run", "parameters": {}})`},
	{"in a fence", hermes, "", "```json\n{\n  \"name\": \"run\",\n  \"arguments\": {\"code\": \"x\"}\n}\n```\n```json\n{\"name\": \"run\"}\n```",
		`run{"code": "x"} text(` + "```json\n{\"name\": \"run\"}\n```)"},
	{"JSON in a fence", hermes, "", "```json\n{\"code\": 1}\n```", "text(```json\n{\"code\": 1}\n```)"},
	{"code in a fence", hermes, "", "```\nx\n```", "text(```\nx\n```)"},
	{"a character in two escapes", []string{"<|tool_list_start|>"}, "", `<|tool_call_start|>[run(code="\ud83d\ude00\ud83d\x41")]<|tool_call_end|>`, `run{"code":"😀�A"}`},
	{"a known tool", llama3, "", `<|python_tag|>run.call(code="x")`, `run{"code":"x"}`},
	{"code", append([]string{"python_too"}, llama3...), "", "<|python_tag|>print(1)\n", `python{"code":"print(1)\n"}`},
	{"code without a tool for it", llama3, "", `<|python_tag|>print(1)`, `text(<|python_tag|>print(1))`},
}

var mistralReplies = []replyCase{
	{"mistral", mistral, "", `[THINK]Hm.[/THINK]Ok.[TOOL_CALLS]run[ARGS]{"code": "x"}[TOOL_CALLS]run[ARGS]{}`, `think(Hm.) text(Ok.) run{"code": "x"} run{}`},
	{"mistral v3", mistral, "", `[TOOL_CALLS][{"name": "run", "arguments": {"code": "x"}, "id": "abcdefghi"}]`, `run#abcdefghi{"code": "x"}`},
	{"mistral, no arguments that are JSON", mistral, "", `[TOOL_CALLS]run[ARGS]oops`, `run!bad`},
	{"mistral, cut", mistral, "", `[TOOL_CALLS]ru`, `!cut`},
}

var kimiReplies = []replyCase{
	{"kimi's IDs", kimi, "", `<|tool_calls_section_begin|><|tool_call_begin|>functions.run:3<|tool_call_argument_begin|>{}<|tool_call_end|><|tool_calls_section_end|>`, `run#functions.run:3{}`},
}

var harmonyReplies = []replyCase{
	{"harmony", harmony, "<|start|>assistant", `<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>commentary to=functions.run <|constrain|>json<|message|>{"code": "x"}<|call|>`,
		`think(Hm.) run{"code": "x"}`},
	{"harmony, final", harmony, "<|start|>assistant", `<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>final<|message|>Yes.<|return|>`, `think(Hm.) text(Yes.)`},
	{"harmony, code", harmony, "<|start|>assistant", `<|channel|>analysis to=python<|message|>print(1)<|call|>`, `python!bad`},
	{"harmony, plain", harmony, "<|start|>assistant", `Yes.`, `text(Yes.)`},
	{"harmony, cut header", harmony, "<|start|>assistant", `<|channel|>fin`, `text(<|channel|>fin)`},
}

var unknownReplies = []replyCase{
	{"unknown template", nothing, "", `{"name": "run", "arguments": {"code": "x"}}`, `run{"code": "x"}`},
	{"unknown template, text", nothing, "", `<think>a</think>[TOOL_CALLS]`, `text(<think>a</think>[TOOL_CALLS])`},
}

func TestReply(t *testing.T) {
	for _, c := range slices.Concat(jsonReplies, taggedReplies, llamaReplies, mistralReplies, kimiReplies, harmonyReplies, unknownReplies) {
		t.Run(c.name, func(t *testing.T) {
			if got := short(t, read(t, c.template, c.prompt, c.said)); got != c.want {
				t.Errorf("%q\ngot  %s\nwant %s", c.said, got, c.want)
			}
		})
	}
}

// short writes events as TestReply has them.
func short(t testing.TB, events []reply.Event) string {
	t.Helper()
	var out []string
	args, id := "", ""
	for _, e := range events {
		switch e.Kind {
		case reply.Text:
			out = append(out, "text("+e.Text+")")
		case reply.Thinking:
			out = append(out, "think("+e.Text+")")
		case reply.CallStart:
			args, id = "", e.Call.ID
		case reply.CallArguments:
			args += e.Text
		case reply.CallEnd:
			name := e.Call.Name
			if id != "" && id != e.Call.ID || e.Call.ID == "" {
				t.Errorf("ID %q, later %q", id, e.Call.ID)
			}
			if !strings.HasPrefix(e.Call.ID, "id") {
				name += "#" + e.Call.ID
			}
			switch {
			case errors.Is(e.Err, reply.ErrCut):
				args = "!cut"
			case errors.Is(e.Err, reply.ErrArguments):
				args = "!bad"
			case !sameJSON(t, e.Call.Arguments, json.RawMessage(args)):
				t.Errorf("pieces %s, whole %+v", args, e.Call.Arguments)
			}
			out = append(out, name+args)
		}
	}
	return strings.Join(out, " ")
}

// TestHeldBack: what cannot be a marker comes out at once, and of what may be one only that is held back.
func TestHeldBack(t *testing.T) {
	p := formatWith(t, hermes...).NewParser(reply.Options{Tools: tools(t)})
	for _, c := range [][2]string{
		{"Hel", "Hel"}, {"lo", "lo"}, {" ", ""}, {"you", " you"}, {"<", ""}, {"b>", "<b>"}, {"a <tool_cal", "a"}, {"m", " <tool_calm"}, {"\n\n", ""}, {"x", "\n\nx"},
	} {
		var a reply.Answer
		a.Add(p.Push(c[0])...)
		if a.Text != c[1] {
			t.Errorf("%q gave %q, want %q", c[0], a.Text, c[1])
		}
	}
	p.Push(" <to")
	if held := p.Held(); held != " <to" {
		t.Errorf("%q held back", held)
	}
}

// TestStreaming: arguments come as they are written, strings between tags too.
func TestStreaming(t *testing.T) {
	p := formatWith(t, coder...).NewParser(reply.Options{Tools: tools(t), NewID: numbered()})
	for _, c := range [][2]string{
		{"<tool_call>\n<function=run>", "{"}, {"\n<parameter=code>\n", `"code":"`}, {`say "a`, `say \"a`}, {"\n", ""}, {"b\n</par", `\nb`},
		{"ameter>", `"`}, {"\n</function>", "}"},
	} {
		got := ""
		for _, e := range p.Push(c[0]) {
			if e.Kind == reply.CallArguments {
				got += e.Text
			}
		}
		if got != c[1] {
			t.Errorf("%q gave %q, want %q", c[0], got, c[1])
		}
	}
}

// TestPromptOfUsers: what a conversation says at the prompt's end opens no thoughts.
func TestPromptOfUsers(t *testing.T) {
	p := formatWith(t, hermes...).NewParser(reply.Options{Prompt: chat.Rendering{{Text: "<|user|>", FromTemplate: true}, {Text: "<think>"}}})
	if got := short(t, pushed(p, "Yes.")); got != "text(Yes.)" {
		t.Error(got)
	}
}

// TestNoTools: without tools, calls are text, and their tokens stay hidden.
func TestNoTools(t *testing.T) {
	p := formatWith(t, hermes...).NewParser(reply.Options{})
	if p.ShowsToken("<tool_call>") || !p.ShowsToken("<think>") || p.ShowsToken("<|im_end|>") || p.ShowsToken("") {
		t.Error("ShowsToken")
	}
	said := `<tool_call>{"name": "run"}</tool_call>`
	if got := short(t, pushed(p, said)); got != "text("+said+")" {
		t.Error(got)
	}
}

// TestIDs: a call has its ID from the start, unless the model writes that last.
func TestIDs(t *testing.T) {
	for said, want := range map[string]string{
		`<tool_call>{"name": "run", "arguments": {`:        "id0",
		`[TOOL_CALLS]run[ARGS]{`:                           "id0",
		`[TOOL_CALLS][{"name": "run", "arguments": {"code`: "",
	} {
		template := hermes
		if said[0] == '[' {
			template = mistral
		}
		p := formatWith(t, template...).NewParser(reply.Options{Tools: tools(t), NewID: numbered()})
		if events := p.Push(said); len(events) == 0 || events[0].Kind != reply.CallStart || events[0].Call.ID != want {
			t.Errorf("%s: %+v", said, events)
		}
	}
}

// TestMessage: an answer as a message of the conversation.
func TestMessage(t *testing.T) {
	var a reply.Answer
	a.Add(read(t, hermes, "", `<think>Hm.</think>Ok.<tool_call>{"name": "run", "arguments": {"code": "x"}}</tool_call><tool_call>{"name`)...)
	data, err := json.Marshal(a.Message())
	want := `{"role":"assistant","content":"Ok.","tool_calls":[{"id":"id0","type":"function","function":{"name":"run","arguments":"{\"code\":\"x\"}"}}],"reasoning_content":"Hm."}`
	if err != nil || string(data) != want {
		t.Errorf("%s, %v\nwant %s", data, err, want)
	}
	if !errors.Is(a.Err, reply.ErrCut) {
		t.Error(a.Err)
	}
}

// TestRandomIDs: IDs are nine letters and digits, and differ.
func TestRandomIDs(t *testing.T) {
	seen := map[string]bool{}
	for range 50 {
		var a reply.Answer
		p := formatWith(t, hermes...).NewParser(reply.Options{Tools: tools(t)})
		a.Add(pushed(p, `<tool_call>{"name": "run"}</tool_call>`)...)
		seen[a.Calls[0].ID] = len(a.Calls[0].ID) == 9
	}
	if len(seen) != 50 || seen[""] {
		t.Error(seen)
	}
}
