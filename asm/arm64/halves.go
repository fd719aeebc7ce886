package main

import "slices"

// A Cortex-A53 reads memory 64 bits at a time. A load of a whole vector keeps it from everything
// else for two cycles. Half a vector takes one, in which it also puts a general register into the
// other half of another vector, and it fills general registers beside arithmetic. So the loops for
// it load a vector in halves, each step where it costs least: one cycle for each vector in place of
// two.

// halves is a vector that is loaded while products go on.
type halves struct {
	v     int
	from  int // the first product before which it may be loaded, as register and pointer are free
	until int // the first product that reads it
	// before, if there is one, moves the pointer; it stands beside a product, so that from is 1 at
	// least. low loads the lower half, or all there is; high the upper half into a general
	// register, nil: there is none.
	before, low func()
	high        func(to string)
	alone       bool // low takes the processor to itself
}

// inHalves is the vector v at pointer, which moves on.
func (c *code) inHalves(pointer string, v int) halves {
	return halves{
		v: v, low: func() { c.op("FMOVD.P 8(%s), F%d", pointer, v) },
		high: func(to string) { c.op("MOVD.P 8(%s), %s", pointer, to) },
	}
}

// inHalf are registers on their way into an upper half.
var inHalf = []string{"R25", "R26"}

// vectorDelay is how many cycles pass until a vector that was loaded or changed can be used.
const vectorDelay = 4

// productsApart is how many FMLA stand between the places of loads. Of a load of a vector ncnn's
// authors report that it waits while an FMLA begins to add, four cycles after its start. With a
// load or nothing in every fourth cycle none waits, and so other libraries do it on this processor.
const productsApart = 3

// interleave writes n products and the loads between them: evenly, or if every is not 0, each in a
// place before every so many products, of which none is left empty that an upper half can fill.
// beside are instructions on general registers that cost nothing next to products, in order.
func (c *code) interleave(n, every int, product func(i int), loads []halves, beside ...func()) {
	type filling struct {
		*halves
		reg   string
		since int // the cycle of its lower half
	}
	var waiting []filling // for their upper halves, which are in registers
	due := func(cycle int) bool { return len(waiting) > 0 && cycle >= waiting[0].since+vectorDelay }
	insert := func() {
		c.op("VMOV %s, V%d.D[1]", waiting[0].reg, waiting[0].v)
		waiting = waiting[1:]
	}
	at := placed(n, every, loads)
	if at[0] != nil && at[0].before != nil {
		panic("nothing stands before the first product")
	}
	cycle, filled := 0, 0
	for i := range n {
		l := at[i]
		if l != nil {
			l.low()
			if !l.alone && due(cycle) {
				insert()
			}
			cycle++
		} else if every > 0 && i%every == 0 && due(cycle) {
			insert()
			cycle++
		}
		if len(waiting) > 0 && waiting[0].until <= i {
			panic("half a vector where a whole one is read")
		}
		product(i)
		if l != nil && l.high != nil {
			if len(waiting) == len(inHalf) {
				panic("too many halves on their way")
			}
			reg := inHalf[filled%len(inHalf)]
			l.high(reg)
			waiting = append(waiting, filling{l, reg, cycle - 1})
			filled++
		} else if len(beside) > 0 {
			beside[0]()
			beside = beside[1:]
		}
		cycle++
		if next := at[i+1]; next != nil && next.before != nil {
			next.before()
		}
	}
	for _, f := range beside {
		f()
	}
	for len(waiting) > 0 {
		insert()
	}
}

// loadNow writes the loads that the first round of a loop finds done.
func (c *code) loadNow(loads []halves) {
	for _, l := range loads {
		l.low()
		if l.high != nil {
			l.high(inHalf[0])
			c.op("VMOV %s, V%d.D[1]", inHalf[0], l.v)
		}
	}
}

// placed spreads the loads over n products as interleave says, the most urgent first: load at[i]
// stands before product i.
func placed(n, every int, loads []halves) map[int]*halves {
	at := map[int]*halves{}
	left := slices.Clone(loads)
	slices.SortStableFunc(left, func(a, b halves) int { return a.until - b.until })
	apart := max(n/len(loads), every)
	for p, last := 0, -apart; len(left) > 0; p++ {
		if p < last+apart || every == 0 && p < len(at)*n/len(loads) {
			continue
		}
		if places := (n - 1) / max(every, 1); every > 0 && (p%every != 0 || p/every < len(at)*places/len(loads)) { // the last one is for halves
			continue
		}
		j := slices.IndexFunc(left, func(l halves) bool { return l.from <= p })
		if j < 0 {
			continue
		}
		if p >= n || left[j].until <= p {
			panic("a vector comes too late")
		}
		l := left[j]
		at[p], last, left = &l, p, slices.Delete(left, j, j+1)
	}
	return at
}
