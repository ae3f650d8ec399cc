// Package chat turns conversations into the text that a model was trained on, by the model's chat template, and keeps
// apart which characters of that text the template wrote and which came from the conversation.
//
// A chat template is a program in the Jinja language that comes with the model. It renders as Python's Jinja2 3.1 does
// with the settings of Hugging Face's transformers: trim_blocks, lstrip_blocks, loop controls, tojson without HTML
// escapes, raise_exception, strftime_now, the generation tag; and from_json, which other engines offer.
//
// Package reply reads what a model answers.
//
// # Who wrote what
//
// The texts of control tokens, such as <|im_start|>, are how a template opens a turn. A message that contains them must
// not: so a Rendering says of every character whether the template wrote it, and only such text may become control
// tokens. The engine does that by itself. Conversation.TrustText switches it off. The usual
// names of roles, such as "user", count as the template's: templates put them into control tokens.
//
// # What clients send
//
// Conversations come in the form of the OpenAI API and reach the template in the form that templates are written for:
//
//   - The arguments of a tool call are an object for the template, also where they come as JSON text. A template that fails with
//     objects gets the text that came.
//   - The content null of a message that calls tools stays null, which templates test for; one that would fail or write "None"
//     gets "" instead.
//   - Content in parts is their texts joined, without anything between them; parts of other types than text are an error.
//
// # Differences to transformers
//
// Lists and dicts can be changed by append and the like, and the result of a filter such as map can be written as JSON,
// where its sandbox fails. A filter or test that does not exist is an error when it is applied, not when the template
// is parsed. include, import and extends, which need other templates, are errors of Parse; urlize and random are
// errors. A loop over a list that it appends to ends with the items that the list had; pprint breaks no lines.
package chat
