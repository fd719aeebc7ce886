package alloctest

import "testing"

// attempts is how often PerRun looks for a run without allocations.
const attempts = 5

// PerRun is the smallest number of heap allocations in one run of f over a few
// runs, each after one that warms up. The runtime counts allocations for the
// whole process, its own included: a garbage collection that starts its workers
// or a goroutine that parks beside f shows up in single runs, whereas what f
// itself allocates shows up in all of them. What f allocates only now and then
// goes unnoticed.
func PerRun(f func()) int {
	least := int(testing.AllocsPerRun(1, f))
	for range attempts - 1 {
		if least == 0 {
			break
		}
		least = min(least, int(testing.AllocsPerRun(1, f)))
	}
	return least
}
