// Package atomicfile writes files so that a reader, or whoever comes after a
// crash, finds either the old contents or all of the new ones; Write names the few
// places where the system does not allow that. It does not lock
// anything: of two writers of one path, the last to finish wins.
package atomicfile
