// Package view reads bytes in place as numbers: it is the one place where bytes of a file become
// slices of another type without a copy. Parsers need no package unsafe of their own.
package view
