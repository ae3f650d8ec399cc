package reply

import (
	"slices"
	"strings"

	"github.com/latentgo/latentgo/tokenizer/chat/notation"
)

// knownFormat is a format and the texts in a template that tell it.
type knownFormat struct {
	all    []string // that are in the template
	not    []string // that are not
	format Format
}

func (k *knownFormat) fits(src string) bool {
	for _, text := range k.all {
		if !strings.Contains(src, text) {
			return false
		}
	}
	for _, text := range k.not {
		if strings.Contains(src, text) {
			return false
		}
	}
	return true
}

// plainJSON is for models that write a call as their whole answer, such as Llama 3.
var plainJSON = &jsonCalls{bare: true}

// inTags returns the syntax of JSON between two tags.
func inTags(open, close string) *jsonCalls {
	return &jsonCalls{open: []string{open}, close: []string{close}}
}

// invokes returns the syntax of <invoke name="…"><parameter name="…">…</parameter></invoke>, with a prefix before the
// names of tags.
func invokes(prefix string, sections ...string) *taggedCalls {
	t := &taggedCalls{
		open: "<" + prefix + `invoke name="`, nameEnd: []string{`">`},
		key: "<" + prefix + `parameter name="`, keyEnd: []keyEnd{{`">`, kindUnknown}},
		valueEnd: "</" + prefix + "parameter>",
		end:      []string{"</" + prefix + "invoke>"},
	}
	for _, s := range sections {
		t.sections = append(t.sections, "<"+s+">")
		t.close = append(t.close, "</"+s+">")
	}
	return t
}

// dsml is the syntax of DeepSeek V3.2 and V4, whose tags tell whether a value is a string.
func dsml() *taggedCalls {
	t := invokes("｜DSML｜", "｜DSML｜tool_calls", "｜DSML｜function_calls")
	t.keyEnd = append(t.keyEnd, keyEnd{`" string="true">`, kindString}, keyEnd{`" string="false">`, kindData})
	return t
}

// functionTags returns the syntax of Qwen3-Coder within a tag.
func functionTags(tag string) *taggedCalls {
	return &taggedCalls{
		sections: []string{"<" + tag + ">"},
		open:     "<function=", nameEnd: []string{">"},
		key: "<parameter=", keyEnd: []keyEnd{{">", kindUnknown}}, valueEnd: "</parameter>", lines: tag == "tool_call",
		end: []string{"</function>", "</" + tag + ">"}, close: []string{"</function>", "</" + tag + ">"},
	}
}

// argTags returns the syntax of GLM 4.5, with a suffix behind the names of tags.
func argTags(suffix string) *taggedCalls {
	end := "</tool_call" + suffix + ">"
	return &taggedCalls{
		sections: []string{"<tool_calls" + suffix + ">"},
		open:     "<tool_call" + suffix + ">",
		nameEnd:  []string{"<tool_sep" + suffix + ">", "\n"}, nameStop: []string{"<arg_key" + suffix + ">", end},
		key: "<arg_key" + suffix + ">", keyEnd: []keyEnd{{"</arg_key" + suffix + ">", kindUnknown}},
		value: "<arg_value" + suffix + ">", valueEnd: "</arg_value" + suffix + ">",
		end: []string{end}, close: []string{end, "</tool_calls" + suffix + ">"},
	}
}

// known are the formats in the order in which they are tried: a template may have the texts of several.
var known = []knownFormat{
	{all: []string{"[TOOL_CALLS]", "[CALL_ID]"}, format: Format{name: "mistral", calls: mistral,
		form: &form{before: "[TOOL_CALLS]", middle: "[CALL_ID]{id}[ARGS]"}}},
	{all: []string{"[TOOL_CALLS]", "[ARGS]"}, format: Format{name: "mistral", calls: mistral,
		form: &form{before: "[TOOL_CALLS]", middle: "[ARGS]"}}},
	{all: []string{"[TOOL_CALLS]"}, format: Format{name: "mistral", calls: mistral,
		form: &form{open: "[TOOL_CALLS][", before: `{"name": "`, middle: `", "arguments": `, after: `, "id": "{id}"}`,
			between: ", ", close: "]"}}},
	{all: []string{"<|channel|>"}, format: Format{name: "harmony", begin: beginHarmony, markers: harmonyMarkers, breaks: harmonyMarkers,
		thinking: []thinking{{"<|channel|>analysis<|message|>", harmonyEnd}}, afterThinking: "<|start|>assistant",
		form: &form{before: "<|channel|>commentary to=functions.", middle: " <|constrain|>json<|message|>", single: true}}},
	{all: []string{"<atem:function_calls>", "<|eom|>"}, format: Format{name: "atem", begin: beginAtem, markers: atemMarkers,
		breaks:   slices.Concat(atemChannels.ends, atemChannels.next),
		thinking: []thinking{{" to=self<|message|>", "<|eom|>"}}, afterThinking: "<|start|>assistant",
		form: &form{before: " to={name}<|message|><atem:function_calls>\n" + atemCalls.open, middle: `">` + "\n",
			after: "</atem:invoke>\n</atem:function_calls>", between: "<|eom|><|start|>assistant", mark: atemCalls.sections[0], tags: atemCalls}}},
	{all: []string{">>>all"}, format: Format{name: "functionary-3.2", begin: beginRecipients, markers: []string{recipientMark},
		form: &form{middle: "\n", between: recipientMark}}},
	{all: []string{"<|tool_calls_section_begin|>"}, format: Format{name: "kimi", calls: kimi, callsEndThinking: true,
		form: &form{open: "<|tool_calls_section_begin|>", before: "<|tool_call_begin|>functions.",
			middle: ":{n}<|tool_call_argument_begin|>", after: "<|tool_call_end|>", close: "<|tool_calls_section_end|>"}}},
	{all: []string{"<|open|>", "<|close|>", "<|end_of_msg|>"}, format: Format{name: "kimi-k3", calls: kimiK3, callsEndThinking: true,
		drop: []string{"<|open|>response<|sep|>", "<|close|>response<|sep|>", "<|close|>message<|sep|>"},
		form: &form{maybe: []string{"<|open|>response<|sep|>", "<|close|>response<|sep|>"}, open: "<|open|>tools<|sep|>",
			before: `<|open|>call tool="`, middle: `" index="{n}"<|sep|>`, after: "<|close|>call<|sep|>", close: "<|close|>tools<|sep|>"}}},
	{all: []string{"Action:", "```json", "<|CHATBOT_TOKEN|>"}, not: []string{"<|START_ACTION|>"}, format: Format{
		name:  "command-r-plus",
		calls: &jsonCalls{open: []string{"Action:\n```json", "Action: ```json"}, close: []string{"```", "<|END_OF_TURN_TOKEN|>"}},
		drop:  []string{"<|CHATBOT_TOKEN|>", "<|END_OF_TURN_TOKEN|>"},
		form: &form{open: "Action:\n```json\n[{nl}", before: `{"tool_name": "`, middle: `", "parameters": `, after: "}",
			between: ",\n", close: "{nl}]\n```"}}},
	{all: []string{"<|START_ACTION|>"}, format: Format{name: "command-r", calls: inTags("<|START_ACTION|>", "<|END_ACTION|>"),
		drop: []string{"<|START_RESPONSE|>", "<|END_RESPONSE|>", "<|START_TEXT|>", "<|END_TEXT|>"},
		form: &form{open: "<|START_ACTION|>[\n    ", before: `{"tool_call_id": "{n}", "tool_name": "`,
			middle: `", "parameters": `, after: "}", between: ",\n    ", close: "\n]<|END_ACTION|>"}}},
	{all: []string{"<|tool_call_start|>"}, format: lfm2},
	{all: []string{"<|tool_list_start|>"}, format: lfm2},
	{all: []string{"List of tools: ["}, format: lfm2},
	{all: []string{"<|function_call|>"}, format: Format{name: "gigachat", calls: inTags("<|function_call|>", "<|message_sep|>"),
		form: &form{before: `<|function_call|>{"name": "`, middle: `", "arguments": `, after: "}", single: true}}},
	{all: []string{"<|role_sep|>", "<|message_sep|>"}, format: Format{name: "gigachat", calls: &jsonCalls{
		open: []string{"<|message_sep|>\n\nfunction call<|role_sep|>\n", "function call<|role_sep|>\n"}, close: []string{"<|message_sep|>"}},
		form: &form{before: "<|message_sep|>\n\nfunction call<|role_sep|>\n" + `{"name": "`, middle: `", "arguments": `,
			after: "}", single: true}}},
	{all: []string{"]<]minimax[>["}, format: Format{name: "minimax-m3", calls: minimaxM3,
		form: &form{open: minimaxMark + "<tool_call>\n", before: minimaxMark + `<invoke name="`, middle: `">`,
			after: minimaxMark + "</invoke>", between: "\n", close: "\n" + minimaxMark + "</tool_call>", notes: notation.Minimax}}},
	{all: []string{"<minimax:tool_call>"}, format: Format{name: "minimax-m2", calls: invokes("", "minimax:tool_call"),
		form: invokesForm("", "minimax:tool_call")}},
	{all: []string{"dsml_token", "tool_calls>"}, format: Format{name: "dsml", callsEndThinking: true,
		calls: dsml(), form: invokesForm("｜DSML｜", "｜DSML｜tool_calls")}},
	{all: []string{"dsml_token", "function_calls>"}, format: Format{name: "dsml", callsEndThinking: true,
		calls: dsml(), form: invokesForm("｜DSML｜", "｜DSML｜function_calls")}},
	{all: []string{"'<|tool_call>call:'"}, format: Format{name: "gemma-4", calls: gemma4, thinksAnywhere: true,
		drop: []string{"<|channel>", "<channel|>"},
		form: &form{before: "<|tool_call>call:", after: "<tool_call|>", notes: notation.Gemma}}},
	{all: []string{`<function name="`, `<param name="`}, format: Format{name: "minicpm", calls: minicpm,
		form: &form{before: `<function name="`, middle: `">`, after: "</function>", between: "{nl}"}}},
	{all: []string{"seed:tool_call", "<function="}, format: Format{name: "qwen3-coder", calls: functionTags("seed:tool_call"),
		form: functionForm("seed:tool_call")}},
	{all: []string{"<tool_call>", "<function=", "<parameter="}, format: Format{name: "qwen3-coder", calls: functionTags("tool_call"),
		callsEndThinking: true, form: functionForm("tool_call")}},
	{all: []string{"<role>ASSISTANT</role>", "<arg_key>"}, format: Format{name: "glm", calls: argTags(""), drop: []string{"<|role_end|>"},
		callsEndThinking: true, form: glmForm}},
	{all: []string{"<arg_key{}>"}, format: Format{name: "glm", calls: argTags(":opensource"), form: &form{
		open: "<tool_calls:opensource>\n", before: "<tool_call:opensource>", middle: "<tool_sep:opensource>\n",
		after: "</tool_call:opensource>", between: "\n", close: "\n</tool_calls:opensource>"}}},
	{all: []string{"<arg_key>"}, format: Format{name: "glm", calls: argTags(""), form: glmForm}},
	{all: []string{"<｜tool▁calls▁begin｜>", "```json"}, format: Format{name: "deepseek-r1", calls: deepseekR1,
		form: &form{open: "<｜tool▁calls▁begin｜>", before: "<｜tool▁call▁begin｜>function<｜tool▁sep｜>", middle: "\n```json\n",
			after: "{nl}```<｜tool▁call▁end｜>", between: "\n", close: "<｜tool▁calls▁end｜>"}}},
	{all: []string{"<｜tool▁calls▁begin｜>"}, format: Format{name: "deepseek-v3.1", calls: deepseekV31,
		form: &form{open: "<｜tool▁calls▁begin｜>", before: "<｜tool▁call▁begin｜>", middle: "<｜tool▁sep｜>",
			after: "<｜tool▁call▁end｜>", close: "<｜tool▁calls▁end｜>"}}},
	{all: []string{"<|tool_call:begin|>"}, format: Format{name: "solar", calls: solar, drop: []string{"<|begin|>assistant", "<|content|>"},
		afterThinking: "<|begin|>assistant", form: &form{open: "<|tool_calls|>", before: "<|tool_call:begin|>{id}<|tool_call:name|>",
			middle: "<|tool_call:args|>", after: "<|tool_call:end|>"}}},
	{all: []string{"<|tools_prefix|>"}, format: Format{name: "apertus", calls: &jsonCalls{
		open: []string{"<|tools_prefix|>"}, close: []string{"<|tools_suffix|>"}, named: true},
		form: &form{open: "<|tools_prefix|>[", before: `{"`, middle: `": `, after: "}", between: ", ", close: "]<|tools_suffix|>"}}},
	{all: []string{"<function=", "<|python_tag|>"}, format: Format{name: "functionary-3.1", calls: functionary31,
		form: &form{before: "<function=", middle: ">", after: "</function>"}}},
	{all: []string{" functools["}, format: Format{name: "firefunction", calls: &jsonCalls{open: []string{"functools"}},
		form: listForm(" functools", "")}},
	{all: []string{"<TOOLCALL>"}, format: Format{name: "nemotron", calls: inTags("<TOOLCALL>", "</TOOLCALL>"),
		form: listForm("<TOOLCALL>", "</TOOLCALL>")}},
	{all: []string{"<beginning_of_sentence>ai", "<tool_calls>"}, format: Format{
		name: "tool-calls", calls: inTags("<tool_calls>", "</tool_calls>"),
		form: &form{open: "<tool_calls>\n", before: `{"name": "`, middle: `", "arguments": `, after: "}", between: "\n",
			close: "\n</tool_calls>"}}},
	{all: []string{"<tool_calls>"}, format: Format{name: "tool-calls", calls: &jsonCalls{
		open: []string{"<tool_calls>"}, close: []string{"</tool_calls>"}, lateID: true},
		form: listForm("<tool_calls>", "</tool_calls>")}},
	{all: []string{"<tool_call>"}, format: Format{name: "hermes", calls: &jsonCalls{
		open: []string{"<tool_call>"}, close: []string{"</tool_call>"}, bare: true},
		form: &form{before: "<tool_call>\n" + `{"name": "`, middle: `", "arguments": `, after: "}{nl}</tool_call>", between: "{nl}"}}},
	{all: []string{"<|tool_call|>"}, format: Format{name: "granite", calls: inTags("<|tool_call|>", "<|end_of_text|>"),
		drop: []string{"<response>", "</response>"}, form: listForm("<|tool_call|>", "")}},
	{all: []string{"<|python_tag|>"}, format: llama},
	{all: []string{"<|start_header_id|>", "ipython"}, format: llama},
}

// knownThinking are the marks around thoughts, with a text in templates that tells them. The first that fits counts.
var knownThinking = []struct{ text, open, close string }{
	{"[THINK]", "[THINK]", "[/THINK]"},
	{"<seed:think>", "<seed:think>", "</seed:think>"},
	{"<mm:think>", "<mm:think>", "</mm:think>"},
	{"<think{}>", "<think:opensource>", "</think:opensource>"},
	{"<|START_THINKING|>", "<|START_THINKING|>", "<|END_THINKING|>"},
	{"<|inner_prefix|>", "<|inner_prefix|>", "<|inner_suffix|>"},
	{"<|end_of_msg|>", "<|open|>think<|sep|>", "<|close|>think<|sep|>"},
	{"<|channel>thought", "<|channel>thought", "<channel|>"},
	{"[BEGIN FINAL RESPONSE]", "Here are my reasoning steps:", "[BEGIN FINAL RESPONSE]"},
	{"Here is my thought process:", "Here is my thought process:", "Here is my response:"},
	{"<|begin|>assistant<|think|>", "<|think|>", "<|end|>"},
	{"</think>", "<think>", "</think>"},
	{"<think>", "<think>", "</think>"},
	{"<thinking>", "<thinking>", "</thinking>"},
}

// invokesForm is the form of invokes.
func invokesForm(prefix, section string) *form {
	return &form{open: "<" + section + ">\n", before: "<" + prefix + `invoke name="`, middle: `">` + "\n",
		after: "</" + prefix + "invoke>", between: "\n", close: "\n</" + section + ">"}
}

// functionForm is the form of functionTags.
func functionForm(tag string) *form {
	return &form{before: "<" + tag + ">\n<function=", middle: ">\n", after: "</function>\n</" + tag + ">", between: "\n"}
}

// listForm is the form of a list of objects.
func listForm(open, close string) *form {
	return &form{open: open + "[", before: `{"name": "`, middle: `", "arguments": `, after: "}", between: ", ", close: "]" + close}
}

var glmForm = &form{before: "<tool_call>", middle: "{nl}", after: "</tool_call>", between: "{nl}"}

var (
	lfm2 = Format{name: "lfm2", calls: pythonCalls("<|tool_call_start|>", "<|tool_call_end|>"),
		form: &form{open: "<|tool_call_start|>[", between: ", ", close: "]<|tool_call_end|>", notes: notation.PythonCall}}
	llama = Format{name: "llama-3", calls: llama3, drop: []string{"<|start_header_id|>assistant<|end_header_id|>"},
		form: &form{before: `{"name": "`, middle: `", "parameters": `, after: "}", single: true}}
	minicpm = &taggedCalls{open: `<function name="`, nameEnd: []string{`">`}, key: `<param name="`, keyEnd: []keyEnd{{`">`, kindUnknown}},
		valueEnd: "</param>", cdata: true, end: []string{"</function>"}, close: []string{"</function>"}}
	mistral = &namedCalls{
		open: "[TOOL_CALLS]", first: partName,
		stops: []partStop{{"[CALL_ID]", partID}, {"[ARGS]", partArgs}},
		json:  &jsonCalls{lateID: true},
	}
	kimi = &namedCalls{
		sections: []string{"<|tool_calls_section_begin|>"},
		open:     "<|tool_call_begin|>", first: partName,
		stops: []partStop{{"<|tool_call_argument_begin|>", partArgs}},
		close: []string{"<|tool_call_end|>", "<|tool_calls_section_end|>"},
		split: kimiName,
	}
	kimiK3 = &taggedCalls{
		sections: []string{"<|open|>tools<|sep|>"},
		open:     `<|open|>call tool="`, nameEnd: []string{`"`}, nameTail: "<|sep|>",
		key: `<|open|>argument key="`, keyEnd: []keyEnd{
			{`" type="string"<|sep|>`, kindString}, {`" type="number"<|sep|>`, kindNumber}, {`" type="boolean"<|sep|>`, kindBool},
			{`" type="object"<|sep|>`, kindObject}, {`" type="array"<|sep|>`, kindArray}, {`" type="null"<|sep|>`, kindNull},
		},
		valueEnd: "<|close|>argument<|sep|>", end: []string{"<|close|>call<|sep|>"},
		close: []string{"<|close|>tools<|sep|>", "<|close|>message<|sep|>"},
	}
	deepseekR1 = &namedCalls{
		sections: []string{"<｜tool▁calls▁begin｜>"},
		open:     "<｜tool▁call▁begin｜>function<｜tool▁sep｜>", first: partName,
		stops:  []partStop{{"\n", partArgs}, {"```json", partArgs}},
		before: []string{"```json"},
		close:  []string{"```", "<｜tool▁call▁end｜>", "<｜tool▁calls▁end｜>"},
	}
	deepseekV31 = &namedCalls{
		sections: []string{"<｜tool▁calls▁begin｜>"},
		open:     "<｜tool▁call▁begin｜>", first: partName,
		stops: []partStop{{"<｜tool▁sep｜>", partArgs}},
		close: []string{"<｜tool▁call▁end｜>", "<｜tool▁calls▁end｜>"},
	}
	solar = &namedCalls{
		sections: []string{"<|tool_calls|>"},
		open:     "<|tool_call:begin|>", first: partID,
		stops: []partStop{{"<|tool_call:name|>", partName}, {"<|tool_call:args|>", partArgs}},
		close: []string{"<|tool_call:end|>", "<|calls|>"},
	}
	functionary31 = &namedCalls{
		open: "<function=", first: partName,
		stops: []partStop{{">", partArgs}},
		close: []string{"</function>"},
	}
)

// kimiName takes apart functions.get_weather:0, which is the ID of the call as well.
func kimiName(text string) (name, id string) {
	name, _, _ = cutLast(strings.TrimPrefix(text, "functions."), ":")
	return name, text
}
