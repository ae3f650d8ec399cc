package tokenizer

import "github.com/ardanlabs/jinja"

// tmplNodeKind says what an expression node is.
type tmplNodeKind uint8

const (
	tmplNodeName  tmplNodeKind = iota // a variable
	tmplNodeTemp                      // a temporary of the lowered template
	tmplNodeConst                     // a literal
	tmplNodeOp                        // an operation, evaluated by tmplGuard
	tmplNodeAnd                       // args[0] and args[1]
	tmplNodeOr                        // args[0] or args[1]
	tmplNodeCond                      // args[1] if args[0] else args[2]
)

// tmplNode is a node of an expression.
type tmplNode struct {
	kind  tmplNodeKind
	name  string      // tmplNodeName
	val   jinja.Value // tmplNodeConst
	op    tmplOp      // tmplNodeOp
	args  []*tmplNode
	depth int // of the tree below, from 1
	path  string
	line  int
}

// tmplOp is the fixed part of an operation in a template: what to run, its
// name, and where it stands. The template's operations are numbered, and the
// source that the library gets calls them by number.
type tmplOp struct {
	run  func(g *tmplGuard, op *tmplOp, args []jinja.Value) (jinja.Value, error)
	name string   // operator, attribute, filter or test
	kw   []string // names of the last len(kw) arguments
	vars []string // the same names as variables of the lowered template
	text string   // literal text to write
	n    int      // small number: position, arity
	call bool     // a plain call, f(x)
	desc string   // the first operand as the source has it, for errors
	line int
}

// tmplUndefName is a variable that no template can set; its value is undefined.
const tmplUndefName = " undefined"

// tmplMaxPath is the longest path that messages show.
const tmplMaxPath = 60

// describe returns the source form of a variable with attributes and
// subscripts, for messages; "" for other expressions and long ones.
func (n *tmplNode) describe() string {
	if n.kind == tmplNodeName && len(n.name) <= tmplMaxPath {
		return n.name
	}
	return n.path
}

// setPath gives an attribute or subscript of obj its source form.
func (n *tmplNode) setPath(obj *tmplNode, suffix string) {
	if path := obj.describe(); path != "" && len(path)+len(suffix) <= tmplMaxPath {
		n.path = path + suffix
	}
}
