package module

// Func is the code of one function. Its methods add to the end, in the order of a stack machine:
// operands first.
type Func struct {
	name   string
	index  int
	kind   int // its type's number
	params int
	locals []Type
	code   []byte
	depth  int // of open blocks
}

// Local is a parameter or a local variable.
type Local int

// Param is parameter i.
func (f *Func) Param(i int) Local { return Local(i) }

// Local declares a variable, which is zero at first.
func (f *Func) Local(t Type) Local {
	f.locals = append(f.locals, t)
	return Local(f.params + len(f.locals) - 1)
}

// Locals declares n of them.
func (f *Func) Locals(t Type, n int) []Local {
	list := make([]Local, n)
	for i := range list {
		list[i] = f.Local(t)
	}
	return list
}

// body is the function's entry in the code section, less its length.
func (f *Func) body() []byte {
	b := number(len(f.locals))
	for _, t := range f.locals {
		b = append(b, 1, byte(t))
	}
	return append(append(b, f.code...), 0x0b)
}

func (f *Func) op(code ...byte) { f.code = append(f.code, code...) }

// Get pushes locals.
func (f *Func) Get(locals ...Local) {
	for _, l := range locals {
		f.op(append([]byte{0x20}, number(int(l))...)...)
	}
}

// Set pops a local.
func (f *Func) Set(l Local) { f.op(append([]byte{0x21}, number(int(l))...)...) }

// Tee stores a local and leaves it on the stack.
func (f *Func) Tee(l Local) { f.op(append([]byte{0x22}, number(int(l))...)...) }

// Args pushes the imported global.
func (f *Func) Args() { f.op(0x23, 0) }

// Const pushes an I32.
func (f *Func) Const(n int32) { f.op(append([]byte{0x41}, signed(n)...)...) }

// Op is an instruction without operands of its own, on numbers.
type Op byte

// Instructions on numbers.
const (
	Select Op = 0x1b
	EqZ    Op = 0x45
	Eq     Op = 0x46
	LtS    Op = 0x48
	LtU    Op = 0x49
	GtS    Op = 0x4a
	Add    Op = 0x6a
	Sub    Op = 0x6b
	Mul    Op = 0x6c
	DivU   Op = 0x6e
	And    Op = 0x71
	Shl    Op = 0x74
	ShrU   Op = 0x76
)

// Op adds such instructions.
func (f *Func) Op(ops ...Op) {
	for _, o := range ops {
		f.op(byte(o))
	}
}

// AddConst adds n to what is on the stack.
func (f *Func) AddConst(n int32) {
	if n != 0 {
		f.Const(n)
		f.Op(Add)
	}
}

// Increase adds n to a local.
func (f *Func) Increase(l Local, n int32) {
	f.Get(l)
	f.AddConst(n)
	f.Set(l)
}

// Memory is an instruction that reads or writes memory: its operand is an address, to which a
// constant is added.
type Memory byte

// Instructions on memory.
const (
	Load   Memory = 0x28 // an I32
	LoadU8 Memory = 0x2d
	Store  Memory = 0x36
)

// Memory adds such an instruction.
func (f *Func) Memory(o Memory, offset int) { f.op(append([]byte{byte(o), 0}, number(offset)...)...) }

// Copy copies bytes: to, from, n.
func (f *Func) Copy() { f.op(0xfc, 10, 0, 0) }

// Call calls g.
func (f *Func) Call(g *Func) { f.op(append([]byte{0x10}, number(g.index)...)...) }

// If adds code that runs if what is on the stack is not 0, and code that runs else, which may be
// nil.
func (f *Func) If(then, otherwise func()) {
	f.op(0x04, 0x40)
	f.depth++
	then()
	if otherwise != nil {
		f.op(0x05)
		otherwise()
	}
	f.depth--
	f.op(0x0b)
}

// Repeat adds a loop: body ends by pushing what is not 0 to run it once more.
func (f *Func) Repeat(body func()) {
	f.op(0x03, 0x40)
	f.depth++
	body()
	f.op(0x0d, 0) // br_if
	f.depth--
	f.op(0x0b)
}

// CountDown runs body n times, n a local that is 0 behind it; n is at least 0.
func (f *Func) CountDown(n Local, body func()) {
	f.Get(n)
	f.If(func() {
		f.Repeat(func() {
			body()
			f.Get(n)
			f.Const(1)
			f.Op(Sub)
			f.Tee(n)
		})
	}, nil)
}
