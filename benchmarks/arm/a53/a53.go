package a53

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/gantiny/gantiny/benchmarks/arm/listing"
)

// Core is the model with what is not known of it.
type Core struct {
	Replicate int  // cycles of LD4R
	Adding    bool // whether loads of vectors wait while an FMLA begins to add
}

const (
	vectorLatency = 4
	loadLatency   = 3
	addDelay      = 4
)

// kind says what can go together in one cycle.
type kind int

const (
	vector kind = iota
	vectorLoad
	halfLoad // a vector load of 64 bits or less
	insert   // of a general register into half a vector
	load
	integer
	branch
)

// step is an instruction as the model sees it.
type step struct {
	kind      kind
	busy      int      // cycles until the next instruction can start
	latency   int      // until results are there
	from, to  []string // registers
	writeBack string   // a pointer that moves on
	adds      bool     // FMLA
}

var register = regexp.MustCompile(`\b([vqdsxwr])(\d+)`)

var span = regexp.MustCompile(`v(\d+)(\.\w+)-v(\d+)\.\w+`)

// spread names each register of a list such as {v28.4s-v31.4s}.
func spread(operands string) string {
	return span.ReplaceAllStringFunc(operands, func(s string) string {
		m := span.FindStringSubmatch(s)
		first, _ := strconv.Atoi(m[1])
		last, _ := strconv.Atoi(m[3])
		var names []string
		for v := first; v <= last; v++ {
			names = append(names, fmt.Sprintf("v%d%s", v, m[2]))
		}
		return strings.Join(names, ", ")
	})
}

// read decodes an instruction of an inner loop. replicate is the cycles of an LD4R.
func read(i listing.Instruction, replicate int) step {
	mnemonic, operands, _ := strings.Cut(i.Text, " ")
	if mnemonic[0] == 'v' {
		return readA32(mnemonic, operands, replicate)
	}
	operands = spread(operands)
	var regs []string
	for _, m := range register.FindAllStringSubmatch(operands, -1) {
		file := "x"
		if !strings.Contains("xwr", m[1]) {
			file = "v"
		}
		regs = append(regs, file+m[2])
	}
	vectors := func() (n int) {
		for _, r := range regs {
			if r[0] == 'v' {
				n++
			}
		}
		return n
	}
	switch {
	case strings.HasPrefix(mnemonic, "ld") && vectors() > 0:
		n := vectors()
		s := step{kind: vectorLoad, busy: 2 * n, latency: vectorLatency, to: regs[:n], from: regs[n:]}
		if narrow := operands[0]; narrow == 'd' || narrow == 's' {
			s.busy = n
			if n == 1 {
				s.kind = halfLoad
			}
		}
		switch mnemonic {
		case "ld4r", "ld2r", "ld1r":
			s.busy = max(1, replicate*n/4)
		}
		if strings.Contains(operands, "], ") {
			s.writeBack = regs[n]
		}
		return s
	case strings.HasPrefix(mnemonic, "ld"):
		return step{kind: load, busy: 1, latency: loadLatency, to: regs[:1], from: regs[1:]}
	case i.IsBranch():
		return step{kind: branch, busy: 1, from: regs}
	case mnemonic == "mov" && len(regs) == 2 && regs[1][0] == 'x':
		return step{kind: insert, busy: 1, latency: vectorLatency, to: regs[:1], from: regs} // the other half too
	case vectors() > 0:
		s := step{kind: vector, busy: 1, latency: vectorLatency, to: regs[:1], from: regs[1:], adds: mnemonic == "fmla"}
		if i.IsMultiply() && !strings.HasPrefix(mnemonic, "smull") || mnemonic == "sadalp" {
			s.from = regs // the sum too
		}
		return s
	}
	return step{kind: integer, busy: 1, latency: 1, to: regs[:1], from: regs[1:]}
}

var (
	halves    = regexp.MustCompile(`\b([qdr])(\d+)(?:\[\d?\])?(?:-d(\d+))?`)
	structure = regexp.MustCompile(`^\{(.*)\}, \[(r\d+|ip)\](!|, r\d+)?$`)
)

// halvesOf names the registers of 64 bits that operands name, and the general ones.
func halvesOf(operands string) (list []string) {
	for _, m := range halves.FindAllStringSubmatch(operands, -1) {
		first, _ := strconv.Atoi(m[2])
		last := first
		switch {
		case m[1] == "r":
			list = append(list, "x"+m[2])
			continue
		case m[1] == "q":
			first, last = 2*first, 2*first+1
		case m[3] != "":
			last, _ = strconv.Atoi(m[3])
		}
		for v := first; v <= last; v++ {
			list = append(list, fmt.Sprintf("v%d", v))
		}
	}
	return list
}

// readA32 is read for the vector instructions of 32-bit code.
func readA32(mnemonic, operands string, replicate int) step {
	if m := structure.FindStringSubmatch(operands); m != nil {
		s := step{kind: vectorLoad, latency: vectorLatency, to: halvesOf(m[1]), from: halvesOf(m[2] + m[3])}
		s.busy = len(s.to)
		if strings.HasSuffix(m[1], "[]") {
			s.busy = max(1, replicate*len(s.to)/4)
		}
		if m[3] != "" {
			s.writeBack = s.from[0]
		}
		return s
	}
	d, from, _ := strings.Cut(operands, ", ")
	s := step{kind: vector, busy: 1, latency: vectorLatency, to: halvesOf(d), from: halvesOf(from)}
	if strings.HasPrefix(mnemonic, "vmla") || strings.HasPrefix(mnemonic, "vpadal") {
		s.from = append(s.from, s.to...)
	}
	return s
}

// together tells whether two kinds can start in one cycle.
func together(a, b kind) bool {
	pairs := [][2]kind{
		{vector, load}, {vector, integer}, {vector, branch}, {integer, integer}, {integer, branch}, {load, integer},
		{halfLoad, insert}, {insert, integer}, {insert, branch},
	}
	return slices.Contains(pairs, [2]kind{a, b}) || slices.Contains(pairs, [2]kind{b, a})
}

// Cycles is the cycles of one round of the loop in a long run.
func (core Core) Cycles(loop []listing.Instruction) float64 {
	var steps []step
	for _, i := range loop {
		steps = append(steps, read(i, core.Replicate))
	}
	ready := map[string]int{}
	adds := map[int]bool{} // cycles in which an FMLA begins to add
	now, next := 0, 0      // the cycle of the last instruction, and the first one for an instruction that cannot go with it
	single := false        // the last instruction has its cycle to itself so far
	last := integer
	const settle, rounds = 4, 16
	begin := 0
	for round := range settle + rounds {
		if round == settle {
			begin = now
		}
		for _, s := range steps {
			wait := 0
			for _, r := range s.from {
				wait = max(wait, ready[r])
			}
			if single && wait <= now && together(last, s.kind) {
				single = false
			} else {
				now = max(next, wait)
				for core.Adding && (s.kind == vectorLoad || s.kind == halfLoad) && adds[now] {
					now++
				}
				next = now + s.busy
				single, last = s.busy == 1, s.kind
			}
			adds[now+addDelay] = adds[now+addDelay] || s.adds
			for i, r := range s.to {
				ready[r] = now + s.latency
				if s.kind == vectorLoad {
					ready[r] += s.busy * i / len(s.to)
				}
			}
			if s.writeBack != "" {
				ready[s.writeBack] = now + 1
			}
		}
	}
	return float64(now-begin) / rounds
}

// Arithmetic counts vector instructions that are no loads: as many cycles at least.
func Arithmetic(loop []listing.Instruction) (n int) {
	for _, i := range loop {
		if read(i, 2).kind == vector {
			n++
		}
	}
	return n
}

// Inserts tells whether i moves a general register into half a vector.
func Inserts(i listing.Instruction) bool { return read(i, 2).kind == insert }
