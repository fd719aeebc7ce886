package onnx

// meter bounds what reading a file allocates: twice the file's size and a little more.
type meter struct {
	left int64 // bytes
	most int   // elements of a constant that is computed
	work int64 // elements that may be looked at without being kept
}

// spare is what a file of no size may allocate.
const spare = 900 << 10

func newMeter(file int) *meter {
	return &meter{2*int64(file) + spare, file + 1<<20, 64*int64(file) + 1<<24}
}

// look counts n elements that are about to be looked at.
func (m *meter) look(n int) error {
	if m.work -= int64(n); m.work < 0 {
		return refuse("its constants take too long to compute")
	}
	return nil
}

// take counts n bytes that are about to be allocated.
func (m *meter) take(n int64) error {
	if n < 0 || n > m.left {
		return damaged("its content would take more than twice the file's size in memory")
	}
	m.left -= n
	return nil
}
