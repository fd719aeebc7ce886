// Package filemap maps a file into memory, read-only: what is never read costs
// no memory, what was read can be given back at once, and several processes
// share one copy. Where the system has no mappings Open returns
// errors.ErrUnsupported, and the caller reads the file.
//
// A mapping follows the file. One that is replaced by renaming, as
// internal/atomicfile does, keeps its old content here. One that is cut short in
// place has no content any more beyond its end, and one that is overwritten in place
// has the new one: what reads it goes through Guard, which turns the first
// into an error; against the second there is no help but to replace files by renaming.
package filemap
