// Package freeram tells how much memory this process may still take.
package freeram
