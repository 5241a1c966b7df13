// Package budget bounds what pages and calls cost without a clock: how often they allocate, and how many bytes of
// them go over the wire. The race detector allocates, so that make verify runs it without.
package budget
