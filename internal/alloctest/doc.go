// Package alloctest counts allocations for tests that hold a function to none. Only tests import
// it.
package alloctest
