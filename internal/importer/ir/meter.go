package ir

// Meter bounds what reading a file allocates: twice the file's size and a little more.
type Meter struct {
	left int64 // bytes
	Most int   // elements of a constant that is computed
	work int64 // elements that may be looked at without being kept
}

// spare is what a file of no size may allocate.
const spare = 900 << 10

// NewMeter returns the bounds for a file of so many bytes.
func NewMeter(file int) *Meter {
	return &Meter{2*int64(file) + spare, file + 1<<20, 64*int64(file) + 1<<24}
}

// Widen counts n bytes of weights whose elements have size bytes each in the file, and four as
// float32: so much more may be allocated. The same bytes are not to be counted twice.
func (m *Meter) Widen(n, size int) {
	if size == 1 || size == 2 {
		m.left += int64(n)*4/int64(size) - int64(n)
	}
}

// Look counts n elements that are about to be looked at.
func (m *Meter) Look(n int) error {
	if m.work -= int64(n); m.work < 0 {
		return Refuse("its constants take too long to compute")
	}
	return nil
}

// Take counts n bytes that are about to be allocated.
func (m *Meter) Take(n int64) error {
	if n < 0 || n > m.left {
		return Damaged("its content would take more than twice the file's size in memory")
	}
	m.left -= n
	return nil
}
