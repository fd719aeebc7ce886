// Package nets holds networks for the tests of what is exported: small graphs that have, between
// them, every operator of package model, and the values to run them on.
package nets
