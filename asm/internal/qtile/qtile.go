package qtile

// fields are four bytes each; Start, Requantize and neighbors follow, a byte each.
var fields = []string{"A", "B", "S", "C", "Q", "Scale", "LDA", "ARun", "LDC", "CRun", "LDQ", "Rows", "Cols", "Tap", "Taps"}

// Size is the bytes of a QTile.
const Size = 64

// Offset is where field name stands.
func Offset(name string) int {
	for i, f := range fields {
		if f == name {
			return 4 * i
		}
	}
	for i, f := range []string{"Start", "Requantize", "neighbors"} {
		if f == name {
			return 4*len(fields) + i
		}
	}
	panic("QTile has no " + name)
}
