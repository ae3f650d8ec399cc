package jinja

// expr is an expression of the tree.
type expr interface {
	eval(r *run, s *scope) Value
}

// stmt is a statement of the tree.
type stmt interface {
	exec(r *run, s *scope) signal
}

// signal says how a statement ended.
type signal uint8

const (
	goOn signal = iota
	breakLoop
	continueLoop
)

// Expressions. line is where an error of the operation is reported.
type (
	// constExpr is a literal.
	constExpr struct{ v Value }

	// nameExpr is a variable; sym is its number in the template.
	nameExpr struct {
		sym  int
		name string
	}

	// attrExpr is obj.name.
	attrExpr struct {
		obj  expr
		name string
		line int
	}

	// itemExpr is obj[index].
	itemExpr struct {
		obj, index expr
		line       int
	}

	// sliceExpr is lo:hi:step between the brackets of an itemExpr; missing parts are nil.
	sliceExpr struct{ lo, hi, step expr }

	// callExpr is fn(args).
	callExpr struct {
		fn   expr
		args argList
		line int
	}

	// filterExpr is x | name(args); x is nil for the text of a filter or set block, which the run hands over.
	filterExpr struct {
		x    expr
		name string
		fn   filterFunc // nil if there is no filter of this name
		args argList
		line int
	}

	// testExpr is x is name(args).
	testExpr struct {
		x    expr
		name string
		fn   testFunc // nil if there is no test of this name
		args argList
		line int
	}

	// unaryExpr is -x or +x.
	unaryExpr struct {
		op   byte
		x    expr
		line int
	}

	// notExpr is not x.
	notExpr struct{ x expr }

	// binaryExpr is an arithmetic operation.
	binaryExpr struct {
		op   string
		a, b expr
		line int
	}

	// logicExpr is a and b, or a or b.
	logicExpr struct {
		or   bool
		a, b expr
	}

	// condExpr is then if cond else other; other may be nil.
	condExpr struct{ cond, then, other expr }

	// compareExpr is a chain of comparisons, true if all are.
	compareExpr struct {
		first expr
		rest  []comparison
		line  int
	}

	// concatExpr is a ~ b ~ ….
	concatExpr struct{ parts []expr }

	// listExpr is a list or tuple.
	listExpr struct {
		items []expr
		tuple bool
	}

	// dictExpr is {key: value, …}; keys and values alternate.
	dictExpr struct {
		items []expr
		line  int
	}
)

// comparison is one operator of a chain with its right operand.
type comparison struct {
	op string
	x  expr
}

// argList are the arguments of a call as they stand in the source.
type argList struct {
	pos         []expr
	names       []string
	vals        []expr
	star, star2 expr // *args and **kwargs, or nil
}

// Statements. hidden are the variables that are undefined at first in a body, see analyze.
type (
	// textStmt writes text of the template.
	textStmt struct{ t text }

	// outputStmt is {{ x }}.
	outputStmt struct {
		x    expr
		line int
	}

	// ifStmt is if and its elifs; conds and bodies belong together.
	ifStmt struct {
		conds  []expr
		bodies [][]stmt
		other  []stmt
	}

	// forStmt is a loop.
	forStmt struct {
		target             target
		over               expr
		filter             expr // may be nil
		body               []stmt
		other              []stmt
		recursive          bool
		captures           bool // the body defines macros, which keep its variables
		loopVar            bool // the body or what it contains uses loop
		hidden, hiddenElse []int
		line               int
	}

	// setStmt is {% set target = x %}.
	setStmt struct {
		target target
		x      expr
		line   int
	}

	// setBlockStmt is {% set target | filters %}…{% endset %}.
	setBlockStmt struct {
		target target
		filter *filterExpr // may be nil
		body   []stmt
		hidden []int
		line   int
	}

	// filterStmt is {% filter … %}.
	filterStmt struct {
		filter *filterExpr
		body   []stmt
		hidden []int
	}

	// withStmt is {% with a = x, … %}.
	withStmt struct {
		targets []target
		values  []expr
		body    []stmt
		hidden  []int
		line    int
	}

	// macroStmt defines a macro.
	macroStmt struct {
		sym int
		def *macroDef
	}

	// callStmt is {% call(params) fn(args) %}: body is the macro that the called one finds as caller.
	callStmt struct {
		call *callExpr
		body *macroDef
	}

	// blockStmt is {% block name %}.
	blockStmt struct {
		name   string
		scoped bool
		line   int
	}

	// generationStmt is {% generation %}, which is a call block in transformers.
	generationStmt struct{ body *macroDef }

	// escapeStmt is {% autoescape on %}.
	escapeStmt struct {
		on     expr
		body   []stmt
		hidden []int
	}

	// signalStmt is break or continue.
	signalStmt struct{ s signal }
)

// target is what an assignment writes to: a name, an attribute of a namespace, or several of these.
type target struct {
	sym   int
	attr  string // of the namespace in sym; "" for a plain name
	many  []target
	tuple bool // many is set, perhaps empty
	name  string
}

// macroDef is a macro, or the body of a call block.
type macroDef struct {
	name     string
	params   []param
	body     []stmt
	varargs  bool // the body uses varargs
	kwargs   bool // the body uses kwargs
	caller   bool // the body uses caller
	captures bool
	hidden   []int
	line     int
}

// param is a parameter of a macro; def is nil if it has no default.
type param struct {
	sym  int
	name string
	def  expr
}
