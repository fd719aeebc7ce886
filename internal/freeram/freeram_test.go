package freeram

import (
	"fmt"
	"testing"
	"testing/fstest"
)

func Example() {
	fmt.Println(Share() > 0)
	// Output: true
}

func TestAvailable(t *testing.T) {
	file := func(s string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(s)} }
	meminfo := file("MemTotal:  9000 kB\nMemAvailable:    4000 kB\n")
	group := func(max, current string) fstest.MapFS {
		return fstest.MapFS{"proc/meminfo": meminfo, "sys/fs/cgroup/memory.max": file(max), "sys/fs/cgroup/memory.current": file(current)}
	}
	nested := group("max\n", "5\n")
	nested["proc/self/cgroup"] = file("1:cpu:/x\n0::/a/b\n")
	nested["sys/fs/cgroup/a/memory.max"], nested["sys/fs/cgroup/a/memory.current"] = file("3000"), file("2500")
	nested["sys/fs/cgroup/a/memory.stat"] = file("anon 2\ninactive_file 400\n")
	nested["sys/fs/cgroup/a/b/memory.max"], nested["sys/fs/cgroup/a/b/memory.current"] = file("2000"), file("1000")
	odd := group("max\n", "5\n")
	odd["proc/self/cgroup"] = file("0::/../../up\n")
	for name, c := range map[string]struct {
		system fstest.MapFS
		want   int64
	}{
		"nothing known":      {fstest.MapFS{}, 0},
		"no number":          {fstest.MapFS{"proc/meminfo": file("MemAvailable: much")}, 0},
		"negative":           {fstest.MapFS{"proc/meminfo": file("MemAvailable: -5 kB")}, 0},
		"machine":            {fstest.MapFS{"proc/meminfo": meminfo}, 4000 << 10},
		"group of no limit":  {group("max\n", "5\n"), 4000 << 10},
		"group":              {group("3000\n", "1000\n"), 2000},
		"group that is full": {group("3000\n", "5000\n"), 1},
		"nested groups":      {nested, 900},
		"path upwards":       {odd, 4000 << 10},
		"first version": {fstest.MapFS{"proc/meminfo": meminfo, "sys/fs/cgroup/memory/memory.limit_in_bytes": file("3000"),
			"sys/fs/cgroup/memory/memory.usage_in_bytes": file("1000"), "sys/fs/cgroup/memory/memory.stat": file("total_inactive_file 600\n")}, 2600},
	} {
		if got := Available(c.system); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
}
