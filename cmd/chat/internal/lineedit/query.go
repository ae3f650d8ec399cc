package lineedit

import (
	"errors"
	"io"
)

// cursorQuery asks a terminal where its cursor is (DSR 6). The library sends it before each prompt and waits for the
// answer, for ever where none comes: serial lines, recorders, editors' terminals and expect scripts often have none.
const cursorQuery = "\x1b[6n"

// errNoQuery makes the library go on without an answer.
var errNoQuery = errors.New("the terminal is not asked")

// noQuery is the screen without the query. The library then takes the first column for the prompt's, which is right:
// whoever calls ReadLine has ended the line before.
type noQuery struct{ io.Writer }

// Write implements io.Writer. The query comes in a call of its own.
func (w noQuery) Write(b []byte) (int, error) {
	if string(b) == cursorQuery {
		return 0, errNoQuery
	}
	return w.Writer.Write(b)
}
