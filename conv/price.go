package conv

// What a plan of the reference network's layers takes at most for each of its links: to stay,
// and while it is made.
const (
	linkBytes    = 96
	garbageBytes = 160

	// Where each position's links begin, in all passes.
	positionBytes        = 16
	positionGarbageBytes = 16

	winogradLinks = 1 << 7 // whose memory a Winograd plan's matrices take
)

// PlanBytes is about what a float32 plan of g takes, and GarbageBytes what making it leaves to the
// collector: known before there is a plan. winograd says whether it is to be by NewWinogradPlan. Of a
// geometry that is not valid both are 0.
func (g Geometry) PlanBytes(winograd bool) (stays, garbage int64) {
	h, w, err := g.Out()
	if err != nil {
		return 0, 0
	}
	if winograd && (isWinograd(g) || isStrided(g)) {
		return linkBytes * winogradLinks, garbageBytes * winogradLinks
	}
	links, positions := g.countLinks(), int64(g.InH)*int64(g.InW)+int64(h)*int64(w)
	return linkBytes*links + positionBytes*positions, garbageBytes*links + positionGarbageBytes*positions
}

// QPlanBytes is PlanBytes of an int8 plan whose kernels have panels of so many columns. Panels of four
// make twice as many tiles.
func (g Geometry) QPlanBytes(columns int) (stays, garbage int64) {
	stays, garbage = g.PlanBytes(false)
	return stays * max(1, 8/int64(columns)), garbage
}
