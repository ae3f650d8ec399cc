package huggingface

import (
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// modelID is what the name of a repository tells.
type modelID struct{ name, org, base, finetune, version, size string }

// Parts of names between dashes.
var (
	versionPart = regexp.MustCompile(`(?i)^(v|iter)?\d+([.]\d+)*$`)
	typePart    = regexp.MustCompile(`(?i)^(i?q\d(_\w)*|b?fp?(16|32))$`)
	sizePart    = regexp.MustCompile(`(?i)^((([A]|\d+[x])?\d+([._]\d+)?[KMBT][\d]?|small|mini|medium|large|x?xl))$`)
	tunePart    = regexp.MustCompile(`(?i)^(chat|instruct|vision|lora)$`)
	lowerVerbat = regexp.MustCompile(`^(v\d+(?:\.\d+)*|\d.*)$`)
)

// idPart is a part of a name and what it is taken for.
type idPart struct {
	text string
	kind map[string]bool
}

// splitID takes a name such as Qwen/Qwen2.5-7B-Instruct-1M apart; total is how many weights the model has.
func splitID(id string, total int) modelID {
	if strings.Contains(id, " ") {
		return modelID{name: id} // a sentence, not the name of a repository
	}
	org, name, ok := strings.Cut(id, "/")
	if !ok {
		org, name = "", id
	}
	if strings.HasPrefix(org, ".") {
		org = ""
	}
	var parts []idPart
	for s := range strings.SplitSeq(name, "-") {
		if s != "" {
			parts = append(parts, judge(s, len(parts), total))
		}
	}
	dropWords(parts)
	markBase(parts)
	p := modelID{name: name, org: org, base: pick(parts, "basename", false)}
	p.finetune, p.size = pick(parts, "finetune", false), pick(parts, "size_label", true)
	var versions []string
	for _, part := range parts {
		if part.kind["version"] && !part.kind["basename"] {
			versions = append(versions, part.text)
		}
	}
	p.version = strings.Join(versions, "-")
	if p.size == "" && p.finetune == "" && p.version == "" {
		p.base = "" // too little to tell
	}
	return p
}

// judge says what part number i is.
func judge(s string, i, total int) idPart {
	p := idPart{s, map[string]bool{}}
	switch {
	case versionPart.MatchString(s):
		p.kind["version"] = true
	case typePart.MatchString(s):
		p.kind["type"] = true
		p.text = strings.ToUpper(s)
	case i > 0 && sizePart.MatchString(s):
		p.size(total)
	case i > 0 && tunePart.MatchString(s):
		p.kind["finetune"] = true
	}
	return p
}

// size makes a part a number of weights, or a fine-tune for a length of context such as 128k.
func (p *idPart) size(total int) {
	s := strings.ReplaceAll(p.text, "_", ".")
	if isDigit(s[len(s)-1]) { // bloom-7b1
		n := len(s)
		s = s[:n-2] + "." + s[n-1:] + s[n-2:n-1]
	}
	last := s[len(s)-1]
	if len(s) > 1 && isDigit(s[len(s)-2]) && strings.IndexByte("kmbt", last) >= 0 {
		s = s[:len(s)-1] + strings.ToUpper(s[len(s)-1:])
	}
	if x, err := strconv.ParseFloat(s[:len(s)-1], 64); err == nil && total != 0 {
		weights := x * math.Pow(1000, float64(strings.IndexByte(" KMBT", s[len(s)-1])))
		if total > 0 && math.Abs(weights-float64(total)) > float64(7*total/8) {
			p.kind["finetune"] = true
			s = s[:len(s)-1] + strings.ToLower(s[len(s)-1:])
		}
	}
	if len(p.kind) == 0 {
		p.kind["size_label"] = true
	}
	p.text = s
}

func isDigit(b byte) bool { return b >= '0' && b <= '9' }

// dropWords forgets sizes that are words if there is one with a number.
func dropWords(parts []idPart) {
	numbered := slices.ContainsFunc(parts, func(p idPart) bool {
		return p.kind["size_label"] && strings.ContainsAny(p.text, "0123456789")
	})
	for _, p := range parts {
		if numbered && p.kind["size_label"] && !strings.ContainsFunc(p.text, func(r rune) bool { return !unicode.IsLetter(r) }) {
			delete(p.kind, "size_label")
		}
	}
}

// markBase marks the parts in front as the base's name, and others that are nothing else as a fine-tune's.
func markBase(parts []idPart) {
	start := true
	for _, p := range parts {
		first := []rune(p.text)[0]
		if start && (len(p.kind) == 0 && unicode.IsLetter(first) || p.kind["version"]) {
			p.kind["basename"] = true
			continue
		}
		start = false
		if len(p.kind) == 0 {
			p.kind["finetune"] = true
		}
	}
	for _, p := range slices.Backward(parts) {
		if !p.kind["basename"] || len(p.kind) == 1 {
			break
		}
		delete(p.kind, "basename")
	}
}

// pick joins the parts of a kind.
func pick(parts []idPart, kind string, unique bool) string {
	var out []string
	for _, p := range parts {
		if p.kind[kind] && (!unique || !slices.Contains(out, p.text)) {
			out = append(out, p.text)
		}
	}
	return strings.Join(out, "-")
}

// title writes a name with spaces, and words in lower case with capitals.
func title(s string) string {
	words := strings.Fields(strings.ReplaceAll(s, "-", " "))
	for i, w := range words {
		if strings.ToLower(w) == w && strings.ToUpper(w) != w && !lowerVerbat.MatchString(w) {
			words[i] = capitals(w)
		}
	}
	return strings.Join(words, " ")
}

// capitals makes the first of letters that stand together a capital.
func capitals(w string) string {
	inside := false
	return strings.Map(func(r rune) rune {
		letter := unicode.IsLetter(r)
		if letter && !inside {
			r = unicode.ToTitle(r)
		}
		inside = letter
		return r
	}, w)
}

// sizeLabel writes a number of weights such as 135M or 8x7B.
func sizeLabel(total, shared, expert, experts int) string {
	if experts > 0 {
		return strconv.Itoa(experts) + "x" + rounded(shared+expert)
	}
	return rounded(total)
}

// rounded writes a number with two digits at least.
func rounded(n int) string {
	x, unit := float64(n), "K"
	switch {
	case x > 1e12:
		x, unit = x*1e-12, "T"
	case x > 1e9:
		x, unit = x*1e-9, "B"
	case x > 1e6:
		x, unit = x*1e-6, "M"
	default:
		x *= 1e-3
	}
	digits := len(strings.TrimLeft(strconv.FormatFloat(math.RoundToEven(x), 'f', 0, 64), "0"))
	return strconv.FormatFloat(x, 'f', max(2-digits, 0), 64) + unit
}
