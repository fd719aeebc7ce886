// Package man writes manual pages, in the macros of man(7), from what the commands say of
// themselves in --help.
package man
