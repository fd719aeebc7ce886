//go:build !linux

package filemap

func readOnlyFile(uintptr, int) bool { return false }
