package mysql

import "github.com/bellowsdb/bellows/sqltext"

// keyword is a word that can open, close or introduce a body.
type keyword int

const (
	kwNone keyword = iota
	kwAggregate
	kwAlter
	kwAs
	kwAtomic
	kwBegin
	kwCase
	kwCharacter
	kwCreate
	kwDeclare
	kwDefiner
	kwDo
	kwEach
	kwElse
	kwEnd
	kwEvent
	kwFor
	kwFunction
	kwHandler
	kwIf
	kwIs
	kwLoop
	kwNot
	kwOr
	kwPackage
	kwProcedure
	kwRepeat
	kwReplace
	kwReturn
	kwReturns
	kwRow
	kwSQL
	kwSQLState
	kwThen
	kwTrigger
	kwValue
	kwWhile
	kwWork
	kwOperator  // any word that an operand must follow
	kwStatement // any word that begins a statement which has no body
	kwTruth     // NULL and what else follows IS
)

var keywords = sqltext.Words[keyword]{
	"AGGREGATE": kwAggregate, "ALTER": kwAlter, "AS": kwAs, "ATOMIC": kwAtomic, "BEGIN": kwBegin,
	"CASE": kwCase, "CHARACTER": kwCharacter, "CREATE": kwCreate, "DECLARE": kwDeclare, "DEFINER": kwDefiner,
	"DO": kwDo, "EACH": kwEach, "ELSE": kwElse, "END": kwEnd, "EVENT": kwEvent, "FOR": kwFor,
	"FUNCTION": kwFunction, "HANDLER": kwHandler, "IF": kwIf, "IS": kwIs, "LOOP": kwLoop, "NOT": kwNot,
	"OR": kwOr, "PACKAGE": kwPackage, "PROCEDURE": kwProcedure, "REPEAT": kwRepeat, "REPLACE": kwReplace,
	"RETURN": kwReturn, "RETURNS": kwReturns, "ROW": kwRow, "SECURITY": kwSQL, "SQL": kwSQL,
	"SQLSTATE": kwSQLState, "THEN": kwThen, "TRIGGER": kwTrigger, "VALUE": kwValue, "WHILE": kwWhile, "WORK": kwWork,

	"WHEN": kwOperator, "AND": kwOperator, "XOR": kwOperator, "BETWEEN": kwOperator, "LIKE": kwOperator,
	"IN": kwOperator, "DIV": kwOperator, "MOD": kwOperator, "BINARY": kwOperator, "INTERVAL": kwOperator,
	"REGEXP": kwOperator, "RLIKE": kwOperator, "DISTINCT": kwOperator,

	"ANALYZE": kwStatement, "CALL": kwStatement, "COMMIT": kwStatement, "DEALLOCATE": kwStatement,
	"DELETE": kwStatement, "DROP": kwStatement, "EXECUTE": kwStatement, "FLUSH": kwStatement,
	"GET": kwStatement, "GRANT": kwStatement, "INSERT": kwStatement, "KILL": kwStatement,
	"OPTIMIZE": kwStatement, "PREPARE": kwStatement, "RENAME": kwStatement, "RESIGNAL": kwStatement,
	"REVOKE": kwStatement, "ROLLBACK": kwStatement, "SELECT": kwStatement, "SET": kwStatement,
	"SHOW": kwStatement, "SIGNAL": kwStatement, "START": kwStatement, "TRUNCATE": kwStatement,
	"UPDATE": kwStatement, "VALUES": kwStatement, "WITH": kwStatement,

	"NULL": kwTruth, "TRUE": kwTruth, "FALSE": kwTruth, "UNKNOWN": kwTruth,
}

// opens tells whether the keyword begins a statement that an END closes.
func (k keyword) opens() bool {
	switch k {
	case kwBegin, kwCase, kwIf, kwLoop, kwRepeat, kwWhile, kwFor:
		return true
	}
	return false
}

// stage is how far a statement has come.
type stage int

const (
	head      stage = iota // not known yet what it is
	plain                  // the next semicolon ends it
	heading                // CREATE PROCEDURE and the like, before the body
	returning              // behind RETURN: a function's body, or in Oracle mode its type
	declaring              // declarations of Oracle mode, between AS and BEGIN
	within                 // in a body
)

// condition is how far DECLARE … HANDLER FOR … has come; the statement that
// handles begins behind the last condition.
type condition int

const (
	noHandler condition = iota
	declared            // DECLARE
	handler             // DECLARE … HANDLER
	expecting           // a condition must follow
	listed              // a condition stands before
)

// block is an open BEGIN, IF, LOOP, … or CASE.
type block struct {
	kind keyword
	at   int  // offset of its keyword
	expr bool // a CASE inside an expression, which a plain END closes
	wait bool // a WHILE or FOR whose DO (in Oracle mode LOOP) is still to come
}

// token is a token of code with what it means here.
type token struct {
	sqltext.Token
	word keyword
	sign byte // a Punct of one character, labelOpen, labelClose, or 0
}

// The signs around a label of Oracle mode.
const (
	labelOpen  byte = 1 + iota // <<
	labelClose                 // >>
)

func sign(op string) byte {
	switch {
	case len(op) == 1:
		return op[0]
	case op == "<<":
		return labelOpen
	case op == ">>":
		return labelClose
	}
	return 0
}

// body finds the semicolon that ends a statement, through all that MySQL and
// MariaDB allow inside one. The grammar is that of sql_yacc.yy of both. The
// zero value stands before the first token.
type body struct {
	stage   stage
	routine keyword // what CREATE creates, when it can have a body
	lead    keyword // first word of the statement; kwFor stands in for a label
	first   token
	last    token
	count   int

	account bool // an account's name must follow, as in DEFINER = x
	parens  int  // open parentheses of a heading
	ready   bool // a heading is complete as far as the body can begin

	stack []block
	start bool    // a statement begins here
	label bool    // the last token began a statement and can be its label
	ended bool    // the last token was the END of a statement, whose keyword may follow
	inner keyword // first word of the statement inside the body
	event bool    // the statement inside the body creates an event
	cond  condition

	member   bool // in a package, inside the heading of a routine
	declares bool // and behind its AS
}

func (b *body) reset() { *b = body{stack: b.stack[:0]} }

// step takes the next token of code and tells whether it is the semicolon that
// ends the statement.
func (b *body) step(text string, t sqltext.Token) bool {
	tok := token{Token: t}
	switch t.Kind {
	case sqltext.Punct:
		tok.sign = sign(text[t.Start:t.End])
	case sqltext.Word:
		if b.stage != plain && b.last.sign != '.' {
			tok.word = keywords.Of(text[t.Start:t.End])
		}
	}
	ended := b.take(tok)
	if b.count == 0 {
		b.first = tok
	}
	b.count++
	b.last = tok
	return ended
}

func (b *body) take(t token) bool {
	switch b.stage {
	case head:
		return b.head(t)
	case heading:
		return b.heading(t)
	case returning:
		return b.returning(t)
	case declaring:
		b.declaring(t)
		return false
	case within:
		return b.within(t)
	}
	if b.label && t.sign == ':' { // what looked like a statement was a label
		b.stage, b.start = within, true
	}
	b.label = false
	return t.sign == ';'
}

// head finds out what the statement is.
func (b *body) head(t token) bool {
	switch {
	case t.sign == ';':
		b.stage = plain
		return true
	case b.count == 0:
		b.lead = t.word
		b.begin(t)
	case b.lead == kwBegin && t.word == kwWork:
		b.stage = plain
	case b.lead == kwBegin:
		b.enter(block{kind: kwBegin, at: b.first.Start})
		return b.within(t)
	case b.lead == kwCreate || b.lead == kwAlter:
		b.create(t)
	case t.sign == ':':
		b.stage, b.start = within, true
	default:
		b.stage = plain
	}
	return false
}

// begin takes the first token. Any that is no keyword can be a label.
func (b *body) begin(t token) {
	switch {
	case t.word == kwCreate, t.word == kwAlter, t.word == kwBegin:
	case t.word == kwDeclare:
		b.stage = declaring
	case t.word.opens():
		b.stage, b.start = within, true
		b.within(t)
	case t.word != kwNone || t.Kind != sqltext.Word && t.Kind != sqltext.Quoted:
		b.stage, b.label = plain, t.Kind == sqltext.Word
	}
}

// enter opens a block whose first statement follows.
func (b *body) enter(open block) {
	b.stage, b.start = within, true
	b.stack = append(b.stack, open)
}

// create reads from CREATE to the kind of what is created.
func (b *body) create(t token) {
	switch {
	case t.sign == '=' || t.sign == '@':
		b.account = true
	case t.Kind == sqltext.Punct || t.Kind == sqltext.Param:
	case b.account:
		b.account = false
	default:
		b.created(t)
	}
}

func (b *body) created(t token) {
	switch t.word {
	case kwOr, kwReplace, kwAggregate, kwDefiner, kwSQL:
	case kwEvent:
		b.stage, b.routine = heading, t.word
	case kwProcedure, kwFunction, kwTrigger:
		b.stage, b.routine = heading, t.word
		if b.lead == kwAlter {
			b.stage, b.routine = plain, kwNone
		}
	case kwPackage:
		b.routine = t.word
		b.enter(block{kind: kwPackage, at: t.Start})
		b.start = false
	default:
		b.stage = plain
	}
}

// heading reads from the kind of a routine to its body.
func (b *body) heading(t token) bool {
	called := b.routine == kwProcedure || b.routine == kwFunction
	switch {
	case t.sign == '(':
		b.parens++
	case t.sign == ')':
		b.parens--
		b.ready = b.ready || called && b.parens == 0
	case b.parens > 0:
	case t.sign == ';':
		return true
	case t.sign == ':' && b.ready:
		b.stage, b.start = within, true
	case t.word == kwRow && b.routine == kwTrigger && b.last.word == kwEach:
		b.ready = true
	case t.word == kwDo && b.routine == kwEvent:
		b.stage, b.start = within, true
	case called && (t.word == kwAs || t.word == kwIs):
		b.stage = declaring
	case called && t.word == kwReturn:
		b.stage = returning
	case b.ready && t.word.opens():
		b.stage, b.start = within, true
		return b.within(t)
	case b.ready && t.word == kwDeclare:
		b.stage = declaring
	case b.ready && b.statement(t):
		b.stage, b.label = plain, true
	}
	return false
}

// statement tells whether a word of a heading begins the body, one statement.
func (b *body) statement(t token) bool {
	switch t.word {
	case kwStatement, kwReplace, kwDo, kwCreate, kwAlter:
		return b.last.word != kwReturns && b.last.word != kwCharacter
	}
	return false
}

// returning waits for the AS or IS that makes RETURN x a part of the heading.
func (b *body) returning(t token) bool {
	switch {
	case t.sign == '(':
		b.parens++
	case t.sign == ')':
		b.parens--
	case b.parens > 0:
	case b.last.word == kwAs, b.last.word == kwIs && t.word != kwNot && t.word != kwTruth:
		b.stage = declaring
		b.declaring(t)
		return false
	}
	return t.sign == ';'
}

// declaring waits for the BEGIN that ends the declarations of Oracle mode.
func (b *body) declaring(t token) {
	behind := b.last.sign == ';' || b.last.word == kwAs || b.last.word == kwIs || b.last.word == kwDeclare
	switch {
	case t.word == kwBegin && behind:
		b.enter(block{kind: kwBegin, at: t.Start})
	case t.Kind == sqltext.String && b.last.word == kwAs:
		b.stage = plain // a body in another language, as one string
	}
}

// within reads the body and tells whether its last semicolon is reached.
func (b *body) within(t token) bool {
	start := b.start || b.conditions(t)
	label := b.label
	b.start, b.label = false, start && (t.Kind == sqltext.Word || t.Kind == sqltext.Quoted)
	if b.ended && b.close(t.word) {
		return false
	}
	switch {
	case t.sign == ';':
		b.semicolon()
		return len(b.stack) == 0
	case t.sign == ':' && label:
		b.start = true
	case t.sign == labelClose && b.inner == kwOperator:
		b.start, b.inner = true, kwNone
	case start:
		b.inner = t.word
		b.begins(t)
	default:
		if label && t.word == kwHandler { // CONTINUE HANDLER among the declarations of Oracle mode
			b.cond = handler
		}
		b.inside(t)
	}
	return false
}

// semicolon ends a statement inside the body.
func (b *body) semicolon() {
	for len(b.stack) > 0 && b.top().expr {
		b.pop()
	}
	b.start, b.event, b.cond = true, false, noHandler
	b.member = b.member && b.declares
}

func (b *body) top() *block {
	if len(b.stack) == 0 {
		return &block{}
	}
	return &b.stack[len(b.stack)-1]
}

func (b *body) pop() {
	if n := len(b.stack); n > 0 {
		b.stack = b.stack[:n-1]
	}
}

// conditions reads DECLARE … HANDLER FOR a, b and tells whether the handling
// statement begins with t.
func (b *body) conditions(t token) bool {
	switch b.cond {
	case declared:
		if t.word == kwHandler {
			b.cond = handler
		}
	case handler:
		if t.word == kwFor {
			b.cond = expecting
		}
	case expecting:
		if t.word != kwNot && t.word != kwSQLState && t.word != kwValue {
			b.cond = listed
		}
	case listed:
		b.cond = expecting
		if t.sign != ',' {
			b.cond = noHandler
			return true
		}
	}
	return false
}

// begins takes the first token of a statement inside the body.
func (b *body) begins(t token) {
	if t.sign == labelOpen {
		b.inner = kwOperator
	}
	switch t.word {
	case kwBegin:
		b.block(t)
	case kwIf:
		b.stack = append(b.stack, block{kind: t.word, at: t.Start})
	case kwCase:
		b.stack = append(b.stack, block{kind: t.word, at: t.Start})
	case kwLoop, kwRepeat:
		b.enter(block{kind: t.word, at: t.Start})
	case kwWhile, kwFor:
		b.stack = append(b.stack, block{kind: t.word, at: t.Start, wait: true})
	case kwEnd:
		b.ended = true
	case kwElse:
		b.start = true
	case kwDeclare:
		b.cond = declared
		if b.top().kind == kwPackage {
			b.member, b.declares = true, true
		}
	case kwProcedure, kwFunction:
		b.routineOf(t)
	}
}

// close takes the word behind END and closes the innermost block if the two are
// its end: END IF, END CASE, …, and for BEGIN and PACKAGE a plain END. It tells
// whether the word was the block's.
func (b *body) close(word keyword) bool {
	b.ended = false
	top := b.top().kind
	if !word.opens() {
		if top == kwBegin || top == kwPackage {
			b.pop()
		}
		return false
	}
	if top == word || word == kwLoop && (top == kwWhile || top == kwFor) { // Oracle mode ends each with END LOOP
		b.pop()
	}
	return true
}

// block takes a BEGIN. In a package the one that belongs to no routine begins
// the package's own statements, which the package's END closes.
func (b *body) block(t token) {
	if b.top().kind == kwPackage && !b.member {
		b.start = true
		return
	}
	b.member, b.declares = false, false
	b.enter(block{kind: kwBegin, at: t.Start})
}

// routineOf takes the PROCEDURE or FUNCTION of a package.
func (b *body) routineOf(t token) {
	if b.top().kind == kwPackage && !b.declares {
		b.member = true
	}
}

// inside takes a token in the middle of a statement of the body.
func (b *body) inside(t token) {
	top := b.top()
	switch t.word {
	case kwCase:
		b.stack = append(b.stack, block{kind: kwCase, at: t.Start, expr: true})
	case kwEnd:
		if top.expr && b.operand() {
			b.pop()
		}
	case kwRepeat:
		if b.last.word == kwEnd && top.kind == kwRepeat {
			b.pop()
		}
	case kwThen, kwElse:
		b.start = !top.expr
	case kwDo, kwLoop:
		b.start = top.wait || b.event
		top.wait = false
	case kwEvent:
		b.event = b.inner == kwCreate || b.inner == kwAlter
	case kwAtomic:
		b.start = b.last.word == kwNot
	case kwBegin:
		if top.kind == kwPackage && b.member || b.last.word == kwDeclare {
			b.block(t)
		}
	default:
		b.packaged(t)
	}
}

// packaged reads what leads to the declarations of a package or of a routine in it.
func (b *body) packaged(t token) {
	if b.top().kind != kwPackage {
		return
	}
	switch t.word {
	case kwAs, kwIs:
		b.start = true
		b.declares = b.member
	case kwProcedure, kwFunction:
		b.routineOf(t)
	}
}

// operand tells whether the last token can end an expression, so that an END
// behind it closes a CASE; elsewhere end is a column, for it is not reserved.
func (b *body) operand() bool {
	switch b.last.word {
	case kwOperator, kwThen, kwElse, kwCase, kwOr, kwNot, kwIs:
		return false
	}
	return b.last.Kind != sqltext.Punct || b.last.sign == ')'
}

// unclosed is what a text that ends here has left open; code is the offset of
// the statement.
func (b *body) unclosed(code int) sqltext.Open {
	if b.stage == declaring {
		return sqltext.Open{At: code, What: "routine", Hint: "its declarations must be followed by BEGIN … END;"}
	}
	if b.ended {
		b.close(kwNone)
	}
	if b.stage != within || len(b.stack) == 0 {
		return sqltext.Open{}
	}
	open := sqltext.Open{At: b.top().at}
	switch b.top().kind {
	case kwBegin:
		open.What, open.Hint = "BEGIN", "close it with END;"
	case kwPackage:
		open.What, open.Hint = "PACKAGE", "close it with END;"
	case kwIf:
		open.What, open.Hint = "IF", "close it with END IF;"
	case kwCase:
		open.What, open.Hint = "CASE", "close it with END, as a statement with END CASE;"
	case kwLoop:
		open.What, open.Hint = "LOOP", "close it with END LOOP;"
	case kwRepeat:
		open.What, open.Hint = "REPEAT", "close it with UNTIL … END REPEAT;"
	case kwFor:
		open.What, open.Hint = "FOR", "close it with END FOR;"
	case kwWhile:
		open.What, open.Hint = "WHILE", "close it with END WHILE;"
	}
	return open
}
