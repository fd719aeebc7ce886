package weights

import (
	"strconv"
	"strings"
)

// opcodes are what a pickle is made of, those of protocols 0 to 5 that data needs.
var opcodes = [256]func(u *unpickler){
	0x80: func(u *unpickler) { u.byte() },   // PROTO
	0x95: func(u *unpickler) { u.bytes(8) }, // FRAME
	'(':  func(u *unpickler) { u.push(mark{}) },
	'0':  func(u *unpickler) { u.pop() },
	'1':  func(u *unpickler) { u.marked() },
	'2':  func(u *unpickler) { u.push(u.top()) },

	'N':  func(u *unpickler) { u.push(nil) },
	0x88: func(u *unpickler) { u.push(true) },
	0x89: func(u *unpickler) { u.push(false) },
	'J':  func(u *unpickler) { u.push(int64(int32(u.uint(4)))) },
	'K':  func(u *unpickler) { u.push(int64(u.uint(1))) },
	'M':  func(u *unpickler) { u.push(int64(u.uint(2))) },
	0x8a: func(u *unpickler) { u.long(u.uint(1)) },
	0x8b: func(u *unpickler) { u.long(u.uint(4)) },
	'I':  textInt,
	'L':  textInt,
	'G':  (*unpickler).float,
	'F':  textFloat,

	'X':  func(u *unpickler) { u.push(u.text(u.uint(4), 0)) },
	0x8c: func(u *unpickler) { u.push(u.text(u.uint(1), 0)) },
	0x8d: func(u *unpickler) { u.push(u.text(u.uint(8), 0)) },
	'U':  func(u *unpickler) { u.push(u.text(u.uint(1), 0)) },
	'T':  func(u *unpickler) { u.push(u.text(u.uint(4), 0)) },
	'B':  func(u *unpickler) { u.push(u.text(u.uint(4), 0)) },
	'C':  func(u *unpickler) { u.push(u.text(u.uint(1), 0)) },
	0x8e: func(u *unpickler) { u.push(u.text(u.uint(8), 0)) },
	'V':  func(u *unpickler) { u.push(u.line()) },
	'S':  func(u *unpickler) { u.push(strings.Trim(u.line(), `'"`)) },

	']':  func(u *unpickler) { u.push(&list{}) },
	'l':  func(u *unpickler) { u.push(&list{u.marked()}) },
	'a':  func(u *unpickler) { v := u.pop(); u.add(v) },
	'e':  func(u *unpickler) { v := u.marked(); u.add(v...) },
	'}':  func(u *unpickler) { u.push(&dict{}) },
	'd':  func(u *unpickler) { v := u.marked(); u.push(&dict{}); u.put(v) },
	's':  func(u *unpickler) { v := u.last(2); u.put(v) },
	'u':  func(u *unpickler) { v := u.marked(); u.put(v) },
	')':  func(u *unpickler) { u.push(tuple(nil)) },
	't':  func(u *unpickler) { u.push(tuple(u.marked())) },
	0x85: func(u *unpickler) { u.push(u.last(1)) },
	0x86: func(u *unpickler) { u.push(u.last(2)) },
	0x87: func(u *unpickler) { u.push(u.last(3)) },
	0x8f: func(u *unpickler) { u.push(&list{}) }, // EMPTY_SET
	0x90: func(u *unpickler) { v := u.marked(); u.add(v...) },
	0x91: func(u *unpickler) { u.push(&list{u.marked()}) }, // FROZENSET

	'q':  func(u *unpickler) { u.remember(u.uint(1)) },
	'r':  func(u *unpickler) { u.remember(u.uint(4)) },
	'p':  func(u *unpickler) { u.remember(u.number()) },
	0x94: func(u *unpickler) { u.remember(uint64(len(u.memo))) },
	'h':  func(u *unpickler) { u.recall(u.uint(1)) },
	'j':  func(u *unpickler) { u.recall(u.uint(4)) },
	'g':  func(u *unpickler) { u.recall(u.number()) },

	'c':  func(u *unpickler) { module := u.line(); u.push(global{module, u.line()}) },
	0x93: (*unpickler).class,
	'R':  (*unpickler).call,
	0x81: (*unpickler).call, // NEWOBJ
	'b':  (*unpickler).build,
	'Q':  func(u *unpickler) { u.outside(u.pop()) },
	'P':  func(u *unpickler) { u.outside(u.line()) },
}

func textInt(u *unpickler) {
	text := strings.TrimSuffix(u.line(), "L")
	switch text {
	case "00":
		u.push(false)
		return
	case "01":
		u.push(true)
		return
	}
	v, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		u.fail("a number that is none")
	}
	u.push(v)
}

func textFloat(u *unpickler) {
	v, err := strconv.ParseFloat(u.line(), 64)
	if err != nil {
		u.fail("a number that is none")
	}
	u.push(v)
}
