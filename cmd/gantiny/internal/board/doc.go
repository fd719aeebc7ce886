// Package board reads what a Linux system tells about its machine: what it is, and its clock,
// temperature and throttling at this moment. It reads files below a root that the caller gives, and
// runs no program.
package board
