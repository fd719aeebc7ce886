// Package goasm holds what generators that print Go assembly have in common: the files, their
// functions with stubs, and the structs in which Go hands work to them.
package goasm
