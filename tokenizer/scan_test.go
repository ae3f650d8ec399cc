package tokenizer

import (
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"
)

// cutWith returns the parts of text, separated by |.
func cutWith(text string, splitters ...splitter) string {
	var v view
	v.load(text)
	ends, _ := splitAll(&v, splitters, nil, nil)
	var parts []string
	lo := 0
	for _, hi := range ends {
		parts = append(parts, string(v.cp[lo:hi]))
		lo = hi
	}
	return strings.Join(parts, "|")
}

// TestSplit shows what each pre-tokeniser is about. Parts are separated by |.
func TestSplit(t *testing.T) {
	tests := []struct{ pre, text, want string }{
		{"gpt-2", "I'll don'T  12345 ok!?\n\nx ", "I|'ll| don|'|T| | 12345| ok|!?|\n|\n|x| "},
		{"llama3", "I'LL don't  12345 ok!?\n\nx ", "I|'LL| don|'t| | |123|45| ok|!?\n\n|x| "},
		{"llama3", "a \n \n  b", "a| \n \n| | b"},
		{"jais-2", "a" + strings.Repeat(" ", 12) + "b", "a|        |  | | b"},
		{"qwen2", "x123 y", "x|1|2|3| y"},
		{"qwen2", "हिन्दी", "ह|िन|्द|ी"},
		{"qwen35", "हिन्दी", "हिन्दी"},
		{"laguna", "a!\n\nb", "a|!|\n\n|b"},
		{"seed-coder", "a!\n\nb", "a|!|\n\n|b"},
		{"ufakzeka", "Ankara'da don't", "Ankara|'da| don|'t"},
		{"exaone-moe", "hello big world 12!\nx", "hello big world| |1|2|!\n|x"},
		{"tekken", "XMLHttp camelCase 12!/\nx", "XMLHttp| camel|Case| |1|2|!/\n|x"},
		{"gpt-4o", "XMLHttp's don'T 1234", "XMLHttp's| don'T| |123|4"},
		{"tiny_aya", "x 1234567 Don't", "x| |1|234|567| Don't"},
		{"youtu", "你好，世界 안녕 x1", "你好|，|世界| |안녕| x|1"},
		{"kimi-k2", "你好hello世界's", "你好|hello|世界|'s"},
		{"deepseek-v3", "a 1234 你好!x\n", "a| |123|4| |你好|!x|\n"},
		{"spark2_5", "a!\n\nb", "a|!|\n|\n|b"},
		{"afmoe", "x1234567 日本は", "x|1|234|567| |日本は"},
		{"deepseek-llm", "ab 你好 12  ", "ab| |你好| |12|  "},
		{"deepseek-coder", "ab !? 12", "ab| !?| |1|2"},
		{"falcon", "a+b 12345", "a|+|b| |123|45"},
		{"default", "a`b 12345", "a|`|b| |123|45"},
		{"starcoder", "a 12 b", "a| |1|2| b"},
		{"poro-chat", "a, b(c)d", "a|,| b|(|c|)|d"},
		{"viking", "a 12,b", "a| |1|2|,|b"},
		{"superbpe", "a b1234567c", "a b|1|234|567|c"},
		{"chameleon", "x<sentinel:3>IMGIMGABZ    ok", "x|<|sentinel|:|3|>|IMGIMGABZ|    |ok"},
		{"gemma4", "a b\n\n\nc", "a b|\n\n\n|c"},
		{"minicpm5", "a 1234", "a| |123|4"},
	}
	for _, tt := range tests {
		if got := cutWith(tt.text, findPretype(tt.pre).split...); got != tt.want {
			t.Errorf("%s %q:\n got %s\nwant %s", tt.pre, tt.text, got, tt.want)
		}
	}
}

// TestSplitKeepsAll makes sure that the parts of every pre-tokeniser are the whole text, and never empty.
func TestSplitKeepsAll(t *testing.T) {
	for i := range pretypes {
		for _, text := range readGolden(t).Texts {
			var v view
			v.load(text)
			ends, _ := splitAll(&v, pretypes[i].split, nil, nil)
			last := 0
			for _, end := range ends {
				if end <= last {
					t.Fatalf("%s %q: ends %v", pretypes[i].names, text, ends)
				}
				last = end
			}
			if last != len(v.cp) {
				t.Fatalf("%s %q: ends at %d of %d", pretypes[i].names, text, last, len(v.cp))
			}
		}
	}
}

// TestMatchersAgainstRegexp compares matchers with Go's regular expressions, which have no look-ahead and otherwise the
// same rule: the first alternative wins.
func TestMatchersAgainstRegexp(t *testing.T) {
	tests := []struct {
		expr string
		m    matcher
	}{
		{`'s|'t|'re|'ve|'m|'ll|'d`, contraction(false)},
		{`(?i:'s|'t|'re|'ve|'m|'ll|'d)`, contractionFold},
		{` ?\p{L}+`, spaced(cLetter)},
		{`\s?\p{P}+`, whiteThen(cPunct)},
		{`[^\r\n\p{L}\p{N}]?\p{L}+`, prefixed(notWord, cLetter)},
		{`[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+`, prefixed(notWord, cWord)},
		{`[^\r\n\p{L}\p{N}]?[A-Zé]*[a-zé]+|[^\r\n\p{L}\p{N}]?[A-Zé]+[a-zé]*`, cased(notWord, cLetter)},
		{`[^\r\n\p{L}\p{N}]?(?:\p{L}\p{M}*(?: \p{L}\p{M}*)*)+`, phrase(notWord)},
		{`\p{N}{1,3}`, upTo(3, cNumber)},
		{` ?[^\s\p{L}\p{N}]+[\r\n]*`, marks(cRest, tailLines)},
		{` ?[^\s\p{L}\p{N}]+[\r\n/]*`, marks(cRest, tailSlashes)},
		{` ?[^\s\p{L}\p{N}]+[\r\n/]?`, marks(cRest, tailOne)},
		{`[!-/:-@\[-` + "`" + `{-~][A-Za-z]+`, asciiWord},
		{`\s*[\r\n]+`, lines},
		{`[\r\n]`, oneLine},
		{`\s+`, spaces},
		{`[^\n]+|\n+`, byLines},
		{`[\t\n]|    |  `, indent},
		{`[0-9][0-9][0-9]`, threeDigits},
		{`[\p{P}$+<=>^~|]+`, signs("$+<=>^~|")},
		{`[/a-cé]+`, of(parseSet("éa-c/"))},
		{` ?[^\s,.]+`, notOf(parseSet(",."))},
	}
	r := rand.New(rand.NewPCG(9, 10))
	alphabet := []rune("abstrvelmdABSTRVELMDé'' \n\r\t12,.!/$-_\u0301")
	for _, tt := range tests {
		re := regexp.MustCompile(`^(?:` + tt.expr + `)`)
		for range 3000 {
			rs := make([]rune, 1+r.IntN(12))
			for i := range rs {
				rs[i] = alphabet[r.IntN(len(alphabet))]
			}
			var v view
			v.load(string(rs))
			want := len([]rune(re.FindString(string(rs))))
			if got := tt.m(&v, 0, len(rs)); got != want {
				t.Fatalf("%s on %q: %d, want %d", tt.expr, string(rs), got, want)
			}
		}
	}
}

func TestSpacesBefore(t *testing.T) {
	for text, want := range map[string]int{"  x": 1, " x": 0, "   ": 3, "\n x": 1, "x": 0, "\u3000\u3000x": 1} {
		var v view
		v.load(text)
		if got := spacesBefore(&v, 0, len(v.cp)); got != want {
			t.Errorf("%q: %d, want %d", text, got, want)
		}
	}
}

func TestParseSet(t *testing.T) {
	s := parseSet("c-ea一-三b")
	for r, want := range map[rune]bool{'`': false, 'a': true, 'b': true, 'c': true, 'd': true, 'e': true, 'f': false, '一': true, '丁': true, '三': true, '上': false} {
		if s.has(r) != want {
			t.Errorf("%q: %v", r, !want)
		}
	}
	if len(s) != 4 {
		t.Errorf("ranges are not joined: %q", []rune(s))
	}
}

// TestPretypeNames makes sure that no name stands in two rows.
func TestPretypeNames(t *testing.T) {
	seen := map[string]bool{}
	for _, p := range pretypes {
		for name := range strings.FieldsSeq(p.names) {
			if seen[name] {
				t.Errorf("%s twice", name)
			}
			seen[name] = true
		}
	}
	if len(seen) != 91 {
		t.Errorf("%d names", len(seen))
	}
}
