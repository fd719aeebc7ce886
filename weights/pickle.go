package weights

import (
	"encoding/binary"
	"math"
	"strconv"

	"github.com/gantiny/gantiny/internal/importer/ir"
)

// This file reads Python's pickles as data. The machine has a stack and a memory as Python's has,
// but calling something makes an object that says what was called, and no more.

// Values of a pickle: nil, bool, int64, float64, string, and these.
type (
	list   struct{ items []any }
	tuple  []any
	dict   struct{ keys, values []any }
	global struct{ module, name string }
	// object is what calling function with arguments would give.
	object struct {
		function  any
		arguments tuple
		state     any
	}
	// persistent is what the file has outside of the pickle.
	persistent struct{ id any }
	mark       struct{}
	// pickled is what a pickle holds, and all that it says to be outside.
	pickled struct {
		value   any
		outside []persistent
	}
)

// unpickler is the machine.
type unpickler struct {
	b     []byte
	pos   int
	m     *ir.Meter
	stack []any
	memo  map[uint64]any
	out   pickled
	err   error
}

const (
	valueBytes = 160 // what a value costs, with its place on the stack or in a list
	memoBytes  = 128 // what a place in memory costs
	shortInt   = 8   // bytes of an integer; longer ones are of no use here
)

// unpickle reads one pickle, and returns how long it is.
func unpickle(b []byte, m *ir.Meter) (p pickled, n int, err error) {
	u := &unpickler{b: b, m: m, memo: map[uint64]any{}}
	for u.err == nil {
		code := u.byte()
		if code == '.' {
			u.out.value = u.pop()
			return u.out, u.pos, u.err
		}
		step := opcodes[code]
		if step == nil {
			u.fail("opcode %#02x", code)
			break
		}
		if err := m.Take(valueBytes); err != nil {
			return p, 0, err
		}
		step(u)
	}
	return p, 0, u.err
}

func (u *unpickler) fail(format string, args ...any) {
	if u.err == nil {
		u.err = ir.Damaged("a pickle with "+format+" at %d", append(args, u.pos)...)
	}
}

// bytes returns the next n bytes.
func (u *unpickler) bytes(n uint64) []byte {
	if n > uint64(len(u.b)-u.pos) {
		u.fail("something cut off")
	}
	if u.err != nil {
		return nil
	}
	b := u.b[u.pos : u.pos+int(n)]
	u.pos += int(n)
	return b
}

func (u *unpickler) byte() byte {
	if b := u.bytes(1); b != nil {
		return b[0]
	}
	return 0
}

// uint reads n bytes, at most 8, as a number.
func (u *unpickler) uint(n int) uint64 {
	var word [8]byte
	copy(word[:], u.bytes(uint64(n)))
	return binary.LittleEndian.Uint64(word[:])
}

// line returns the text up to the next line's beginning.
func (u *unpickler) line() string {
	for i, c := range u.b[u.pos:] {
		if c == '\n' {
			return u.text(uint64(i), 1)
		}
	}
	u.fail("a line cut off")
	return ""
}

// text returns a text of n bytes, and passes over some more.
func (u *unpickler) text(n, more uint64) string {
	b := u.bytes(n)
	u.bytes(more)
	if err := u.m.Take(int64(n)); err != nil && u.err == nil {
		u.err = err
	}
	if u.err != nil {
		return ""
	}
	return string(b)
}

func (u *unpickler) push(v any) { u.stack = append(u.stack, v) }

func (u *unpickler) pop() any {
	if len(u.stack) == 0 {
		u.fail("nothing on its stack")
		return nil
	}
	v := u.stack[len(u.stack)-1]
	u.stack = u.stack[:len(u.stack)-1]
	return v
}

// top returns the value on the stack that is left there.
func (u *unpickler) top() any {
	if len(u.stack) == 0 {
		u.fail("nothing on its stack")
		return nil
	}
	return u.stack[len(u.stack)-1]
}

// marked takes what stands above the last mark, and the mark.
func (u *unpickler) marked() []any {
	for i := len(u.stack) - 1; i >= 0; i-- {
		if _, ok := u.stack[i].(mark); !ok {
			continue
		}
		n := len(u.stack) - i - 1
		if err := u.m.Take(16 * int64(n)); err != nil {
			u.err = err
			return nil
		}
		out := append([]any(nil), u.stack[i+1:]...)
		u.stack = u.stack[:i]
		return out
	}
	u.fail("no mark")
	return nil
}

// last takes the n upper values.
func (u *unpickler) last(n int) tuple {
	if len(u.stack) < n {
		u.fail("nothing on its stack")
		return nil
	}
	out := append(tuple(nil), u.stack[len(u.stack)-n:]...)
	u.stack = u.stack[:len(u.stack)-n]
	return out
}

// remember keeps the upper value under a number.
func (u *unpickler) remember(k uint64) {
	if err := u.m.Take(memoBytes); err != nil && u.err == nil {
		u.err = err
	}
	if u.err == nil {
		u.memo[k] = u.top()
	}
}

// recall pushes what is kept under a number.
func (u *unpickler) recall(k uint64) {
	v, ok := u.memo[k]
	if !ok {
		u.fail("no value %d", k)
	}
	u.push(v)
}

// number reads a line as a whole number.
func (u *unpickler) number() uint64 {
	n, err := strconv.ParseUint(u.line(), 10, 32)
	if err != nil {
		u.fail("a number that is none")
	}
	return n
}

// long pushes an integer of n bytes.
func (u *unpickler) long(n uint64) {
	b := u.bytes(n)
	if n > shortInt { // PyTorch's mark at the beginning is one; no shape or stride is
		u.push(string(b))
		if err := u.m.Take(int64(n)); err != nil && u.err == nil {
			u.err = err
		}
		return
	}
	var v int64
	for i, c := range b {
		v |= int64(c) << (8 * i)
	}
	if k := 64 - 8*uint(n); n > 0 {
		v = v << k >> k // the sign
	}
	u.push(v)
}

// add puts values at the end of the list that is the upper one.
func (u *unpickler) add(values ...any) {
	switch l := u.top().(type) {
	case *list:
		l.items = append(l.items, values...)
	case *object, nil: // of a class of its own
	default:
		u.fail("values for what is no list")
	}
}

// put gives the dictionary that is the upper value keys and values in turn.
func (u *unpickler) put(pairs []any) {
	if len(pairs)%2 != 0 {
		u.fail("a key without a value")
		return
	}
	switch d := u.top().(type) {
	case *dict:
		for i := 0; i < len(pairs); i += 2 {
			d.keys, d.values = append(d.keys, pairs[i]), append(d.values, pairs[i+1])
		}
	case *object, nil:
	default:
		u.fail("keys for what is no dictionary")
	}
}

// call notes a call of a function; those that make dictionaries do.
func (u *unpickler) call() {
	arguments, ok := u.pop().(tuple)
	if !ok {
		u.fail("arguments that are no tuple")
	}
	function := u.pop()
	if function == (global{"collections", "OrderedDict"}) {
		u.ordered(arguments)
		return
	}
	u.push(&object{function: function, arguments: arguments})
}

// ordered makes a dictionary: empty, or of a list of pairs, as Python 2 wrote it.
func (u *unpickler) ordered(arguments tuple) {
	d := &dict{}
	u.push(d)
	if len(arguments) == 0 {
		return
	}
	pairs, ok := arguments[0].(*list)
	if !ok || len(arguments) > 1 {
		u.fail("an OrderedDict of something else")
		return
	}
	for _, p := range pairs.items {
		var pair []any
		switch p := p.(type) {
		case *list:
			pair = p.items
		case tuple:
			pair = p
		}
		if err := u.m.Take(valueBytes); err != nil && u.err == nil {
			u.err = err
		}
		if len(pair) != 2 {
			u.fail("an OrderedDict of something else")
		}
		if u.err != nil {
			return
		}
		d.keys, d.values = append(d.keys, pair[0]), append(d.values, pair[1])
	}
}

// build gives an object its state; that of a dictionary is of no interest.
func (u *unpickler) build() {
	state := u.pop()
	if o, ok := u.top().(*object); ok {
		o.state = state
	}
}

// outside pushes what is outside of the pickle: a storage, or the class of a module, with which
// older checkpoints of whole modules hold its source.
func (u *unpickler) outside(id any) {
	if t, ok := id.(tuple); ok && len(t) > 1 && t[0] == "module" {
		u.push(t[1])
		return
	}
	u.out.outside = append(u.out.outside, persistent{id})
	u.push(persistent{id})
}

// class pushes a function or class by its name.
func (u *unpickler) class() {
	name, ok := u.pop().(string)
	module, ok2 := u.pop().(string)
	if !ok || !ok2 {
		u.fail("a class without a name")
	}
	u.push(global{module, name})
}

// float pushes a number of eight bytes.
func (u *unpickler) float() {
	var word [8]byte
	copy(word[:], u.bytes(8))
	u.push(math.Float64frombits(binary.BigEndian.Uint64(word[:])))
}
