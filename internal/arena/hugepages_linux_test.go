package arena

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Large buffers are marked for huge pages; whether some are free at the moment is up to the
// machine.
func TestHugePages(t *testing.T) {
	control, err := unix.Mmap(-1, 0, 2*page, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Munmap(control)
	if err := unix.Madvise(control, unix.MADV_HUGEPAGE); err != nil || !marked(t, &control[0]) {
		t.Skip("this system has no huge pages or does not show their mark")
	}
	v := Floats(big)
	if !marked(t, (*byte)(unsafe.Pointer(&v[0]))) {
		t.Error("a large buffer is not marked for huge pages")
	}
	runtime.KeepAlive(v)
}

// marked reports whether the mapping that holds p has the flag hg.
func marked(t *testing.T, p *byte) bool {
	maps, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		t.Skip(err)
	}
	at, inside := uintptr(unsafe.Pointer(p)), false
	for l := range strings.Lines(string(maps)) {
		f := strings.Fields(l)
		var from, to uintptr
		if n, _ := fmt.Sscanf(f[0], "%x-%x", &from, &to); n == 2 {
			inside = from <= at && at < to
		} else if inside && f[0] == "VmFlags:" {
			return slices.Contains(f, "hg")
		}
	}
	return false
}
