package conv

// What a plan of the reference network's layers takes at most for each of its links: to stay,
// and while it is made.
const (
	linkBytes    = 96
	garbageBytes = 160

	winogradLinks = 1 << 7 // whose memory a Winograd plan's matrices take
)

// PlanBytes is about what a float32 plan of g takes, and GarbageBytes what making it leaves to the
// collector: known before there is a plan. winograd says whether it is to be by NewWinogradPlan. Of a
// geometry that is not valid both are 0.
func (g Geometry) PlanBytes(winograd bool) (stays, garbage int64) {
	if _, _, err := g.Out(); err != nil {
		return 0, 0
	}
	n := g.countLinks()
	if winograd && (isWinograd(g) || isStrided(g)) {
		n = winogradLinks
	}
	return linkBytes * n, garbageBytes * n
}

// QPlanBytes is PlanBytes of an int8 plan whose kernels have panels of so many columns. Panels of four
// make twice as many tiles.
func (g Geometry) QPlanBytes(columns int) (stays, garbage int64) {
	stays, garbage = g.PlanBytes(false)
	return stays * max(1, 8/int64(columns)), garbage
}
