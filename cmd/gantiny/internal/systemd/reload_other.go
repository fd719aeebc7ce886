//go:build !linux

package systemd

// Reloading is what a service sends before it reads its files anew.
func Reloading() string { return "RELOADING=1" }
