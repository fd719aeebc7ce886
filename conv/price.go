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

// PlanBytes estimates, without making a plan, the bytes that a float32 plan of g takes and the
// garbage that making it leaves. winograd selects NewWinogradPlan. Both results are 0 if g is not
// valid.
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

// QPlanBytes is PlanBytes for an int8 plan whose kernels have panels of the given number of
// columns. Panels of four columns need twice as many tiles.
func (g Geometry) QPlanBytes(columns int) (stays, garbage int64) {
	stays, garbage = g.PlanBytes(false)
	return stays * max(1, 8/int64(columns)), garbage
}
