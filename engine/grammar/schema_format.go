package grammar

// Regular expressions of formats, as RFC 3339, 4122, 5321, 1123, 2673, 4291 and 3986 have them, or a part of it: what
// is rare in practice (leap seconds, quoted local parts, zones of IPv6 addresses) is left out.
const (
	monthDay = `(?:(?:0[13578]|1[02])-(?:0[1-9]|[12]\d|3[01])|(?:0[469]|11)-(?:0[1-9]|[12]\d|30)|02-(?:0[1-9]|1\d|2[0-8]))`
	leapDay  = `(?:\d\d(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)-02-29`
	dateForm = `(?:\d{4}-` + monthDay + `|` + leapDay + `)`
	timeForm = `(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,9})?(?:Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)`
	label    = `[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?`
	hostForm = label + `(?:\.` + label + `){0,3}` // 4 × 63 characters and the dots are 255
	byteForm = `(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)`
	ipv4Form = byteForm + `(?:\.` + byteForm + `){3}`
	word     = `[0-9A-Fa-f]{1,4}`
	ipv6Form = `(?:(?:` + word + `:){7}` + word + `|(?:` + word + `:){1,7}:|(?:` + word + `:){1,6}:` + word +
		`|(?:` + word + `:){1,5}(?::` + word + `){1,2}|(?:` + word + `:){1,4}(?::` + word + `){1,3}|(?:` + word +
		`:){1,3}(?::` + word + `){1,4}|(?:` + word + `:){1,2}(?::` + word + `){1,5}|` + word + `:(?::` + word +
		`){1,6}|:(?:(?::` + word + `){1,7}|:))`
	atom    = `[A-Za-z0-9!#$%&'*+/=?^_{|}~-]+`
	uriChar = `(?:[A-Za-z0-9._~!$&'()*+,;=:@/-]|%[0-9A-Fa-f]{2})`
)

// formats are the formats of strings by name.
var formats = map[string]string{
	"date":      `^` + dateForm + `$`,
	"time":      `^` + timeForm + `$`,
	"date-time": `^` + dateForm + `T` + timeForm + `$`,
	"duration": `^P(?:\d{1,9}W|(?:\d{1,9}Y(?:\d{1,9}M(?:\d{1,9}D)?)?|\d{1,9}M(?:\d{1,9}D)?|\d{1,9}D)` +
		`(?:T(?:\d{1,9}H(?:\d{1,9}M(?:\d{1,9}S)?)?|\d{1,9}M(?:\d{1,9}S)?|\d{1,9}S))?` +
		`|T(?:\d{1,9}H(?:\d{1,9}M(?:\d{1,9}S)?)?|\d{1,9}M(?:\d{1,9}S)?|\d{1,9}S))$`,
	"email":    `^` + atom + `(?:\.` + atom + `)*@` + hostForm + `$`,
	"hostname": `^` + hostForm + `$`,
	"ipv4":     `^` + ipv4Form + `$`,
	"ipv6":     `^` + ipv6Form + `$`,
	"uri":      `^[A-Za-z][A-Za-z0-9+.-]*:` + `(?://[A-Za-z0-9._~-]+(?::\d{1,5})?(?:/` + uriChar + `*)?|[A-Za-z0-9._~-]` + uriChar + `*)(?:\?` + uriChar + `*)?(?:#` + uriChar + `*)?$`,
	"uuid":     `^[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}$`,
}

// numberFormats are OpenAPI's formats of numbers, which say nothing of strings.
var numberFormats = map[string]bool{"int32": true, "int64": true, "float": true, "double": true}

// formatPattern returns the regular expression of a format, "" for one of numbers.
func formatPattern(v *value) (string, error) {
	name, err := v.text()
	if err != nil || numberFormats[name] {
		return "", err
	}
	if p, ok := formats[name]; ok {
		return p, nil
	}
	return "", v.errorf(ErrUnsupported, "format %q", name)
}
