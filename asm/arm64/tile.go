package main

import "fmt"

// The C tile: 7 rows of two vectors each in V0-V13. V14-V27 hold values of A, V28-V31 rows of B.
const (
	tileRows = 7
	tileCols = 8
	firstA   = 14
	firstB   = 28
)

// Registers of both kinds of tiles. R9-R15 point into A, a register a row.
const (
	regBlock = "R0"
	regTap   = "R1"
	regTaps  = "R2" // left
	regK     = "R3"
	regB     = "R4"
	regLDA   = "R5"
	regLDB   = "R6"
	regLeft  = "R7" // of k
	regC     = "R8"
	regLDC   = "R16"
	regRest  = "R17"
	regBaseA = "R19"
	regBaseB = "R20"
	regARun  = "R21"
	regCRun  = "R22"
	regTemp  = "R23"

	regSixteens = "R24" // sixteens of k in a tap
	regBack     = "R6"  // how far rows of A go back before the next round's loads
)

func acc(r, j int) int      { return 2*r + j }
func rowOfA(r int) string   { return fmt.Sprintf("R%d", 9+r) }
func firstRun(rows int) int { return (rows + 1) / 2 }

// byRows branches on the number of rows in regTemp to one body for each count.
func (c *code) byRows(body func(rows int)) {
	c.op("CMP $%d, %s", tileRows, regTemp) // the most frequent one
	c.op("BEQ rows%d", tileRows)
	for r := 1; r < tileRows-1; r++ {
		c.op("CMP $%d, %s", r, regTemp)
		c.op("BEQ rows%d", r)
	}
	c.op("B rows%d", tileRows-1)
	for r := tileRows; r > 0; r-- {
		c.label(fmt.Sprintf("rows%d", r))
		body(r)
		c.op("RET")
	}
}

// moveC moves the tile from or to memory; its second run of rows starts regCRun bytes after the
// first if runs is set.
func (c *code) moveC(b *block, store bool, rows int, runs bool) {
	c.get(b, regBlock, "c", regC)
	for r := range rows {
		switch {
		case runs && r == firstRun(rows):
			c.get(b, regBlock, "c", regC)
			c.op("ADD %s, %s", regCRun, regC)
		case r > 0:
			c.op("ADD %s, %s", regLDC, regC)
		}
		if store {
			c.op("FSTPQ (F%d, F%d), (%s)", acc(r, 0), acc(r, 1), regC)
		} else {
			c.op("FLDPQ (%s), (F%d, F%d)", regC, acc(r, 0), acc(r, 1))
		}
	}
}

// rowsOfA sets the pointers to all rows from the first one's; the second run starts arun bytes
// after the first.
func (c *code) rowsOfA(rows int, lda, arun string) {
	for r := 1; r < rows; r++ {
		if r == firstRun(rows) {
			c.op("ADD %s, %s, %s", arun, rowOfA(0), rowOfA(r))
		} else {
			c.op("ADD %s, %s, %s", lda, rowOfA(r-1), rowOfA(r))
		}
	}
}

// tap fetches the next tap: rowOfA(0) and regB point to its first values.
func (c *code) tap(half bool) {
	c.op("LDP.P 16(%s), (%s, %s)", regTap, rowOfA(0), regB)
	c.op("ADD %s<<2, %s, %s", rowOfA(0), regBaseA, rowOfA(0))
	shift := 2 // of float32
	if half {
		shift = 1
	}
	c.op("ADD %s<<%d, %s, %s", regB, shift, regBaseB, regB)
}
