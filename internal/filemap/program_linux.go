package filemap

import (
	"bytes"
	"fmt"
	"os"
)

// readOnlyFile tells whether n bytes from at on lie in one mapping of a file to which nothing can
// write: its pages can go and come back.
func readOnlyFile(at uintptr, n int) bool {
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		return false
	}
	for line := range bytes.Lines(maps) {
		var from, to, offset, inode uint64
		var rights, device string
		if _, err := fmt.Sscanf(string(line), "%x-%x %s %x %s %d", &from, &to, &rights, &offset, &device, &inode); err != nil {
			return false
		}
		if from <= uint64(at) && uint64(at)+uint64(n) <= to {
			return inode != 0 && len(rights) > 1 && rights[0] == 'r' && rights[1] == '-'
		}
	}
	return false
}
