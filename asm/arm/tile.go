package main

// One pointer walks the rows of a tile: R4, by R5 from one row to the next, by R6 from the first
// run of rows to the second and by R7 from the last row to the first one's next values.

// firstRun is how many of a tile's rows lie in the first run.
func firstRun(rows int) int { return (rows + 1) / 2 }

// step is the register that leads from row r to the next of rows; last where there is none.
func step(r, rows int, last string) string {
	switch r {
	case rows - 1:
		return last
	case firstRun(rows) - 1:
		return "R6"
	}
	return "R5"
}

// across turns R6 from where the second run starts, seen from the first, into the step to it.
func (c *code) across(rows int) {
	for range firstRun(rows) - 1 {
		c.op("SUB R5, R6")
	}
}

// back sets R7 for a step of so many bytes, of two rows at least.
func (c *code) back(bytes, rows int) {
	c.op("RSB $%d, R6, R7", bytes)
	for range rows - 2 {
		c.op("SUB R5, R7")
	}
}
