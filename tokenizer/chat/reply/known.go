package reply

import "strings"

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
		key: "<" + prefix + `parameter name="`,
		keyEnd: []keyEnd{
			{`" string="true">`, kindString}, {`" string="false">`, kindData}, {`">`, kindUnknown},
		},
		valueEnd: "</" + prefix + "parameter>",
		end:      []string{"</" + prefix + "invoke>"},
	}
	for _, s := range sections {
		t.sections = append(t.sections, "<"+s+">")
		t.close = append(t.close, "</"+s+">")
	}
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
	{all: []string{"[TOOL_CALLS]"}, format: Format{name: "mistral", calls: mistral}},
	{all: []string{"<|channel|>"}, format: Format{name: "harmony", begin: beginHarmony, markers: harmonyMarkers}},
	{all: []string{"<atem:function_calls>", "<|eom|>"}, format: Format{name: "atem", begin: beginAtem, markers: atemMarkers}},
	{all: []string{">>>all"}, format: Format{name: "functionary-3.2", begin: beginRecipients}},
	{all: []string{"<|tool_calls_section_begin|>"}, format: Format{name: "kimi", calls: kimi, callsEndThinking: true}},
	{all: []string{"Action:", "```json", "<|CHATBOT_TOKEN|>"}, not: []string{"<|START_ACTION|>"}, format: Format{name: "command-r-plus",
		calls: &jsonCalls{open: []string{"Action:\n```json", "Action: ```json"}, close: []string{"```", "<|END_OF_TURN_TOKEN|>"}},
		drop:  []string{"<|CHATBOT_TOKEN|>", "<|END_OF_TURN_TOKEN|>"}}},
	{all: []string{"<|START_ACTION|>"}, format: Format{name: "command-r", calls: inTags("<|START_ACTION|>", "<|END_ACTION|>"),
		drop: []string{"<|START_RESPONSE|>", "<|END_RESPONSE|>", "<|START_TEXT|>", "<|END_TEXT|>"}}},
	{all: []string{"<|tool_call_start|>"}, format: Format{name: "lfm2", calls: pythonCalls("<|tool_call_start|>", "<|tool_call_end|>")}},
	{all: []string{"<|tool_list_start|>"}, format: Format{name: "lfm2", calls: pythonCalls("<|tool_call_start|>", "<|tool_call_end|>")}},
	{all: []string{"List of tools: ["}, format: Format{name: "lfm2", calls: pythonCalls("<|tool_call_start|>", "<|tool_call_end|>")}},
	{all: []string{"<|function_call|>"}, format: Format{name: "gigachat", calls: inTags("<|function_call|>", "<|message_sep|>")}},
	{all: []string{"<|role_sep|>", "<|message_sep|>"}, format: Format{name: "gigachat", calls: &jsonCalls{
		open: []string{"<|message_sep|>\n\nfunction call<|role_sep|>\n", "function call<|role_sep|>\n"}, close: []string{"<|message_sep|>"}}}},
	{all: []string{"]<]minimax[>["}, format: Format{name: "minimax-m3", calls: minimaxM3}},
	{all: []string{"<minimax:tool_call>"}, format: Format{name: "minimax-m2", calls: invokes("", "minimax:tool_call")}},
	{all: []string{"dsml_token", "tool_calls>"}, format: Format{name: "dsml", calls: invokes("｜DSML｜", "｜DSML｜tool_calls", "｜DSML｜function_calls"), callsEndThinking: true}},
	{all: []string{"dsml_token", "function_calls>"}, format: Format{name: "dsml", calls: invokes("｜DSML｜", "｜DSML｜tool_calls", "｜DSML｜function_calls"), callsEndThinking: true}},
	{all: []string{"'<|tool_call>call:'"}, format: Format{name: "gemma-4", calls: gemma4, thinksAnywhere: true, drop: []string{"<|channel>", "<channel|>"}}},
	{all: []string{`<function name="`, `<param name="`}, format: Format{name: "minicpm", calls: &taggedCalls{
		open: `<function name="`, nameEnd: []string{`">`}, key: `<param name="`, keyEnd: []keyEnd{{`">`, kindUnknown}}, valueEnd: "</param>", cdata: true,
		end: []string{"</function>"}, close: []string{"</function>"}}}},
	{all: []string{"seed:tool_call", "<function="}, format: Format{name: "qwen3-coder", calls: functionTags("seed:tool_call")}},
	{all: []string{"<tool_call>", "<function=", "<parameter="}, format: Format{name: "qwen3-coder", calls: functionTags("tool_call"), callsEndThinking: true}},
	{all: []string{"<role>ASSISTANT</role>", "<arg_key>"}, format: Format{name: "glm", calls: argTags(""), drop: []string{"<|role_end|>"}, callsEndThinking: true}},
	{all: []string{"<arg_key{}>"}, format: Format{name: "glm", calls: argTags(":opensource")}},
	{all: []string{"<arg_key>"}, format: Format{name: "glm", calls: argTags("")}},
	{all: []string{"<｜tool▁calls▁begin｜>", "```json"}, format: Format{name: "deepseek-r1", calls: deepseekR1}},
	{all: []string{"<｜tool▁calls▁begin｜>"}, format: Format{name: "deepseek-v3.1", calls: deepseekV31}},
	{all: []string{"<|tool_call:begin|>"}, format: Format{name: "solar", calls: solar, drop: []string{"<|begin|>assistant", "<|content|>"}}},
	{all: []string{"<|tools_prefix|>"}, format: Format{name: "apertus", calls: &jsonCalls{
		open: []string{"<|tools_prefix|>"}, close: []string{"<|tools_suffix|>"}, named: true}}},
	{all: []string{"<function=", "<|python_tag|>"}, format: Format{name: "functionary-3.1", calls: functionary31}},
	{all: []string{" functools["}, format: Format{name: "firefunction", calls: &jsonCalls{open: []string{"functools"}}}},
	{all: []string{"<TOOLCALL>"}, format: Format{name: "nemotron", calls: inTags("<TOOLCALL>", "</TOOLCALL>")}},
	{all: []string{"<tool_calls>"}, format: Format{name: "tool-calls", calls: inTags("<tool_calls>", "</tool_calls>")}},
	{all: []string{"<tool_call>"}, format: Format{name: "hermes", calls: inTags("<tool_call>", "</tool_call>")}},
	{all: []string{"<|tool_call|>"}, format: Format{name: "granite", calls: inTags("<|tool_call|>", "<|end_of_text|>"),
		drop: []string{"<response>", "</response>"}}},
	{all: []string{"<|python_tag|>"}, format: Format{name: "llama-3", calls: llama3, drop: []string{"<|start_header_id|>assistant<|end_header_id|>"}}},
	{all: []string{"<|start_header_id|>", "ipython"}, format: Format{name: "llama-3", calls: llama3, drop: []string{"<|start_header_id|>assistant<|end_header_id|>"}}},
}

// knownThinking are the marks around thoughts, with a text in templates that tells them. The first that fits counts.
var knownThinking = []struct{ text, open, close string }{
	{"[THINK]", "[THINK]", "[/THINK]"},
	{"<seed:think>", "<seed:think>", "</seed:think>"},
	{"<mm:think>", "<mm:think>", "</mm:think>"},
	{"<think{}>", "<think:opensource>", "</think:opensource>"},
	{"<|START_THINKING|>", "<|START_THINKING|>", "<|END_THINKING|>"},
	{"<|inner_prefix|>", "<|inner_prefix|>", "<|inner_suffix|>"},
	{"<|channel>thought", "<|channel>thought", "<channel|>"},
	{"[BEGIN FINAL RESPONSE]", "Here are my reasoning steps:", "[BEGIN FINAL RESPONSE]"},
	{"Here is my thought process:", "Here is my thought process:", "Here is my response:"},
	{"<|begin|>assistant<|think|>", "<|think|>", "<|end|>"},
	{"</think>", "<think>", "</think>"},
	{"<think>", "<think>", "</think>"},
	{"<thinking>", "<thinking>", "</thinking>"},
}

var (
	mistral = &namedCalls{
		open: "[TOOL_CALLS]", first: partName,
		stops: []partStop{{"[CALL_ID]", partID}, {"[ARGS]", partArgs}},
		json:  &jsonCalls{},
	}
	kimi = &namedCalls{
		sections: []string{"<|tool_calls_section_begin|>"},
		open:     "<|tool_call_begin|>", first: partName,
		stops: []partStop{{"<|tool_call_argument_begin|>", partArgs}},
		close: []string{"<|tool_call_end|>", "<|tool_calls_section_end|>"},
		split: kimiName,
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
