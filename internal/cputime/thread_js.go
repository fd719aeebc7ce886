package cputime

import (
	"syscall/js"
	"time"
)

var started = time.Now()

// Thread returns the processor time of the whole process where the host knows it, as Node.js does,
// and elsewhere the time that has gone by.
func Thread() time.Duration {
	process := js.Global().Get("process")
	if process.Type() != js.TypeObject || process.Get("cpuUsage").Type() != js.TypeFunction {
		return time.Since(started)
	}
	used := process.Call("cpuUsage")
	return time.Duration(used.Get("user").Int()+used.Get("system").Int()) * time.Microsecond
}
