// Package regression fits matrices to what a model computes: the normal equations of a linear regression, gathered over
// batches of activations by all workers at once, their solution with a ridge, and a validator that says on other text
// how far a fit can be trusted.
//
// Everything is in single precision: what the ridge adds to the diagonal keeps the equations far from singular.
package regression
