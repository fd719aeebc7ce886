//go:build !linux

package simd

import "time"

var started = time.Now()

// threadTime is the time that has gone by.
func threadTime() time.Duration { return time.Since(started) }
