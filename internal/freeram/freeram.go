package freeram

import (
	"bytes"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path"
	"strings"
)

// assumed is how many bytes there are where the system does not tell.
const assumed = 2 << 30

// Share is the part of the memory that a program takes unless its user says otherwise: three
// quarters of what this machine, the container that the process runs in, or the process's own limit
// leaves.
func Share() int64 {
	free := Available(os.DirFS("/"))
	if left, ok := addressSpace(); ok && (free == 0 || left < free) {
		free = left
	}
	if free == 0 {
		free = assumed
	}
	return min(free/4*3, math.MaxInt)
}

// Available is how many bytes this machine, or the control groups that the process belongs to,
// could still give; 0 where the system does not tell. system is the root of the file system.
func Available(system fs.FS) int64 {
	available := int64(math.MaxInt64)
	if n, ok := field(system, "proc/meminfo", "MemAvailable:"); ok {
		available = n << 10
	}
	for _, dir := range groups(system) {
		available = min(available, left(system, dir+"/memory.max", dir+"/memory.current", dir+"/memory.stat", "inactive_file"))
	}
	const v1 = "sys/fs/cgroup/memory"
	available = min(available, left(system, v1+"/memory.limit_in_bytes", v1+"/memory.usage_in_bytes", v1+"/memory.stat", "total_inactive_file"))
	if available == math.MaxInt64 {
		return 0
	}
	return available
}

// groups are the directories of the process's control group and those above it.
func groups(system fs.FS) (dirs []string) {
	const root = "sys/fs/cgroup"
	text, _ := fs.ReadFile(system, "proc/self/cgroup") // without it, the root alone
	for line := range strings.Lines(string(text)) {
		name, ok := strings.CutPrefix(strings.TrimSpace(line), "0::/")
		for name = path.Clean(name); ok && name != "." && fs.ValidPath(name); name = path.Dir(name) {
			dirs = append(dirs, root+"/"+name)
		}
	}
	return append(dirs, root)
}

// left is what a group's limit leaves, the file cache that can go at once not counted; the largest
// number there is without a limit.
func left(system fs.FS, limit, used, stat, cache string) int64 {
	most, ok := number(system, limit)
	now, also := number(system, used)
	if !ok || !also {
		return math.MaxInt64
	}
	if n, ok := field(system, stat, cache+" "); ok {
		now -= min(n, now)
	}
	return max(1, most-now)
}

// number reads a file that holds a number; "max" is none.
func number(system fs.FS, path string) (n int64, ok bool) {
	text, err := fs.ReadFile(system, path)
	if err != nil {
		return 0, false
	}
	_, err = fmt.Sscan(string(text), &n)
	return n, err == nil
}

// field reads the number after a word at the start of a line.
func field(system fs.FS, path, word string) (n int64, ok bool) {
	text, err := fs.ReadFile(system, path)
	if err != nil {
		return 0, false
	}
	for line := range bytes.Lines(text) {
		if rest, found := bytes.CutPrefix(line, []byte(word)); found {
			_, err := fmt.Sscan(string(rest), &n)
			return n, err == nil && n >= 0 && n < 1<<50
		}
	}
	return 0, false
}
