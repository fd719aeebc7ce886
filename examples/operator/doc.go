// Package operator adds two operators to those of package model, by its exported rules alone: an
// activation, for which a function and its derivative are enough, and one with a parameter, which
// says how it is computed, trained and checked. Files with such operators load in every program
// that imports this package.
//
// A program of yours has such a package of its own; an operator that many may want belongs into
// package model, for which CONTRIBUTING.md says the rest.
package operator
