//go:build !unix

package atomicfile

import "io/fs"

// These systems have no owners that package os could tell, and no file mounted by itself.

func owner(fs.FileInfo) (uid, gid int, known bool) { return 0, 0, false }
func own(fs.FileInfo) bool                         { return false }
func busy(error) bool                              { return false }
func readOnly(error) bool                          { return false }
