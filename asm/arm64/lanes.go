package main

import (
	"fmt"
	"strings"
)

// lanes writes code for one vector of each stream, or for one element where a slice has a ragged
// end: the instructions are the same, only loads and stores are narrower, so that an element's
// value does not depend on its place.
type lanes struct {
	*code
	streams []string // registers that point to each stream
	scalars map[string]int
	width   int // 4, or 1
	disp    int // bytes from the streams' registers
	used    int // vectors in use
	limit   int // vectors from here on are taken
}

const firstScalar = 16 // scalars lie from here on

// tmp is a free vector.
func (l *lanes) tmp() int {
	if l.used++; l.used > l.limit {
		panic("out of vectors")
	}
	return l.used - 1
}

func (l *lanes) kind() string {
	if l.width == 1 {
		return "FMOVS"
	}
	return "FMOVQ"
}

// load fetches stream i into a free vector.
func (l *lanes) load(i int) int {
	v := l.tmp()
	l.op("%s %d(%s), F%d", l.kind(), l.disp, l.streams[i], v)
	return v
}

func (l *lanes) store(v, i int) { l.op("%s F%d, %d(%s)", l.kind(), v, l.disp, l.streams[i]) }

// leaky: v = v < 0 ? slope*v : v.
func (l *lanes) leaky(v, slope int) {
	t, m := l.tmp(), l.tmp()
	l.word("fmul", t, v, slope)
	l.word("fcmlt0", m, v)
	l.bit(v, t, m)
}

// leakyGrad: dy = z > 0 ? dy : slope*dy. It returns where the result is and spends z.
func (l *lanes) leakyGrad(dy, z, slope int) int {
	t := l.tmp()
	l.word("fmul", t, dy, slope)
	l.word("fcmgt0", z, z)
	l.bit(t, dy, z)
	return t
}

var streamRegs = []string{"R0", "R1", "R2", "R3", "R4"}

// flat is an operation on slices, element by element.
type flat struct {
	name, doc string
	slices    []string // parameters, outputs first
	scalars   []string
	table     string // the struct of its constants, passed by pointer; "" for none
	result    string // "float32", if it returns a sum of lanes
	unroll    int    // vectors at once
	before    func(l *lanes)
	body      func(l *lanes)
	after     func(l *lanes)
}

func (f flat) write(to *file) {
	name := f.name + "_neon"
	params := []param{pointers(f.slices...), ints("n")}
	if f.table != "" {
		params = append(params, param{"t", "*" + f.table})
	}
	if f.scalars != nil {
		params = append(params, floats(f.scalars...))
	}
	c := to.function(name, f.result, params, fmt.Sprintf("%s works like %sScalar for i < n:", name, f.name), f.doc)
	l := &lanes{code: c, streams: streamRegs[:len(f.slices)], scalars: map[string]int{}, limit: firstScalar}
	var what []string
	for i, s := range f.slices {
		what = append(what, streamRegs[i]+": "+s)
		c.load(s, streamRegs[i])
	}
	c.comment(strings.Join(what, "; ") + "; R8: elements left")
	c.load("n", "R8")
	for i, s := range f.scalars {
		l.scalars[s] = firstScalar + i
		c.everyLane(s, firstScalar+i)
	}
	if f.before != nil {
		f.before(l)
	}
	base := l.used
	steps := []step{{1, 4}, {1, 1}}
	if f.unroll > 1 {
		steps = append([]step{{f.unroll, 4}}, steps...)
	}
	c.inSteps("R8", steps, func(s step) {
		for j := range s.vectors {
			l.used, l.width, l.disp = base, s.width, 16*j
			f.body(l)
		}
		for _, r := range l.streams {
			c.op("ADD $%d, %s", 4*s.elements(), r)
		}
	})
	if f.after != nil {
		f.after(l)
	}
	c.op("RET")
}
