package ir

// Meter bounds what reading a file allocates: twice the file's size and a little more.
type Meter struct {
	left int64 // bytes
	Most int   // elements of a constant that is computed
	work int64 // elements that may be looked at without being kept

	calls, fail int // calls of Take and Look so far, and the one that fails
}

// spare is what a file of no size may allocate.
const spare = 900 << 10

// NewMeter returns the bounds for a file of so many bytes.
func NewMeter(file int) *Meter {
	return &Meter{left: 2*int64(file) + spare, Most: file + 1<<20, work: 64*int64(file) + 1<<24}
}

// Failing is NewMeter, but the call of Take or Look of this number, from 1, fails: for tests of
// what becomes of files that meet their bounds at any place. Its second result tells whether it
// came to that.
func Failing(file, call int) (m *Meter, failed func() bool) {
	m = NewMeter(file)
	m.fail = call
	return m, func() bool { return m.calls >= call }
}

// fails counts a call and tells whether it is the one that fails.
func (m *Meter) fails() bool {
	m.calls++
	return m.calls == m.fail
}

// Widen counts n bytes of weights whose elements have size bytes each in the file, and four as
// float32: so much more may be allocated. The same bytes are not to be counted twice.
func (m *Meter) Widen(n, size int) {
	if size == 1 || size == 2 {
		m.left += int64(n)*4/int64(size) - int64(n)
	}
}

// Look counts n elements that are about to be looked at, of constants or of sizes.
func (m *Meter) Look(n int) error {
	if m.work -= int64(n); m.work < 0 || m.fails() {
		return Refuse("what it has computed beforehand takes too long")
	}
	return nil
}

// Take counts n bytes that are about to be allocated.
func (m *Meter) Take(n int64) error {
	if n < 0 || n > m.left || m.fails() {
		return Damaged("its content would take more than twice the file's size in memory")
	}
	m.left -= n
	return nil
}
