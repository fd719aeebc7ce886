package arena

import (
	"fmt"
	"runtime"
	"testing"
	"unsafe"
)

func Example() {
	v := Floats(3)
	v[1] = 2
	fmt.Println(v, cap(v))
	// Output: [0 2 0] 3
}

func TestFloats(t *testing.T) {
	for _, n := range []int{0, 1, 15, 16, 17, 1000, big/4 - 1, big / 4, big/4 + 12345} {
		v := Floats(n)
		if len(v) != n || cap(v) != n {
			t.Fatalf("Floats(%d): length %d, capacity %d", n, len(v), cap(v))
		}
		if n == 0 {
			continue
		}
		if at := uintptr(unsafe.Pointer(&v[0])); at%line != 0 || n >= big/4 && at%page != 0 {
			t.Errorf("Floats(%d) starts at %#x", n, at)
		}
		for i := range v {
			if v[i] != 0 {
				t.Fatalf("Floats(%d)[%d] = %v", n, i, v[i])
			}
			v[i] = 1
		}
		runtime.GC()
	}
}
