//go:build !linux && !js

package cputime

import "time"

var started = time.Now()

// Thread returns the time that has gone by, for want of the calling thread's own.
func Thread() time.Duration { return time.Since(started) }
