// Package notation says how models write the arguments of a tool's call where that is not JSON: a grammar of them
// (engine/grammar) is made from a schema and a Notation, and package reply reads what is written so.
package notation

import "strings"

// Notation is how values are written. Its texts may be, or have in them, control tokens of a vocabulary.
type Notation struct {
	// Top are the members of the outermost object, Object those of objects within, Array the items of arrays.
	Top, Object, Array Members
	// Quote is around strings; "" for strings that end where the text of their member ends.
	Quote string
	// Escapes is for strings with the escapes of JSON.
	Escapes bool
	// Bar is what no string may have in it, since it ends strings or begins a tag; "" for nothing. It must not end as it
	// begins. Strings with a length, a pattern or a format, and names, do not even have its first character, but as an
	// escape where there are any.
	Bar string
	// Python allows True, False, None and strings in single quotes beside what JSON has.
	Python bool
	// Compact allows no blanks between values and marks.
	Compact bool
}

// Members are the texts around the members of an object, or around the items of an array, which have no names.
type Members struct {
	Open, Close string // around all
	Comma       string // between two
	Before      string // comes before the name
	Colon       string // between name and value
	After       string // behind the value; {name} stands for the name once more
	Keys        Keys
}

// Keys are how names are written.
type Keys uint8

const (
	Quoted Keys = iota // as strings are
	Bare               // as they are, those with other characters than words have as strings
	Tag                // as they are, within a tag
)

var object, array = Members{Open: "{", Close: "}", Comma: ",", Colon: ":"}, Members{Open: "[", Close: "]", Comma: ","}

var (
	// JSON is RFC 8259.
	JSON = &Notation{Top: object, Object: object, Array: array, Quote: `"`, Escapes: true}

	// PythonCall is what stands behind the name in a call of Python: (city="Oslo", tags=["a", "b"]). LFM 2 writes so, and
	// objects as JSON.
	PythonCall = &Notation{Top: Members{Open: "(", Close: ")", Comma: ",", Colon: "=", Keys: Bare}, Object: object, Array: array,
		Quote: `"`, Escapes: true, Python: true}

	// Gemma is what Gemma 4 writes: {city:<|"|>Oslo<|"|>,tags:[<|"|>a<|"|>]}
	Gemma = &Notation{Top: gemma, Object: gemma, Array: array, Quote: GemmaQuote, Bar: GemmaQuote, Compact: true}

	// Minimax is what MiniMax M3 writes: ]<]minimax[>[<city>Oslo]<]minimax[>[</city>
	Minimax = &Notation{Top: minimax, Object: minimax, Array: Members{Before: MinimaxMark + "<item>", After: MinimaxMark + "</item>"},
		Bar: MinimaxMark, Compact: true}
)

// JSONBefore is JSON without a text that would end it.
func JSONBefore(end string) *Notation {
	n := *JSON
	n.Bar = end
	return &n
}

// TextBefore is strings as they are, without the text that ends them.
func TextBefore(end string) *Notation { return &Notation{Bar: end, Compact: true} }

// GemmaQuote is around strings of Gemma 4, which have no escapes.
const GemmaQuote = `<|"|>`

// MinimaxMark comes before each tag that MiniMax M3 writes, so that values need no escapes.
const MinimaxMark = "]<]minimax[>["

var (
	gemma   = Members{Open: "{", Close: "}", Comma: ",", Colon: ":", Keys: Bare}
	minimax = Members{Before: MinimaxMark + "<", Colon: ">", After: MinimaxMark + "</{name}>", Keys: Tag}
)

// maxControl is the length of the longest text that Control looks up.
const maxControl = 64

// Control returns the longest control token that text begins with and its length, 0 for none. token returns the control
// token with a text; nil stands for a vocabulary without any.
func Control(text string, token func(text string) (id int32, ok bool)) (id int32, n int) {
	if token == nil || text == "" || !strings.Contains("<[]｜", text[:1]) {
		return 0, 0
	}
	for n := min(len(text), maxControl); n > 1; n-- {
		if id, ok := token(text[:n]); ok {
			return id, n
		}
	}
	return 0, 0
}
