package jinja

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// strftime formats a time as glibc's does in the C locale, with its flags (- _ 0 ^ #) and widths; an unknown directive
// stays as it is. The time zone's directives give nothing, as for Python's datetime.now().
func strftime(t time.Time, format string) string {
	var b strings.Builder
	for i := 0; i < len(format); i++ {
		if format[i] != '%' {
			b.WriteByte(format[i])
			continue
		}
		end := i + 1
		for end < len(format) && strings.IndexByte("-_0^#", format[end]) >= 0 {
			end++
		}
		flags := format[i+1 : end]
		width, n := leadingInt(format[end:])
		if end += n; end < len(format) && (format[end] == 'E' || format[end] == 'O') {
			end++
		}
		if end == len(format) {
			b.WriteString(format[i:])
			break
		}
		text, ok := timeField(t, format[end])
		if !ok || format[end] == 'f' && end > i+1 { // %f is Python's, without flags
			b.WriteString(timePadding(format[i:end+1], 0, flags, width))
		} else {
			b.WriteString(timePadding(text, format[end], flags, width))
		}
		i = end
	}
	return b.String()
}

// timePadding applies flags and a width to the text of a directive.
func timePadding(text string, directive byte, flags string, width int) string {
	if text == "" && directive == 'z' {
		return ""
	}
	numeric := strings.IndexByte("CdefgGHIjklmMsSuUVwWyY", directive) >= 0
	pad := byte(' ')
	if numeric && strings.IndexByte("ekl", directive) < 0 {
		pad = '0'
	}
	for _, f := range []byte(flags) {
		switch f {
		case '-', '_', '0':
			pad = f
		case '^', '#':
			if f == '#' && directive == 'p' {
				text = strings.ToLower(text)
			} else if directive != 'P' {
				text = strings.ToUpper(text)
			}
		}
	}
	if numeric {
		digits := strings.TrimLeft(text[:len(text)-1], "0 ") + text[len(text)-1:]
		switch pad {
		case '-':
			text = digits
		case '_':
			text = strings.Repeat(" ", len(text)-len(digits)) + digits
		case '0':
			text = strings.Repeat("0", len(text)-len(digits)) + digits
		}
	}
	if pad != '0' {
		pad = ' '
	}
	return strings.Repeat(string(pad), max(0, min(width, 1000)-len(text))) + text
}

// timeLayouts are the directives that Go's time layouts can express.
var timeLayouts = map[byte]string{
	'a': "Mon", 'A': "Monday", 'b': "Jan", 'h': "Jan", 'B': "January", 'd': "02", 'e': "_2",
	'm': "01", 'y': "06", 'Y': "2006", 'H': "15", 'I': "03", 'M': "04", 'S': "05", 'p': "PM",
	'P': "pm", 'F': "2006-01-02", 'T': "15:04:05", 'D': "01/02/06",
	'R': "15:04", 'c': "Mon Jan _2 15:04:05 2006", 'x': "01/02/06", 'X': "15:04:05",
	'r': "03:04:05 PM", 'j': "002",
}

// timeField returns the text of a directive; false if there is none of the letter.
func timeField(t time.Time, c byte) (string, bool) {
	if layout, ok := timeLayouts[c]; ok {
		return t.Format(layout), true
	}
	s := timeNumber(t, c)
	return s, s != "" || c == 'z' || c == 'Z'
}

// timeNumber returns the text of a directive that Go's layouts cannot express, "" if there is none.
func timeNumber(t time.Time, c byte) string {
	weekday := int(t.Weekday())
	switch c {
	case '%':
		return "%"
	case 'g':
		year, _ := t.ISOWeek()
		return fmt.Sprintf("%02d", year%100)
	case 'n':
		return "\n"
	case 't':
		return "\t"
	case 'f':
		return fmt.Sprintf("%06d", t.Nanosecond()/1000)
	case 's':
		return strconv.FormatInt(t.Unix(), 10)
	case 'w':
		return strconv.Itoa(weekday)
	case 'u':
		return strconv.Itoa((weekday+6)%7 + 1)
	case 'C':
		return fmt.Sprintf("%02d", t.Year()/100)
	case 'k':
		return fmt.Sprintf("%2d", t.Hour())
	case 'l':
		return fmt.Sprintf("%2d", (t.Hour()+11)%12+1)
	case 'U':
		return fmt.Sprintf("%02d", (t.YearDay()+6-weekday)/7)
	case 'W':
		return fmt.Sprintf("%02d", (t.YearDay()+6-(weekday+6)%7)/7)
	case 'G', 'V':
		year, week := t.ISOWeek()
		if c == 'G' {
			return strconv.Itoa(year)
		}
		return fmt.Sprintf("%02d", week)
	}
	return ""
}
